/* One inotify watch for each directory with a record. The kernel names it by a number and the caller by the container's
 * id, so there are two maps. Most changes have an event of the engine too, which has the container read: a record is
 * only reported when none came within a moment. When the kernel's queue overflowed, it may be any record. */
#include "probes/watch/record_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/map.h"
#include "common/memory.h"

enum { MOMENT_MS = 250 };

struct record {
    int wd;
    char *id;
    bool written; /* and not read since */
};

struct record_watch {
    int fd;
    record_changed *changed, *ended;
    void *user;
    struct event *event, *moment;
    struct map *by_id, *by_wd; /* the latter owns */
};

static const char *wd_key(int wd, char buffer[16])
{
    snprintf(buffer, 16, "%d", wd);
    return buffer;
}

static void record_free(void *p)
{
    struct record *record = p;

    free(record->id);
    free(record);
}

static void drop_record(struct record_watch *records, struct record *record)
{
    char key[16];

    map_remove(records->by_id, record->id);
    map_remove(records->by_wd, wd_key(record->wd, key));
}

static void report_in_a_moment(struct record_watch *records, struct record *record)
{
    static const struct timeval moment = {.tv_usec = MOMENT_MS * 1000};

    record->written = true;
    if (!evtimer_pending(records->moment, NULL))
        evtimer_add(records->moment, &moment);
}

static void take_event(struct record_watch *records, const struct inotify_event *event)
{
    char key[16];
    struct record *record = map_get(records->by_wd, wd_key(event->wd, key));
    size_t at = 0;
    void *value;

    if (event->mask & IN_Q_OVERFLOW) {
        while (map_next(records->by_wd, &at, NULL, &value))
            report_in_a_moment(records, value);
    } else if (record && event->mask & IN_IGNORED) {
        if (records->ended)
            records->ended(record->id, records->user);
        drop_record(records, record);
    } else if (record && event->len && strcmp(event->name, "config.v2.json") == 0) {
        report_in_a_moment(records, record);
    }
}

static void on_inotify(evutil_socket_t fd, short what, void *user)
{
    struct record_watch *records = user;
    char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    (void)what;
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        for (const char *at = buffer; at < buffer + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

            take_event(records, event);
            at += sizeof *event + event->len;
        }
}

static void on_moment(evutil_socket_t fd, short what, void *user)
{
    struct record_watch *records = user;
    struct map *due = map_new(free);
    size_t at = 0;
    const char *id;
    void *value;

    (void)fd;
    (void)what;
    while (map_next(records->by_id, &at, &id, &value))
        if (((struct record *)value)->written) {
            ((struct record *)value)->written = false;
            map_set(due, id, mem_strdup(id));
        }
    at = 0;
    while (map_next(due, &at, &id, &value)) /* which may begin and end watches */
        records->changed(id, records->user);
    map_free(due);
}

void record_watch_begin(struct record_watch *records, const char *id, const char *folder)
{
    struct record *record = map_get(records->by_id, id);
    int wd = inotify_add_watch(records->fd, folder, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR | IN_DONT_FOLLOW);
    char key[16];

    if (record && record->wd != wd) {
        inotify_rm_watch(records->fd, record->wd);
        drop_record(records, record);
        record = NULL;
    }
    if (wd < 0)
        return;
    if (!record) {
        record = mem_alloc(sizeof *record);
        *record = (struct record){.wd = wd, .id = mem_strdup(id)};
        map_set(records->by_wd, wd_key(wd, key), record);
        map_set(records->by_id, id, record);
    }
    record->written = false;
}

void record_watch_end(struct record_watch *records, const char *id)
{
    struct record *record = map_get(records->by_id, id);

    if (!record)
        return;
    inotify_rm_watch(records->fd, record->wd);
    drop_record(records, record);
}

bool record_watch_has(const struct record_watch *records, const char *id)
{
    return map_get(records->by_id, id) != NULL;
}

struct record_watch *record_watch_new(struct event_base *base, record_changed *changed, void *user, struct error *error)
{
    struct record_watch *records;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd < 0) {
        error_system(error, errno, "inotify");
        return NULL;
    }
    records = mem_alloc(sizeof *records);
    records->fd = fd;
    records->changed = changed;
    records->user = user;
    records->by_id = map_new(NULL);
    records->by_wd = map_new(record_free);
    records->event = event_new(base, fd, EV_READ | EV_PERSIST, on_inotify, records);
    records->moment = evtimer_new(base, on_moment, records);
    event_add(records->event, NULL);
    return records;
}

void record_watch_on_end(struct record_watch *records, record_changed *ended)
{
    records->ended = ended;
}

void record_watch_free(struct record_watch *records)
{
    if (!records)
        return;
    event_free(records->event);
    event_free(records->moment);
    map_free(records->by_id);
    map_free(records->by_wd);
    close(records->fd);
    free(records);
}
