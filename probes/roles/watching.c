/* The agent's side of watching. What it has asked for is kept here, so that another process can be asked for it again.
 */
#include "probes/roles/watching.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/util.h>
#include <string.h>

#include "common/log.h"
#include "common/map.h"
#include "common/vec.h"
#include "probes/roles/watching_internal.h"

enum { ANSWER_S = 10, WAIT_MIN_MS = 250, WAIT_MAX_MS = 60 * 1000, STEADY_S = 60 };

struct watched {
    struct watching *watching;
    int64_t number;
    char *path;
    enum watch_scope scope;
    watch_changed *changed;
    void *user;
};

/* Who waits until what was asked for before FENCE is done. */
struct waiter {
    int64_t fence;
    void (*back)(void *user);
    void *user;
};

struct watching {
    struct watching_options options;
    struct bufferevent *socket; /* NULL: there is no process */
    struct event *again;        /* starts another one */
    struct event *answer;       /* it has not answered in time */
    struct event *at_once;      /* calls those who wait for what will not be */
    struct map *watches;        /* number, in decimal → struct watched */
    struct map *records;        /* container id → data root */
    struct map *unseen;         /* container ids whose record cannot be watched */
    VEC(struct waiter) waiters;
    int64_t numbers;
    int64_t fence, answered; /* the last one that was sent, and that came back */
    bool dirty;              /* something was asked for after the last fence */
    usec_t began;            /* monotonic */
    unsigned wait_ms, restarts;
    struct watcher_counters counters;
};

static const char *number_key(int64_t number, char buffer[24])
{
    snprintf(buffer, 24, "%lld", (long long)number);
    return buffer;
}

/* ---- Sending ---- */

static void send_message(struct watching *watching, const struct str *message)
{
    if (!watching->socket)
        return;
    watching_put(bufferevent_get_output(watching->socket), message);
    watching->dirty = true;
}

static void send_add(struct watching *watching, const struct watched *watched)
{
    scoped_str message = STR_INIT;

    wire_put_number(&message, WATCHING_ADD);
    wire_put_number(&message, watched->number);
    wire_put_number(&message, watched->scope);
    wire_put_text(&message, watched->path);
    send_message(watching, &message);
}

static void send_begin(struct watching *watching, const char *id, const char *data_root, bool find)
{
    scoped_str message = STR_INIT;

    wire_put_number(&message, WATCHING_BEGIN);
    wire_put_text(&message, id);
    wire_put_text(&message, data_root);
    wire_put_number(&message, find);
    send_message(watching, &message);
}

static void send_fence(struct watching *watching)
{
    static const struct timeval limit = {.tv_sec = ANSWER_S};
    scoped_str message = STR_INIT;

    wire_put_number(&message, WATCHING_FENCE);
    wire_put_number(&message, ++watching->fence);
    send_message(watching, &message);
    watching->dirty = false;
    if (!evtimer_pending(watching->answer, NULL))
        evtimer_add(watching->answer, &limit);
}

/* ---- Waiting ---- */

/* Calls those who wait for no more than FENCE. They may wait anew. */
static void release(struct watching *watching, int64_t fence)
{
    VEC(struct waiter) due = {0};
    size_t kept = 0;

    for (size_t i = 0; i < watching->waiters.count; i++)
        if (watching->waiters.items[i].fence <= fence)
            vec_push(&due, watching->waiters.items[i]);
        else
            watching->waiters.items[kept++] = watching->waiters.items[i];
    watching->waiters.count = kept;
    for (size_t i = 0; i < due.count; i++)
        due.items[i].back(due.items[i].user);
    vec_free(&due);
}

static void on_at_once(evutil_socket_t fd, short what, void *user)
{
    struct watching *watching = user;

    (void)fd;
    (void)what;
    release(watching, watching->socket ? watching->answered : INT64_MAX);
}

bool watching_is_settled(const struct watching *watching)
{
    return !watching->socket || (!watching->dirty && watching->answered >= watching->fence);
}

void watching_after(struct watching *watching, void (*back)(void *user), void *user)
{
    if (watching->socket && watching->dirty)
        send_fence(watching);
    vec_push(&watching->waiters, (struct waiter){.fence = watching->fence, .back = back, .user = user});
    if (watching_is_settled(watching))
        event_active(watching->at_once, EV_TIMEOUT, 0);
}

/* ---- Receiving ---- */

static void call(struct watching *watching, int64_t number)
{
    char key[24];
    const struct watched *watched = map_get(watching->watches, number_key(number, key));

    if (watched) /* else it was freed meanwhile */
        watched->changed(watched->path, watched->user);
}

static void call_all(struct watching *watching)
{
    VEC(int64_t) numbers = {0};
    size_t at = 0;
    void *value;

    while (map_next(watching->watches, &at, NULL, &value))
        vec_push(&numbers, ((const struct watched *)value)->number);
    for (size_t i = 0; i < numbers.count; i++)
        call(watching, numbers.items[i]);
    vec_free(&numbers);
}

static bool take_counters(struct watching *watching, struct wire_reader *reader)
{
    struct watcher_counters counters = {.wakeups = (uint64_t)wire_number(reader)};

    counters.events = (uint64_t)wire_number(reader);
    counters.overflows = (uint64_t)wire_number(reader);
    counters.paths = (unsigned)wire_number(reader);
    counters.kernel_watches = (unsigned)wire_number(reader);
    counters.refused = (unsigned)wire_number(reader);
    if (!reader->broken)
        watching->counters = counters;
    return !reader->broken;
}

static bool handle(struct watching *watching, struct wire_reader *reader)
{
    int64_t kind = wire_number(reader), number;
    const char *id;

    switch (kind) {
    case WATCHING_CHANGED:
        number = wire_number(reader);
        if (!reader->broken)
            call(watching, number);
        return !reader->broken;
    case WATCHING_RECORD:
        id = wire_text(reader);
        if (id && map_get(watching->records, id))
            watching->options.record(id, watching->options.user);
        return id != NULL;
    case WATCHING_UNSEEN:
        id = wire_text(reader);
        if (id && map_get(watching->records, id))
            map_set(watching->unseen, id, watching);
        return id != NULL;
    case WATCHING_FENCE:
        number = wire_number(reader);
        if (reader->broken || number <= watching->answered || number > watching->fence)
            return false;
        watching->answered = number;
        evtimer_del(watching->answer);
        if (number < watching->fence)
            evtimer_add(watching->answer, &(struct timeval){.tv_sec = ANSWER_S});
        release(watching, number);
        return true;
    case WATCHING_COUNTERS:
        return take_counters(watching, reader);
    default:
        return false;
    }
}

static void lose(struct watching *watching, const char *why)
{
    struct timeval wait;

    if (clock_monotonic() - watching->began > STEADY_S * USEC_PER_SEC)
        watching->wait_ms = 0;
    wait = (struct timeval){.tv_sec = watching->wait_ms / 1000, .tv_usec = watching->wait_ms % 1000 * 1000};
    log_warning("the process that watches files %s; another one begins in %u ms", why, watching->wait_ms);
    bufferevent_free(take(watching->socket));
    evtimer_del(watching->answer);
    evtimer_add(watching->again, &wait);
    watching->wait_ms = watching->wait_ms ? 2 * watching->wait_ms : WAIT_MIN_MS;
    if (watching->wait_ms > WAIT_MAX_MS)
        watching->wait_ms = WAIT_MAX_MS;
    watching->answered = watching->fence;
    watching->dirty = false;
    watching->counters.refused = (unsigned)map_count(watching->watches);
    event_active(watching->at_once, EV_TIMEOUT, 0);
}

static void on_readable(struct bufferevent *socket, void *user)
{
    struct watching *watching = user;
    scoped_str text = STR_INIT;

    while (watching->socket == socket) {
        scoped(cleanup_arena) struct arena *arena = arena_new(512);
        struct wire_reader reader;
        int r = watching_take(bufferevent_get_input(socket), arena, &text, &reader);

        if (r == 0)
            return;
        if (r < 0 || !handle(watching, &reader) || reader.left) {
            lose(watching, "has sent what is no message");
            return;
        }
    }
}

static void on_end(struct bufferevent *socket, short what, void *user)
{
    (void)socket;
    (void)what;
    lose(user, "has ended");
}

static void on_no_answer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    lose(user, "does not answer");
}

/* ---- Beginning ---- */

static void on_caught_up(void *user)
{
    call_all(user);
}

static void begin(struct watching *watching)
{
    struct error error = ERROR_INIT;
    size_t at = 0;
    const char *id;
    void *value;
    int fd;

    watching->began = clock_monotonic();
    if (helper_connect(watching->options.helper, watching->options.task, &fd, &error) < 0) {
        log_warning("files are not watched: %s; changes are noticed by the next sweep", error.text);
        evtimer_add(watching->again, &(struct timeval){.tv_sec = WAIT_MAX_MS / 1000});
        return;
    }
    evutil_make_socket_nonblocking(fd);
    watching->socket = bufferevent_socket_new(watching->options.base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(watching->socket, on_readable, NULL, on_end, watching);
    bufferevent_enable(watching->socket, EV_READ | EV_WRITE);
    map_free(watching->unseen);
    watching->unseen = map_new(NULL);
    while (map_next(watching->watches, &at, NULL, &value))
        send_add(watching, value);
    at = 0;
    while (map_next(watching->records, &at, &id, &value))
        send_begin(watching, id, value, true);
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
    struct watching *watching = user;

    (void)fd;
    (void)what;
    watching->restarts++;
    begin(watching);
    if (watching->socket)
        watching_after(watching, on_caught_up, watching);
}

struct watching *watching_new(const struct watching_options *options)
{
    struct watching *watching = mem_alloc(sizeof *watching);

    watching->options = *options;
    watching->again = evtimer_new(options->base, on_again, watching);
    watching->answer = evtimer_new(options->base, on_no_answer, watching);
    watching->at_once = event_new(options->base, -1, 0, on_at_once, watching);
    watching->watches = map_new(NULL);
    watching->records = map_new(free);
    watching->unseen = map_new(NULL);
    begin(watching);
    return watching;
}

void watching_free(struct watching *watching)
{
    if (!watching)
        return;
    if (watching->socket)
        bufferevent_free(watching->socket);
    event_free(watching->again);
    event_free(watching->answer);
    event_free(watching->at_once);
    map_free(watching->watches);
    map_free(watching->records);
    map_free(watching->unseen);
    vec_free(&watching->waiters);
    free(watching);
}

/* ---- What is asked for ---- */

struct watched *watching_add(struct watching *watching, const char *path, enum watch_scope scope,
                             watch_changed *changed, void *user)
{
    struct watched *watched = mem_alloc(sizeof *watched);
    char key[24];

    watched->watching = watching;
    watched->number = ++watching->numbers;
    watched->path = mem_strdup(path);
    watched->scope = scope;
    watched->changed = changed;
    watched->user = user;
    map_set(watching->watches, number_key(watched->number, key), watched);
    send_add(watching, watched);
    return watched;
}

void watched_free(struct watched *watched)
{
    scoped_str message = STR_INIT;
    char key[24];

    if (!watched)
        return;
    wire_put_number(&message, WATCHING_DROP);
    wire_put_number(&message, watched->number);
    send_message(watched->watching, &message);
    map_remove(watched->watching->watches, number_key(watched->number, key));
    free(watched->path);
    free(watched);
}

void watching_retry(struct watching *watching)
{
    scoped_str message = STR_INIT;

    wire_put_number(&message, WATCHING_RETRY);
    send_message(watching, &message);
}

void watching_mounts_changed(struct watching *watching, const struct mount_changes *changes)
{
    const struct string_list points = {.items = (const char **)(uintptr_t)changes->points, .count = changes->count};
    scoped_str message = STR_INIT;

    wire_put_number(&message, WATCHING_MOUNTS);
    wire_put_number(&message, changes->everything);
    wire_put_list(&message, &points);
    send_message(watching, &message);
}

void watching_begin_record(struct watching *watching, const char *id, const char *data_root, bool find)
{
    map_set(watching->records, id, mem_strdup(data_root));
    map_remove(watching->unseen, id);
    send_begin(watching, id, data_root, find);
}

void watching_end_record(struct watching *watching, const char *id)
{
    scoped_str message = STR_INIT;

    if (!map_get(watching->records, id))
        return;
    wire_put_number(&message, WATCHING_END);
    wire_put_text(&message, id);
    send_message(watching, &message);
    map_remove(watching->unseen, id);
    map_remove(watching->records, id);
}

void watching_keep_records(struct watching *watching, bool (*keep)(const char *id, void *user), void *user)
{
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *id;
    void *value;

    while (map_next(watching->records, &at, &id, &value))
        if (!keep(id, user))
            vec_push(&gone, mem_strdup(id));
    for (size_t i = 0; i < gone.count; i++) {
        watching_end_record(watching, gone.items[i]);
        free(gone.items[i]);
    }
    vec_free(&gone);
}

bool watching_has_record(const struct watching *watching, const char *id)
{
    return watching->socket && map_get(watching->records, id) && !map_get(watching->unseen, id);
}

const struct watcher_counters *watching_counters(const struct watching *watching)
{
    return &watching->counters;
}

unsigned watching_restarts(const struct watching *watching)
{
    return watching->restarts;
}
