/* See the header. */
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

static void make_room(struct record_queue *queue, size_t length)
{
    while (queue->count && (queue->count >= COUNT_MAX || queue->bytes + length > BYTES_MAX)) {
        struct record *least = TAILQ_FIRST(&queue->list), *record;

        TAILQ_FOREACH(record, &queue->list, link)
        if (record->severity < least->severity)
            least = record;
        take_out(queue, least);
        queue->dropped++;
    }
}

void queue_push(struct record_queue *queue, enum severity severity, struct str *bytes)
{
    struct record *record = mem_alloc(sizeof *record);

    make_room(queue, bytes->length);
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

void queue_deinit(struct record_queue *queue)
{
    while (queue->count)
        queue_pop(queue);
}
