/* Hands transitions to the callback and keeps the latest in a ring, for clients that ask for them later. */
#include "agent/evaluator/evaluator_internal.h"

enum { RING_BYTES = 1024 * 1024, RING_COUNT = 8192 };

static void ring_push(struct transition_ring *ring, struct transition *transition)
{
    while (ring->count && (ring->bytes + transition->json_length > RING_BYTES || ring->count == RING_COUNT)) {
        struct transition *oldest = ring->items[ring->first];

        ring->bytes -= oldest->json_length;
        ring->first = (ring->first + 1) % ring->size;
        ring->count--;
        transition_unref(oldest);
    }
    if (ring->count == ring->size) {
        size_t size = ring->size ? 2 * ring->size : 256;
        struct transition **items = mem_realloc_array(NULL, size, sizeof *items);

        for (size_t i = 0; i < ring->count; i++)
            items[i] = ring->items[(ring->first + i) % ring->size];
        free(ring->items);
        ring->items = items;
        ring->first = 0;
        ring->size = size;
    }
    ring->items[(ring->first + ring->count++) % ring->size] = transition_ref(transition);
    ring->bytes += transition->json_length;
}

void ring_deinit(struct evaluator *evaluator)
{
    struct transition_ring *ring = &evaluator->ring;

    for (size_t i = 0; i < ring->count; i++)
        transition_unref(ring->items[(ring->first + i) % ring->size]);
    free(ring->items);
}

void publish_transition(struct evaluator *evaluator, struct transition *transition)
{
    evaluator->counters.transitions++;
    ring_push(&evaluator->ring, transition);
    if (evaluator->callbacks.transition)
        evaluator->callbacks.transition(transition, evaluator->callbacks.user);
    transition_unref(transition);
    transition_slim(transition); /* the ring keeps it */
}

uint64_t evaluator_last_seq(const struct evaluator *evaluator)
{
    return evaluator->last_seq;
}

uint64_t evaluator_oldest_seq(const struct evaluator *evaluator)
{
    return evaluator->ring.count ? evaluator->ring.items[evaluator->ring.first]->seq : evaluator->last_seq + 1;
}

struct transition *evaluator_transition_after(const struct evaluator *evaluator, uint64_t seq)
{
    const struct transition_ring *ring = &evaluator->ring;
    uint64_t oldest = evaluator_oldest_seq(evaluator);
    size_t skip = seq >= oldest ? (size_t)(seq - oldest + 1) : 0; /* seq grows by one per entry */

    return skip < ring->count ? ring->items[(ring->first + skip) % ring->size] : NULL;
}
