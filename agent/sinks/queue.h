/* A bounded queue of formatted records: 4,096 of them or 1 MiB. When it is full, the oldest of the least severe goes,
 * which may be the one that comes; but never one of which the receiver has a part. */
#ifndef AGENT_SINKS_QUEUE_H
#define AGENT_SINKS_QUEUE_H

#include <sys/queue.h>

#include "agent/model/verdict.h"
#include "common/str.h"

struct record {
    TAILQ_ENTRY(record) link;
    enum severity severity;
    struct str bytes;
    size_t sent; /* of the bytes; more than 0: the record stays until it is sent as a whole */
};

struct record_queue {
    TAILQ_HEAD(record_list, record) list; /* in order of arrival */
    size_t count, bytes;
    uint64_t dropped; /* since the beginning, for want of room */
};

void queue_init(struct record_queue *queue);
/* Takes BYTES over, which are empty afterwards. */
void queue_push(struct record_queue *queue, enum severity severity, struct str *bytes);
/* The oldest; NULL: the queue is empty. Whoever sends a part of it adds that to its SENT. */
struct record *queue_first(struct record_queue *queue);
/* Removes the oldest, which there is. */
void queue_pop(struct record_queue *queue);
/* The receiver forgot what it has of the oldest (its connection has ended): it will be sent as a whole. */
void queue_rewind(struct record_queue *queue);
void queue_deinit(struct record_queue *queue);

#endif
