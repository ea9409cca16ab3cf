/* The end of a fetch, however it ended: the input is as fresh as can be, and what reads it is visited. */
#include "agent/evaluator/evaluator_internal.h"

void input_complete(struct evaluator *evaluator, struct input *input, bool changed)
{
    const char *outer = evaluator->cause;
    bool again = input->again;
    scoped(cleanup_free) char *cause = again ? mem_strdup(input->cause) : take(input->cause);
    enum input_kind kind = input->kind;
    scoped(cleanup_free) char *key = mem_strdup(input->key);

    if (changed)
        evaluator->counters.changed[kind]++;
    input->in_flight = false;
    input->again = false;
    if (again) {
        input->stale = true;
        input->recent = true;
    } else {
        input->recent = false;
        input_count_pending(evaluator, kind, -1);
    }
    if (changed)
        inputs_outdate(evaluator, kind, input_types[kind].name);
    evaluator->cause = cause;
    visit_affected(evaluator, input, changed);
    evaluator->cause = outer;
    input = input_find(evaluator, kind, key);
    if (again && input && input->stale)
        input_enqueue(evaluator, input);
    inputs_wake(evaluator);
    settle_schedule(evaluator);
}

/* What a container is called that was never read: as the list has it. NULL: unknown. */
static const char *listed_name(const struct evaluator *evaluator, const char *id)
{
    const struct container_list_facts *list = store_containers(evaluator->store, NULL);

    for (size_t i = 0; list && i < list->count; i++)
        if (str_equal(list->items[i].id, id))
            return list->items[i].name;
    return NULL;
}

void input_fail(struct evaluator *evaluator, struct input *input, int number, const char *why)
{
    enum input_kind kind = input->kind;
    bool changed;

    if (retry_is_due_to(kind, number))
        retry_failed(evaluator, input, number);
    else
        retry_forget(evaluator, input);
    if (kind == INPUT_CONTAINER)
        joins_forget(evaluator, store_container(evaluator->store, input->key, NULL));
    changed = store_put_error(evaluator->store, kind, input->key[0] ? input->key : NULL, why);
    if (kind == INPUT_CONTAINER) {
        if (!subject_find(evaluator, SUBJECT_CONTAINER, input->key))
            subject_ensure(evaluator, SUBJECT_CONTAINER, input->key, listed_name(evaluator, input->key));
        if (!retry_is_due_to(kind, number)) /* else it may still name them */
            execs_container_lost(evaluator, input->key, false, why);
    }
    unlisted_open(evaluator, kind);
    input_complete(evaluator, input, changed);
}
