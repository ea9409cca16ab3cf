/* The sinks of one configuration, in its order. */
#ifndef AGENT_SINKS_SINK_LIST_H
#define AGENT_SINKS_SINK_LIST_H

#include "agent/sinks/sink.h"

struct sink_list {
    struct sink **items;
    size_t count;
};

/* Makes LIST what CONFIGS describe, each with a cursor of STORE. A sink that was there before and sends to the same
 * place goes on, whatever else of it has changed; one that is not described any more is freed, and what it had to send
 * forgotten. */
void sink_list_configure(struct sink_list *list, struct event_base *base, struct workers *workers,
                         struct event_store *store, const struct record_origin *origin,
                         const struct sink_config *configs, size_t count);
void sink_list_reopen(struct sink_list *list); /* sink_reopen() */
/* Frees the sinks; LIST is empty then. */
void sink_list_deinit(struct sink_list *list);

#endif
