/* The API's socket: the one that systemd passed on, or a new one in place of a dead agent's. It is bound under a umask
 * and gets its group and mode before anybody may connect. */
#include "agent/api/server_socket.h"

#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/file.h"

/* One that is made is USER's, who removes the socket from it at the end. */
static int make_folder(const char *path, const struct agent_user *user, struct error *error)
{
    scoped(cleanup_free) char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    scoped(cleanup_close) int fd = -1;

    if (!*folder || (mkdir(folder, 0755) < 0 && errno == EEXIST))
        return 0;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_system(error, errno, "socket: cannot create %s", folder);
    return agent_user_give(user, fd, folder, error);
}

/* A dead agent's socket refuses; a live one's answers. */
static int clear_stale(const struct sockaddr_un *address, struct error *error)
{
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat st;

    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : error_system(error, errno, "socket: %s", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(error, EEXIST, "socket: %s exists and is not a socket", address->sun_path);
    if (fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN))
        return error_set(error, EADDRINUSE, "socket: another agent is listening on %s", address->sun_path);
    return unlink(address->sun_path) == 0 ? 0
                                          : error_system(error, errno, "socket: cannot remove %s", address->sun_path);
}

/* A group of the host's own file, group(5): those of a container are others under the same numbers. */
static bool find_host_group(const char *host_root, const char *name, gid_t *ret)
{
    enum { FILE_MAX = 4 * 1024 * 1024 };
    scoped(cleanup_host_root) struct host_root *root = NULL;
    scoped_str text = STR_INIT;
    char *rest, *line;

    if (host_root_open(host_root, &root, NULL) < 0 || host_read(root, "/etc/group", FILE_MAX, &text, NULL) < 0)
        return false;
    rest = text.data;
    while ((line = strsep(&rest, "\n"))) {
        const char *found = strsep(&line, ":"), *gid;
        char *end;
        unsigned long number;

        strsep(&line, ":");
        gid = strsep(&line, ":");
        if (!gid || *gid < '0' || *gid > '9' || strcmp(found, name) != 0)
            continue;
        number = strtoul(gid, &end, 10);
        if (*end || number >= (gid_t)-1)
            continue;
        *ret = (gid_t)number;
        return true;
    }
    return false;
}

/* The group that is installed with the agent is in that file; one of the configuration may be anywhere on this host. */
static bool find_group(const struct config *config, const char *name, gid_t *ret)
{
    const struct group *entry = NULL;

    if (find_host_group(config->host_root, name, ret))
        return true;
    if (config->socket_group && strcmp(config->host_root, "/") == 0)
        entry = getgrnam(name);
    if (entry)
        *ret = entry->gr_gid;
    return entry != NULL;
}

/* It stays root's, who may be without the right to use what is another user's (a container). */
static int set_group(const struct config *config, struct error *error)
{
    const char *group = config->socket_group ? config->socket_group : "docker-bench-agent";
    gid_t gid = 0;
    bool found = find_group(config, group, &gid);
    struct stat st;

    if (!found && config->socket_group)
        return error_set(error, ENOENT, "socket.group: unknown group \"%s\"", group);
    if (!found || (lstat(config->socket_path, &st) == 0 && st.st_gid == gid))
        return 0;
    if (chown(config->socket_path, (uid_t)-1, gid) < 0)
        return error_system(error, errno,
                            "socket: cannot change the group of %s to %s, of which the agent's user has to be a member",
                            config->socket_path, group);
    return 0;
}

static int make_socket(const struct config *config, const struct agent_user *user, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = config->socket_path;
    scoped(cleanup_close) int fd = -1;
    mode_t mask;
    int r, bound;

    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path)
        return error_set(error, EINVAL, "socket.path: must be absolute and shorter than %zu: %s",
                         sizeof address.sun_path, path);
    memcpy(address.sun_path, path, strlen(path));
    r = make_folder(path, user, error);
    if (r == 0)
        r = clear_stale(&address, error);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
    r = errno;
    umask(mask);
    if (bound < 0)
        return error_system(error, r, "socket: cannot bind %s", path);
    r = set_group(config, error);
    if (r < 0)
        return r;
    if (chmod(path, config->socket_mode) < 0 || listen(fd, 64) < 0)
        return error_system(error, errno, "socket: %s", path);
    r = fd;
    fd = -1;
    return r;
}

int server_socket_open(const struct config *config, const struct agent_user *user, struct server_socket *ret,
                       struct error *error)
{
    int fd;

    if (sd_listen_fds(0) == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) > 0) {
        evutil_make_socket_nonblocking(SD_LISTEN_FDS_START);
        *ret = (struct server_socket){.fd = SD_LISTEN_FDS_START};
        return 0;
    }
    fd = make_socket(config, user, error);
    if (fd < 0)
        return fd;
    *ret = (struct server_socket){.fd = fd, .path = mem_strdup(config->socket_path)};
    return 0;
}

void server_socket_close(struct server_socket *socket)
{
    if (socket->fd >= 0)
        close(socket->fd);
    if (socket->path)
        unlink(socket->path);
    free(socket->path);
    *socket = (struct server_socket){.fd = -1};
}
