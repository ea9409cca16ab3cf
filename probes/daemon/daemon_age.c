/* Times of the configuration beside that of the process that read it.
 *
 * The ctime counts, as nobody can set it: a file that was copied with its old mtime is as new as any other. A change of
 * owner or mode looks the same; it is better to ask a person than to take a file for what runs that does not. */
#include "probes/daemon/daemon_age.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

static usec_t time_of(const struct timespec *at)
{
    return (usec_t)at->tv_sec * USEC_PER_SEC + at->tv_nsec / 1000;
}

static void take_later(usec_t *ret, usec_t at)
{
    if (ret && at > *ret)
        *ret = at;
}

static void take_times(const struct stat *st, usec_t *modified, usec_t *changed)
{
    take_later(modified, time_of(&st->st_mtim));
    take_later(changed, time_of(&st->st_ctim));
}

void daemon_age_of_file(const struct host_root *root, const char *path, usec_t *modified, usec_t *changed)
{
    struct stat st;
    int fd;

    if (host_stat(root, path, &st, NULL) < 0)
        return;
    take_times(&st, modified, changed);
    fd = host_open(root, path, O_PATH | O_NOFOLLOW, NULL);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
        take_times(&st, modified, changed);
    close(fd);
}

usec_t daemon_age_removed(const struct host_root *root, const char *path, usec_t since)
{
    enum { ENTRIES_MAX = 4096 };
    scoped(cleanup_free) char *folder = mem_strndup(path, strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) : 0);
    int fd = *folder ? host_open(root, folder, O_RDONLY | O_DIRECTORY, NULL) : -1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    usec_t changed = 0, newest = 0;
    struct stat st;
    int left = ENTRIES_MAX;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    if (fstat(dirfd(dir), &st) == 0)
        changed = time_of(&st.st_mtim);
    for (struct dirent *entry; changed > since && left > 0 && (entry = readdir(dir)); left--)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            take_later(&newest, time_of(&st.st_ctim));
    closedir(dir);
    return changed > since && newest + USEC_PER_SEC < changed ? changed : 0;
}

void daemon_age_judge(struct daemon_facts *facts)
{
    facts->config_age = facts->started && facts->config_changed > facts->started + DAEMON_AGE_SLACK_USEC
                            ? CONFIG_NEWER
                            : CONFIG_CURRENT;
}
