/* The process that watches. It has a loop of its own, and ends with its socket or at any message that is none. */
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/util.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/map.h"
#include "probes/roles/roles_internal.h"
#include "probes/roles/watching_internal.h"
#include "probes/watch/record_watch.h"
#include "probes/watch/watch.h"

enum { ID_MAX = 128, LATELY_S = 60, STALL_S = 20, ALIVE_S = 5 };

struct serving {
    const struct role_context *context;
    struct event_base *base;
    struct bufferevent *socket;
    struct watcher *watcher;
    struct record_watch *records;
    struct map *watches; /* number, in decimal → struct served */
    struct watcher_counters sent;
    bool ended;
};

struct served {
    struct serving *serving;
    int64_t number;
    struct watch *watch;
};

static void served_free(void *p)
{
    struct served *served = p;

    watch_free(served->watch);
    free(served);
}

static void send_message(struct serving *serving, const struct str *message)
{
    watching_put(bufferevent_get_output(serving->socket), message);
}

static void send_number(struct serving *serving, enum watching_message kind, int64_t number)
{
    scoped_str message = STR_INIT;

    wire_put_number(&message, kind);
    wire_put_number(&message, number);
    send_message(serving, &message);
}

static void send_id(struct serving *serving, enum watching_message kind, const char *id)
{
    scoped_str message = STR_INIT;

    wire_put_number(&message, kind);
    wire_put_text(&message, id);
    send_message(serving, &message);
}

static void on_changed(const char *path, void *user)
{
    const struct served *served = user;

    (void)path;
    send_number(served->serving, WATCHING_CHANGED, served->number);
}

static void on_record(const char *id, void *user)
{
    send_id(user, WATCHING_RECORD, id);
}

static void on_record_gone(const char *id, void *user)
{
    send_id(user, WATCHING_UNSEEN, id);
}

/* ---- Requests ---- */

static const char *number_key(int64_t number, char buffer[24])
{
    snprintf(buffer, 24, "%lld", (long long)number);
    return buffer;
}

static bool add(struct serving *serving, struct wire_reader *reader)
{
    int64_t number = wire_number(reader), scope = wire_number(reader);
    const char *path = wire_text(reader);
    struct served *served;
    char key[24];

    if (reader->broken || !path || path[0] != '/' || scope < WATCH_PATH || scope > WATCH_TREE_WRITES)
        return false;
    served = mem_alloc(sizeof *served);
    served->serving = serving;
    served->number = number;
    map_set(serving->watches, number_key(number, key), served);
    served->watch = watch_add(serving->watcher, path, (enum watch_scope)scope, on_changed, served);
    return true;
}

static bool change_mounts(struct serving *serving, struct wire_reader *reader)
{
    struct mount_changes changes = {.everything = wire_number(reader) != 0};
    struct string_list points;

    wire_list(reader, WATCHING_POINTS_MAX, &points);
    if (reader->broken)
        return false;
    changes.points = points.items;
    changes.count = points.count;
    watcher_mounts_changed(serving->watcher, &changes);
    return true;
}

static bool is_id(const char *id)
{
    return id && *id && strlen(id) <= ID_MAX && strspn(id, "0123456789abcdef") == strlen(id);
}

/* Where the host's PATH is for calls that take only a path: through the descriptor, as the link of another process's
 * root (/proc/1/root) is followed only by who may trace it. The caller frees. */
static char *reach(const struct host_root *root, const char *path)
{
    scoped(cleanup_free) char *target = NULL;

    if (host_resolve(root, path, &target, NULL) < 0)
        return NULL;
    return mem_printf("/proc/self/fd/%d%s", host_root_fd(root), target);
}

/* Written so lately that the container may have been read before. */
static bool is_fresh(const char *folder)
{
    scoped(cleanup_free) char *path = mem_printf("%s/config.v2.json", folder);
    struct stat st;

    return stat(path, &st) == 0 && st.st_mtim.tv_sec + LATELY_S > time(NULL);
}

static bool begin_record(struct serving *serving, struct wire_reader *reader)
{
    const char *id = wire_text(reader), *data_root = wire_text(reader);
    bool find = wire_number(reader) != 0;
    scoped(cleanup_free) char *path = NULL, *folder = NULL;

    if (reader->broken || !is_id(id) || !data_root || data_root[0] != '/')
        return false;
    path = mem_printf("%s/containers/%s", data_root, id);
    folder = reach(serving->context->outside, path);
    if (folder && serving->records)
        record_watch_begin(serving->records, id, folder);
    if (!serving->records || !record_watch_has(serving->records, id))
        send_id(serving, WATCHING_UNSEEN, id);
    if (find && folder && is_fresh(folder))
        send_id(serving, WATCHING_RECORD, id);
    return true;
}

static bool handle(struct serving *serving, struct wire_reader *reader)
{
    int64_t kind = wire_number(reader);
    const char *id;
    char key[24];

    switch (kind) {
    case WATCHING_ADD:
        return add(serving, reader);
    case WATCHING_DROP:
        return map_remove(serving->watches, number_key(wire_number(reader), key)) && !reader->broken;
    case WATCHING_RETRY:
        watcher_retry(serving->watcher);
        return true;
    case WATCHING_MOUNTS:
        return change_mounts(serving, reader);
    case WATCHING_BEGIN:
        return begin_record(serving, reader);
    case WATCHING_END:
        id = wire_text(reader);
        if (is_id(id) && serving->records)
            record_watch_end(serving->records, id);
        return is_id(id);
    case WATCHING_FENCE:
        send_number(serving, WATCHING_FENCE, wire_number(reader));
        return !reader->broken;
    default:
        return false;
    }
}

static void end(struct serving *serving)
{
    serving->ended = true;
    event_base_loopbreak(serving->base);
}

static void on_readable(struct bufferevent *socket, void *user)
{
    struct serving *serving = user;
    scoped_str text = STR_INIT;
    int r = 1;

    while (r > 0 && !serving->ended) {
        scoped(cleanup_arena) struct arena *arena = arena_new(512);
        struct wire_reader reader;

        r = watching_take(bufferevent_get_input(socket), arena, &text, &reader);
        if (r < 0 || (r > 0 && (!handle(serving, &reader) || reader.left)))
            end(serving);
    }
}

static void on_end(struct bufferevent *socket, short what, void *user)
{
    (void)socket;
    (void)what;
    end(user);
}

static bool are_equal(const struct watcher_counters *a, const struct watcher_counters *b)
{
    return a->wakeups == b->wakeups && a->events == b->events && a->overflows == b->overflows && a->paths == b->paths &&
           a->kernel_watches == b->kernel_watches && a->refused == b->refused;
}

static void report_counters(struct serving *serving)
{
    const struct watcher_counters *now = watcher_counters(serving->watcher);
    scoped_str message = STR_INIT;

    if (are_equal(now, &serving->sent))
        return;
    serving->sent = *now;
    wire_put_number(&message, WATCHING_COUNTERS);
    wire_put_number(&message, (int64_t)now->wakeups);
    wire_put_number(&message, (int64_t)now->events);
    wire_put_number(&message, (int64_t)now->overflows);
    wire_put_number(&message, now->paths);
    wire_put_number(&message, now->kernel_watches);
    wire_put_number(&message, now->refused);
    send_message(serving, &message);
}

/* A loop that stalls (a file system that does not answer) ends by the alarm's signal: nobody awaits it any more, and
 * more of them would add up. */
static void on_alive(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
    alarm(STALL_S);
}

void files_serve_watches(int fd, const void *argument)
{
    struct serving serving = {.context = argument, .base = event_base_new()};
    struct event *alive = event_new(serving.base, -1, EV_PERSIST, on_alive, NULL);
    struct error error = ERROR_INIT;

    evtimer_add(alive, &(struct timeval){.tv_sec = ALIVE_S});
    alarm(STALL_S);
    evutil_make_socket_nonblocking(fd);
    serving.watches = map_new(served_free);
    serving.watcher = watcher_new(serving.base, serving.context->root, &error);
    serving.records = record_watch_new(serving.base, on_record, &serving, NULL);
    if (serving.records)
        record_watch_on_end(serving.records, on_record_gone);
    if (!serving.watcher) {
        log_warning("watches: %s", error.text);
        return;
    }
    serving.socket = bufferevent_socket_new(serving.base, fd, 0);
    bufferevent_setcb(serving.socket, on_readable, NULL, on_end, &serving);
    bufferevent_enable(serving.socket, EV_READ | EV_WRITE);
    while (!serving.ended && event_base_loop(serving.base, EVLOOP_ONCE) == 0)
        report_counters(&serving);
    bufferevent_free(serving.socket);
    map_free(serving.watches);
    record_watch_free(serving.records);
    watcher_free(serving.watcher);
    event_free(alive);
    event_base_free(serving.base);
}
