/* docker-bench-helper ROLE: serves the agent on the socket that it is started with (sd_listen_fds(3)), which listens or
 * is connected already. It is started by systemd or by the agent's launcher, as a user of its own with the one
 * capability of its role. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "agent/helper/context.h"
#include "agent/helper/engine.h"
#include "agent/helper/filter.h"
#include "common/capability.h"
#include "common/file.h"
#include "common/log.h"

enum { EXIT_USAGE = 2, TICK_MS = 2000 };

static void on_ready(void)
{
    sd_notify(0, "READY=1");
}

static void on_tick(void)
{
    sd_notify(0, "WATCHDOG=1");
}

/* The agent's user: of a socket that systemd has made, to whom it gave its file; of one that the agent has made, who
 * did so. */
static uid_t owner_of(int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address - 1, peer_length = sizeof(struct ucred);
    struct ucred peer = {.uid = getuid()};
    struct stat st;

    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0 && address.sun_path[0] == '/' &&
        stat(address.sun_path, &st) == 0)
        return st.st_uid;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_length);
    return peer.uid;
}

/* Who has made the other end of the pair FD. */
static uid_t maker_of(int fd)
{
    struct ucred peer = {.uid = 0};
    socklen_t length = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.uid : getuid();
}

/* One right, of which nothing can make more. */
static int give_up_rights(enum role role, struct error *error)
{
    uint64_t capabilities = role_capabilities(role);
    int r;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_system(error, errno, "no_new_privs");
    r = capability_bound(capabilities);
    if (r < 0 && r != -EPERM) /* it takes CAP_SETPCAP; under no_new_privs the set gives nothing */
        return error_system(error, -r, "bounding set");
    r = capability_keep(capabilities);
    if (r < 0)
        return error_system(error, -r, "giving up capabilities");
#ifndef __SANITIZE_ADDRESS__
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_system(error, errno, "PR_SET_DUMPABLE");
#endif
    return 0;
}

/* The agent's socket; for role audit there may be the kernel's too, which systemd has opened. */
static int take_sockets(enum role role, int *ret_fd, int *ret_news, struct error *error)
{
    int count = sd_listen_fds(1), others = 0;

    *ret_fd = *ret_news = -1;
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++)
        if (*ret_fd < 0 && sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, -1) > 0)
            *ret_fd = fd;
        else if (role == ROLE_AUDIT && *ret_news < 0 && sd_is_socket(fd, AF_NETLINK, SOCK_RAW, -1) > 0)
            *ret_news = fd;
        else
            others++;
    return *ret_fd < 0 || others
               ? error_set(error, EINVAL, "has to be started with one SOCK_SEQPACKET socket (sd_listen_fds(3))")
               : 0;
}

static int begin(enum role role, const struct config_arguments *arguments, bool once, struct helper_context *ret,
                 struct error *error)
{
    int r = give_up_rights(role, error);

    if (r == 0 && role == ROLE_NETWORK)
        helper_context_load_network(arguments, ret);
    else if (r == 0 && role != ROLE_AUDIT) /* which asks the kernel alone */
        r = helper_context_load(arguments, once, ret, error);
    return r;
}

static int serve(enum role role, const struct config_arguments *arguments, bool once, struct error *error)
{
    struct helper_context context = {.rules = NULL};
    struct helper_task tasks[ROLE_TASKS_MAX];
    struct helper_role served = {.name = role_name(role), .tasks = tasks, .tick = on_tick, .tick_ms = TICK_MS};
    int fd, news, r = take_sockets(role, &fd, &news, error);
    uid_t peer;

    if (r < 0)
        return r;
    peer = owner_of(fd);
    r = begin(role, arguments, once, &context, error);
    if (r == 0)
        r = filter_load(role, error);
    if (r == 0) {
        context.role.audit_news = news >= 0 ? &news : NULL;
        served.count = role_tasks(role, &context.role, tasks);
        served.at_once = role_at_once(role);
        on_ready();
        r = helper_serve(fd, peer, &served, error);
    }
    helper_context_free(&context);
    return r;
}

/* Its socket listens; a second one, of the launcher's, ends with the agent. */
static int serve_engine(const struct config_arguments *arguments, struct error *error)
{
    struct helper_context context = {.rules = NULL};
    int count = sd_listen_fds(1), alive = count == 2 ? SD_LISTEN_FDS_START + 1 : -1, r;
    struct broker_service service = {.fd = SD_LISTEN_FDS_START,
                                     .alive = alive,
                                     .agent = alive >= 0 ? maker_of(alive) : owner_of(SD_LISTEN_FDS_START),
                                     .address = &context.address,
                                     .tick = on_tick,
                                     .tick_ms = TICK_MS};

    if (count < 1 || count > 2 || sd_is_socket(service.fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
        return error_set(error, EINVAL, "has to be started with a listening SOCK_STREAM socket (sd_listen_fds(3))");
    r = begin(ROLE_ENGINE, arguments, true, &context, error);
    if (r == 0 && !context.address.base_url)
        r = error_set(error, EINVAL, "the configuration does not say where the engine is");
    if (r == 0)
        r = engine_serve(&service, on_ready, error);
    helper_context_free(&context);
    return r;
}

/* What role network is to read, of files that it may not be able to: its unit runs this first, as root. What was
 * written before stays where the files are not valid, as the agent stays with what it has. */
static int write_addresses(const struct config_arguments *arguments, const char *path, struct error *error)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped_str text = STR_INIT;
    int r = config_load_words(arguments, &config, error);

    if (r < 0)
        return r;
    config_addresses(config, &text);
    return file_replace(path, str_text(&text), text.length, 0644, error);
}

static int usage(void)
{
    fputs("Usage: docker-bench-helper ROLE [OPTION]... (those of docker-bench-agent)\n"
          "       docker-bench-helper network --config FILE --write-addresses FILE\n"
          "Started by systemd or by docker-bench-agent, with a socket. Roles:",
          stderr);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        fprintf(stderr, " %s", role_name((enum role)role));
    fputs("\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},          {"host-root", required_argument, NULL, 'r'},
        {"data-dir", required_argument, NULL, 'd'},        {"state-dir", required_argument, NULL, 's'},
        {"docker-host", required_argument, NULL, 'h'},     {"once", no_argument, NULL, 'o'},
        {"write-addresses", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    struct config_arguments arguments = {0};
    struct error error = ERROR_INIT;
    const char *addresses = NULL;
    bool once = false;
    enum role role;
    int option, r;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) >= 0)
        switch (option) {
        case 'c':
            arguments.config_path = optarg;
            break;
        case 'r':
            arguments.host_root = optarg;
            break;
        case 's':
            arguments.state_dir = optarg;
            break;
        case 'h':
            arguments.docker_host = optarg;
            break;
        case 'o':
            once = true;
            break;
        case 'w':
            addresses = optarg;
            break;
        case 'd':
            arguments.data_dir = optarg;
            break;
        default:
            return usage();
        }
    if (optind + 1 != argc || (role = role_find(argv[optind])) == ROLE_COUNT)
        return usage();
    if (addresses && role != ROLE_NETWORK)
        return usage();
    signal(SIGPIPE, SIG_IGN);
    if (addresses)
        r = write_addresses(&arguments, addresses, &error);
    else
        r = role == ROLE_ENGINE ? serve_engine(&arguments, &error) : serve(role, &arguments, once, &error);
    if (r < 0) {
        log_error("helper %s: %s", role_name(role), error.text);
        _exit(EXIT_FAILURE); /* not through exit(): its memory may hold what others may not read */
    }
    _exit(EXIT_SUCCESS);
}
