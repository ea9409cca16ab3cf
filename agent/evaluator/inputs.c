/* Inputs and their freshness, and the queue of those that are to be fetched.
 *
 * An input is idle, stale or in flight; `again`: it went stale while in flight, and is fetched once more
 * after. Whoever marks an input stale only puts it in the queue, which is worked off from the loop's next turn: however
 * often an input is marked before, it is fetched once. An input that is built on others (dockerd's files on its
 * options) waits in the queue until none of them is stale or in flight. What comes of a fetch is in fetched.c. */
#include "agent/evaluator/evaluator_internal.h"

/* Host inputs are read while the loop stands still: so many a turn, and requests go out and answers come in between. A
 * request to the engine is only begun. */
enum { HOST_FETCHES_A_TURN = 8, ENGINE_FETCHES_A_TURN = 512 };

static const char *key_or_empty(const char *key)
{
    return key ? key : "";
}

static void input_free(void *p)
{
    struct input *input = p;

    free(input->key);
    free(input->cause);
    free(input);
}

struct input *input_find(const struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    return map_get(evaluator->inputs[kind], key_or_empty(key));
}

static struct input *input_ensure(struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    struct input *input = input_find(evaluator, kind, key);

    if (!input) {
        input = mem_alloc(sizeof *input);
        input->kind = kind;
        input->key = mem_strdup(key_or_empty(key));
        map_set(evaluator->inputs[kind], input->key, input);
    }
    return input;
}

static bool is_pending(const struct input *input)
{
    return input && (input->stale || input->in_flight);
}

/* The engine is known not to answer: its inputs will not come soon. */
static bool is_out_of_reach(const struct evaluator *evaluator, enum input_kind kind)
{
    return input_types[kind].from_engine && evaluator->reachable_known && !evaluator->reachable;
}

bool input_is_awaited(const struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    const struct input *input = input_find(evaluator, kind, key);

    if (!is_pending(input) || input->recent)
        return false;
    return !is_out_of_reach(evaluator, kind) || store_get(evaluator->store, kind, key, NULL);
}

bool evaluator_is_pending(const struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    return is_pending(input_find(evaluator, kind, key));
}

/* ---- The queue ---- */

static struct input_queue *queue_of(struct evaluator *evaluator, const struct input *input)
{
    return &evaluator->queues[input_types[input->kind].from_engine];
}

void inputs_wake(struct evaluator *evaluator)
{
    static const struct timeval next_turn;

    if (evaluator->queues[false].count || evaluator->queues[true].count)
        evtimer_add(evaluator->fetch_timer, &next_turn);
}

static void put_last(struct input_queue *queue, struct input *input)
{
    input->queued = true;
    queue->count++;
    TAILQ_INSERT_TAIL(&queue->list, input, turn);
}

void input_enqueue(struct evaluator *evaluator, struct input *input)
{
    if (!input->queued)
        put_last(queue_of(evaluator, input), input);
    inputs_wake(evaluator);
}

static void dequeue(struct evaluator *evaluator, struct input *input)
{
    struct input_queue *queue = queue_of(evaluator, input);

    if (!input->queued)
        return;
    input->queued = false;
    queue->count--;
    TAILQ_REMOVE(&queue->list, input, turn);
}

static bool must_wait(const struct evaluator *evaluator, const struct input *input)
{
    unsigned built_on = input_built_on(input->kind, input->key);

    if (input_types[input->kind].of_peer && !evaluator->reachable_known)
        return true;
    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if ((built_on & INPUT_BIT(kind)) && !is_out_of_reach(evaluator, (enum input_kind)kind) &&
            is_pending(input_find(evaluator, (enum input_kind)kind, NULL)))
            return true;
    return false;
}

/* It may complete at once, and INPUT be gone thereafter. */
static void start_fetch(struct evaluator *evaluator, struct input *input)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key);

    retry_drop(evaluator, input);
    input->stale = false;
    input->in_flight = true;
    input->fetch_number = ++evaluator->fetch_count;
    evaluator->counters.fetches[input->kind]++;
    evaluator->callbacks.fetch(input->kind, key[0] ? key : NULL, evaluator->callbacks.user);
}

/* Starts at most MOST of those in the queue; those that have to wait stay. */
static void work_off(struct evaluator *evaluator, struct input_queue *queue, size_t most)
{
    for (size_t count = queue->count; count && most && !TAILQ_EMPTY(&queue->list); count--) {
        struct input *input = TAILQ_FIRST(&queue->list);

        dequeue(evaluator, input);
        if (input_types[input->kind].from_engine && !evaluator->reachable)
            continue; /* it stays stale until the engine is back */
        if (must_wait(evaluator, input)) {
            put_last(queue, input); /* what it waits for wakes it */
            continue;
        }
        start_fetch(evaluator, input);
        if (--most == 0)
            inputs_wake(evaluator);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *user)
{
    struct evaluator *evaluator = user;

    (void)fd;
    (void)what;
    work_off(evaluator, &evaluator->queues[true], ENGINE_FETCHES_A_TURN);
    work_off(evaluator, &evaluator->queues[false], HOST_FETCHES_A_TURN);
}

void inputs_init(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        evaluator->inputs[kind] = map_new(input_free);
    for (size_t i = 0; i < countof(evaluator->queues); i++)
        TAILQ_INIT(&evaluator->queues[i].list);
    evaluator->fetch_timer = evtimer_new(evaluator->base, on_turn, evaluator);
}

void inputs_deinit(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        map_free(evaluator->inputs[kind]);
    event_free(evaluator->fetch_timer);
}

/* ---- Freshness ---- */

bool evaluator_is_fetching(const struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    const struct input *input = input_find(evaluator, kind, key);

    return input && input->in_flight;
}

void input_forget(struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    struct input *input = input_find(evaluator, kind, key);

    if (is_pending(input))
        input_count_pending(evaluator, kind, -1);
    if (input) {
        dequeue(evaluator, input);
        retry_forget(evaluator, input);
    }
    map_remove(evaluator->inputs[kind], key_or_empty(key));
    store_remove(evaluator->store, kind, key);
    inputs_wake(evaluator);
}

/* False: it is in flight, and will be fetched once more. */
static bool mark_stale(struct evaluator *evaluator, struct input *input, const char *cause)
{
    evaluator->counters.stale[input->kind]++;
    input->recent = false;
    if (input->in_flight) {
        input->again = true;
        return false;
    }
    if (!input->stale) {
        input->stale = true;
        input_count_pending(evaluator, input->kind, 1);
        free(input->cause);
        input->cause = mem_strdup(cause);
        input->event_at = evaluator->event_at;
    }
    return true;
}

void evaluator_set_event_time(struct evaluator *evaluator, usec_t at)
{
    evaluator->event_at = at;
}

void evaluator_stale(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause)
{
    struct input *input;

    if (input_types[kind].key != INPUT_KEY_NONE && str_empty(key))
        return; /* an engine that names no id is not to be trusted */
    if (kind == INPUT_EXEC && exec_is_known(evaluator, key))
        return;
    input = input_ensure(evaluator, kind, key);
    if (mark_stale(evaluator, input, cause))
        input_enqueue(evaluator, input);
}

static bool is_final(const struct evaluator *evaluator, const struct input *input)
{
    return input_types[input->kind].final && store_get(evaluator->store, input->kind, input->key, NULL);
}

void evaluator_expect_all(struct evaluator *evaluator, const char *cause)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(evaluator->inputs[kind], &at, &key, &value))
            if (!is_final(evaluator, value))
                mark_stale(evaluator, value, cause);
    }
}

void evaluator_stale_all(struct evaluator *evaluator, const char *cause)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(evaluator->inputs[kind], &at, &key, &value))
            if (!is_final(evaluator, value) && mark_stale(evaluator, value, cause))
                input_enqueue(evaluator, value);
    }
    settle_schedule(evaluator);
}

void inputs_outdate(struct evaluator *evaluator, enum input_kind changed, const char *cause)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        if (!(input_types[kind].built_on & INPUT_BIT(changed)))
            continue;
        while (map_next(evaluator->inputs[kind], &at, &key, &value))
            if ((input_built_on((enum input_kind)kind, key) & INPUT_BIT(changed)) &&
                mark_stale(evaluator, value, cause))
                input_enqueue(evaluator, value);
    }
}
