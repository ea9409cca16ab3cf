/* docker-bench-agent: reads its arguments, runs the agent, frees it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/launch/launch.h"
#include "agent/libraries.h"
#include "agent/once.h"
#include "common/log.h"

enum {
    OPT_DOCKER_HOST = 256,
    OPT_SOCKET,
    OPT_STATE_DIR,
    OPT_HOST_ROOT,
    OPT_DATA_DIR,
    OPT_HELPERS,
    OPT_USER,
    OPT_ONCE,
    OPT_FORMAT,
    OPT_CHECK_CONFIG,
    OPT_VERSION
};
enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static void print_help(void)
{
    fputs(
        "Usage: docker-bench-agent [OPTION]...\nWatches a Docker host and checks it against a security benchmark as it "
        "changes.\n\n  -c, --config FILE     configuration (default /etc/docker-bench-agent/agent.json)\n      "
        "--docker-host URL the engine: unix:///path, tcp://host:port (default: DOCKER_HOST, else the docker\n"
        "                        context by DOCKER_CONTEXT or docker.host or the current one, else\n"
        "                        unix:///var/run/docker.sock)\n      --socket PATH     socket of the query API\n      "
        "--state-dir DIR   "
        "where state is kept across restarts\n      --host-root DIR   where the host's / is mounted (default /)\n      "
        "--data-dir DIR    rules and benchmarks\n      --helpers DIR     sockets of the helpers (default: it starts "
        "them itself)\n      --user NAME       the user that root becomes (default docker-bench-agent; with --once "
        "nobody "
        "where\n                        there is no such user)\n      --once            one full scan to standard "
        "output, no daemon; "
        "exit status 1 when a finding of\n                        high severity or above fails\n      --format FORMAT  "
        " output of --once: text (default) or json\n      --check-config    read configuration and rules, report "
        "errors and exit\n      --version         print the version\n  -h, --help            print this help\n",
        stdout);
}

static int usage(const char *format, const char *word)
{
    fprintf(stderr, "docker-bench-agent: ");
    fprintf(stderr, "%s '%s'", format, word);
    fputs("\nTry 'docker-bench-agent --help'.\n", stderr);
    return EXIT_USAGE;
}

static int run(const struct config_arguments *arguments, struct launch *launch)
{
    struct agent *agent = NULL;
    struct error error = ERROR_INIT;
    int r = agent_new(arguments, false, launch, &agent, &error);

    if (r < 0) {
        log_error("%s", error.text);
        return r == -EINVAL || r == -ESRCH ? EXIT_CONFIG : EXIT_FAILURE;
    }
    r = agent_run(agent, &error);
    if (r < 0)
        log_error("%s", error.text);
    agent_free(agent);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"docker-host", required_argument, NULL, OPT_DOCKER_HOST},
        {"socket", required_argument, NULL, OPT_SOCKET},
        {"state-dir", required_argument, NULL, OPT_STATE_DIR},
        {"host-root", required_argument, NULL, OPT_HOST_ROOT},
        {"data-dir", required_argument, NULL, OPT_DATA_DIR},
        {"helpers", required_argument, NULL, OPT_HELPERS},
        {"user", required_argument, NULL, OPT_USER},
        {"once", no_argument, NULL, OPT_ONCE},
        {"format", required_argument, NULL, OPT_FORMAT},
        {"check-config", no_argument, NULL, OPT_CHECK_CONFIG},
        {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct config_arguments arguments = {0};
    struct launch launch = {.fd = -1};
    const char *format = NULL, *user = NULL;
    bool once = false, check_config = false;
    struct error error = ERROR_INIT;
    int option;

    libraries_prepare();
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) >= 0)
        switch (option) {
        case 'c':
            arguments.config_path = optarg;
            break;
        case OPT_DOCKER_HOST:
            arguments.docker_host = optarg;
            break;
        case OPT_SOCKET:
            arguments.socket_path = optarg;
            break;
        case OPT_STATE_DIR:
            arguments.state_dir = optarg;
            break;
        case OPT_HOST_ROOT:
            arguments.host_root = optarg;
            break;
        case OPT_DATA_DIR:
            arguments.data_dir = optarg;
            break;
        case OPT_HELPERS:
            launch.folder = optarg;
            launch.has_rights = true;
            break;
        case OPT_USER:
            user = optarg;
            break;
        case OPT_ONCE:
            once = true;
            break;
        case OPT_FORMAT:
            format = optarg;
            break;
        case OPT_CHECK_CONFIG:
            check_config = true;
            break;
        case OPT_VERSION:
            puts("docker-bench-agent " PROGRAM_VERSION);
            return 0;
        case 'h':
            print_help();
            return 0;
        default:
            fputs("Try 'docker-bench-agent --help'.\n", stderr);
            return EXIT_USAGE;
        }
    if (optind < argc)
        return usage("unexpected argument", argv[optind]);
    if (format && !once)
        return usage("--format requires --once:", format);
    if (format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return usage("--format must be text or json, not", format);
    if (check_config)
        return agent_check_config(&arguments, &error) < 0 ? (fprintf(stderr, "%s\n", error.text), EXIT_CONFIG) : 0;
    if (agent_user_find(user, once, launch.folder != NULL, &launch.user, &error) < 0) {
        log_error("%s", error.text);
        return EXIT_USAGE;
    }
    if (!launch.folder && launch_begin(&arguments, once, &launch, &error) < 0) {
        log_error("%s", error.text);
        return EXIT_FAILURE;
    }
    return once ? agent_once(&arguments, &launch, format && strcmp(format, "json") == 0) : run(&arguments, &launch);
}
