/* From a file set's source to paths. Only fileset*.c include this. */
#ifndef PROBES_FILESET_FILESET_PATHS_H
#define PROBES_FILESET_FILESET_PATHS_H

#include "probes/fileset/fileset.h"
#include "probes/host/socket_unit.h"

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

/* The paths that SOURCE names, whether they exist or not; of a tree its top. */
int fileset_paths(const struct host_root *root, enum fileset_kind kind, const char *rest,
                  const struct fileset_context *context, struct path_list *ret, struct error *error);
/* fileset_programs.c: for each of the NAMES (commas between) every path where it would be found first to last, or only
 * the one that is found. */
int fileset_programs(const struct host_root *root, const char *names, const struct fileset_context *context,
                     bool candidates, struct path_list *ret, struct error *error);
#endif
