/* Sinks: where transitions go. Each has a bounded queue (queue.h) and never blocks the loop: what cannot be written now
 * is written when its descriptor is writable, or after a back-off of 50 ms to 5 s in which it is opened anew. */
#ifndef AGENT_SINKS_SINK_H
#define AGENT_SINKS_SINK_H

#include <event2/event.h>

#include "agent/config/sink_config.h"
#include "agent/evaluator/transition.h"
#include "probes/worker/worker.h"

struct sink;

/* Opened with the first record. CONFIG's address is copied; WORKERS belong to BASE and outlive the sink. */
struct sink *sink_new(struct event_base *base, struct workers *workers, const struct sink_config *config);
/* Sends what can be sent without waiting; the rest is lost, and logged. NULL is fine. */
void sink_free(struct sink *sink);

/* CONFIG sends to the same place. */
bool sink_is_for(const struct sink *sink, const struct sink_config *config);
/* CONFIG, for which sink_is_for() holds, is in force from the next transition on. Queue and counters stay. */
void sink_configure(struct sink *sink, const struct sink_config *config);

/* Formats the transition and sends or queues it, unless the configuration filters it out. */
void sink_send(struct sink *sink, const struct transition *transition);
/* A file is opened anew, as after logrotate(8); other kinds have nothing to reopen. */
void sink_reopen(struct sink *sink);

struct sink_status {
    const char *type, *address; /* as configured */
    uint64_t sent, pending, dropped;
    const char *last_error; /* NULL: the last record that was tried was sent */
};
/* Strings belong to the sink, and are good until it is used again. */
void sink_status(const struct sink *sink, struct sink_status *ret);

#endif
