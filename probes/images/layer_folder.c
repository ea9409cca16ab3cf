/* A layer read from its directory, as overlay2 keeps it: whiteouts are character devices 0:0, opaque directories carry
 * an attribute. The walk goes by descriptors and never through a link; only the few files that are read are opened, and
 * only regular files. A directory is read to its end before its subdirectories are entered, so that one buffer serves
 * all, and the type in a directory entry saves a stat: it is as fast as find. Databases are only mapped here and parsed
 * after the walk, when the process has cut itself off (part_cut()). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "probes/images/layers_internal.h"

enum { DEPTH_MAX = 512, BUFFER_SIZE = 128 * 1024, EXECUTE_BITS = 0111 };

struct directory_entry { /* getdents64(2) */
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* DATA is NULL for an empty file, and for one that cannot be read, which WHY explains. */
struct layer_database {
    char *path, *why;
    void *data;
    size_t length;
};

struct walk {
    struct layer_summary *summary;
    struct layer_databases *databases;
    struct error *error;
    struct str path; /* of the current entry, without a leading slash */
    char *buffer;
};

static int walk_folder(struct walk *walk, int fd, unsigned depth);

static bool is_opaque(int fd)
{
    static const char *const names[] = {"trusted.overlay.opaque", "user.overlay.opaque"};
    char value;

    if (flistxattr(fd, NULL, 0) <= 0)
        return false;
    for (size_t i = 0; i < countof(names); i++)
        if (fgetxattr(fd, names[i], &value, 1) == 1 && (value == 'y' || value == 'x'))
            return value == 'y';
    return false;
}

/* Only the first page is mapped writable: the rest stays page cache and does not count as memory of this process. */
static void *map_file(int fd, size_t length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *data = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);

    if (data == MAP_FAILED || mprotect(data, length < page ? length : page, PROT_READ | PROT_WRITE) == 0)
        return data;
    munmap(data, length);
    return MAP_FAILED;
}

static void keep_file(struct walk *walk, int folder, const char *name)
{
    scoped(cleanup_close) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct layer_database database = {.path = mem_strdup(walk->path.data)};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        database.why = mem_strdup(error_reason(errno));
    } else if (!S_ISREG(st.st_mode) || st.st_size > LAYER_FILE_MAX) {
        database.why = mem_strdup("it is too long");
    } else if (st.st_size) {
        database.length = (size_t)st.st_size;
        database.data = map_file(fd, database.length);
        if (database.data == MAP_FAILED) {
            database.why = mem_strdup(error_reason(errno));
            database.data = NULL;
        }
    }
    vec_push(walk->databases, database);
}

void layer_read_databases(struct layer_databases *databases, struct layer_summary *ret)
{
    for (size_t i = 0; i < databases->count; i++) {
        struct layer_database *database = &databases->items[i];

        if (database->why)
            layer_file_unread(ret, database->path, database->why);
        else
            layer_read_file(ret, database->path, database->data, database->length);
    }
}

void layer_free_databases(struct layer_databases *databases)
{
    for (size_t i = 0; i < databases->count; i++) {
        if (databases->items[i].data)
            munmap(databases->items[i].data, databases->items[i].length);
        free(databases->items[i].path);
        free(databases->items[i].why);
    }
    vec_free(databases);
}

static void check_link(struct walk *walk, int folder, const char *name)
{
    char target[4096];
    ssize_t n = readlinkat(folder, name, target, sizeof target - 1);

    if (n < 0)
        return;
    target[n] = '\0';
    layer_check_link(walk->summary, walk->path.data, target);
}

/* 0 also for a file that is gone, or is a program no more. */
static uint64_t capabilities_of(int folder, const char *name)
{
    enum { ATTRIBUTE_MAX = 64 };
    scoped(cleanup_close) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    unsigned char value[ATTRIBUTE_MAX];
    ssize_t n = fd < 0 ? -1 : fgetxattr(fd, LAYER_CAPABILITY, value, sizeof value);

    return n > 0 ? layer_capabilities(value, (size_t)n) : 0;
}

/* The names of directories are appended to FOLDERS; they are entered later. */
static int add_directory_entry(struct walk *walk, int folder, const char *name, unsigned char type, struct str *folders)
{
    struct stat st = {.st_mode = DTTOIF(type)};
    int r;

    if (type == DT_REG || type == DT_CHR || type == DT_UNKNOWN) {
        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return errno == ENOENT ? 0 : error_system(walk->error, errno, "/%s", walk->path.data);
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) {
            return layer_add_whiteout(walk->summary, walk->path.data, walk->path.length, walk->error);
        }
    }
    r = layer_add(walk->summary, walk->path.data, walk->path.length, st.st_mode, st.st_uid,
                  S_ISREG(st.st_mode) && st.st_mode & EXECUTE_BITS ? capabilities_of(folder, name) : 0, walk->error);
    if (r < 0)
        return r;
    if (S_ISDIR(st.st_mode))
        str_append_n(folders, name, strlen(name) + 1);
    else if (S_ISLNK(st.st_mode) && layer_is_file_place(walk->path.data))
        check_link(walk, folder, name);
    else if (S_ISREG(st.st_mode) && layer_is_read(walk->path.data))
        keep_file(walk, folder, name);
    return 0;
}

/* Sets the path to NAME in the directory whose path is the first LENGTH bytes; NULL: to that directory. */
static void set_path(struct walk *walk, size_t length, const char *name)
{
    walk->path.length = length;
    walk->path.data[length] = '\0';
    if (name && length)
        str_append_char(&walk->path, '/');
    if (name)
        str_append(&walk->path, name);
}

static int list_folder(struct walk *walk, int fd, struct str *folders)
{
    size_t length = walk->path.length;
    int r = 0;

    while (r == 0) {
        long n = syscall(SYS_getdents64, fd, walk->buffer, BUFFER_SIZE);

        if (n < 0)
            return error_system(walk->error, errno, "/%s", walk->path.data);
        if (n == 0)
            return 0;
        for (long at = 0; r == 0 && at < n;) {
            const struct directory_entry *entry = (const void *)(walk->buffer + at);

            at += entry->length;
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
                continue;
            set_path(walk, length, entry->name);
            r = add_directory_entry(walk, fd, entry->name, entry->type, folders);
        }
        set_path(walk, length, NULL);
    }
    return r;
}

static int walk_folder(struct walk *walk, int fd, unsigned depth)
{
    size_t length = walk->path.length;
    scoped_str folders = STR_INIT;
    int r;

    if (depth > DEPTH_MAX)
        return error_set(walk->error, ELOOP, "its directories are nested more than %d levels deep", (int)DEPTH_MAX);
    r = is_opaque(fd) ? layer_add_opaque(walk->summary, walk->path.data, length, walk->error) : 0;
    if (r == 0)
        r = list_folder(walk, fd, &folders);
    for (size_t at = 0; r == 0 && at < folders.length; at += strlen(folders.data + at) + 1) {
        scoped(cleanup_close) int inner =
            openat(fd, folders.data + at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        set_path(walk, length, folders.data + at);
        r = inner < 0 ? error_system(walk->error, errno, "/%s", walk->path.data) : walk_folder(walk, inner, depth + 1);
    }
    set_path(walk, length, NULL);
    return r;
}

int layer_read_folder(int fd, struct layer_summary *ret, struct layer_databases *ret_databases, struct error *error)
{
    struct walk walk = {.summary = ret, .databases = ret_databases, .error = error};
    int r;

    walk.buffer = mem_alloc(BUFFER_SIZE);
    str_append(&walk.path, "");
    r = walk_folder(&walk, fd, 0);
    str_deinit(&walk.path);
    free(walk.buffer);
    return r;
}
