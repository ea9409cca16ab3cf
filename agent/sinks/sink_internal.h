/* Shared by sink.c and sink_flow.c; nobody else includes it. sink.c calls sink_flow.c. */
#ifndef AGENT_SINKS_SINK_INTERNAL_H
#define AGENT_SINKS_SINK_INTERNAL_H

#include "agent/sinks/kinds.h"
#include "agent/sinks/sink.h"

struct sink {
    const struct sink_functions *functions;
    const struct record_origin *origin;
    struct sink_config config;
    char *address; /* the configuration's */
    char *name;    /* of its cursor */
    struct format_settings settings;
    struct transport transport;
    struct sink_tls tls; /* its texts are owned */
    bool opening;
    bool blocked;           /* nothing more is sent before the receiver answers, or reads on */
    struct event *answered; /* NULL: not open, or it does not answer */
    struct event *writable, *retry, *acknowledged, *release;
    unsigned backoff_ms, ack_ms;
    struct event_cursor *cursor; /* NULL: not attached yet */
    bool asked;                  /* for more of it */
    struct packets packets;
    uint64_t confirmed, sent;
    uint64_t released;   /* number, as the store has heard */
    uint64_t releasable; /* number of the last one that had been confirmed when RELEASE was set */
    uint64_t reported;   /* of the lost ones: the receiver knows of them */
    usec_t progress;     /* monotonic: when something arrived, or began to wait */
    void (*waits)(void *user);
    void *user;
    char *last_error;
};

/* With functions, address, name and transport set. */
void sink_flow_init(struct sink *sink);
void sink_flow_deinit(struct sink *sink);
void sink_take_items(const struct store_item *items, size_t count, void *user); /* for struct event_cursor_options */
void sink_read_on(struct sink *sink);           /* asks the store for more, when there is room for it */
void sink_flush(struct sink *sink);             /* sends what can be sent without waiting */
void sink_close(struct sink *sink);             /* for a reason that does not lie with its receiver */
uint64_t sink_pending(const struct sink *sink); /* records that are not confirmed */

#endif
