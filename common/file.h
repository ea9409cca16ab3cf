/* Files of the host, seen through a host root.
 *
 * When the agent runs in a container or judges a copied tree, the host's / lies somewhere else. Paths given here are
 * the host's own ("/etc/docker"); symlinks, absolute ones included, are resolved inside the root (openat2
 * RESOLVE_IN_ROOT, falling back to walking it component by component where the kernel refuses openat2). */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <sys/stat.h>

#include "common/error.h"
#include "common/str.h"

struct host_root; /* an O_PATH descriptor of the root */

int host_root_open(const char *path, struct host_root **ret_root, struct error *error); /* "/" is the usual one */
void host_root_close(struct host_root *root);
const char *host_root_path(const struct host_root *root);
int host_root_fd(const struct host_root *root);

/* open(2) inside the root; FLAGS as there (O_CLOEXEC is added). Returns the descriptor or a negative errno. */
int host_open(const struct host_root *root, const char *path, int flags, struct error *error);
/* stat(2) of the target of PATH; -ENOENT without text in ERROR being set is ordinary. */
int host_stat(const struct host_root *root, const char *path, struct stat *ret_stat, struct error *error);
/* Reads a whole file of at most LIMIT bytes (-EFBIG beyond). Works on /proc files. */
int host_read(const struct host_root *root, const char *path, size_t limit, struct str *ret_text, struct error *error);
/* The target of PATH with every symlink resolved, as the host names it ("/run/docker.sock" for /var/run/docker.sock).
 * Components that do not exist are kept as they are. The caller frees. */
int host_resolve(const struct host_root *root, const char *path, char **ret_target, struct error *error);
/* The paths of those in FOLDER whose names end in ENDING and do not begin with a dot, in the order of their bytes,
 * ended by NULL; the caller frees each and the list. -E2BIG when there are more than MAX. */
int host_list(const struct host_root *root, const char *folder, const char *ending, size_t max, char ***ret_paths);
/* The path by which this process can reach the host's PATH for calls that take only a path (bind, inotify_add_watch):
 * "/proc/self/fd/N" style is avoided; root + resolved path. The caller frees. */
char *host_outside_path(const struct host_root *root, const char *path);

/* Reads any file of this process's own view. */
int file_read(const char *path, size_t limit, struct str *ret_text, struct error *error);
/* Replaces PATH atomically: temporary file beside it, fsync, rename, fsync of the directory. */
int file_replace(const char *path, const char *data, size_t length, mode_t mode, struct error *error);

DEFINE_CLEANUP(struct host_root *, cleanup_host_root, host_root_close)

#endif
