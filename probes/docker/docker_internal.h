/* What the files of the engine connection share: docker.c (states, stream, liveness), docker_compare.c (whether the
 * engine has events that did not come), docker_fetch.c (typed fetches), docker_refusal.c (answers that are no
 * documents), docker_seen.c (which events were reported). Nobody else includes this. */
#ifndef PROBES_DOCKER_DOCKER_INTERNAL_H
#define PROBES_DOCKER_DOCKER_INTERNAL_H

#include <sys/queue.h>

#include "common/file.h"
#include "probes/docker/docker.h"

enum { RING_EVENTS = 256 }; /* eventsLimit of dockerd */

/* The digests of the last events, newest over oldest. The engine keeps 256 for replay and up to 1,024 per subscriber;
 * of podman's log those of half a minute are compared. */
enum { SEEN_COUNT = 8192 };
struct seen {
    uint64_t digests[SEEN_COUNT];
    size_t count, next;
};
bool seen_has(const struct seen *seen, uint64_t digest);
void seen_add(struct seen *seen, uint64_t digest);
uint64_t seen_newest(const struct seen *seen); /* 0: there is none */

typedef void compare_report(struct docker *docker, const struct docker_event *event, bool replayed);
typedef void compare_suspect(struct docker *docker, const char *why);

/* The comparison of what the engine keeps of its events with those that came (docker_compare.c). */
struct compare {
    compare_report *report;   /* an event that did not come */
    compare_suspect *suspect; /* events may have been missed, and why */
    struct http_request *request;
    struct json_stream *events;
    struct event *timer;
    unsigned interval_ms;
    usec_t began;         /* monotonic: the last one; 0: none on this connection */
    usec_t engine_began;  /* by the engine's clock: the last one that succeeded, or the connection; 0: unknown */
    usec_t engine_before; /* the same of the one before it */
    usec_t engine_asked;  /* by the engine's clock: the one under way */
    uint64_t events_then; /* counters.events when it began */
    bool is_hurried;      /* the timer was set to a moment before its interval ends */
    bool recovers;        /* what did not come is reported now: it was reported as a gap */
    unsigned failures;    /* in a row */
    size_t kept;          /* events that the engine has in this one */
    uint64_t newest, newest_before; /* digests of the newest that it had in this one and the one before; 0: none */
    bool was_late;                  /* an event since then came later than one can that waits for nobody */
    bool overlaps;                  /* this one has the newest of the one before */
    struct {
        uint64_t digests[RING_EVENTS];
        size_t count;
        bool overflow;
    } unseen; /* that did not come yet: looked at again after a moment */
};

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
    struct http_request *stream, *ping, *replay, *peer;
    struct json_stream *events;
    struct ring {
        struct json_stream *stream;
        struct str text; /* its events, reduced, one a line */
        bool too_large;
    } replayed; /* the engine's ring as it comes */
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
    usec_t last_ping;
    struct compare compare;
    bool skipped;        /* an event may have been missed since the last resynchronization for such */
    usec_t resync_after; /* not before this again */

    struct json_shape *shapes[DOCUMENT_COUNT]; /* what is read of each document; NULL: not asked for yet */
    struct own_shape {
        struct json_shape *shape; /* NULL: there is no such rule */
        struct str pointers;
    } own[DOCUMENT_COUNT]; /* what users' own rules read */
    struct fetch *large;   /* the one that may hold much; NULL: none does */
    struct fetch_list fetches, failed;
    struct fetch_list
        unconfirmed; /* failed in a way that may mean the engine's end: completed when a ping has decided */
    struct docker_counters counters;
};

/* docker_compare.c */
usec_t docker_engine_now(const struct docker *docker); /* by the engine's clock, or a little less */
/* A request for what the engine keeps of its events since SINCE (seconds), which ends with them; the caller frees. */
char *docker_kept_events(const struct docker *docker, int64_t since);
void compare_init(struct docker *docker, compare_report *report, compare_suspect *suspect);
void compare_deinit(struct docker *docker);
void compare_start(struct docker *docker);                                  /* connected: from now on */
void compare_stop(struct docker *docker);                                   /* not connected any more */
void compare_came(struct docker *docker, const struct docker_event *event); /* an event was reported */
void compare_recover(struct docker *docker);                                /* what did not come is reported now */
bool compare_is_something_missing(const struct docker *docker); /* since compare_came() was last called for it */

/* Fails everything under way with ENOTCONN, from the loop. */
/* docker_refusal.c: one line each, added to OUT. Why an answer is not what was asked for, by its status and body; what
 * a page of HTML says. */
void docker_describe_refusal(const struct http_response *response, struct str *out);
void docker_describe_page(const char *body, size_t length, struct str *out);
bool docker_is_page(const char *body, size_t length);

struct json_shape *docker_shape(struct docker *docker, enum docker_document document); /* what is read of it */
void docker_forget_own(struct docker *docker); /* before shapes of users' own rules are freed */
void docker_fail_fetches(struct docker *docker);
void docker_free_fetches(struct docker *docker);
void docker_deliver_failed(struct docker *docker);
void docker_deliver_unconfirmed(struct docker *docker); /* the engine is alive: they failed as they seemed to */
/* The engine did not answer in time: a ping finds out whether it is alive. */
void docker_check_alive(struct docker *docker);

#endif
