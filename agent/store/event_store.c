/* The loop's side of the store. */
#include "agent/store/event_store.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/store/store_message.h"
#include "agent/store/store_process.h"
#include "common/capability.h"
#include "common/log.h"
#include "common/vec.h"
#include "probes/worker/service.h"

enum {
    CHUNK = 64 * 1024,
    READ_MAX = 1024 * 1024,
    APPEND_BYTES = 1024 * 1024,
    CLOSE_MS = 1000,
    STORE_MS = 10000,
    WAIT_MIN_MS = 50,
    WAIT_MAX_MS = 10000,
    GATHER_MS = 20,
    REQUESTS_MAX = 4096
};

struct event_cursor {
    struct event_store *store;
    uint64_t id;
    char *name;
    struct event_cursor_options options;
    size_t wanted; /* bytes that were asked for; 0: nothing */
    bool is_new;
    uint64_t pending, lost, confirmed;
};

struct event_request {
    struct event_store *store;
    int64_t number;
    event_store_answer *done;
    void *user;
};

/* What is inserted for a sink, or noted, until the process has it on disk. */
struct request {
    struct event_cursor *cursor; /* NULL: a note, or the sink is gone */
    enum store_item_kind kind;
    char *name;     /* of a note */
    char *text;     /* JSON; a note's, which may be NULL */
    uint64_t after; /* seq of the last transition that was appended before */
    bool again;     /* another process may have taken it */
};

struct event_store {
    struct event_store_options options;
    char *path;
    struct store_process process;
    pid_t pid;
    struct bufferevent *socket; /* NULL: there is no process */
    struct event *flush, *restart;
    unsigned wait_ms, restarts;
    bool has_stored;                  /* the process, anything */
    bool is_closing;                  /* nobody hears of anything any more */
    VEC(struct transition *) waiting; /* appended, not stored */
    size_t sent;                      /* of WAITING */
    usec_t sent_at;                   /* monotonic */
    bool flush_is_due;                /* FLUSH will be called */
    size_t done;                      /* of WAITING, while they are handed out */
    VEC(struct request) inserted;     /* and noted */
    uint64_t taken;                   /* how many of those the process has told of */
    char stream[STREAM_LENGTH + 1];
    uint64_t last_seq, oldest_seq;
    usec_t oldest_time;
    uint64_t size;
    char *trouble;
    VEC(struct event_cursor *) cursors;
    VEC(struct event_request *) requests;
    uint64_t last_id;
    int64_t last_request;
};

/* ---- To the process ---- */

static void send_frame(struct event_store *store, struct str *frame)
{
    if (store->socket)
        bufferevent_write(store->socket, frame->data, frame->length);
}

static struct store_row row_of(const struct transition *t)
{
    return (struct store_row){.seq = t->seq,
                              .at = t->at,
                              .since = t->since,
                              .type = t->is_entry   ? ROW_ENTRY
                                      : t->is_agent ? ROW_AGENT
                                                    : ROW_FINDING,
                              .severity = t->severity,
                              .status = t->status_value,
                              .previous = t->previous_value,
                              .waived = t->waived,
                              .slug = t->slug,
                              .section = t->section,
                              .kind = t->subject_kind,
                              .id = t->subject_id,
                              .name = t->subject_name,
                              .extra = t->extra,
                              .json = t->json};
}

static bool is_due(const struct event_store *store, uint64_t seq)
{
    return store->sent < store->waiting.count && store->waiting.items[store->sent]->seq <= seq;
}

/* Those up to SEQ, in frames of about APPEND_BYTES; each is one transaction. */
static void send_waiting_up_to(struct event_store *store, uint64_t seq)
{
    store->sent_at = clock_monotonic();
    while (store->socket && is_due(store, seq)) {
        scoped_str rows = STR_INIT, out = STR_INIT;
        int64_t count = 0;
        size_t frame;

        for (; is_due(store, seq) && rows.length < APPEND_BYTES; store->sent++, count++) {
            const struct store_row row = row_of(store->waiting.items[store->sent]);

            store_put_row(&rows, &row);
        }
        frame = store_frame_begin(&out, STORE_APPEND);
        wire_put_number(&out, count);
        str_append_n(&out, rows.data, rows.length);
        store_frame_end(&out, frame);
        send_frame(store, &out);
    }
}

static void send_waiting(struct event_store *store)
{
    send_waiting_up_to(store, UINT64_MAX);
}

static void on_flush(evutil_socket_t fd, short what, void *user)
{
    struct event_store *store = user;

    (void)fd;
    (void)what;
    store->flush_is_due = false;
    send_waiting(store);
}

/* A transaction costs as much as some ten transitions: after a while without any the next one is stored at the end of
 * this turn of the loop, and what follows soon after is stored together. */
static void schedule_flush(struct event_store *store)
{
    usec_t wait = store->sent_at + GATHER_MS * INT64_C(1000) - clock_monotonic();

    store->flush_is_due = true;
    if (!store->sent_at || wait <= 0)
        event_active(store->flush, EV_TIMEOUT, 1);
    else
        evtimer_add(store->flush, &(struct timeval){.tv_usec = wait});
}

void event_store_append(struct event_store *store, struct transition *transition)
{
    vec_push(&store->waiting, transition_ref(transition));
    if (!store->flush_is_due)
        schedule_flush(store);
}

/* ---- What is inserted and noted ---- */

static void request_deinit(struct request *request)
{
    free(request->name);
    free(request->text);
}

static void send_request(struct event_store *store, const struct request *request)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, request->name ? STORE_NOTE : STORE_INSERT);

    if (request->name) {
        wire_put_text(&out, request->name);
    } else {
        wire_put_number(&out, request->cursor ? (int64_t)request->cursor->id : 0);
        wire_put_number(&out, request->kind);
        wire_put_number(&out, request->again);
    }
    wire_put_text(&out, request->text);
    store_frame_end(&out, frame);
    send_frame(store, &out);
}

static void remove_request(struct event_store *store, size_t i)
{
    request_deinit(&store->inserted.items[i]);
    vec_remove(&store->inserted, i);
}

/* REQUEST takes the place of BEFORE, which nobody has read. */
static bool replaces(const struct request *request, const struct request *before)
{
    if (request->name)
        return before->name && strcmp(request->name, before->name) == 0;
    return request->kind == ITEM_HEARTBEAT && before->kind == ITEM_HEARTBEAT && !before->name &&
           before->cursor == request->cursor;
}

/* While there is no process: what has been replaced goes, and beyond the bound what is oldest. */
static void bound_requests(struct event_store *store, const struct request *request)
{
    for (size_t i = store->inserted.count; i-- > 0;)
        if (replaces(request, &store->inserted.items[i]))
            remove_request(store, i);
    for (size_t i = 0; store->inserted.count >= REQUESTS_MAX && i < store->inserted.count; i++)
        if (!store->inserted.items[i].name)
            remove_request(store, i--);
}

static void add_request(struct event_store *store, struct request request)
{
    request.after = store->waiting.count ? store->waiting.items[store->waiting.count - 1]->seq : store->last_seq;
    if (store->socket)
        send_request(store, &request);
    else
        bound_requests(store, &request);
    vec_push(&store->inserted, request);
}

/* To another process, each after the transitions that were appended before it. */
static void send_requests(struct event_store *store)
{
    store->taken = 0;
    for (size_t i = 0; i < store->inserted.count; i++) {
        send_waiting_up_to(store, store->inserted.items[i].after);
        store->inserted.items[i].again = true;
        send_request(store, &store->inserted.items[i]);
    }
}

/* What the process has now is on disk. */
static void take_taken(struct event_store *store, struct wire_reader *in)
{
    uint64_t taken = (uint64_t)wire_number(in);

    while (!in->broken && store->taken < taken && store->inserted.count) {
        store->taken++;
        remove_request(store, 0);
    }
}

void event_store_note(struct event_store *store, const char *name, const char *text)
{
    send_waiting(store);
    add_request(store, (struct request){.name = mem_strdup(name), .text = mem_strdup(text)});
}

static void send_cursors(struct event_store *store)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, STORE_CURSORS);

    wire_put_number(&out, (int64_t)store->cursors.count);
    for (size_t i = 0; i < store->cursors.count; i++) {
        const struct event_cursor *cursor = store->cursors.items[i];

        wire_put_number(&out, (int64_t)cursor->id);
        wire_put_text(&out, cursor->name);
        wire_put_number(&out, cursor->options.filter.min_severity);
        wire_put_number(&out, cursor->options.filter.statuses);
        wire_put_number(&out, cursor->options.at_end);
    }
    store_frame_end(&out, frame);
    send_frame(store, &out);
}

void event_store_set_limits(struct event_store *store, const struct store_limits *limits)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, STORE_LIMITS);

    store->process.limits = *limits; /* of the next process, too */
    wire_put_number(&out, (int64_t)limits->bytes);
    wire_put_number(&out, limits->age);
    store_frame_end(&out, frame);
    send_frame(store, &out);
}

static void send_to_cursor(struct event_cursor *cursor, enum store_message type, uint64_t number)
{
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, type);

    wire_put_number(&out, (int64_t)cursor->id);
    wire_put_number(&out, (int64_t)number);
    store_frame_end(&out, frame);
    send_frame(cursor->store, &out);
}

void event_cursor_read(struct event_cursor *cursor, size_t bytes)
{
    cursor->wanted = bytes;
    send_to_cursor(cursor, STORE_READ, bytes);
}

void event_cursor_confirm(struct event_cursor *cursor, uint64_t number)
{
    send_to_cursor(cursor, STORE_CONFIRM, number);
}

void event_cursor_rewind(struct event_cursor *cursor)
{
    struct event_store *store = cursor->store;

    /* What is on its way has the old id. */
    cursor->wanted = 0;
    cursor->id = ++store->last_id;
    send_cursors(store);
}

void event_cursor_insert(struct event_cursor *cursor, enum store_item_kind kind, const char *json)
{
    send_waiting(cursor->store);
    add_request(cursor->store, (struct request){.cursor = cursor, .kind = kind, .text = mem_strdup(json)});
}

/* ---- From the process ---- */

static void pop_stored(struct event_store *store)
{
    while (store->done < store->waiting.count && store->waiting.items[store->done]->seq <= store->last_seq) {
        struct transition *transition = store->waiting.items[store->done++];

        if (store->options.stored && !store->is_closing)
            store->options.stored(transition, store->options.user);
        transition_unref(transition);
    }
    if (!store->done)
        return;
    store->has_stored = true;
    store->waiting.count -= store->done;
    store->sent -= store->done < store->sent ? store->done : store->sent;
    memmove(store->waiting.items, store->waiting.items + store->done,
            store->waiting.count * sizeof store->waiting.items[0]);
    store->done = 0;
}

static void take_state(struct event_store *store, struct wire_reader *in)
{
    uint64_t last = (uint64_t)wire_number(in), oldest = (uint64_t)wire_number(in);
    usec_t oldest_time = wire_number(in);
    uint64_t size = (uint64_t)wire_number(in);
    const char *stream = wire_text(in), *trouble = wire_text(in);
    bool changed;

    if (in->broken || !stream || strlen(stream) != STREAM_LENGTH)
        return;
    changed = strcmp(stream, store->stream) != 0 || !str_equal(trouble, store->trouble);
    memcpy(store->stream, stream, sizeof store->stream);
    free(store->trouble);
    store->trouble = mem_strdup(trouble);
    store->last_seq = last;
    store->oldest_seq = oldest;
    store->oldest_time = oldest_time;
    store->size = size;
    if (changed && store->options.state && store->flush && !store->is_closing)
        store->options.state(store->options.user);
    pop_stored(store);
}

static struct event_cursor *find_cursor(struct event_store *store, uint64_t id)
{
    for (size_t i = 0; i < store->cursors.count; i++)
        if (store->cursors.items[i]->id == id)
            return store->cursors.items[i];
    return NULL;
}

static void take_cursor(struct event_store *store, struct wire_reader *in)
{
    struct event_cursor *cursor = find_cursor(store, (uint64_t)wire_number(in));
    bool is_new = wire_number(in) != 0;

    if (!cursor)
        return;
    cursor->is_new = cursor->is_new || is_new;
    cursor->pending = (uint64_t)wire_number(in);
    cursor->lost = (uint64_t)wire_number(in);
    cursor->confirmed = (uint64_t)wire_number(in);
}

static void take_items(struct event_store *store, struct wire_reader *in)
{
    struct event_cursor *cursor = find_cursor(store, (uint64_t)wire_number(in));
    size_t count = wire_count(in, SIZE_MAX);
    struct store_item *items = arena_alloc(in->arena, (count + 1) * sizeof *items);

    for (size_t i = 0; i < count; i++)
        store_get_item(in, &items[i]);
    if (in->broken || !cursor)
        return;
    cursor->wanted = 0;
    cursor->options.items(items, count, cursor->options.user);
}

static void answer_request(struct event_request *request, const struct store_page *page)
{
    request->done(page, request->user);
    free(request);
}

static void take_lines(struct event_store *store, struct wire_reader *in)
{
    int64_t number = wire_number(in);
    struct store_page page = {.up_to = (uint64_t)wire_number(in), .more = wire_number(in) != 0};

    page.why = wire_text(in);
    page.lines = wire_text(in);
    if (page.why)
        page.lines = NULL;
    page.length = page.lines ? strlen(page.lines) : 0;
    for (size_t i = 0; i < store->requests.count && !in->broken; i++) {
        struct event_request *request = store->requests.items[i];

        if (request->number != number)
            continue;
        vec_remove(&store->requests, i);
        answer_request(request, &page);
        return;
    }
}

static void take_failure(struct wire_reader *in)
{
    const char *why;

    wire_number(in);
    why = wire_text(in);
    log_error("store: %s", why ? why : "it cannot be opened");
}

static void take_message(struct event_store *store, enum store_message type, struct wire_reader *in)
{
    if (type == STORE_STATE)
        take_state(store, in);
    else if (store->is_closing)
        return;
    else if (type == STORE_CURSOR)
        take_cursor(store, in);
    else if (type == STORE_ITEMS)
        take_items(store, in);
    else if (type == STORE_TAKEN)
        take_taken(store, in);
    else if (type == STORE_LINES)
        take_lines(store, in);
    else if (type == STORE_FAILED)
        take_failure(in);
}

static void fail_requests(struct event_store *store, const char *why)
{
    const struct store_page page = {.why = why};

    while (store->requests.count)
        answer_request(store->requests.items[--store->requests.count], &page);
}

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
    fail_requests(store, "the store's process has ended");
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
    take_message(store, type, &in);
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
    process_lost(user, what & BEV_EVENT_EOF ? "end of the connection" : strerror(errno));
}

/* ---- Life ---- */

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

static void on_restart(evutil_socket_t fd, short what, void *user)
{
    struct event_store *store = user;
    struct error error = ERROR_INIT;
    int r;

    (void)what;
    r = start(store, &fd, &error);
    if (r < 0) {
        process_lost(store, error.text);
        return;
    }
    fail_requests(store, "the store's process had ended");
    attach(store, fd);
    send_cursors(store);
    send_requests(store);
    send_waiting(store);
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
        int r = store_frame_next(in.data + at, in.length - at, &type, &reader, &taken);

        if (r < 0)
            return error_set(error, EPROTO, "store: the process's answer is malformed");
        if (r == 0) {
            n = read(fd, buffer, sizeof buffer);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return error_set(error, ECHILD, "store: its process has ended");
            if (at)
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
            take_state(store, &reader);
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
            store->flush = event_new(options->base, -1, 0, on_flush, store);
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
 * next use makes another stream begin. */
static void wait_for_end(struct event_store *store)
{
    struct evbuffer *output = bufferevent_get_output(store->socket), *input = bufferevent_get_input(store->socket);
    int fd = bufferevent_getfd(store->socket);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    usec_t begin = clock_monotonic();
    bool open = true;

    evbuffer_unfreeze(output, 1); /* a bufferevent lets nobody else take from it, or add to it */
    evbuffer_unfreeze(input, 0);
    while (clock_monotonic() < begin + (store->waiting.count ? STORE_MS : CLOSE_MS) * INT64_C(1000)) {
        pollfd.events = POLLIN | (open ? POLLOUT : 0);
        if (poll(&pollfd, 1, 100) <= 0)
            continue;
        if (open && pollfd.revents & POLLOUT) {
            if (evbuffer_get_length(output) && evbuffer_write(output, fd) < 0 && errno != EAGAIN)
                return;
            if (!evbuffer_get_length(output)) {
                shutdown(fd, SHUT_WR);
                open = false;
            }
        }
        if (!(pollfd.revents & (POLLIN | POLLHUP)))
            continue;
        if (evbuffer_read(input, fd, -1) == 0)
            return;
        while (take_frame(store, input) > 0)
            ;
    }
}

static void cursor_free(struct event_cursor *cursor)
{
    struct event_store *store = cursor->store;

    for (size_t i = 0; i < store->inserted.count; i++)
        if (store->inserted.items[i].cursor == cursor)
            store->inserted.items[i].cursor = NULL;
    free(cursor->name);
    free(cursor);
}

void event_store_free(struct event_store *store)
{
    if (!store)
        return;
    if (store->socket) {
        send_waiting(store);
        bufferevent_disable(store->socket, EV_READ | EV_WRITE);
        store->is_closing = true;
        wait_for_end(store);
        end_process(store);
    }
    if (store->flush)
        event_free(store->flush);
    if (store->restart)
        event_free(store->restart);
    for (size_t i = 0; i < store->waiting.count; i++)
        transition_unref(store->waiting.items[i]);
    vec_free(&store->waiting);
    for (size_t i = 0; i < store->cursors.count; i++)
        cursor_free(store->cursors.items[i]);
    vec_free(&store->cursors);
    while (store->inserted.count)
        remove_request(store, store->inserted.count - 1);
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

/* ---- Cursors and requests ---- */

static struct event_cursor *take_named(struct event_store *store, const char *name)
{
    for (size_t i = 0; i < store->cursors.count; i++) {
        struct event_cursor *cursor = store->cursors.items[i];

        if (strcmp(cursor->name, name) == 0) {
            vec_remove(&store->cursors, i);
            return cursor;
        }
    }
    return NULL;
}

void event_store_cursors(struct event_store *store, const struct event_cursor_options *options, size_t count,
                         struct event_cursor **ret)
{
    for (size_t i = 0; i < count; i++) {
        ret[i] = take_named(store, options[i].name);
        if (!ret[i]) {
            ret[i] = mem_alloc(sizeof *ret[i]);
            ret[i]->store = store;
            ret[i]->name = mem_strdup(options[i].name);
            ret[i]->id = ++store->last_id;
        }
        ret[i]->options = options[i];
        ret[i]->options.name = ret[i]->name;
    }
    while (store->cursors.count)
        cursor_free(store->cursors.items[--store->cursors.count]);
    for (size_t i = 0; i < count; i++)
        vec_push(&store->cursors, ret[i]);
    send_cursors(store);
}

bool event_cursor_is_new(const struct event_cursor *cursor)
{
    return cursor->is_new;
}

uint64_t event_cursor_pending(const struct event_cursor *cursor)
{
    return cursor->pending;
}

uint64_t event_cursor_lost(const struct event_cursor *cursor)
{
    return cursor->lost;
}

uint64_t event_cursor_confirmed(const struct event_cursor *cursor)
{
    return cursor->confirmed;
}

struct event_request *event_store_query(struct event_store *store, const struct store_query *query,
                                        event_store_answer *done, void *user)
{
    struct event_request *request = mem_alloc(sizeof *request);
    scoped_str out = STR_INIT;
    size_t frame = store_frame_begin(&out, STORE_QUERY);

    request->store = store;
    request->number = ++store->last_request;
    request->done = done;
    request->user = user;
    vec_push(&store->requests, request);
    wire_put_number(&out, request->number);
    store_put_query(&out, query);
    store_frame_end(&out, frame);
    send_frame(store, &out);
    return request;
}

void event_request_cancel(struct event_request *request)
{
    if (!request)
        return;
    for (size_t i = 0; i < request->store->requests.count; i++)
        if (request->store->requests.items[i] == request)
            vec_remove(&request->store->requests, i);
    free(request);
}
