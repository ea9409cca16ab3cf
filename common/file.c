/* Files of the host through a host root: openat2(2) with RESOLVE_IN_ROOT.
 *
 * Kernels before 5.6 and some seccomp filters refuse openat2; then, and to learn a path's target, the path is walked
 * one component at a time with O_NOFOLLOW, links resolved against the root. 40 links at most, as in the kernel. */
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/memory.h"
#include "common/vec.h"

enum { LINKS_MAX = 40 };

struct host_root {
    int fd;
    char *path;
};

int host_root_open(const char *path, struct host_root **ret_root, struct error *error)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct host_root *root;

    if (fd < 0)
        return error_system(error, errno, "host root %s", path);
    root = mem_alloc(sizeof *root);
    root->fd = fd;
    root->path = mem_strdup(path);
    for (size_t n = strlen(root->path); n > 1 && root->path[n - 1] == '/'; n--)
        root->path[n - 1] = '\0';
    *ret_root = root;
    return 0;
}

void host_root_close(struct host_root *root)
{
    if (!root)
        return;
    close(root->fd);
    free(root->path);
    free(root);
}

const char *host_root_path(const struct host_root *root)
{
    return root->path;
}

int host_root_fd(const struct host_root *root)
{
    return root->fd;
}

/* Splits PATH and pushes its components on STACK, the first on top. */
static void push_components(struct str *rest, const char *path)
{
    scoped_str joined = STR_INIT;

    str_append(&joined, path);
    str_append_char(&joined, '/');
    str_append(&joined, str_text(rest));
    str_clear(rest);
    str_append_n(rest, joined.data, joined.length);
}

/* Resolves PATH inside the root, lexically where nothing exists. RET is absolute, without "." and "..". */
static int resolve_components(const struct host_root *root, const char *path, struct str *ret, struct error *error)
{
    scoped_str rest = STR_INIT;
    unsigned links = 0;
    bool exists = true;

    str_append(&rest, path);
    str_clear(ret);
    while (rest.length) {
        size_t skip = strspn(rest.data, "/"), size = strcspn(rest.data + skip, "/");
        scoped(cleanup_free) char *name = mem_strndup(rest.data + skip, size);
        scoped_str candidate = STR_INIT, outside = STR_INIT;
        char target[PATH_MAX];
        ssize_t n = -1;

        memmove(rest.data, rest.data + skip + size, rest.length - skip - size + 1);
        rest.length -= skip + size;
        if (!size || strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            char *slash = ret->length ? strrchr(ret->data, '/') : NULL;

            if (slash) {
                *slash = '\0';
                ret->length = (size_t)(slash - ret->data);
            }
            continue;
        }
        str_printf(&candidate, "%s/%s", str_text(ret), name);
        if (exists) {
            str_printf(&outside, ".%s", candidate.data);
            n = readlinkat(root->fd, outside.data, target, sizeof target - 1);
            if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
                exists = false;
        }
        if (n < 0) {
            str_clear(ret);
            str_append(ret, candidate.data);
            continue;
        }
        if (++links > LINKS_MAX)
            return error_set(error, ELOOP, "%s: too many symbolic links", path);
        target[n] = '\0';
        if (target[0] == '/')
            str_clear(ret);
        push_components(&rest, target);
    }
    if (!ret->length)
        str_append(ret, "/");
    return 0;
}

int host_resolve(const struct host_root *root, const char *path, char **ret_target, struct error *error)
{
    scoped_str target = STR_INIT;
    int r = resolve_components(root, path, &target, error);

    if (r == 0)
        *ret_target = str_steal(&target);
    return r;
}

char *host_outside_path(const struct host_root *root, const char *path)
{
    scoped_str target = STR_INIT;

    if (resolve_components(root, path, &target, NULL) < 0)
        return mem_printf("%s%s%s", root->path, path[0] == '/' ? "" : "/", path);
    return mem_printf("%s%s", strcmp(root->path, "/") == 0 ? "" : root->path, target.data);
}

static int open_walking(const struct host_root *root, const char *path, int flags)
{
    scoped_str target = STR_INIT, relative = STR_INIT;
    int r = resolve_components(root, path, &target, NULL), fd;

    if (r < 0)
        return r;
    str_printf(&relative, ".%s", target.data);
    fd = openat(root->fd, relative.data, flags | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_inside(const struct host_root *root, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    long fd;

    /* Magic links of /proc lead out of a root by nature: only the host's own / may follow them. */
    if (strcmp(root->path, "/") == 0) {
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? -errno : (int)fd;
    }
    fd = syscall(SYS_openat2, root->fd, path, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return open_walking(root, path, flags);
    return fd < 0 ? -errno : (int)fd;
}

int host_open(const struct host_root *root, const char *path, int flags, struct error *error)
{
    int fd = open_inside(root, path, flags);

    return fd < 0 ? error_system(error, -fd, "%s", path) : fd;
}

int host_stat(const struct host_root *root, const char *path, struct stat *ret_stat, struct error *error)
{
    scoped(cleanup_close) int fd = open_inside(root, path, O_PATH);

    if (fd < 0)
        return error_system(error, -fd, "%s", path);
    if (fstat(fd, ret_stat) < 0)
        return error_system(error, errno, "%s", path);
    return 0;
}

static int read_all(int fd, const char *path, size_t limit, struct str *ret_text, struct error *error)
{
    char chunk[16 * 1024];

    str_clear(ret_text);
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(error, errno, "%s", path);
        if (n == 0)
            return 0;
        if (ret_text->length + (size_t)n > limit)
            return error_set(error, EFBIG, "%s: more than %zu bytes", path, limit);
        str_append_n(ret_text, chunk, (size_t)n);
    }
}

int host_read(const struct host_root *root, const char *path, size_t limit, struct str *ret_text, struct error *error)
{
    /* Non-blocking, so that a FIFO put in a file's place cannot hold us up. */
    scoped(cleanup_close) int fd = host_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);

    return fd < 0 ? fd : read_all(fd, path, limit, ret_text, error);
}

int file_read(const char *path, size_t limit, struct str *ret_text, struct error *error)
{
    scoped(cleanup_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    return fd < 0 ? error_system(error, errno, "%s", path) : read_all(fd, path, limit, ret_text, error);
}

int file_read_open(int fd, size_t limit, struct str *ret_text)
{
    return read_all(fd, "", limit, ret_text, NULL);
}

static int write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int host_list(const struct host_root *root, const char *folder, const char *ending, size_t max, char ***ret_paths)
{
    VEC(char *) paths = {0};
    int fd = host_open(root, folder, O_RDONLY | O_DIRECTORY, NULL), r = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        r = fd < 0 ? fd : -errno;
        if (fd >= 0)
            close(fd);
        return r;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && str_ends(entry->d_name, ending)) {
            if (paths.count == max) {
                r = -E2BIG;
                break;
            }
            vec_push(&paths, mem_printf("%s/%s", folder, entry->d_name));
        }
    closedir(dir);
    if (paths.count)
        qsort(paths.items, paths.count, sizeof *paths.items, compare_paths);
    vec_push(&paths, NULL);
    if (r == 0) {
        *ret_paths = paths.items;
        return 0;
    }
    for (size_t i = 0; paths.items[i]; i++)
        free(paths.items[i]);
    vec_free(&paths);
    return r;
}

int file_replace(const char *path, const char *data, size_t length, mode_t mode, struct error *error)
{
    scoped(cleanup_free) char *temporary = mem_printf("%s.XXXXXX", path), *folder = mem_strdup(path);
    scoped(cleanup_close) int fd = mkostemp(temporary, O_CLOEXEC), folder_fd = -1;
    char *slash = strrchr(folder, '/');
    int r;

    if (fd < 0)
        return error_system(error, errno, "%s", temporary);
    r = write_all(fd, data, length);
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0))
        r = -errno;
    if (r < 0) {
        unlink(temporary);
        return error_system(error, -r, "%s", path);
    }
    if (slash)
        slash[slash == folder] = '\0';
    folder_fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 || fsync(folder_fd) < 0)
        return error_system(error, errno, "%s", path);
    return 0;
}
