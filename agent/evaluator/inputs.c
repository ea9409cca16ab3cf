/* Inputs and their freshness.
 *
 * An input is idle, stale (waits to be fetched) or in flight; `again` says that it went stale while in flight, and is
 * fetched once more after. What comes of a fetch is in fetched.c. */
#include "agent/evaluator/evaluator_internal.h"

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

void inputs_init(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        evaluator->inputs[kind] = map_new(input_free);
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

bool input_is_awaited(const struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    const struct input *input = input_find(evaluator, kind, key);

    if (!input || input->recent || (!input->stale && !input->in_flight))
        return false;
    if (input_is_of_engine(kind) && evaluator->reachable_known && !evaluator->reachable &&
        !store_get(evaluator->store, kind, key, NULL))
        return false; /* it will not come soon: let the check say so */
    return true;
}

void input_forget(struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    struct input *input = input_find(evaluator, kind, key);

    if (input && (input->stale || input->in_flight))
        input_count_pending(evaluator, kind, -1);
    map_remove(evaluator->inputs[kind], key_or_empty(key));
    store_remove(evaluator->store, kind, key);
}

void input_start_fetch(struct evaluator *evaluator, struct input *input)
{
    scoped(cleanup_free) char *key = mem_strdup(input->key);

    if (input_is_of_engine(input->kind) && !evaluator->reachable)
        return; /* stays stale until the engine is back */
    input->stale = false;
    input->in_flight = true;
    evaluator->counters.fetches[input->kind]++;
    evaluator->callbacks.fetch(input->kind, key[0] ? key : NULL, evaluator->callbacks.user);
}

/* False: it is in flight, and will be fetched once more. */
static bool mark_stale(struct evaluator *evaluator, struct input *input, const char *cause)
{
    evaluator->counters.stale[input->kind]++;
    if (input->in_flight) {
        input->again = true;
        return false;
    }
    if (!input->stale) {
        input->stale = true;
        input->recent = false;
        input_count_pending(evaluator, input->kind, 1);
        free(input->cause);
        input->cause = mem_strdup(cause);
    }
    return true;
}

void evaluator_expect(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause)
{
    mark_stale(evaluator, input_ensure(evaluator, kind, key), cause);
}

/* Is there one of it for each key? */
static bool has_keys(enum input_kind kind)
{
    return kind == INPUT_CONTAINER || kind == INPUT_PROCESSES || kind == INPUT_EXEC || kind == INPUT_FILES ||
           input_is_of_image(kind);
}

void evaluator_stale(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause)
{
    struct input *input;

    if (has_keys(kind) && str_empty(key))
        return; /* an engine that says so is not to be believed */
    if (kind == INPUT_EXEC && map_get(evaluator->closed_execs, key))
        return;
    input = input_ensure(evaluator, kind, key);
    if (mark_stale(evaluator, input, cause))
        input_start_fetch(evaluator, input);
}

/* What never changes is not read twice: an exec's record (which the engine forgets: ours is the better one), what an
 * image was made by and of. A scanner's report is of its day until the image goes. */
static bool is_final(const struct evaluator *evaluator, const struct input *input)
{
    return (input->kind == INPUT_EXEC || input->kind == INPUT_HISTORY || input_is_background(input->kind)) &&
           store_get(evaluator->store, input->kind, input->key, NULL);
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
    VEC(struct input) names = {0};

    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(evaluator->inputs[kind], &at, &key, &value)) {
            struct input *input = value;

            if (!is_final(evaluator, input) && mark_stale(evaluator, input, cause))
                vec_push(&names, (struct input){.kind = input->kind, .key = mem_strdup(input->key)});
        }
    }
    /* All are marked before the first is fetched: what completes at once must know what it has to wait for. A fetch
     * that completes at once may forget others (a container that is gone), so each is looked up again by its name. */
    for (size_t i = 0; i < names.count; i++) {
        struct input *input = input_find(evaluator, names.items[i].kind, names.items[i].key);

        if (input && input->stale)
            input_start_fetch(evaluator, input);
        free(names.items[i].key);
    }
    vec_free(&names);
    settle_schedule(evaluator);
}
