/* The sinks of one configuration, in its order. */
#ifndef AGENT_SINKS_SINK_LIST_H
#define AGENT_SINKS_SINK_LIST_H

#include "agent/sinks/sink.h"

struct sink_list {
    struct sink **items;
    size_t count;
    /* Set before the first sink_list_configure(); may be NULL. Called from the loop, when that has changed: WHY names
     * the sinks that have delivered nothing for SINK_STUCK_SECONDS, or lost records that their receiver does not know
     * of yet; NULL: there are none any more. */
    void (*trouble)(const char *why, void *user);
    void *user;
    struct event *check; /* pending while something waits */
    char *why;
};

/* Makes LIST what CONFIGS describe, each with a cursor of STORE. A sink that was there before and sends to the same
 * place goes on, whatever else of it has changed; one that is not described any more is freed, and what it had to send
 * forgotten. */
void sink_list_configure(struct sink_list *list, struct event_base *base, struct helper *const *network,
                         struct event_store *store, const struct record_origin *origin,
                         const struct sink_config *configs, size_t count);
void sink_list_reopen(struct sink_list *list); /* sink_reopen() */
/* What is due at NOW (monotonic): calls TROUBLE if that has changed. It happens by itself while something waits. */
void sink_list_check(struct sink_list *list, usec_t now);
/* Frees the sinks; LIST is empty then. */
void sink_list_deinit(struct sink_list *list);

#endif
