/* Transitions: numbered, remembered (state.c), handed to who listens, and the latest of them kept in a ring for those
 * who ask later. */
#include "agent/engine_internal.h"

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

void transitions_deinit(struct engine *engine)
{
    struct transition_ring *ring = &engine->ring;

    for (size_t i = 0; i < ring->count; i++)
        transition_unref(ring->items[(ring->first + i) % ring->size]);
    free(ring->items);
}

void engine_publish(struct engine *engine, struct transition *transition)
{
    engine->counters.transitions++;
    ring_push(&engine->ring, transition);
    if (engine->callbacks.transition)
        engine->callbacks.transition(transition, engine->callbacks.user);
    transition_unref(transition);
    transition_slim(transition); /* the ring keeps it */
}

void engine_emit(struct engine *engine, const struct subject *subject, struct pair *pair, enum verdict previous,
                 const char *cause, bool gone)
{
    struct transition *transition;

    pair->seq = ++engine->last_seq;
    engine->counters.transitions_by_verdict[gone ? VERDICT_NONE : pair->verdict]++;
    transition = transition_from_pair(engine, engine->config->language, subject, pair, previous, pair->seq,
                                      clock_now(engine->clock), cause ? cause : "start", gone);
    state_append(engine, subject, pair, gone);
    engine_publish(engine, transition);
}

uint64_t engine_last_seq(const struct engine *engine)
{
    return engine->last_seq;
}

uint64_t engine_oldest_seq(const struct engine *engine)
{
    return engine->ring.count ? engine->ring.items[engine->ring.first]->seq : engine->last_seq + 1;
}

struct transition *engine_transition_after(const struct engine *engine, uint64_t seq)
{
    const struct transition_ring *ring = &engine->ring;
    uint64_t oldest = engine_oldest_seq(engine);
    size_t skip = seq >= oldest ? (size_t)(seq - oldest + 1) : 0; /* seq grows by one per entry */

    return skip < ring->count ? ring->items[(ring->first + skip) % ring->size] : NULL;
}
