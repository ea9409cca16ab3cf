/* The life of the broker's process. Its listening socket is made here and outlives it: who connects meanwhile waits. */
#include "probes/docker/broker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/capability.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "probes/docker/broker_serve.h"
#include "probes/worker/service.h"

enum {
    BACKLOG = 64,
    CHECK_S = 10, /* between questions whether it is alive */
    STALLED_S = 10,
    SILENT_S = 2,
    WAIT_MIN_MS = 1000,
    WAIT_MAX_MS = 60 * 1000,
    STEADY_S = 60, /* after that long the wait begins anew */
    LEFT_S = 60    /* a folder without a listener that is younger may be about to get one */
};

#define THE_PROCESS "the process that holds the engine's connection"

struct broker {
    struct broker_options options;
    char *folder, *path;
    int listener, alive; /* alive: the process has the other end */
    pid_t pid;
    const char *why_not; /* NULL: it runs */
    struct event *ended, *start_timer, *check_timer, *answered;
    int question;   /* the connection on which it was asked whether it is alive; -1: none */
    usec_t asked;   /* monotonic, 0: no question is open */
    usec_t started; /* monotonic */
    unsigned wait_ms, restarts;
};

static void start_timer(struct event *timer, unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    evtimer_add(timer, &wait);
}

/* ---- Its socket ---- */

#define FOLDER      "docker-bench-agent-"
#define SOCKET_NAME "engine.sock"

static int fill_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

static bool nobody_listens(const char *path)
{
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;

    return fd >= 0 && fill_address(path, &address) == 0 &&
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

static int make_folder(struct broker *broker, struct error *error)
{
    const char *runtime = getenv("RUNTIME_DIRECTORY");
    const char *const parents[] = {str_empty(runtime) ? "/run" : runtime, "/tmp"};

    for (size_t i = 0; i < countof(parents); i++) {
        scoped(cleanup_free) char *parent = mem_strndup(parents[i], strcspn(parents[i], ":"));
        scoped(cleanup_free) char *folder = mem_printf("%s/" FOLDER "XXXXXX", parent);

        remove_left_behind(parent);
        if (mkdtemp(folder)) { /* mode 0700 */
            broker->folder = take(folder);
            return 0;
        }
    }
    return error_system(error, errno, "cannot make a folder for the broker's socket");
}

static int make_socket(struct broker *broker, struct error *error)
{
    struct sockaddr_un address;
    int r = make_folder(broker, error);

    if (r < 0)
        return r;
    broker->path = mem_printf("%s/" SOCKET_NAME, broker->folder);
    r = fill_address(broker->path, &address);
    if (r < 0)
        return error_system(error, -r, "the broker's socket %s", broker->path);
    broker->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (broker->listener < 0 || bind(broker->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(broker->path, 0600) < 0 || listen(broker->listener, BACKLOG) < 0)
        return error_system(error, errno, "the broker's socket %s", broker->path);
    return 0;
}

/* ---- Its process ---- */

static void run_process(int fd, const void *argument)
{
    const struct broker *broker = argument;
    struct error error = ERROR_INIT;

    prctl(PR_SET_NAME, "engine-broker");
    if (broker_serve(broker->listener, fd, broker->options.address, &error) < 0)
        log_error("%s", error.text);
}

/* Another user's socket takes CAP_DAC_OVERRIDE, and another user's key CAP_DAC_READ_SEARCH; nothing else is kept. */
static uint64_t needed_capabilities(const struct docker_address *address)
{
    unsigned number = address->unix_path ? CAP_DAC_OVERRIDE : CAP_DAC_READ_SEARCH;

    return (address->unix_path || address->key) && capability_has(number) ? CAPABILITY(number) : 0;
}

static void on_ended(evutil_socket_t fd, short what, void *user);

static int start_process(struct broker *broker, struct error *error)
{
    const struct service_options options = {.run = run_process,
                                            .argument = broker,
                                            .capabilities = needed_capabilities(broker->options.address),
                                            .kept = &broker->listener,
                                            .kept_count = 1};
    int r = service_start(&options, &broker->pid, &broker->alive, error);

    if (r < 0)
        return r;
    broker->started = clock_monotonic();
    broker->ended = event_new(broker->options.base, broker->alive, EV_READ, on_ended, broker);
    event_add(broker->ended, NULL);
    start_timer(broker->check_timer, CHECK_S * 1000);
    return 0;
}

static void end_question(struct broker *broker)
{
    if (broker->answered)
        event_free(take(broker->answered));
    if (broker->question >= 0)
        close(broker->question);
    broker->question = -1;
    broker->asked = 0;
}

static void end_process(struct broker *broker)
{
    end_question(broker);
    evtimer_del(broker->check_timer);
    if (!broker->pid)
        return;
    event_free(take(broker->ended));
    close(broker->alive);
    broker->alive = -1;
    service_end(broker->options.workers, broker->pid);
    broker->pid = 0;
}

static void change(struct broker *broker, const char *why)
{
    broker->why_not = why;
    if (broker->options.changed)
        broker->options.changed(why, broker->options.user);
}

static void start_later(struct broker *broker)
{
    if (broker->started && clock_monotonic() - broker->started > STEADY_S * USEC_PER_SEC)
        broker->wait_ms = 0;
    start_timer(broker->start_timer, broker->wait_ms);
    broker->wait_ms = broker->wait_ms ? 2 * broker->wait_ms : WAIT_MIN_MS;
    if (broker->wait_ms > WAIT_MAX_MS)
        broker->wait_ms = WAIT_MAX_MS;
}

static void process_lost(struct broker *broker, const char *why)
{
    log_warning("%s", why);
    end_process(broker);
    start_later(broker);
    change(broker, why);
}

static void on_ended(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    process_lost(user, THE_PROCESS " has ended; it is started again");
}

static void on_start_timer(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;
    struct error error = ERROR_INIT;

    (void)fd;
    (void)what;
    if (start_process(broker, &error) < 0) {
        log_warning("%s cannot be started: %s", THE_PROCESS, error.text);
        start_later(broker);
        return;
    }
    broker->restarts++;
    change(broker, NULL);
}

/* ---- Whether it is alive ---- */

static void on_answered(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;

    (void)fd;
    (void)what;
    end_question(broker); /* had it ended, on_ended() would come */
    start_timer(broker->check_timer, CHECK_S * 1000);
}

/* One that cannot even be put counts as open. */
static void ask(struct broker *broker)
{
    static const char text[] = "GET /broker/alive HTTP/1.1\r\n\r\n";
    struct sockaddr_un address;

    broker->asked = clock_monotonic();
    start_timer(broker->check_timer, STALLED_S * 1000);
    broker->question = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (broker->question < 0 || fill_address(broker->path, &address) < 0 ||
        connect(broker->question, (struct sockaddr *)&address, sizeof address) < 0 ||
        send(broker->question, text, sizeof text - 1, MSG_NOSIGNAL) < 0)
        return;
    broker->answered = event_new(broker->options.base, broker->question, EV_READ, on_answered, broker);
    event_add(broker->answered, NULL);
}

static void on_check_timer(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;

    (void)fd;
    (void)what;
    if (broker->asked)
        process_lost(broker, THE_PROCESS " does not answer; it is started again");
    else
        ask(broker);
}

const char *broker_silent(struct broker *broker)
{
    if (broker->why_not)
        return broker->why_not;
    if (!broker->asked)
        ask(broker);
    return clock_monotonic() - broker->asked >= SILENT_S * USEC_PER_SEC ? THE_PROCESS " does not answer" : NULL;
}

/* ---- */

struct broker *broker_new(const struct broker_options *options, struct error *error)
{
    struct broker *broker = mem_alloc(sizeof *broker);

    broker->options = *options;
    broker->listener = broker->alive = broker->question = -1;
    broker->start_timer = evtimer_new(options->base, on_start_timer, broker);
    broker->check_timer = evtimer_new(options->base, on_check_timer, broker);
    if (make_socket(broker, error) < 0 || start_process(broker, error) < 0) {
        broker_free(broker);
        return NULL;
    }
    return broker;
}

void broker_free(struct broker *broker)
{
    if (!broker)
        return;
    end_process(broker);
    event_free(broker->start_timer);
    event_free(broker->check_timer);
    if (broker->listener >= 0)
        close(broker->listener);
    if (broker->path)
        unlink(broker->path);
    if (broker->folder)
        rmdir(broker->folder);
    free(broker->path);
    free(broker->folder);
    free(broker);
}

const char *broker_socket(const struct broker *broker)
{
    return broker->path;
}

pid_t broker_pid(const struct broker *broker)
{
    return broker->pid;
}

unsigned broker_restarts(const struct broker *broker)
{
    return broker->restarts;
}
