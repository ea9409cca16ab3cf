/* Whether the engine has events that did not come.
 *
 * The engine drops events of a subscriber that reads too slowly, and reports nothing. What it keeps of them (dockerd's
 * ring of 256, the last minutes of podman's log) is asked for on a second connection and compared with what came: at
 * regular intervals, however quiet it is, and sooner when so many came that the ring would turn over in between. What
 * did not come after a moment either, and comparisons that fail, are reported as a gap. After it the events that did
 * not come are reported as if they had. So is a ring that turned over nevertheless, if events came late meanwhile: the
 * engine drops none of a subscriber before 1,024 have waited for 100 ms.
 *
 * Nothing here depends on the two clocks being the same: what is later than the moment that is asked for is in the next
 * comparison. */
#include "probes/docker/docker_internal.h"

#include <errno.h>
#include <string.h>

#include "common/str.h"

enum {
    HURRY_EVENTS = 3 * RING_EVENTS / 4, /* so many came: before the ring turns over */
    HURRY_MS = 500,                     /* since the last comparison, at least */
    ANSWER_MS = 8000,
    CONNECT_MS = 4000,
    AGAIN_MS = 5000, /* after a failure */
    FAILURES_MAX = 2,
    ARRIVAL_MS = 2000, /* what the engine has already may be on its way for so long */
    LOG_BACK_S = 300,  /* podman's log is compared from no earlier than that */
    LOG_OVERLAP_S = 2,
    PODMAN_READS_MS = 500,
    LATE_USEC = 100 * 1000
};

static const struct json_limits limits = {.bytes = 32 * 1024 * 1024, .depth = 16, .values = 200000, .lines = true};

/* Over a network it is another clock than this host's. */
usec_t docker_engine_now(const struct docker *docker)
{
    usec_t now = clock_now(&clock_system) + docker->clock_offset;

    return now > 0 ? now : 0;
}

char *docker_kept_events(const struct docker *docker, int64_t since)
{
    usec_t until = docker_engine_now(docker);

    if (docker->podman) /* it stops there, whether or not it has read all of its log */
        until += PODMAN_READS_MS * (USEC_PER_SEC / 1000);
    return mem_printf("/v1.%u/events?since=%lld&until=%lld.%06lld000", docker->minor, (long long)since,
                      (long long)(until / USEC_PER_SEC), (long long)(until % USEC_PER_SEC));
}

static void set_timer(struct compare *compare, unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    evtimer_add(compare->timer, &wait);
}

static void on_kept_event(const struct json *value, void *user)
{
    struct docker *docker = user;
    struct compare *compare = &docker->compare;
    struct docker_event event;

    compare->kept++;
    if (parse_event_value(value, &event, NULL) < 0)
        return; /* it came with the stream, and was counted there */
    compare->overlaps = compare->overlaps || event.digest == compare->newest_before;
    compare->newest = event.digest;
    if (seen_has(&docker->seen, event.digest))
        return;
    if (compare->recovers)
        compare->report(docker, &event, false);
    else if (compare->unseen.count < countof(compare->unseen.digests))
        compare->unseen.digests[compare->unseen.count++] = event.digest;
    else
        compare->unseen.overflow = true;
}

static int on_data(const char *data, size_t length, void *user)
{
    struct docker *docker = user;

    json_stream_feed(docker->compare.events, data, length, NULL);
    return 0;
}

static void fail(struct docker *docker, const struct http_response *response)
{
    struct compare *compare = &docker->compare;
    scoped_str why = STR_INIT;

    if (++compare->failures < FAILURES_MAX) {
        set_timer(compare, AGAIN_MS < compare->interval_ms ? AGAIN_MS : compare->interval_ms);
        return;
    }
    compare->failures = 0;
    str_append(&why, "what the engine keeps of its events cannot be compared with those that came: ");
    if (response->error_number)
        str_append(&why, response->error_text ? response->error_text : error_reason(response->error_number));
    else
        docker_describe_refusal(response, &why);
    compare->suspect(docker, why.data);
    set_timer(compare, compare->interval_ms);
}

static void judge(struct docker *docker)
{
    struct compare *compare = &docker->compare;
    bool turned_over = !docker->podman && compare->kept >= RING_EVENTS && compare->newest_before && !compare->overlaps;
    bool was_late = compare->was_late;

    docker->counters.compared++;
    compare->failures = 0;
    compare->recovers = compare->was_late = false;
    compare->engine_before = compare->engine_began;
    compare->engine_began = compare->engine_asked;
    set_timer(compare, compare->interval_ms);
    if (turned_over && was_late)
        compare->suspect(docker, "more events came, and late, than the engine keeps for a comparison");
    else if (compare_is_something_missing(docker) && !docker->skipped)
        evtimer_add(docker->drop_timer, &(struct timeval){.tv_sec = ARRIVAL_MS / 1000});
}

static void on_done(struct http_request *request, const struct http_response *response, void *user)
{
    struct docker *docker = user;
    struct compare *compare = &docker->compare;

    (void)request;
    compare->request = NULL;
    json_stream_free(take(compare->events));
    if (response->error_number || response->status != 200)
        fail(docker, response);
    else
        judge(docker);
}

/* From which second on. podman keeps a log, as long as the host's history. */
static int64_t compared_from(const struct docker *docker)
{
    int64_t now = docker->compare.engine_asked / USEC_PER_SEC;
    usec_t last = docker->compare.recovers ? docker->compare.engine_before : docker->compare.engine_began;
    int64_t from = last / USEC_PER_SEC - LOG_OVERLAP_S;

    if (!docker->podman)
        return 0;
    return from < now - LOG_BACK_S ? now - LOG_BACK_S : from < now ? from : now;
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct docker *docker = user;
    struct compare *compare = &docker->compare;
    scoped(cleanup_free) char *path = NULL;

    (void)fd;
    (void)what;
    compare->is_hurried = false;
    /* Of the last one, something may still be on its way. */
    if (docker->state != DOCKER_CONNECTED || docker->resume != RESUME_NONE || compare->request ||
        (compare_is_something_missing(docker) && !docker->skipped)) {
        set_timer(compare, HURRY_MS);
        return;
    }
    compare->began = clock_monotonic();
    compare->engine_asked = docker_engine_now(docker);
    compare->events_then = docker->counters.events;
    compare->newest_before = compare->newest;
    compare->newest = 0;
    compare->overlaps = false;
    compare->kept = 0;
    compare->unseen.count = 0;
    compare->unseen.overflow = false;
    path = docker_kept_events(docker, compared_from(docker));
    compare->events = json_stream_new(&limits, docker_shape(docker, DOCUMENT_EVENT), on_kept_event, docker);
    compare->request = http_get(docker->http, &(struct http_options){.path = path,
                                                                     .timeout_ms = ANSWER_MS,
                                                                     .connect_timeout_ms = CONNECT_MS,
                                                                     .urgent = true,
                                                                     .data = on_data,
                                                                     .done = on_done,
                                                                     .user = docker});
}

void compare_init(struct docker *docker, compare_report *report, compare_suspect *suspect)
{
    docker->compare.report = report;
    docker->compare.suspect = suspect;
    docker->compare.timer = evtimer_new(docker->base, on_timer, docker);
    docker->compare.interval_ms = DOCKER_COMPARE_MS;
}

void compare_deinit(struct docker *docker)
{
    event_free(docker->compare.timer);
}

void compare_start(struct docker *docker)
{
    struct compare *compare = &docker->compare;

    compare->began = clock_monotonic();
    compare->engine_before = compare->engine_began = docker_engine_now(docker);
    compare->events_then = docker->counters.events;
    compare->newest = seen_newest(&docker->seen);
    set_timer(compare, compare->interval_ms);
}

void compare_stop(struct docker *docker)
{
    struct compare *compare = &docker->compare;

    if (compare->request)
        http_cancel(take(compare->request));
    json_stream_free(take(compare->events));
    evtimer_del(compare->timer);
    compare->newest = compare->newest_before = 0;
    compare->failures = 0;
    compare->unseen.count = 0;
    compare->unseen.overflow = false;
    compare->is_hurried = compare->recovers = false;
}

void compare_recover(struct docker *docker)
{
    docker->compare.unseen.count = 0;
    docker->compare.unseen.overflow = false;
    docker->compare.recovers = true;
    if (!docker->compare.request)
        set_timer(&docker->compare, 0);
}

/* The clocks of two hosts do not tell. */
static bool is_late(const struct docker *docker, int64_t time_nano)
{
    return !docker_address_is_here(&docker->address) || time_nano <= 0 ||
           clock_now(&clock_system) - time_nano / 1000 >= LATE_USEC;
}

void compare_came(struct docker *docker, const struct docker_event *event)
{
    struct compare *compare = &docker->compare;
    uint64_t digest = event->digest;
    usec_t passed;

    compare->was_late = compare->was_late || is_late(docker, event->time_nano);

    for (size_t i = compare->unseen.count; i-- > 0;)
        if (compare->unseen.digests[i] == digest)
            compare->unseen.digests[i] = compare->unseen.digests[--compare->unseen.count];
    if (docker->podman || compare->is_hurried || compare->request || docker->state != DOCKER_CONNECTED ||
        docker->counters.events - compare->events_then < HURRY_EVENTS)
        return;
    compare->is_hurried = true;
    passed = (clock_monotonic() - compare->began) / (USEC_PER_SEC / 1000);
    set_timer(compare, passed < HURRY_MS ? (unsigned)(HURRY_MS - passed) : 0);
}

bool compare_is_something_missing(const struct docker *docker)
{
    return docker->compare.unseen.count || docker->compare.unseen.overflow;
}

void docker_set_compare_interval(struct docker *docker, unsigned ms)
{
    docker->compare.interval_ms = ms;
}
