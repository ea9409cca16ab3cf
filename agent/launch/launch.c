/* The agent's side: the launcher is begun, and asked for a role. */
#include "agent/launch/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/launch/launcher.h"
#include "common/capability.h"
#include "probes/worker/service.h"

int launch_begin(const struct config_arguments *arguments, bool once, struct launch *ret, struct error *error)
{
    const struct launcher_options launcher = {.arguments = arguments, .once = once, .user = &ret->user};
    struct service_options options = {.run = launcher_run,
                                      .argument = &launcher,
                                      .capabilities = CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |
                                                      CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_KILL)};
    int r;

    ret->has_rights = geteuid() == 0;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        options.capabilities |= role_capabilities((enum role)role);
    r = service_start(&options, &ret->pid, &ret->fd, error);
    return r < 0 ? error_prefix(error, "launcher") : 0;
}

void launch_end(struct launch *launch, struct workers *workers)
{
    if (launch->fd >= 0)
        close(launch->fd);
    if (launch->pid > 0)
        service_end(workers, launch->pid);
    launch->fd = -1;
    launch->pid = 0;
}

static int connect_socket(const char *folder, const char *role, int *ret_fd, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", folder, role);

    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return error_set(error, ENAMETOOLONG, "%s: too long for a socket", folder);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_system(error, errno, "socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        error_system(error, errno, "%s", address.sun_path);
        close(fd);
        return -error->number;
    }
    *ret_fd = fd;
    return 0;
}

static int ask_launcher(const struct launch *launch, enum role role, int *ret_fd, struct error *error)
{
    int fds[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return error_system(error, errno, "socket pair");
    r = launcher_ask(launch->fd, role, &fds[1], 1);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        return error_system(error, -r, "the launcher");
    }
    *ret_fd = fds[0];
    return 0;
}

int launch_connect(const struct launch *launch, const char *role, int *ret_fd, struct error *error)
{
    return launch->folder ? connect_socket(launch->folder, role, ret_fd, error)
                          : ask_launcher(launch, role_find(role), ret_fd, error);
}

int launch_serve(const struct launch *launch, enum role role, int listener, int *ret_alive, struct error *error)
{
    int fds[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return error_system(error, errno, "socket pair");
    r = launcher_ask(launch->fd, role, (const int[]){listener, fds[1]}, 2);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        return error_system(error, -r, "the launcher");
    }
    *ret_alive = fds[0];
    return 0;
}
