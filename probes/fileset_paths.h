/* From a file set's source to paths. Only fileset*.c and daemon_config.c include this. */
#ifndef PROBES_FILESET_PATHS_H
#define PROBES_FILESET_PATHS_H

#include "common/vec.h"
#include "probes/fileset.h"

enum fileset_kind {
    FILESET_PATH,
    FILESET_CONTENT,
    FILESET_TREE,
    FILESET_UNIT,
    FILESET_OPTION,
    FILESET_SOCKETS,
    FILESET_CONTAINERD,
    FILESET_CONFIG,
    FILESET_DATA_ROOT,
    FILESET_PROGRAM
};

/* Cuts SOURCE in its kind and the text behind the colon; -EINVAL when it is none. */
int fileset_source_parse(const char *source, enum fileset_kind *ret_kind, const char **ret_rest, struct error *error);

struct path_list {
    char **items;
    size_t count, size;
};
void path_list_deinit(struct path_list *list);

/* The paths that SOURCE names, whether they exist or not; of a tree its top. */
int fileset_paths(const struct host_root *root, enum fileset_kind kind, const char *rest,
                  const struct fileset_context *context, struct path_list *ret, struct error *error);
/* fileset_programs.c: for each of the NAMES (commas between) every path where it would be found first to last, or only
 * the one that is found. */
int fileset_programs(const struct host_root *root, const char *names, const struct fileset_context *context,
                     bool candidates, struct path_list *ret, struct error *error);
/* Where UNIT's files may appear. */
void fileset_unit_places(const char *unit, void (*back)(const char *path, bool tree, void *user), void *user);
/* What docker.socket listens on: paths and TCP addresses as they are written; without the unit Docker's own path. */
int fileset_activated_streams(const struct host_root *root, struct path_list *ret, struct error *error);
/* True when dockerd listens on sockets that docker.socket hands it. */
bool fileset_is_socket_activated(const struct daemon_facts *daemon);

#endif
