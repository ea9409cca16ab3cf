/* The loop's side of the store: its process from the start to the end, and what is known of it. */
#include <errno.h>
#include <event2/buffer.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/store/event_store_internal.h"
#include "common/capability.h"
#include "common/log.h"
#include "probes/worker/service.h"

enum {
    CHUNK = 64 * 1024,
    READ_MAX = 1024 * 1024,
    CLOSE_MS = 1000,
    STORE_MS = 10000,
    WAIT_MIN_MS = 50,
    WAIT_MAX_MS = 10000,
};

static void end_process(struct event_store *store)
{
    if (!store->socket)
        return;
    bufferevent_free(take(store->socket));
    service_end(store->options.workers, store->pid);
}

static void process_lost(struct event_store *store, const char *why)
{
    struct timeval wait;

    log_warning("store: its process has ended (%s); another one is started", why);
    end_process(store);
    store->restarts++;
    store->sent = 0;
    store->wait_ms = store->has_stored ? WAIT_MIN_MS : 2 * store->wait_ms;
    if (store->wait_ms > WAIT_MAX_MS)
        store->wait_ms = WAIT_MAX_MS;
    store->has_stored = false;
    wait = (struct timeval){.tv_sec = store->wait_ms / 1000, .tv_usec = store->wait_ms % 1000 * 1000};
    evtimer_add(store->restart, &wait);
    events_fail_requests(store, "the store's process has ended");
}

/* The first frame of what the process has said. 0: it is not complete yet. */
static int take_frame(struct event_store *store, struct evbuffer *input)
{
    scoped(cleanup_arena) struct arena *arena = NULL;
    const struct bufferevent *socket = store->socket;
    struct wire_reader in = {0};
    enum store_message type;
    uint32_t length;
    size_t taken;
    int r;

    if (evbuffer_copyout(input, &length, sizeof length) < (ssize_t)sizeof length || evbuffer_get_length(input) < length)
        return 0;
    arena = arena_new(CHUNK);
    in.arena = arena;
    r = store_frame_next((const char *)evbuffer_pullup(input, -1), evbuffer_get_length(input), &type, &in, &taken);
    if (r <= 0)
        return r;
    events_take_message(store, type, &in);
    if (store->socket != socket)
        return 0;
    evbuffer_drain(input, taken);
    return in.broken ? -EPROTO : 1;
}

static void on_readable(struct bufferevent *socket, void *user)
{
    struct event_store *store = user;
    int r = 1;

    while (r > 0 && store->socket == socket)
        r = take_frame(store, bufferevent_get_input(socket));
    if (r < 0)
        process_lost(store, "its answer is malformed");
}

static void on_end(struct bufferevent *socket, short what, void *user)
{
    (void)socket;
    process_lost(user, what & BEV_EVENT_EOF ? "end of the connection" : error_reason(errno));
}

static void run_process(int fd, const void *argument)
{
    store_process_run(fd, argument);
}

static int start(struct event_store *store, int *ret_fd, struct error *error)
{
    const struct service_options options = {.run = run_process,
                                            .argument = &store->process,
                                            /* a directory that is not the agent's own stays writable */
                                            .capabilities =
                                                capability_has(CAP_DAC_OVERRIDE) ? CAPABILITY(CAP_DAC_OVERRIDE) : 0};

    return service_start(&options, &store->pid, ret_fd, error);
}

static void attach(struct event_store *store, int fd)
{
    evutil_make_socket_nonblocking(fd);
    store->socket = bufferevent_socket_new(store->options.base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_set_max_single_read(store->socket, READ_MAX);
    bufferevent_set_max_single_write(store->socket, READ_MAX);
    bufferevent_setcb(store->socket, on_readable, NULL, on_end, store);
    bufferevent_enable(store->socket, EV_READ | EV_WRITE);
}

/* Another process gets what the one before had not confirmed. */
static int start_another(struct event_store *store, struct error *error)
{
    int fd, r = start(store, &fd, error);

    if (r < 0)
        return r;
    attach(store, fd);
    events_send_cursors(store);
    events_send_requests(store);
    events_send_waiting(store);
    return 0;
}

static void on_restart(evutil_socket_t fd, short what, void *user)
{
    struct event_store *store = user;
    struct error error = ERROR_INIT;

    (void)fd;
    (void)what;
    if (start_another(store, &error) < 0) {
        process_lost(store, error.message);
        return;
    }
    events_fail_requests(store, "the store's process had ended");
    for (size_t i = 0; i < store->cursors.count; i++)
        if (store->cursors.items[i]->wanted)
            event_cursor_read(store->cursors.items[i], store->cursors.items[i]->wanted);
}

/* The first messages, which are waited for: findings, then the state. */
static int read_beginning(struct event_store *store, int fd, struct error *error)
{
    scoped_str in = STR_INIT;
    size_t at = 0;

    for (;;) {
        scoped(cleanup_arena) struct arena *arena = arena_new(1024);
        struct wire_reader reader = {.arena = arena};
        struct store_finding finding;
        enum store_message type;
        char buffer[CHUNK];
        size_t taken;
        ssize_t n;
        int r = store_frame_next(str_text(&in) + at, in.length - at, &type, &reader, &taken);

        if (r < 0)
            return error_set(error, EPROTO, "store: the process's answer is malformed");
        if (r == 0) {
            n = read(fd, buffer, sizeof buffer);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return error_set(error, ECHILD, "store: its process has ended");
            if (at && in.data)
                memmove(in.data, in.data + at, in.length - at);
            in.length -= at;
            at = 0;
            str_append_n(&in, buffer, (size_t)n);
            continue;
        }
        if (type == STORE_FAILED) {
            int number = (int)wire_number(&reader);
            const char *why = wire_text(&reader);

            return error_set(error, number > 0 ? number : EIO, "%s", why ? why : "store");
        }
        if (type == STORE_STATE) {
            events_take_state(store, &reader);
            return 0;
        }
        if (type == STORE_NOTE) {
            const char *name = wire_text(&reader), *text = wire_text(&reader);

            if (name && text && store->options.note)
                store->options.note(name, text, store->options.user);
        } else {
            store_get_finding(&reader, &finding);
        }
        if (type == STORE_FINDING && !reader.broken && store->options.finding)
            store->options.finding(&finding, store->options.user);
        at += taken;
    }
}

int event_store_new(const struct event_store_options *options, struct event_store **ret, struct error *error)
{
    struct event_store *store = mem_alloc(sizeof *store);
    int fd = -1, r;

    store->options = *options;
    store->path = mem_strdup(options->path);
    store->wait_ms = WAIT_MIN_MS;
    store->process = (struct store_process){.path = store->path, .limits = options->limits, .clock = &clock_system};
    r = start(store, &fd, error);
    if (r == 0) {
        r = read_beginning(store, fd, error);
        if (r == 0) {
            attach(store, fd);
            store->flush = event_new(options->base, -1, 0, events_on_flush, store);
            store->restart = evtimer_new(options->base, on_restart, store);
            *ret = store;
            return 0;
        }
        close(fd);
        service_end(options->workers, store->pid);
    }
    event_store_free(store);
    return r;
}

/* When the process closes its end it has taken what was written, and closed the database in order. That is not waited
 * for as long as for what was appended: a database that was not closed is as whole, and only a power cut before its
 * next use makes another stream begin. False: time is up. */
static bool wait_for_end(struct event_store *store)
{
    struct evbuffer *output = bufferevent_get_output(store->socket), *input = bufferevent_get_input(store->socket);
    int fd = bufferevent_getfd(store->socket);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    usec_t begin = clock_monotonic();
    bool open = true;
    int n;

    evbuffer_unfreeze(output, 1); /* a bufferevent lets nobody else take from it, or add to it */
    evbuffer_unfreeze(input, 0);
    while (clock_monotonic() < begin + (store->waiting.count ? STORE_MS : CLOSE_MS) * INT64_C(1000)) {
        pollfd.events = POLLIN | (open ? POLLOUT : 0);
        if (poll(&pollfd, 1, 100) <= 0)
            continue;
        if (open && pollfd.revents & POLLOUT) {
            if (evbuffer_get_length(output) && evbuffer_write(output, fd) < 0 && errno != EAGAIN)
                return true;
            if (!evbuffer_get_length(output)) {
                shutdown(fd, SHUT_WR);
                open = false;
            }
        }
        if (!(pollfd.revents & (POLLIN | POLLHUP)))
            continue;
        n = evbuffer_read(input, fd, -1);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return true;
        while (take_frame(store, input) > 0)
            ;
    }
    return false;
}

static void close_in_order(struct event_store *store)
{
    bool in_time = true;

    store->is_closing = true;
    if (store->socket)
        events_send_waiting(store);
    for (int tries = 0; tries < 2 && in_time && (store->socket || store->waiting.count); tries++) {
        if (!store->socket && start_another(store, NULL) < 0) /* the one before has just ended */
            return;
        bufferevent_disable(store->socket, EV_READ | EV_WRITE);
        in_time = wait_for_end(store);
        end_process(store);
        store->sent = 0;
    }
}

void event_store_free(struct event_store *store)
{
    if (!store)
        return;
    close_in_order(store);
    if (store->flush)
        event_free(store->flush);
    if (store->restart)
        event_free(store->restart);
    for (size_t i = 0; i < store->waiting.count; i++)
        transition_unref(store->waiting.items[i]);
    vec_free(&store->waiting);
    events_free_cursors(store);
    vec_free(&store->cursors);
    while (store->inserted.count)
        events_remove_request(store, store->inserted.count - 1);
    vec_free(&store->inserted);
    for (size_t i = 0; i < store->requests.count; i++)
        free(store->requests.items[i]);
    vec_free(&store->requests);
    free(store->trouble);
    free(store->path);
    free(store);
}

uint64_t event_store_last_seq(const struct event_store *store)
{
    return store->last_seq;
}

uint64_t event_store_oldest_seq(const struct event_store *store)
{
    return store->oldest_seq;
}

usec_t event_store_oldest_time(const struct event_store *store)
{
    return store->oldest_time;
}

uint64_t event_store_size(const struct event_store *store)
{
    return store->size;
}

const char *event_store_stream(const struct event_store *store)
{
    return store->stream;
}

const char *event_store_trouble(const struct event_store *store)
{
    return store->trouble;
}

unsigned event_store_restarts(const struct event_store *store)
{
    return store->restarts;
}

size_t event_store_waiting(const struct event_store *store)
{
    return store->waiting.count - store->done;
}
