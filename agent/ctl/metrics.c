/* agentctl metrics: the agent's metrics to standard output, or to a file that node_exporter's textfile collector reads.
 * That file is replaced as a whole, so that none is ever read in part. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/memory.h"

static int write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            length -= (size_t)n;
        }
    }
    return 0;
}

/* Writes TEXT beside PATH, where the collector does not look (the name does not end in .prom), and renames it. */
static int replace_file(const char *path, const struct str *text)
{
    scoped(cleanup_free) char *beside = mem_printf("%s.XXXXXX", path);
    int fd = mkostemp(beside, O_CLOEXEC), r;

    if (fd < 0)
        return -errno;
    r = write_all(fd, str_text(text), text->length);
    if (r == 0 && fchmod(fd, 0644) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(beside);
    return r;
}

int ctl_metrics(struct ctl *ctl)
{
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;
    int r;

    if (client_call(ctl->socket, "/metrics", NULL, &status, &text, &error) < 0)
        return ctl_unreachable(ctl, &error);
    if (status != 200)
        return ctl_refused(ctl, status, &text);
    if (!ctl->textfile) {
        ctl_print_json(str_text(&text), text.length);
        return 0;
    }
    r = replace_file(ctl->textfile, &text);
    if (r < 0) {
        ctl_complain(tr(ctl, "cannot write %s: %s", "无法写入 %s：%s"), ctl->textfile, strerror(-r));
        return EXIT_UNWRITTEN;
    }
    return 0;
}
