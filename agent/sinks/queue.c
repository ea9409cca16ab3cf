/* The queue of one sink, in memory. Looking for the least severe record walks the whole queue, and only when it is
 * full. */
#include "agent/sinks/queue.h"

#include "common/memory.h"

enum { COUNT_MAX = 4096, BYTES_MAX = 1024 * 1024 };

void queue_init(struct record_queue *queue)
{
    *queue = (struct record_queue){0};
    TAILQ_INIT(&queue->list);
}

static void take_out(struct record_queue *queue, struct record *record)
{
    TAILQ_REMOVE(&queue->list, record, link);
    queue->count--;
    queue->bytes -= record->bytes.length;
    str_deinit(&record->bytes);
    free(record);
}

/* The oldest of the least severe that may go. NULL when all are more severe than SEVERITY. */
static struct record *least_severe(struct record_queue *queue, enum severity severity)
{
    struct record *least = NULL, *record;

    TAILQ_FOREACH(record, &queue->list, link)
    if (!record->sent && record->severity <= severity && (!least || record->severity < least->severity))
        least = record;
    return least;
}

/* False: one of SEVERITY and LENGTH gets no room. */
static bool make_room(struct record_queue *queue, enum severity severity, size_t length)
{
    while (queue->count && (queue->count >= COUNT_MAX || queue->bytes + length > BYTES_MAX)) {
        struct record *least = least_severe(queue, severity);

        if (!least)
            return false;
        take_out(queue, least);
        queue->dropped++;
    }
    return true;
}

void queue_push(struct record_queue *queue, enum severity severity, struct str *bytes)
{
    struct record *record;

    if (!make_room(queue, severity, bytes->length)) {
        queue->dropped++;
        str_deinit(bytes);
        return;
    }
    record = mem_alloc(sizeof *record);
    record->severity = severity;
    record->bytes = *bytes;
    *bytes = STR_INIT;
    TAILQ_INSERT_TAIL(&queue->list, record, link);
    queue->count++;
    queue->bytes += record->bytes.length;
}

struct record *queue_first(struct record_queue *queue)
{
    return TAILQ_FIRST(&queue->list);
}

void queue_pop(struct record_queue *queue)
{
    take_out(queue, TAILQ_FIRST(&queue->list));
}

void queue_rewind(struct record_queue *queue)
{
    if (queue->count)
        TAILQ_FIRST(&queue->list)->sent = 0;
}

void queue_deinit(struct record_queue *queue)
{
    while (queue->count)
        queue_pop(queue);
}
