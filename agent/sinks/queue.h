/* A bounded queue of formatted records: 4,096 of them or 1 MiB. When it is full, the oldest of the least severe goes.
 */
#ifndef AGENT_SINKS_QUEUE_H
#define AGENT_SINKS_QUEUE_H

#include <sys/queue.h>

#include "agent/model/verdict.h"
#include "common/str.h"

struct record {
    TAILQ_ENTRY(record) link;
    enum severity severity;
    struct str bytes;
};

struct record_queue {
    TAILQ_HEAD(record_list, record) list; /* in order of arrival */
    size_t count, bytes;
    uint64_t dropped;
};

void queue_init(struct record_queue *queue);
void queue_push(struct record_queue *queue, enum severity severity, struct str *bytes); /* takes the bytes over */
struct record *queue_first(struct record_queue *queue);                                 /* NULL: empty */
void queue_pop(struct record_queue *queue);
void queue_deinit(struct record_queue *queue);

#endif
