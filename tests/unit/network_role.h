/* The role network as a process of the test's, with the role's own tasks, for whoever sends or listens over it. Every
 * address is in its configuration. */
#ifndef TESTS_UNIT_NETWORK_ROLE_H
#define TESTS_UNIT_NETWORK_ROLE_H

#include <check.h>
#include <errno.h>
#include <event2/util.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/config/sink_config.h"
#include "common/memory.h"
#include "common/str.h"
#include "probes/roles/roles.h"
#include "probes/worker/helper.h"

static struct helper *network;

static inline int network_role_receiver(const char *address, void *user, struct arena *arena,
                                        struct receiver_place *ret, struct error *error)
{
    const char *rest = strstr(address, "://");
    scoped(cleanup_free) char *host = NULL, *port = NULL;
    int r = sink_split_address(rest ? rest + 3 : address, &host, &port, error);

    (void)user;
    if (r == 0)
        *ret = (struct receiver_place){.host = arena_strdup(arena, host),
                                       .port = arena_strdup(arena, port),
                                       .type = str_starts(address, "udp://") ? SOCK_DGRAM : SOCK_STREAM};
    return r;
}

static inline int network_role_listener(const char *address, void *user, struct listener_place *ret,
                                        struct error *error)
{
    int length = sizeof ret->address;

    (void)user;
    if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&ret->address, &length) < 0)
        return error_set(error, EINVAL, "no address");
    ret->length = (socklen_t)length;
    return 0;
}

/* For struct helper_options. */
static inline int network_role_start(const char *name, void *user, int *ret_fd, struct error *error)
{
    static const struct role_context context = {.find_receiver = network_role_receiver,
                                                .find_listener = network_role_listener};
    struct helper_task tasks[ROLE_TASKS_MAX];
    const struct helper_role served = {.name = name,
                                       .tasks = tasks,
                                       .count = role_tasks(ROLE_NETWORK, &context, tasks),
                                       .at_once = role_at_once(ROLE_NETWORK)};
    int fds[2];
    pid_t pid;

    (void)user;
    (void)error;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) /* another program has none of these */
            if (fd != fds[1])
                close(fd);
        _exit(helper_serve(fds[1], getuid(), &served, NULL) < 0 ? 1 : 0);
    }
    close(fds[1]);
    *ret_fd = fds[0];
    return 0;
}

static inline struct helper_options network_role_options(void)
{
    static const struct role_context context = {0};
    struct helper_options options = {.role = role_name(ROLE_NETWORK),
                                     .right = role_rights(ROLE_NETWORK),
                                     .at_once = role_at_once(ROLE_NETWORK),
                                     .connect = network_role_start};

    options.count = role_tasks(ROLE_NETWORK, &context, options.tasks);
    return options;
}

/* It sees the host as this process does now. The second and later calls do nothing until network_role_end(). */
static inline void network_role_begin(struct workers *of)
{
    const struct helper_options options = network_role_options();

    if (!network)
        network = helper_new(of, &options);
}

static inline void network_role_end(void)
{
    helper_free(take(network));
}

#endif
