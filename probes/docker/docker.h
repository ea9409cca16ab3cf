/* A connection to one engine: version negotiation, the event stream, liveness, reconnection, and typed fetches.
 *
 * States: absent (no socket or no process behind it: waits for inotify, never connects to a socket-activated engine
 * that is stopped) → connecting (negotiate by /_ping, take the engine's ring, open /events since=0) → connected
 * (connected() was called; what it resyncs covers every event reported before it) → lost (stream ended, ping failed,
 * process stopped) → back-off. A stream that merely ends (a proxy cuts idle ones) is opened again first: where the
 * engine's ring shows that it is the same engine and nothing is missing, nobody is told. Events of the ring are
 * reported as replayed, and once; connected() says whether events may have been lost.
 *
 * Callbacks come from the loop, also from inside the HTTP client: no docker_free() in them. */
#ifndef PROBES_DOCKER_DOCKER_H
#define PROBES_DOCKER_DOCKER_H

#include <event2/event.h>

#include "probes/docker/docker_parse.h"
#include "probes/docker/http.h"

/* 1.24 … 1.57 (engine 29.10): the newest that both know is used; an engine whose oldest is newer is asked by that. */
enum { DOCKER_API_FLOOR_MINOR = 24, DOCKER_API_CEILING_MINOR = 57 };

struct docker;

/* Why an event stream may have holes. */
enum docker_gap { DOCKER_GAP_NONE, DOCKER_GAP_FIRST, DOCKER_GAP_RING, DOCKER_GAP_RESTART, DOCKER_GAP_DROPPED };

struct docker_callbacks {
    /* The stream is open and live; resync now. FIRST at the first connection. */
    void (*connected)(enum docker_gap gap, void *user);
    /* The connection was lost, or an attempt failed for another reason than the last one reported. */
    void (*disconnected)(const char *why, void *user);
    /* A new event (never a duplicate). REPLAYED: it happened before the attempt to connect; all of these come before
     * connected(). */
    void (*event)(const struct docker_event *event, bool replayed, void *user);
    /* While connected: the stream had ended and is open again, and whether something was missed is unknown, since no
     * event has ever come. Resync; there is nothing to say. May be NULL. */
    void (*resumed)(void *user);
    /* While connected: events were dropped by the engine, or may have been. Resync. */
    void (*gap)(enum docker_gap gap, void *user);
    /* Asked before each connection. CLOSED with WHY: it would start a stopped engine by socket activation; the next
     * attempt comes with docker_retry() or half a minute later. ASK with WHY: it is found out, and docker_gate_known()
     * called then. May be NULL. */
    enum http_gate (*may_connect)(const char **ret_why, void *user);
    /* An answer is awaited or has not come in time: a reason that is not the engine's, NULL: none is known. May be
     * NULL.
     */
    const char *(*silent)(void *user);
    void *user;
};

/* ADDRESS must outlive it, and name a broker. */
struct docker *docker_new(struct event_base *base, const struct docker_address *address,
                          const struct docker_callbacks *callbacks, struct error *error);
void docker_free(struct docker *docker);
void docker_start(struct docker *docker);      /* first attempt from the loop, then by itself */
void docker_gate_known(struct docker *docker); /* may_connect() has an answer now */
void docker_retry(struct docker *docker);      /* something changed (the socket appeared): try now */
/* The way to the engine is lost, and WHY; NULL: it is there again. */
void docker_way_changed(struct docker *docker, const char *why);
/* This host's clock was set. podman reports no event from before the moment that its stream was asked for, by the clock
 * of then, so the stream is asked for anew; dockerd needs nothing. */
void docker_clock_changed(struct docker *docker);
bool docker_is_connected(const struct docker *docker);
const char *docker_api_version(const struct docker *docker); /* negotiated, "1.41"; NULL before */
unsigned docker_api_minor(const struct docker *docker);      /* 41 of "1.41", 0 before */
const struct docker_address *docker_address(const struct docker *docker);
const char *docker_why_not(const struct docker *docker);      /* why not connected, NULL when connected */
usec_t docker_since(const struct docker *docker);             /* when this connection was made, 0 */
usec_t docker_last_event(const struct docker *docker);        /* when the last event came, 0 */
pid_t docker_peer_pid(const struct docker *docker);           /* of the engine's socket, 0 unknown */
bool docker_is_podman(const struct docker *docker);           /* by its last answer to a ping */
bool docker_is_remote(const struct docker *docker);           /* over TCP, and not to a loopback address */
const char *docker_socket(const struct docker *docker);       /* Unix path or NULL */
void docker_set_engine_pid(struct docker *docker, pid_t pid); /* the dockerd process, for the liveness check */

/* What the engine keeps of its events is compared with those that came every so many milliseconds, and sooner when many
 * came: an event that did not come is a gap within a minute, even where two comparisons in a row fail. */
enum { DOCKER_COMPARE_MS = 20000 };
void docker_set_compare_interval(struct docker *docker, unsigned ms); /* from the next connection on */

struct docker_counters {
    uint64_t events, replayed, duplicates, malformed, connects, gaps, pings;
    uint64_t compared; /* comparisons that succeeded */
    uint64_t requests, bytes;
    size_t turn_most; /* bytes of answers that were read in one turn of the loop, at most */
};
void docker_counters(const struct docker *docker, struct docker_counters *ret);

/* Facts keep of the documents that they are made of what POINTERS lead to (for users' own rules), JSON pointers with a
 * line break before and after each; "": nothing. Of a list they begin at its items. It holds for what is fetched after.
 */
void docker_keep(struct docker *docker, enum docker_document document, const char *pointers);
/* Typed fetches. FACTS is handed over (the receiver frees) and NULL on failure; then NUMBER is an errno (ENOENT: 404,
 * ENOTCONN, ETIMEDOUT, EINVAL unparsable, EPROTO other status) and WHY one line. Delivered from the loop. */
typedef void docker_fetched(struct facts *facts, int number, const char *why, void *user);
void docker_fetch_version(struct docker *docker, docker_fetched *done, void *user);
void docker_fetch_info(struct docker *docker, docker_fetched *done, void *user);
void docker_fetch_container_list(struct docker *docker, docker_fetched *done, void *user);
void docker_fetch_container(struct docker *docker, const char *id, docker_fetched *done, void *user);
void docker_fetch_volume(struct docker *docker, const char *name, docker_fetched *done, void *user);
void docker_fetch_image_list(struct docker *docker, docker_fetched *done, void *user);
void docker_fetch_image(struct docker *docker, const char *id, docker_fetched *done, void *user);
void docker_fetch_history(struct docker *docker, const char *id, docker_fetched *done, void *user);
void docker_fetch_network_list(struct docker *docker, docker_fetched *done, void *user);
void docker_fetch_service_list(struct docker *docker, docker_fetched *done, void *user); /* managers only */
/* Those of the node with the id NODE; managers only. */
void docker_fetch_task_list(struct docker *docker, const char *node, docker_fetched *done, void *user);
void docker_fetch_secret_list(struct docker *docker, docker_fetched *done, void *user); /* managers only */
void docker_fetch_unlock_key(struct docker *docker, docker_fetched *done, void *user);  /* a secret; managers only */
void docker_fetch_exec(struct docker *docker, const char *id, docker_fetched *done, void *user);

#endif
