/* One GET whose body is read as it comes, in a process that may block: for workers, never on the loop. */
#ifndef PROBES_DOCKER_HTTP_PULL_H
#define PROBES_DOCKER_HTTP_PULL_H

#include <sys/types.h>

#include "probes/docker/http.h"

struct http_pull;

/* PATH: already percent-encoded. STALL_MS: how long no byte may come. -ENOENT for a 404, -EPROTO for another status. */
int http_pull_open(const struct docker_address *address, const char *path, unsigned stall_ms, struct http_pull **ret,
                   struct error *error);
/* The next bytes, valid until the next call; 0 at the end, or a negative errno. */
ssize_t http_pull_read(struct http_pull *pull, const void **ret_data, struct error *error);
void http_pull_close(struct http_pull *pull);

#endif
