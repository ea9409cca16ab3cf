/* What the files of the engine connection share: docker.c (states, stream, liveness), docker_fetch.c (typed fetches),
 * docker_refusal.c (answers that are no documents), docker_seen.c (which events were reported). Nobody else includes
 * this. */
#ifndef PROBES_DOCKER_DOCKER_INTERNAL_H
#define PROBES_DOCKER_DOCKER_INTERNAL_H

#include <sys/queue.h>

#include "common/file.h"
#include "probes/docker/docker.h"

/* The digests of the last events, newest over oldest. The engine keeps 256 for replay and up to 1,024 per subscriber.
 */
enum { SEEN_COUNT = 2048 };
struct seen {
    uint64_t digests[SEEN_COUNT];
    size_t count, next;
};
bool seen_has(const struct seen *seen, uint64_t digest);
void seen_add(struct seen *seen, uint64_t digest);

enum docker_state {
    DOCKER_IDLE,
    DOCKER_PINGING,
    DOCKER_REPLAYING, /* the engine's ring is asked for */
    DOCKER_OPENING,   /* the stream is */
    DOCKER_OPENED,    /* its header is here */
    DOCKER_CONNECTED
};

/* How far a stream that ended while connected is opened again, without anybody being told. */
enum docker_resume { RESUME_NONE, RESUME_REPLAYING, RESUME_OPENING, RESUME_OPENED };

TAILQ_HEAD(fetch_list, fetch);

struct docker {
    struct event_base *base;
    struct docker_address address;
    struct docker_callbacks callbacks;
    struct http *http;
    struct host_root *root; /* / : for /proc */
    enum docker_state state;
    struct http_request *stream, *ping, *replay, *drop_test, *peer;
    struct json_stream *events;
    struct event *retry_timer, *open_timer, *liveness_timer, *drop_timer, *fail_event;
    unsigned backoff_ms;
    unsigned minor; /* 1.MINOR, 0 before */
    char api_version[16];
    bool version_demanded; /* in this attempt the engine refused one and named another */
    char *why_not, *why_reported;
    char *no_way; /* why there is no way to the engine; NULL: there is one */
    enum docker_resume resume;
    usec_t stream_opened; /* monotonic: when this stream was asked for */
    unsigned short_lived; /* streams in a row that ended soon after */
    bool keep_documents;
    bool podman;          /* what answered the last ping */
    int64_t newest_event; /* the latest time (ns) of an event so far */
    bool once_connected, started, retry_soon;
    pid_t peer_pid, engine_pid;
    usec_t since, last_event;

    struct seen seen;
    usec_t clock_offset;                 /* of the engine's clock to this host's, 0: the same */
    size_t replay_events, stream_events; /* of the last replay, on this stream */
    bool overlap;                        /* a known event was among the replayed ones */
    enum docker_gap gap;                 /* between the last connection and the last replay */
    uint64_t events_at_tick;
    usec_t last_ping;
    struct {
        uint64_t digests[256];
        size_t count;
    } unseen;            /* of a drop test, looked at again after a moment */
    bool skipped;        /* an event could not be read since the last resynchronization for such */
    usec_t resync_after; /* not before this again */

    struct fetch_list fetches, failed;
    struct fetch_list
        unconfirmed; /* failed in a way that may mean the engine's end: completed when a ping has decided */
    struct docker_counters counters;
};

/* Fails everything under way with ENOTCONN, from the loop. */
/* docker_refusal.c: one line each, added to OUT. Why an answer is not what was asked for, by its status and body; what
 * a page of HTML says. */
void docker_describe_refusal(const struct http_response *response, struct str *out);
void docker_describe_page(const char *body, size_t length, struct str *out);
bool docker_is_page(const char *body, size_t length);

void docker_fail_fetches(struct docker *docker);
void docker_free_fetches(struct docker *docker);
void docker_deliver_failed(struct docker *docker);
void docker_deliver_unconfirmed(struct docker *docker); /* the engine is alive: they failed as they seemed to */
/* The engine did not answer in time: a ping finds out whether it is alive. */
void docker_check_alive(struct docker *docker);

#endif
