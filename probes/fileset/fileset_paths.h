/* From a file set's source to paths. Only fileset*.c include this. */
#ifndef PROBES_FILESET_FILESET_PATHS_H
#define PROBES_FILESET_FILESET_PATHS_H

#include "probes/fileset/fileset.h"
#include "probes/host/socket_unit.h"

enum fileset_kind {
    FILESET_PATH,
    FILESET_CONTENT,
    FILESET_TREE,
    FILESET_FOLDERS,
    FILESET_UNIT,
    FILESET_OPTION,
    FILESET_SOCKETS,
    FILESET_CONTAINERD,
    FILESET_CONFIG,
    FILESET_DATA_ROOT,
    FILESET_PROGRAM
};

/* Splits SOURCE into its kind and the text after the colon, which points into SOURCE. 0, or -EINVAL: not a source. */
int fileset_source_parse(const char *source, enum fileset_kind *ret_kind, const char **ret_rest, struct error *error);

/* Appends the paths that a source of KIND with REST names, whether they exist or not; of a tree its top. 0 or a
 * negative errno. */
int fileset_paths(const struct host_root *root, enum fileset_kind kind, const char *rest,
                  const struct fileset_context *context, struct path_list *ret, struct error *error);
/* fileset_programs.c: appends for each of NAMES (comma-separated) every path where it is looked for, first to last
 * (CANDIDATES), or only the one where it is found. 0 or a negative errno. */
int fileset_programs(const struct host_root *root, const char *names, const struct fileset_context *context,
                     bool candidates, struct path_list *ret, struct error *error);
#endif
