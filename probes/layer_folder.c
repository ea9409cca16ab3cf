/* A layer read from its folder, as overlay2 keeps it: whiteouts are character devices 0:0, opaque folders carry an
 * attribute. The walk goes by descriptors and never through a link. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "probes/layers_internal.h"

enum { DEPTH_MAX = 256 };

struct walk {
    struct layer_summary *summary;
    struct error *error;
    struct str path; /* of what is looked at, without a leading slash */
};

static int walk_folder(struct walk *walk, int fd, unsigned depth);

static bool is_opaque(int fd)
{
    static const char *const names[] = {"trusted.overlay.opaque", "user.overlay.opaque"};
    char value;

    for (size_t i = 0; i < countof(names); i++)
        if (fgetxattr(fd, names[i], &value, 1) == 1 && value == 'y')
            return true;
    return false;
}

static int read_package_file(struct walk *walk, int folder, const char *name, off_t size)
{
    scoped(cleanup_close) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    scoped_str text = STR_INIT;
    char buffer[65536];
    ssize_t n;

    if (fd < 0 || size > PACKAGE_FILE_MAX)
        return error_system(walk->error, fd < 0 ? errno : EFBIG, "/%s", walk->path.data);
    while ((n = read(fd, buffer, sizeof buffer)) > 0 && text.length <= PACKAGE_FILE_MAX)
        str_append_n(&text, buffer, (size_t)n);
    if (n < 0)
        return error_system(walk->error, errno, "/%s", walk->path.data);
    return layer_read_packages(walk->summary, walk->path.data, str_text(&text), text.length, walk->error);
}

static int walk_entry(struct walk *walk, int folder, const char *name, unsigned depth)
{
    struct stat st;
    int r;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_system(walk->error, errno, "/%s", walk->path.data);
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) {
        layer_add_whiteout(walk->summary, walk->path.data);
        return 0;
    }
    r = layer_add(walk->summary, walk->path.data, st.st_mode, st.st_uid, walk->error);
    if (r == 0 && S_ISREG(st.st_mode) && layer_is_package_file(walk->path.data))
        r = read_package_file(walk, folder, name, st.st_size);
    if (r == 0 && S_ISDIR(st.st_mode)) {
        int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
            return error_system(walk->error, errno, "/%s", walk->path.data);
        if (is_opaque(fd))
            layer_add_opaque(walk->summary, walk->path.data);
        r = walk_folder(walk, fd, depth + 1);
    }
    return r;
}

/* Takes FD. */
static int walk_folder(struct walk *walk, int fd, unsigned depth)
{
    size_t length = walk->path.length;
    DIR *dir = fdopendir(fd);
    int r = 0;

    if (!dir || depth > DEPTH_MAX) {
        r = error_set(walk->error, dir ? ELOOP : errno, "/%s cannot be walked", str_text(&walk->path));
        if (dir)
            closedir(dir);
        else
            close(fd);
        return r;
    }
    for (struct dirent *entry; r == 0 && (errno = 0, entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (length)
            str_append_char(&walk->path, '/');
        str_append(&walk->path, entry->d_name);
        r = walk_entry(walk, dirfd(dir), entry->d_name, depth);
        walk->path.length = length;
        walk->path.data[length] = '\0';
    }
    if (r == 0 && errno)
        r = error_system(walk->error, errno, "/%s", str_text(&walk->path));
    closedir(dir);
    return r;
}

int layer_read_folder(const struct host_root *root, const char *path, struct layer_summary *ret, struct error *error)
{
    struct walk walk = {.summary = ret, .error = error};
    int fd = host_open(root, path, O_RDONLY | O_DIRECTORY, error), r;

    if (fd < 0)
        return fd;
    r = walk_folder(&walk, fd, 0);
    str_deinit(&walk.path);
    layer_summary_finish(ret);
    return r < 0 ? error_prefix(error, "layer %s", path) : 0;
}
