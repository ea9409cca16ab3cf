/* Sinks: where records go. Each is a cursor in the store: it reads what comes next, sends it, and confirms what has
 * arrived; what is not confirmed is sent again, after a broken connection or another start, with the same numbers.
 * Nothing here blocks the loop: what cannot be written now is written when its descriptor is writable, or after a
 * back-off of 50 ms to 5 s in which it is opened anew. */
#ifndef AGENT_SINKS_SINK_H
#define AGENT_SINKS_SINK_H

#include <event2/event.h>

#include "agent/config/sink_config.h"
#include "agent/sinks/record.h"
#include "agent/store/event_store.h"
#include "probes/worker/helper.h"

struct sink;

/* Opened with the first record. CONFIG's address is copied; NETWORK outlives the sink, as ORIGIN does: where the helper
 * of role network is, which sinks over UDP, TCP and TLS ask for their sockets; NULL there: it is not running. */
struct sink *sink_new(struct event_base *base, struct helper *const *network, const struct sink_config *config,
                      const struct record_origin *origin);
/* Sends what can be sent without waiting. NULL is fine. */
void sink_free(struct sink *sink);

/* CONFIG sends to the same place. */
bool sink_is_for(const struct sink *sink, const struct sink_config *config);
/* CONFIG, for which sink_is_for() holds, is in force from the next record on that is read. */
void sink_configure(struct sink *sink, const struct sink_config *config);

/* For event_store_cursors(): the cursor by the name of the sink. The name is good until the sink is used again. */
void sink_describe_cursor(struct sink *sink, struct event_cursor_options *ret);
/* CURSOR was made of that description. */
void sink_attach(struct sink *sink, struct event_cursor *cursor);
struct event_cursor *sink_cursor(const struct sink *sink);
/* WAITS is called, from the loop, when something begins to wait for its receiver. */
void sink_watch(struct sink *sink, void (*waits)(void *user), void *user);
/* A file is opened anew, as after logrotate(8); other kinds have nothing to reopen. */
void sink_reopen(struct sink *sink);

struct sink_status {
    const char *type, *address; /* as configured */
    uint64_t sent;              /* confirmed since this start */
    uint64_t pending;           /* not confirmed */
    uint64_t dropped;           /* lost since ever: the store had no room for them */
    uint64_t unreported;        /* of those: what its receiver does not know of yet */
    const char *last_error;     /* NULL: the last record that was tried was sent */
    usec_t stuck_since;         /* monotonic: something waits, and nothing has arrived since then; 0: nothing waits */
};
enum { SINK_STUCK_SECONDS = 60 };
/* Nothing has arrived for that long; NOW is monotonic. */
bool sink_is_stuck(const struct sink_status *status, usec_t now);
const char *sink_state(const struct sink_status *status, usec_t now); /* "ok", "retrying", "stuck" */
/* Strings belong to the sink, and are good until it is used again. */
void sink_status(const struct sink *sink, struct sink_status *ret);

#endif
