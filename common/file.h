/* Files of the host, seen through a host root.
 *
 * When the agent runs in a container or checks a copied tree, the host's / is mounted somewhere else. Paths given here
 * are the host's own ("/etc/docker"); symlinks, absolute ones included, are resolved inside the root (openat2
 * RESOLVE_IN_ROOT, falling back to walking it component by component where the kernel refuses openat2). */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <sys/stat.h>

#include "common/error.h"
#include "common/str.h"

struct host_root; /* an O_PATH descriptor of the root */

/* PATH: a directory of this process's own view, usually "/". The caller closes the root. 0 or a negative errno. */
int host_root_open(const char *path, struct host_root **ret_root, struct error *error);
void host_root_close(struct host_root *root);
const char *host_root_path(const struct host_root *root); /* as it was opened; owned by ROOT */
int host_root_fd(const struct host_root *root);           /* owned by ROOT */

/* open(2) inside the root; FLAGS as there (O_CLOEXEC is added). Returns the descriptor, which the caller closes, or a
 * negative errno. */
int host_open(const struct host_root *root, const char *path, int flags, struct error *error);
/* stat(2) of the target of PATH. 0 or a negative errno. */
int host_stat(const struct host_root *root, const char *path, struct stat *ret_stat, struct error *error);
/* Reads a whole file of at most LIMIT bytes, one of /proc too, into RET_TEXT in place of what it held. 0, -EFBIG beyond
 * the limit, or another negative errno. */
int host_read(const struct host_root *root, const char *path, size_t limit, struct str *ret_text, struct error *error);
/* The target of PATH with every symlink resolved, as the host names it ("/run/docker.sock" for /var/run/docker.sock).
 * Components that do not exist are kept as they are. The caller frees. 0 or a negative errno. */
int host_resolve(const struct host_root *root, const char *path, char **ret_target, struct error *error);
/* The paths of the entries of FOLDER whose names end in ENDING and do not begin with a dot, in byte order, terminated
 * by NULL; the caller frees each of them and the list. 0, -E2BIG if there are more than MAX, or another negative errno.
 */
int host_list(const struct host_root *root, const char *folder, const char *ending, size_t max, char ***ret_paths);
/* The path through which this process reaches the host's PATH, for calls that take only a path (bind,
 * inotify_add_watch): the root's path followed by the resolved one. The caller frees. */
char *host_outside_path(const struct host_root *root, const char *path);

/* As host_read(), in this process's own mount namespace and root. */
int file_read(const char *path, size_t limit, struct str *ret_text, struct error *error);
/* The same of what FD still has. It stays open. */
int file_read_open(int fd, size_t limit, struct str *ret_text);
/* Replaces PATH atomically: temporary file in the same directory, fsync, rename, fsync of the directory. 0 or a
 * negative errno. */
int file_replace(const char *path, const char *data, size_t length, mode_t mode, struct error *error);

DEFINE_CLEANUP(struct host_root *, cleanup_host_root, host_root_close)

#endif
