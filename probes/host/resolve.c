/* One path after the other; the answers in the same order. */
#include "probes/host/resolve.h"

#include <errno.h>
#include <fcntl.h>

static int look_at(const struct host_root *root, const char *path, char **ret_target, struct error *error)
{
    int fd, r = host_resolve(root, path, ret_target, error);

    if (r < 0)
        return r;
    fd = host_open(root, path, O_PATH, error);
    if (fd >= 0)
        close(fd);
    return fd < 0 && fd != -ENOENT && fd != -ENOTDIR ? fd : 0;
}

int resolve_run(struct str *output, const void *argument, struct error *error)
{
    const struct resolve_request *request = argument;

    (void)error;
    for (size_t i = 0; i < request->paths->count; i++) {
        scoped(cleanup_free) char *target = NULL;
        struct error why = ERROR_INIT;
        int r = look_at(request->root, request->paths->items[i], &target, &why);

        wire_put_text(output, target);
        wire_put_text(output, r < 0 ? why.text : NULL);
    }
    return 0;
}

int resolve_take(struct wire_reader *reader, const char **ret_target, const char **ret_error, struct error *error)
{
    const char *target = wire_text(reader), *why = wire_text(reader);

    if (wire_end(reader, error) < 0) {
        error_prefix(error, "paths");
        return -EPROTO;
    }
    *ret_target = target;
    *ret_error = why;
    return 0;
}
