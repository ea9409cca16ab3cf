/* The connection to one engine.
 *
 * An attempt is a ping (its answer has the API version), then the engine's ring on a request of its own, which ends
 * with the ring, then the event stream. What is in the ring happened before the attempt: it is reported as replayed,
 * and it shows whether something was missed: if none of it is known, the ring has turned over (256 events) or the
 * engine was restarted. The stream begins with the ring once more, so that there is no hole between the two; what it
 * brings that was not in the ring before is live. So no clock decides what is live: event times may lie before the
 * connection when the clock was set back.
 *
 * A stream that ends while connected may have been cut by a proxy. The ring then shows whether anything happened
 * meanwhile: what did is reported as live, and the stream goes on.
 *
 * A dead engine closes the stream, and one that merely hangs is found by its process' state (or by a ping where the
 * process is not ours to see). The engine drops events of a slow reader and reports nothing: docker_compare.c finds
 * what did not come. */
#include "probes/docker/docker_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/json_out.h"
#include "common/log.h"
#include "common/str.h"
#include "probes/host/proc.h"

enum {
    PING_MS = 4000,
    LOOK_S = 3,  /* at the engine's process, which costs nothing */
    TICK_S = 15, /* a ping, where it is not ours to see */
    BACKOFF_FIRST_MS = 250,
    BACKOFF_LAST_MS = 10000,
    ABSENT_MS = 30000,
    LOG_REPLAY_S = 300,
    DROP_RECHECK_S = 2,
    SKIPPED_S = 30,
    MINOR_MAX = 9999,
    LIVED_S = 5,
    SHORT_LIVED_MAX = 3,
    EVENT_LIMIT = 32 * 1024 * 1024
};

static const struct json_limits event_limits = {.bytes = EVENT_LIMIT, .depth = 16, .values = 200000, .lines = true};

static const char stream_closed[] = "the engine closed the event stream";
static const char hangs[] = "the engine does not answer (it hangs or is stopped)";

static void try_to_connect(struct docker *docker);
static void ask_for_replay(struct docker *docker);
static void start_stream(struct docker *docker);
static bool process_is_well(const struct docker *docker);
static void ask_for_peer(struct docker *docker);

static void start_timer(struct event *timer, unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    evtimer_add(timer, &wait);
}

/* ---- The engine's ring, as it comes ---- */

static void ring_end(struct ring *ring)
{
    json_stream_free(take(ring->stream));
    str_deinit(&ring->text);
}

/* One that cannot be read is left out. */
static void on_ring_value(const struct json *value, void *user)
{
    enum { RING_TEXT_MAX = 8 * 1024 * 1024 };
    struct ring *ring = user;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_value(out, NULL, value);
    ring->too_large = ring->too_large || ring->text.length > RING_TEXT_MAX;
    if (ring->too_large)
        return;
    str_append(&ring->text, json_out_text(out, NULL));
    str_append_char(&ring->text, '\n');
}

static void ring_begin(struct docker *docker, struct ring *ring)
{
    ring_end(ring);
    ring->too_large = false;
    ring->stream = json_stream_new(&event_limits, docker_shape(docker, DOCUMENT_EVENT), on_ring_value, ring);
}

static int ring_feed(struct ring *ring, const char *data, size_t length)
{
    json_stream_feed(ring->stream, data, length, NULL);
    return ring->too_large ? -1 : 0;
}

static void drop_requests(struct docker *docker)
{
    struct http_request **requests[] = {&docker->stream, &docker->ping, &docker->replay, &docker->peer};

    for (size_t i = 0; i < countof(requests); i++)
        if (*requests[i])
            http_cancel(take(*requests[i]));
    json_stream_free(take(docker->events));
    ring_end(&docker->replayed);
}

/* Back to idle, and another attempt after WAIT_MS. */
static void disconnect(struct docker *docker, unsigned wait_ms, const char *why)
{
    bool is_news = docker->state == DOCKER_CONNECTED || !str_equal(why, docker->why_reported);

    drop_requests(docker);
    docker->resume = RESUME_NONE;
    evtimer_del(docker->open_timer);
    evtimer_del(docker->liveness_timer);
    evtimer_del(docker->drop_timer);
    compare_stop(docker);
    docker->skipped = false;
    docker->state = DOCKER_IDLE;
    docker->since = 0;
    docker->peer_pid = docker->engine_pid = 0;
    free(docker->why_not);
    docker->why_not = mem_strdup(why);
    docker_fail_fetches(docker);
    if (docker->retry_soon)
        wait_ms = BACKOFF_FIRST_MS;
    docker->retry_soon = false;
    start_timer(docker->retry_timer, wait_ms);
    if (!is_news)
        return;
    free(docker->why_reported);
    docker->why_reported = mem_strdup(why);
    docker->callbacks.disconnected(docker->why_reported, docker->callbacks.user);
}

static void disconnect_and_back_off(struct docker *docker, const char *why)
{
    unsigned wait = docker->backoff_ms;

    docker->backoff_ms = 2 * wait < BACKOFF_LAST_MS ? 2 * wait : BACKOFF_LAST_MS;
    disconnect(docker, wait - wait / 4 + (unsigned)random() % (wait / 2 + 1), why);
}

static void become_connected(struct docker *docker, pid_t peer_pid)
{
    enum docker_gap gap = docker->once_connected ? docker->gap : DOCKER_GAP_FIRST;

    docker->gap = DOCKER_GAP_NONE;
    docker->state = DOCKER_CONNECTED;
    docker->skipped = false; /* everything is looked at now */
    docker->since = clock_now(&clock_system);
    docker->last_ping = clock_monotonic();
    docker->backoff_ms = BACKOFF_FIRST_MS;
    docker->retry_soon = false;
    docker->once_connected = true;
    docker->counters.connects++;
    docker->counters.gaps += gap != DOCKER_GAP_NONE && gap != DOCKER_GAP_FIRST;
    free(take(docker->why_not));
    free(take(docker->why_reported));
    docker->peer_pid = peer_pid;
    start_timer(docker->liveness_timer, LOOK_S * 1000);
    compare_start(docker);
    docker->callbacks.connected(gap, docker->callbacks.user);
}

/* An event may have been missed, WHY is for the log: everything is looked at again, but not more often than twice a
 * minute for such. */
static void suspect_hole(struct docker *docker, const char *why)
{
    usec_t now = clock_monotonic(), wait = DROP_RECHECK_S * USEC_PER_SEC;

    if (docker->skipped)
        return;
    docker->skipped = true;
    log_warning("event stream: %s", why);
    if (now + wait < docker->resync_after)
        wait = docker->resync_after - now;
    start_timer(docker->drop_timer, (unsigned)(wait / (USEC_PER_SEC / 1000)));
}

/* An event that cannot be read may have been of anything. */
static void skip_event(struct docker *docker, const char *why)
{
    scoped_str text = STR_INIT;

    docker->counters.malformed++;
    str_printf(&text, "%s; skipped", why);
    suspect_hole(docker, text.data);
}

static void report(struct docker *docker, const struct docker_event *event, bool replayed)
{
    seen_add(&docker->seen, event->digest);
    if (event->time_nano > docker->newest_event)
        docker->newest_event = event->time_nano;
    docker->counters.events++;
    docker->counters.replayed += replayed;
    compare_came(docker, event);
    if (!replayed)
        docker->last_event = clock_now(&clock_system);
    docker->callbacks.event(event, replayed, docker->callbacks.user);
}

static void on_event_value(const struct json *value, void *user)
{
    struct docker *docker = user;
    struct docker_event event;
    struct error error = ERROR_INIT;

    docker->stream_events++;
    if (parse_event_value(value, &event, &error) < 0) {
        skip_event(docker, error.text);
        return;
    }
    /* The ring, and the first live event after it, repeat what is known; so does a log. */
    if ((docker->podman || docker->stream_events <= 2 * RING_EVENTS) && seen_has(&docker->seen, event.digest))
        return;
    report(docker, &event, false);
}

static int on_stream_data(const char *data, size_t length, void *user)
{
    struct docker *docker = user;
    struct error error = ERROR_INIT;

    if (json_stream_feed(docker->events, data, length, &error) < 0)
        skip_event(docker, error.text);
    return 0;
}

static void on_stream_headers(long status, void *user)
{
    struct docker *docker = user;

    if (status != 200 || (docker->state != DOCKER_OPENING && docker->resume != RESUME_OPENING))
        return;
    if (docker->resume == RESUME_OPENING)
        docker->resume = RESUME_OPENED;
    else
        docker->state = DOCKER_OPENED;
    start_timer(docker->open_timer, 0); /* this runs inside curl */
}

static void end_resume(struct docker *docker)
{
    docker->resume = RESUME_NONE;
    if (!docker->overlap && docker->callbacks.resumed)
        docker->callbacks.resumed(docker->callbacks.user);
}

/* The engine has not answered in time. */
static const char *why_silent(const struct docker *docker)
{
    const char *why = docker->callbacks.silent ? docker->callbacks.silent(docker->callbacks.user) : NULL;

    return why ? why : hangs;
}

static void on_open_timer(evutil_socket_t fd, short what, void *user)
{
    struct docker *docker = user;

    (void)fd;
    (void)what;
    if (docker->state == DOCKER_OPENING || docker->resume == RESUME_OPENING)
        disconnect_and_back_off(docker, why_silent(docker));
    else if (docker->resume == RESUME_OPENED)
        end_resume(docker);
    else
        ask_for_peer(docker);
}

static void describe_response(const struct http_response *response, struct str *why)
{
    if (response->error_number)
        str_append(why, response->error_text ? response->error_text : error_reason(response->error_number));
    else
        docker_describe_refusal(response, why);
}

/* A stream that ended while connected is asked for again, if the engine's process (where it is known) is there, and not
 * when several in a row ended soon. */
static bool resume(struct docker *docker)
{
    if (clock_monotonic() - docker->stream_opened >= LIVED_S * USEC_PER_SEC)
        docker->short_lived = 0;
    if (docker->state != DOCKER_CONNECTED || docker->resume != RESUME_NONE ||
        (docker->engine_pid && !process_is_well(docker)) || docker->short_lived++ >= SHORT_LIVED_MAX)
        return false;
    json_stream_free(take(docker->events));
    docker->resume = RESUME_REPLAYING;
    ask_for_replay(docker);
    return true;
}

/* What the ring shows decides, and who listens: the same engine and all of its events, or a new connection, with what
 * was missed. */
static void go_on_resuming(struct docker *docker, pid_t peer_pid)
{
    if (docker->gap != DOCKER_GAP_NONE || (docker->peer_pid && peer_pid && peer_pid != docker->peer_pid)) {
        disconnect(docker, 0, stream_closed);
        return;
    }
    docker->resume = RESUME_OPENING;
    start_stream(docker);
    start_timer(docker->open_timer, PING_MS);
}

static void on_peer(struct http_request *request, const struct http_response *response, void *user)
{
    struct docker *docker = user;
    long pid = response->error_number || response->status != 200 ? 0 : strtol(response->body, NULL, 10);

    (void)request;
    docker->peer = NULL;
    pid = pid > 0 && pid <= INT32_MAX ? pid : 0;
    if (docker->resume == RESUME_REPLAYING)
        go_on_resuming(docker, (pid_t)pid);
    else
        become_connected(docker, (pid_t)pid);
}

/* Who listens at the engine's socket. The broker answers, on a connection that leads to no engine. */
static void ask_for_peer(struct docker *docker)
{
    struct http_options options = {.path = "/broker/peer",
                                   .limit = 4096,
                                   .timeout_ms = PING_MS,
                                   .connect_timeout_ms = PING_MS,
                                   .own_connection = true,
                                   .urgent = true,
                                   .done = on_peer,
                                   .user = docker};

    docker->peer = http_get(docker->http, &options);
}

static void on_stream_done(struct http_request *request, const struct http_response *response, void *user)
{
    struct docker *docker = user;
    scoped_str why = STR_INIT;

    (void)request;
    docker->stream = NULL;
    if (response->status == 200 && (!response->error_number || response->error_number == ECONNRESET)) {
        if (resume(docker))
            return;
        str_append(&why, stream_closed);
    } else {
        describe_response(response, &why);
    }
    disconnect_and_back_off(docker, str_text(&why));
}

/* ENGINE_DATE is in whole seconds, and a moment old. */
static void note_clock(struct docker *docker, time_t engine_date)
{
    usec_t now = clock_now(&clock_system), at;

    docker->clock_offset = 0;
    if (engine_date > 0 && usec_from_seconds(engine_date, &at) == 0 && (at > now || at < now - USEC_PER_SEC * 3 / 2))
        docker->clock_offset = at - now;
}

/* From which second on events are asked for. dockerd gives its whole ring: from a later moment on it may leave out
 * some. podman has no ring but a log, as long as the host's history, and gives it from any moment on; never from a
 * later one than now, which would hold back what happens until then. */
static int64_t events_from(const struct docker *docker)
{
    int64_t now = docker_engine_now(docker) / USEC_PER_SEC, newest = docker->newest_event / 1000000000;

    if (!docker->podman)
        return 0;
    if (!newest)
        return now > LOG_REPLAY_S ? now - LOG_REPLAY_S : 0;
    return newest < now ? newest : now;
}

static void start_stream(struct docker *docker)
{
    scoped(cleanup_free) char *path =
        mem_printf("/v1.%u/events?since=%lld", docker->minor, (long long)events_from(docker));
    struct http_options options = {.path = path,
                                   .connect_timeout_ms = PING_MS,
                                   .urgent = true,
                                   .data = on_stream_data,
                                   .headers = on_stream_headers,
                                   .done = on_stream_done,
                                   .user = docker};

    docker->events = json_stream_new(&event_limits, docker_shape(docker, DOCUMENT_EVENT), on_event_value, docker);
    docker->stream_events = 0;
    docker->stream_opened = clock_monotonic();
    docker->stream = http_get(docker->http, &options);
}

static void open_stream(struct docker *docker)
{
    docker->state = DOCKER_OPENING;
    start_stream(docker);
    start_timer(docker->open_timer, PING_MS);
}

/* One that cannot be read comes again with the stream, and is passed over there. */
static void on_replayed_value(const struct json *value, void *user)
{
    struct docker *docker = user;
    struct docker_event event;

    docker->replay_events++;
    if (parse_event_value(value, &event, NULL) < 0)
        return;
    if (seen_has(&docker->seen, event.digest)) {
        docker->overlap = true;
        docker->counters.duplicates++;
    } else {
        report(docker, &event, docker->resume == RESUME_NONE); /* resuming, it is live: nothing is looked at anew */
    }
}

/* What the replay says about the time without a connection. It holds until there is one: the events are known then. */
static void judge_gap(struct docker *docker, bool known_before)
{
    if (docker->overlap)
        return;
    if (docker->replay_events >= RING_EVENTS)
        docker->gap = DOCKER_GAP_RING;
    else if (known_before)
        docker->gap = DOCKER_GAP_RESTART;
}

static void use_version(struct docker *docker, unsigned minor)
{
    docker->minor = minor;
    snprintf(docker->api_version, sizeof docker->api_version, "1.%u", minor);
}

/* "client version 1.57 is too old. Minimum supported API version is 1.58, …" → 58, "… is too new. Maximum supported API
 * version is 1.51" → 51; 0 when it says something else. */
static unsigned demanded_minor(const struct http_response *response)
{
    static const char words[] = "supported API version is 1.";
    const char *at = response->status == 400 && response->body ? strstr(response->body, words) : NULL;
    unsigned minor = 0;

    if (!at)
        return 0;
    for (at += strlen(words); *at >= '0' && *at <= '9' && minor < MINOR_MAX; at++)
        minor = minor * 10 + (unsigned)(*at - '0');
    return minor <= MINOR_MAX ? minor : 0;
}

/* The engine refuses the version that its ping led to (a proxy in between drops the header, or its oldest is newer than
 * our newest): one that it names itself is tried, once in an attempt. */
static bool use_demanded_version(struct docker *docker, const struct http_response *response)
{
    unsigned minor = demanded_minor(response);

    if (minor < DOCKER_API_FLOOR_MINOR || minor == docker->minor || docker->version_demanded)
        return false;
    if (minor > DOCKER_API_CEILING_MINOR)
        log_warning("the engine supports no API version below 1.%u; newer than 1.%d is not known here: what it no "
                    "longer reports will be judged as an error",
                    minor, (int)DOCKER_API_CEILING_MINOR);
    docker->version_demanded = true;
    use_version(docker, minor);
    ask_for_replay(docker);
    return true;
}

static int on_replay_data(const char *data, size_t length, void *user)
{
    return ring_feed(&((struct docker *)user)->replayed, data, length);
}

static bool ring_is_too_large(const struct ring *ring, const struct http_response *response)
{
    return response->status == 200 && (ring->too_large || response->error_number == EFBIG);
}

static void on_replay(struct http_request *request, const struct http_response *response, void *user)
{
    struct docker *docker = user;
    bool known_before = docker->seen.count > 0;
    scoped_str why = STR_INIT;

    (void)request;
    docker->replay = NULL;
    if (!response->error_number && use_demanded_version(docker, response))
        return;
    docker->overlap = false;
    docker->replay_events = 0;
    if (ring_is_too_large(&docker->replayed, response)) { /* it cannot be compared: as if something were missing */
        docker->gap = DOCKER_GAP_RING;
    } else if (response->error_number || response->status != 200) {
        if (response->error_number == ETIMEDOUT)
            str_append(&why, why_silent(docker));
        else
            describe_response(response, &why);
        disconnect_and_back_off(docker, str_text(&why));
        return;
    } else {
        struct json_stream *events = json_stream_new(&event_limits, NULL, on_replayed_value, docker);

        json_stream_feed(events, str_text(&docker->replayed.text), docker->replayed.text.length, NULL);
        json_stream_free(events);
        ring_end(&docker->replayed);
        judge_gap(docker, known_before);
    }
    if (docker->resume == RESUME_REPLAYING)
        ask_for_peer(docker);
    else
        open_stream(docker);
}

static void ask_for_replay(struct docker *docker)
{
    scoped(cleanup_free) char *path = docker_kept_events(docker, events_from(docker));
    struct http_options options = {.path = path,
                                   .timeout_ms = 2 * PING_MS,
                                   .connect_timeout_ms = PING_MS,
                                   .urgent = true,
                                   .data = on_replay_data,
                                   .done = on_replay,
                                   .user = docker};

    if (docker->resume == RESUME_NONE)
        docker->state = DOCKER_REPLAYING;
    ring_begin(docker, &docker->replayed);
    docker->replay = http_get(docker->http, &options);
}

/* "1.41" → 41; 0 when it is something else. */
static unsigned minor_of(const char *version)
{
    unsigned long minor;
    char *end;

    if (!version || strncmp(version, "1.", 2) != 0 || version[2] < '0' || version[2] > '9')
        return 0;
    minor = strtoul(version + 2, &end, 10);
    return *end || minor > MINOR_MAX ? 0 : (unsigned)minor;
}

static void on_pong(struct http_request *request, const struct http_response *response, void *user)
{
    struct docker *docker = user;
    bool opening = docker->state == DOCKER_PINGING;
    scoped_str why = STR_INIT;
    unsigned minor;

    (void)request;
    docker->ping = NULL;
    if (response->error_number || response->status != 200) {
        if (response->error_number == ETIMEDOUT)
            str_append(&why, why_silent(docker));
        else
            describe_response(response, &why);
        if (response->error_number == ENOENT)
            disconnect(docker, ABSENT_MS, str_text(&why));
        else
            disconnect_and_back_off(docker, str_text(&why));
        return;
    }
    note_clock(docker, response->date);
    if (!opening) {
        docker_deliver_unconfirmed(docker);
        return;
    }
    docker->podman = response->podman;
    minor = minor_of(response->api_version);
    if (!minor)
        minor = DOCKER_API_FLOOR_MINOR;
    if (minor < DOCKER_API_FLOOR_MINOR) {
        str_printf(&why, "the engine supports API %s only; 1.%d or newer is required", response->api_version,
                   (int)DOCKER_API_FLOOR_MINOR);
        disconnect(docker, ABSENT_MS, str_text(&why));
        return;
    }
    docker->version_demanded = false;
    use_version(docker, minor < DOCKER_API_CEILING_MINOR ? minor : DOCKER_API_CEILING_MINOR);
    ask_for_replay(docker);
}

static void ping(struct docker *docker)
{
    struct http_options options = {.path = "/_ping",
                                   .limit = 4096,
                                   .timeout_ms = PING_MS,
                                   .connect_timeout_ms = PING_MS,
                                   .urgent = true,
                                   .done = on_pong,
                                   .user = docker};

    if (docker->ping)
        return;
    docker->counters.pings++;
    if (docker->callbacks.silent)
        docker->callbacks.silent(docker->callbacks.user); /* so that it is known when no answer comes */
    docker->last_ping = clock_monotonic();
    docker->ping = http_get(docker->http, &options);
}

static void try_to_connect(struct docker *docker)
{
    struct stat st = {.st_mode = S_IFSOCK}; /* where this process may not look, the broker may */
    const char *why = NULL;
    enum http_gate gate;

    if (docker->state != DOCKER_IDLE)
        return;
    evtimer_del(docker->retry_timer);
    if (docker->no_way) {
        disconnect(docker, ABSENT_MS, docker->no_way);
        return;
    }
    if (docker->address.unix_path && stat(docker->address.unix_path, &st) < 0 && errno != EACCES) {
        scoped_str text = STR_INIT;

        message_add(&text, "%s: %s", docker->address.host_text, error_reason(errno));
        disconnect(docker, ABSENT_MS, text.data);
        return;
    }
    if (docker->address.unix_path && !S_ISSOCK(st.st_mode)) {
        scoped_str text = STR_INIT;

        message_add(&text,
                    S_ISDIR(st.st_mode) ? "%s: a directory, not a socket" : "%s: a file of another kind, not a socket",
                    docker->address.host_text);
        disconnect(docker, ABSENT_MS, text.data);
        return;
    }
    gate = docker->callbacks.may_connect ? docker->callbacks.may_connect(&why, docker->callbacks.user) : HTTP_GATE_OPEN;
    if (gate == HTTP_GATE_ASK) {
        start_timer(docker->retry_timer, ABSENT_MS); /* docker_gate_known() comes sooner */
        return;
    }
    if (gate == HTTP_GATE_CLOSED) {
        disconnect(docker, ABSENT_MS, why);
        return;
    }
    docker->state = DOCKER_PINGING;
    ping(docker);
}

/* Every connection may start a stopped engine, not only the first. */
static enum http_gate may_connect(void *user)
{
    struct docker *docker = user;
    const char *why;

    return docker->callbacks.may_connect(&why, docker->callbacks.user);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    try_to_connect(user);
}

void docker_check_alive(struct docker *docker)
{
    if (docker->state == DOCKER_CONNECTED)
        ping(docker);
}

static void on_drop_recheck(evutil_socket_t fd, short what, void *user)
{
    struct docker *docker = user;
    bool missing = compare_is_something_missing(docker), dropped = docker->skipped || missing;

    (void)fd;
    (void)what;
    if (docker->skipped)
        docker->resync_after = clock_monotonic() + SKIPPED_S * USEC_PER_SEC;
    docker->skipped = false;
    if (!dropped || docker->state != DOCKER_CONNECTED)
        return;
    docker->counters.gaps++;
    docker->callbacks.gap(DOCKER_GAP_DROPPED, docker->callbacks.user);
    if (missing)
        compare_recover(docker);
}

static bool process_is_well(const struct docker *docker)
{
    int state = proc_state(docker->root, docker->engine_pid);

    return state > 0 && state != 'T' && state != 't' && state != 'Z' && state != 'X';
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct docker *docker = user;

    (void)fd;
    (void)what;
    bool is_time = clock_monotonic() - docker->last_ping >= (TICK_S - 1) * USEC_PER_SEC;

    if (docker->engine_pid ? !process_is_well(docker) : is_time)
        ping(docker);
    start_timer(docker->liveness_timer, LOOK_S * 1000);
}

static void on_fail(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    docker_deliver_failed(user);
}

struct docker *docker_new(struct event_base *base, const struct docker_address *address,
                          const struct docker_callbacks *callbacks, struct error *error)
{
    struct docker *docker = mem_alloc(sizeof *docker);

    docker->base = base;
    docker->address = *address;
    docker->callbacks = *callbacks;
    docker->backoff_ms = BACKOFF_FIRST_MS;
    TAILQ_INIT(&docker->fetches);
    TAILQ_INIT(&docker->failed);
    TAILQ_INIT(&docker->unconfirmed);
    docker->retry_timer = evtimer_new(base, on_retry, docker);
    docker->open_timer = evtimer_new(base, on_open_timer, docker);
    docker->liveness_timer = evtimer_new(base, on_tick, docker);
    docker->drop_timer = evtimer_new(base, on_drop_recheck, docker);
    compare_init(docker, report, suspect_hole);
    docker->fail_event = event_new(base, -1, 0, on_fail, docker);
    docker->http = http_new(base, address, error);
    if (!docker->http || host_root_open("/", &docker->root, error) < 0) {
        docker_free(docker);
        return NULL;
    }
    if (docker->callbacks.may_connect)
        http_set_gate(docker->http, may_connect, docker);
    return docker;
}

void docker_free(struct docker *docker)
{
    if (!docker)
        return;
    if (docker->http) {
        compare_stop(docker);
        drop_requests(docker);
        docker_free_fetches(docker);
        http_free(docker->http);
    }
    event_free(docker->retry_timer);
    event_free(docker->open_timer);
    event_free(docker->liveness_timer);
    event_free(docker->drop_timer);
    compare_deinit(docker);
    event_free(docker->fail_event);
    host_root_close(docker->root);
    for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
        json_shape_free(docker->shapes[i]);
        json_shape_free(docker->own[i].shape);
        str_deinit(&docker->own[i].pointers);
    }
    free(docker->why_not);
    free(docker->why_reported);
    free(docker->no_way);
    free(docker);
}

void docker_start(struct docker *docker)
{
    docker->started = true;
    start_timer(docker->retry_timer, 0);
}

void docker_gate_known(struct docker *docker)
{
    http_gate_known(docker->http);
    docker_retry(docker);
}

void docker_retry(struct docker *docker)
{
    if (!docker->started || docker->state == DOCKER_CONNECTED)
        return;
    docker->backoff_ms = BACKOFF_FIRST_MS;
    if (docker->state == DOCKER_IDLE)
        start_timer(docker->retry_timer, 1);
    else
        docker->retry_soon = true;
}

void docker_way_changed(struct docker *docker, const char *why)
{
    free(docker->no_way);
    docker->no_way = mem_strdup(why);
    if (!docker->started)
        return;
    if (why)
        disconnect(docker, ABSENT_MS, why);
    else
        docker_retry(docker);
}

void docker_clock_changed(struct docker *docker)
{
    if (!docker->podman || !docker->stream)
        return;
    http_cancel(take(docker->stream));
    json_stream_free(take(docker->events));
    start_stream(docker);
}

bool docker_is_connected(const struct docker *docker)
{
    return docker->state == DOCKER_CONNECTED;
}

const char *docker_api_version(const struct docker *docker)
{
    return docker->minor ? docker->api_version : NULL;
}

const char *docker_why_not(const struct docker *docker)
{
    return docker->state == DOCKER_CONNECTED ? NULL : docker->why_not ? docker->why_not : "no answer yet";
}

usec_t docker_since(const struct docker *docker)
{
    return docker->since;
}

usec_t docker_last_event(const struct docker *docker)
{
    return docker->last_event;
}

pid_t docker_peer_pid(const struct docker *docker)
{
    return docker->peer_pid;
}

const char *docker_socket(const struct docker *docker)
{
    return docker->address.unix_path;
}

void docker_set_engine_pid(struct docker *docker, pid_t pid)
{
    docker->engine_pid = pid;
}

void docker_counters(const struct docker *docker, struct docker_counters *ret)
{
    const struct http_counters *http = http_counters(docker->http);

    *ret = docker->counters;
    ret->requests = http->requests;
    ret->bytes = http->bytes;
    ret->turn_most = http->turn_most;
}

bool docker_is_podman(const struct docker *docker)
{
    return docker->podman;
}

bool docker_is_remote(const struct docker *docker)
{
    return !docker_address_is_here(&docker->address);
}

unsigned docker_api_minor(const struct docker *docker)
{
    return docker->minor;
}

const struct docker_address *docker_address(const struct docker *docker)
{
    return &docker->address;
}

void docker_keep(struct docker *docker, enum docker_document document, const char *pointers)
{
    struct own_shape *own = &docker->own[document];

    if (strcmp(str_text(&own->pointers), pointers) == 0)
        return;
    docker_forget_own(docker);
    json_shape_free(take(own->shape));
    str_clear(&own->pointers);
    str_append(&own->pointers, pointers);
    own->shape = document_own_shape(document, pointers);
}
