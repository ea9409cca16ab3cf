/* The engine's export of an image (GET /images/{id}/get, as `docker save` does) into a pipe. This process has the
 * connection and looks at nothing that comes over it but HTTP; who parses has no connection. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "probes/docker/http_pull.h"
#include "probes/images/layers_internal.h"
#include "probes/worker/worker_part.h"

enum { STALL_MS = 120000, CPU_STEP_BYTES = 16 << 20 /* after each step it has its processor time again */ };

static int hand_on(int fd, const char *data, size_t length, struct error *error)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(error, errno, "handing on the export");
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static int fetch(const struct fetch_part *part, struct http_pull *pull, struct error *error)
{
    size_t step = 0;
    const void *data;
    ssize_t n;
    int r = 0;

    while (r == 0 && (n = http_pull_read(pull, &data, error)) != 0) {
        if (n < 0)
            return (int)n;
        r = hand_on(part->fd, data, (size_t)n, error);
        step += (size_t)n;
        if (step >= CPU_STEP_BYTES) {
            step = 0;
            part_allow_cpu(part->request->cpu_seconds);
        }
    }
    return r;
}

int layer_fetch_run(struct str *output, const void *argument, struct error *error)
{
    const struct fetch_part *part = argument;
    scoped(cleanup_free) char *id = http_encode(part->request->image_id);
    scoped(cleanup_free) char *path = mem_printf("/v1.%u/images/%s/get", part->request->api_minor, id);
    struct http_pull *pull = NULL;
    int r;

    (void)output;
    signal(SIGPIPE, SIG_IGN); /* the reader's own end says why */
    r = http_pull_open(part->request->address, path, STALL_MS, &pull, error);
    if (r == 0)
        r = part_cut(PART_RECEIVES, NULL, 0, error);
    if (r == 0)
        r = fetch(part, pull, error);
    http_pull_close(pull);
    return r;
}
