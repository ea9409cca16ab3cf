/* Preloaded into the agent and all of its processes by the suites of this folder: what any of them sends to the
 * engine's socket is recorded, whoever sends it.
 *
 * The record is a file mapped at the start of each program, so that later neither a descriptor nor a system call is
 * needed: processes that close all descriptors and filter system calls are recorded as well. It begins with the number
 * of bytes used; each entry is "COMM SOCKET-CALL: DATA" and a NUL, DATA cut after 4 KiB. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, ENTRY_MAX = 4096 };

static struct {
    _Atomic uint64_t used;
    char entries[];
} * record;
static size_t room;
static const char *engine;
static _Atomic unsigned char leads_to_engine[DESCRIPTORS];

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("RECORD_FILE");
    int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
    struct stat st;
    void *at;

    engine = getenv("RECORD_SOCKET");
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof *record) {
        at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED) {
            record = at;
            room = (size_t)st.st_size - sizeof *record;
        }
    }
    close(fd);
}

static int is_engine(int fd)
{
    return record && fd >= 0 && fd < DESCRIPTORS && leads_to_engine[fd];
}

static void note(int fd, const char *call, const struct iovec *parts, size_t count)
{
    char entry[ENTRY_MAX + 64] = "", name[17] = "";
    size_t length;
    uint64_t at;

    if (!is_engine(fd))
        return;
    prctl(PR_GET_NAME, name);
    length = (size_t)snprintf(entry, sizeof entry, "%s %s: ", name, call);
    for (size_t i = 0; i < count && length < ENTRY_MAX; i++) {
        size_t n = parts[i].iov_len < ENTRY_MAX - length ? parts[i].iov_len : ENTRY_MAX - length;

        memcpy(entry + length, parts[i].iov_base, n);
        length += n;
    }
    for (size_t i = 0; i < length; i++)
        if (!entry[i])
            entry[i] = '@';
    entry[length++] = '\0';
    at = atomic_fetch_add(&record->used, length);
    if (at + length <= room)
        memcpy(record->entries + at, entry, length);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)address;

    if (fd >= 0 && fd < DESCRIPTORS)
        leads_to_engine[fd] = engine && address->sa_family == AF_UNIX && strcmp(local->sun_path, engine) == 0;
    return REAL(connect)(fd, address, length);
}

int close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        leads_to_engine[fd] = 0;
    return REAL(close)(fd);
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
    note(fd, "send", &(struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = length}, 1);
    return REAL(send)(fd, data, length, flags);
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
    note(fd, "sendto", &(struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = length}, 1);
    return REAL(sendto)(fd, data, length, flags, to, to_length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    note(fd, "sendmsg", message->msg_iov, message->msg_iovlen);
    return REAL(sendmsg)(fd, message, flags);
}

ssize_t write(int fd, const void *data, size_t length)
{
    note(fd, "write", &(struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = length}, 1);
    return REAL(write)(fd, data, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    note(fd, "writev", parts, count > 0 ? (size_t)count : 0);
    return REAL(writev)(fd, parts, count);
}
