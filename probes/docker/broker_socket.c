/* Made here, it outlives the process that serves it: who connects meanwhile waits. */
#include "probes/docker/broker_socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/str.h"

enum {
    BACKLOG = 64,
    LEFT_S = 60 /* a folder without a listener that is younger may be about to get one */
};

#define FOLDER      "docker-bench-agent-"
#define SOCKET_NAME "engine.sock"

int broker_socket_address(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret->sun_path)
        return -ENAMETOOLONG;
    memcpy(ret->sun_path, path, strlen(path));
    return 0;
}

static bool nobody_listens(const char *path)
{
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;

    return fd >= 0 && broker_socket_address(path, &address) == 0 &&
           connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno == ECONNREFUSED;
}

/* What an agent that was killed has left in PARENT: a folder of this user that is not new, with a socket at which
 * nobody listens. */
static void remove_left_behind(const char *parent)
{
    DIR *dir = opendir(parent);

    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s/" SOCKET_NAME, parent, entry->d_name);
        scoped(cleanup_close) int folder = -1;
        struct stat st;

        if (!str_starts(entry->d_name, FOLDER))
            continue;
        folder = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0 || fstat(folder, &st) < 0 || st.st_uid != geteuid() ||
            clock_now(&clock_system) / USEC_PER_SEC - st.st_mtime < LEFT_S || !nobody_listens(path))
            continue;
        unlinkat(folder, SOCKET_NAME, 0);
        unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

static int make_folder(struct broker_socket *ret, struct error *error)
{
    const char *runtime = getenv("RUNTIME_DIRECTORY");
    const char *const parents[] = {str_empty(runtime) ? "/run" : runtime, "/tmp"};

    for (size_t i = 0; i < countof(parents); i++) {
        scoped(cleanup_free) char *parent = mem_strndup(parents[i], strcspn(parents[i], ":"));
        scoped(cleanup_free) char *folder = mem_printf("%s/" FOLDER "XXXXXX", parent);

        remove_left_behind(parent);
        if (mkdtemp(folder)) { /* mode 0700 */
            ret->folder = take(folder);
            return 0;
        }
    }
    return error_system(error, errno, "cannot make a folder for the broker's socket");
}

int broker_socket_make(struct broker_socket *ret, struct error *error)
{
    struct sockaddr_un address;
    int r;

    *ret = (struct broker_socket){.listener = -1};
    r = make_folder(ret, error);
    if (r < 0)
        return r;
    ret->path = mem_printf("%s/" SOCKET_NAME, ret->folder);
    r = broker_socket_address(ret->path, &address);
    if (r < 0)
        return error_system(error, -r, "the broker's socket %s", ret->path);
    ret->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ret->listener < 0 || bind(ret->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(ret->path, 0600) < 0 || listen(ret->listener, BACKLOG) < 0)
        return error_system(error, errno, "the broker's socket %s", ret->path);
    return 0;
}

void broker_socket_deinit(struct broker_socket *socket)
{
    if (socket->listener >= 0)
        close(socket->listener);
    if (socket->path)
        unlink(socket->path);
    if (socket->folder)
        rmdir(socket->folder);
    free(socket->path);
    free(socket->folder);
    *socket = (struct broker_socket){.listener = -1};
}
