/* Docker contexts: named engines of the docker client, kept in its configuration folder (~/.docker).
 *
 * DIR/config.json names the current one; DIR/contexts/meta/SHA256/meta.json has a context's address, where SHA256 is
 * that of its name, and DIR/contexts/tls/SHA256/docker/ its TLS files. "default" is no context: it means DOCKER_HOST.
 */
#ifndef PROBES_DOCKER_DOCKER_CONTEXT_H
#define PROBES_DOCKER_DOCKER_CONTEXT_H

#include "common/error.h"
#include "probes/docker/http.h"

struct docker_context {
    char *host;            /* as docker_address_parse() takes it */
    char *ca, *cert, *key; /* those of its TLS files that exist, else NULL */
    enum docker_tls tls;
};
void docker_context_deinit(struct docker_context *context);

/* The current context by FOLDER/config.json into RET_NAME, which the caller frees: NULL where there is no such file or
 * it names none or "default". A file that cannot be read or parsed is an error that names it. 0 or a negative errno. */
int docker_context_current(const char *folder, char **ret_name, struct error *error);

/* Reads the context NAME below FOLDER. The caller deinits RET. 0, -ENOENT where there is none, or another negative
 * errno; ERROR names the context and the file. */
int docker_context_read(const char *folder, const char *name, struct docker_context *ret, struct error *error);

#endif
