/* Any bytes as what the kernel answers over netlink when it is asked for its audit rules: listed as the helper does,
 * then read, merged with no rules on disk, and judged by nobody. What a message does not hold is not read. */
#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <linux/netlink.h>
#include <string.h>

#include "probes/audit/audit.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_netlink.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return seed % 16 ? mutate_netlink(data, size, max_size, seed / 16) : LLVMFuzzerMutate(data, size, max_size);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- The kernel, in the place of libaudit's functions of the same names ---- */

static struct {
    const uint8_t *data;
    size_t left;
    void *payload; /* of the message that was read last: as long as it is */
} kernel;

int audit_open(void)
{
    return open("/dev/zero", O_RDONLY | O_CLOEXEC); /* there is always something to read */
}

void audit_close(int fd)
{
    close(fd);
}

int audit_request_status(int fd)
{
    (void)fd;
    return 1;
}

int audit_request_rules_list_data(int fd)
{
    (void)fd;
    return 1;
}

int audit_get_reply(int fd, struct audit_reply *reply, reply_t block, int peek)
{
    struct nlmsghdr header;
    size_t length, taken;

    (void)fd;
    (void)block;
    (void)peek;
    if (kernel.left < sizeof header)
        return -ECONNRESET;
    memcpy(&header, kernel.data, sizeof header);
    length = header.nlmsg_len;
    if (length < sizeof header || length > kernel.left)
        return -EBADE;
    free(kernel.payload);
    kernel.payload = mem_alloc(length - sizeof header + 1);
    memcpy(kernel.payload, kernel.data + sizeof header, length - sizeof header);
    if (length > sizeof header) /* not a byte more than there is */
        kernel.payload = mem_realloc(kernel.payload, length - sizeof header);
    taken = NLMSG_ALIGN(length) < kernel.left ? NLMSG_ALIGN(length) : kernel.left;
    kernel.data += taken;
    kernel.left -= taken;
    memset(reply, 0, sizeof *reply);
    reply->type = header.nlmsg_type;
    reply->len = (int)length;
    reply->message = kernel.payload; /* as every member of the union */
    return (int)length;
}

/* ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_host_root) struct host_root *root = NULL;
    struct audit_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    kernel.data = data;
    kernel.left = size;
    if (host_root_open("/proc/self/ns", &root, NULL) < 0) /* a root without rule files */
        __builtin_trap();
    if (audit_run(&output, NULL, &error) < 0) {
        if (!*error.text || output.length)
            __builtin_trap();
    } else if (audit_parse(root, str_text(&output), output.length, 0, NULL, &facts, &error) < 0) {
        if (!*error.text)
            __builtin_trap();
    } else {
        facts_free(&facts->facts);
    }
    free(kernel.payload);
    kernel.payload = NULL;
    return 0;
}
