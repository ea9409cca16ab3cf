/* The broker's process, watched by two connections: one that is only kept, which ends with it, and a question now and
 * then whether it is alive. */
#include "probes/docker/broker.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "probes/docker/broker_request.h"
#include "probes/docker/broker_socket.h"

enum {
    CHECK_S = 10, /* between questions whether it is alive */
    STALLED_S = 10,
    SILENT_S = 2,
    WAIT_SOCKET_MS = 100, /* systemd ends what connects before it has seen that the process has ended */
    WAIT_MIN_MS = 1000,
    WAIT_MAX_MS = 60 * 1000,
    STEADY_S = 60 /* after that long the wait begins anew */
};

struct broker {
    struct broker_options options;
    struct broker_socket own; /* where it is not somebody else's */
    char *path;               /* of the socket */
    int alive;                /* ends with the process; -1: there is none */
    struct error why;
    bool away; /* for the reason in WHY */
    struct event *ended, *start_timer, *check_timer, *answered;
    int question;   /* the connection on which it was asked whether it is alive; -1: none */
    usec_t asked;   /* monotonic, 0: no question is open */
    usec_t started; /* monotonic, 0: never */
    unsigned wait_ms, restarts;
};

static void start_timer(struct event *timer, unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    evtimer_add(timer, &wait);
}

/* A connection to the socket, for the caller to close, or a negative errno. */
static int dial(const struct broker *broker)
{
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    int r = fd < 0 ? -errno : broker_socket_address(broker->path, &address);

    if (r == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        r = -errno;
    if (r < 0)
        return r;
    r = fd;
    fd = -1;
    return r;
}

/* ---- It is there, or not ---- */

static void end_question(struct broker *broker)
{
    if (broker->answered)
        event_free(take(broker->answered));
    if (broker->question >= 0)
        close(broker->question);
    broker->question = -1;
    broker->asked = 0;
}

static void hang_up(struct broker *broker)
{
    end_question(broker);
    evtimer_del(broker->check_timer);
    if (broker->ended)
        event_free(take(broker->ended));
    if (broker->alive >= 0)
        close(broker->alive);
    broker->alive = -1;
}

static void start_later(struct broker *broker)
{
    if (broker->started && clock_monotonic() - broker->started > STEADY_S * USEC_PER_SEC)
        broker->wait_ms = 0;
    start_timer(broker->start_timer, broker->wait_ms || broker->own.path ? broker->wait_ms : WAIT_SOCKET_MS);
    broker->wait_ms = broker->wait_ms ? 2 * broker->wait_ms : WAIT_MIN_MS;
    if (broker->wait_ms > WAIT_MAX_MS)
        broker->wait_ms = WAIT_MAX_MS;
}

/* For the reason in WHY. */
static void give_up(struct broker *broker)
{
    log_warning("%s", broker->why.text);
    hang_up(broker);
    start_later(broker);
    broker->away = true;
    if (broker->options.changed)
        broker->options.changed(broker->why.message, broker->options.user);
}

static void is_there(struct broker *broker)
{
    if (!broker->away)
        return;
    broker->away = false;
    if (broker->options.changed)
        broker->options.changed(NULL, broker->options.user);
}

/* ---- Whether it is alive ---- */

/* What it answers when it is: the engine's address that it has. */
static bool is_right(struct broker *broker, const char *answer)
{
    const char *engine = strstr(answer, "\r\n\r\n");

    if (!str_starts(answer, "HTTP/1.1 200 ") || !engine) {
        error_set(&broker->why, EPROTO, "the helper engine answers nonsense; it is started again");
        return false;
    }
    engine += strlen("\r\n\r\n");
    if (strcmp(engine, broker->options.engine) != 0) {
        error_set(&broker->why, EPROTO,
                  "the helper engine has another address of the engine, by its configuration or environment, %.200s: "
                  "start the "
                  "agent again, or give both the same",
                  engine);
        return false;
    }
    return true;
}

static void on_answered(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;
    char text[BROKER_ALIVE_MAX + 1];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* if it has ended that comes too; else this is as good as no answer */
        event_del(broker->answered);
        return;
    }
    text[n] = '\0';
    if (!is_right(broker, text)) {
        give_up(broker);
        return;
    }
    end_question(broker);
    start_timer(broker->check_timer, CHECK_S * 1000);
    is_there(broker);
}

/* One that cannot even be put counts as open. */
static void ask(struct broker *broker)
{
    static const char text[] = "GET /broker/alive HTTP/1.1\r\n\r\n";

    broker->asked = clock_monotonic();
    start_timer(broker->check_timer, STALLED_S * 1000);
    broker->question = dial(broker);
    if (broker->question < 0 || send(broker->question, text, sizeof text - 1, MSG_NOSIGNAL) < 0)
        return;
    broker->answered = event_new(broker->options.base, broker->question, EV_READ | EV_PERSIST, on_answered, broker);
    event_add(broker->answered, NULL);
}

static void on_check_timer(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;

    (void)fd;
    (void)what;
    if (!broker->asked) {
        ask(broker);
        return;
    }
    error_set(&broker->why, ETIMEDOUT, "the helper engine does not answer; it is started again");
    give_up(broker);
}

const char *broker_silent(struct broker *broker)
{
    if (broker->away)
        return broker->why.message;
    if (!broker->asked && broker->alive >= 0)
        ask(broker);
    return broker->asked && clock_monotonic() - broker->asked >= SILENT_S * USEC_PER_SEC
               ? M_("the helper engine does not answer")
               : NULL;
}

/* ---- Its beginning ---- */

static void on_ended(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;
    char byte;
    ssize_t n = recv(fd, &byte, sizeof byte, MSG_DONTWAIT);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    error_set(&broker->why, EPIPE, "%s",
              n > 0 ? M_("the helper engine says what it was not asked for; it is started again")
                    : M_("the helper engine has ended; it is started again"));
    give_up(broker);
}

static int begin(struct broker *broker, struct error *error)
{
    int fd;

    if (broker->own.path)
        return broker->options.start(broker->own.listener, broker->options.user, &broker->alive, error);
    fd = dial(broker);
    if (fd < 0)
        return error_system(error, -fd, "%s", broker->path);
    broker->alive = fd;
    return 0;
}

static void on_start_timer(evutil_socket_t fd, short what, void *user)
{
    struct broker *broker = user;
    struct error error = ERROR_INIT;
    int r = begin(broker, &error);

    (void)fd;
    (void)what;
    broker->restarts += broker->started != 0;
    broker->started = clock_monotonic();
    if (r < 0) {
        error_set(&broker->why, -r, "the helper engine is not running: %s", error.message);
        give_up(broker);
        return;
    }
    broker->ended = event_new(broker->options.base, broker->alive, EV_READ | EV_PERSIST, on_ended, broker);
    event_add(broker->ended, NULL);
    ask(broker);
}

struct broker *broker_new(const struct broker_options *options, struct error *error)
{
    struct broker *broker = mem_alloc(sizeof *broker);

    broker->options = *options;
    broker->alive = broker->question = broker->own.listener = -1;
    broker->start_timer = evtimer_new(options->base, on_start_timer, broker);
    broker->check_timer = evtimer_new(options->base, on_check_timer, broker);
    if (!options->path && broker_socket_make(&broker->own, error) < 0) {
        broker_free(broker);
        return NULL;
    }
    broker->path = mem_strdup(options->path ? options->path : broker->own.path);
    start_timer(broker->start_timer, 0);
    return broker;
}

void broker_free(struct broker *broker)
{
    if (!broker)
        return;
    hang_up(broker);
    event_free(broker->start_timer);
    event_free(broker->check_timer);
    broker_socket_deinit(&broker->own);
    free(broker->path);
    free(broker);
}

const char *broker_socket(const struct broker *broker)
{
    return broker->path;
}

const char *broker_why_not(const struct broker *broker)
{
    return broker->away ? broker->why.message : NULL;
}

const char *broker_last_error(const struct broker *broker)
{
    return broker->why.number ? broker->why.message : NULL;
}

unsigned broker_restarts(const struct broker *broker)
{
    return broker->restarts;
}
