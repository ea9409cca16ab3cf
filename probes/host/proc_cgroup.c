/* Members of a control group: one small file for each group below it, instead of every process of the host.
 *
 * The file system may be absent, mounted elsewhere, or show another namespace's view; so nothing is believed that does
 * not hold the process which was seen in the group. Its owner may make groups below: their number and depth are
 * bounded, beyond that the list is refused. */
#include "probes/host/proc_cgroup.h"
#include "common/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { GROUPS_MAX = 512, DEPTH_MAX = 32 };

struct walk {
    pid_vec found;
    size_t groups, limit;
};

static int read_members(int dir, struct walk *walk)
{
    int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    scoped(cleanup_fclose) FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char line[32];

    if (!file)
        return -errno;
    while (fgets(line, sizeof line, file)) {
        uint64_t pid;

        if (!number_read(line, 10, INT_MAX, &pid))
            return -EIO;
        if (pid && walk->found.count < walk->limit)
            vec_push(&walk->found, (pid_t)pid);
    }
    return ferror(file) ? -EIO : 0;
}

/* Takes over FD. */
static int visit(int fd, unsigned depth, struct walk *walk)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int r;

    if (!dir) {
        r = -errno;
        close(fd);
        return r;
    }
    r = ++walk->groups > GROUPS_MAX || depth > DEPTH_MAX ? -E2BIG : read_members(fd, walk);
    while (r == 0 && (entry = readdir(dir))) {
        int below;

        if (entry->d_type == DT_UNKNOWN)
            r = -ENOTSUP;
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (below >= 0)
            r = visit(below, depth + 1, walk);
        else if (errno != ENOENT) /* it was removed meanwhile */
            r = -errno;
    }
    closedir(dir);
    return r;
}

static int compare(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

    return (x > y) - (x < y);
}

static int open_group(const struct host_root *root, const char *controllers, const char *path)
{
    static const char *const unified[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    const char *name = strncmp(controllers, "name=", 5) == 0 ? controllers + 5 : controllers;
    scoped(cleanup_free) char *full = NULL;
    int fd = -ENOENT;

    if (*controllers) {
        full = mem_printf("/sys/fs/cgroup/%s%s", name, path);
        return host_open(root, full, O_RDONLY | O_DIRECTORY, NULL);
    }
    for (size_t i = 0; i < countof(unified) && fd < 0; i++) {
        free(full);
        full = mem_printf("%s%s", unified[i], path);
        fd = host_open(root, full, O_RDONLY | O_DIRECTORY, NULL);
    }
    return fd;
}

int cgroup_list(const struct host_root *root, const char *controllers, const char *path, pid_t pid, size_t limit,
                pid_vec *ret)
{
    struct walk walk = {.limit = limit};
    bool sees_pid = false;
    size_t kept = 0;
    int fd, r;

    if (path[0] != '/' || strstr(path, "/.."))
        return -EINVAL;
    fd = open_group(root, controllers, path);
    if (fd < 0)
        return fd;
    r = visit(fd, 0, &walk);
    if (r == 0 && walk.found.count)
        qsort(walk.found.items, walk.found.count, sizeof *walk.found.items, compare);
    for (size_t i = 0; i < walk.found.count; i++) {
        sees_pid |= walk.found.items[i] == pid;
        if (!kept || walk.found.items[kept - 1] != walk.found.items[i])
            walk.found.items[kept++] = walk.found.items[i]; /* one that moves is met twice */
    }
    if (r == 0 && !sees_pid)
        r = -ESRCH;
    for (size_t i = 0; r == 0 && i < kept; i++)
        vec_push(ret, walk.found.items[i]);
    vec_free(&walk.found);
    return r;
}
