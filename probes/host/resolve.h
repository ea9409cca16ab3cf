/* Where paths of the host lead, found out in a worker: a directory on the way may be on a file system that does not
 * answer (a hard NFS mount whose server is gone), and whoever reads it waits for ever. */
#ifndef PROBES_HOST_RESOLVE_H
#define PROBES_HOST_RESOLVE_H

#include "common/file.h"
#include "probes/facts/wire.h"
#include "probes/worker/worker.h"

struct resolve_request {
    const struct host_root *root;
    const struct string_list *paths;
};
/* Its argument is a struct resolve_request. The path itself is opened (O_PATH) too, so that a directory without search
 * permission is noticed. */
worker_run resolve_run;
/* The next path's answer, in the order of the request; texts are in READER's arena. RET_TARGET: with every symbolic
 * link resolved. RET_ERROR: why it could not be examined; NULL: it could, or it does not exist. -EPROTO with ERROR:
 * READER is broken. */
int resolve_take(struct wire_reader *reader, const char **ret_target, const char **ret_error, struct error *error);

#endif
