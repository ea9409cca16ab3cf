/* Evaluating a pair.
 *
 * It happens only once every input that the pair reads has a value: until then the pair waits, and the completion of
 * what it waits for evaluates it. So a verdict is never made of a mixture of old and expected facts, and nothing
 * polls. */
#include "agent/evaluator/evaluator_internal.h"

/* The key of the input of KIND that judging SUBJECT by RULE reads. False: it is not one of the inputs of the subject
 * itself (a check of the host that reads containers), or there is none. */
static bool input_key_for(const struct evaluator *evaluator, const struct subject *subject, const struct rule *rule,
                          enum input_kind kind, const char **ret_key)
{
    const struct container_facts *container;

    switch (input_types[kind].key) {
    case INPUT_KEY_NONE:
        *ret_key = NULL;
        return true;
    case INPUT_KEY_SOURCE:
        *ret_key = rule_file_source(rule);
        return true;
    case INPUT_KEY_CONTAINER:
        *ret_key = subject->id;
        return subject->kind == SUBJECT_CONTAINER;
    case INPUT_KEY_EXEC:
        *ret_key = subject->id;
        return true;
    case INPUT_KEY_IMAGE:
        *ret_key = subject->id;
        if (subject->kind != SUBJECT_CONTAINER)
            return true;
        container = store_container(evaluator->store, subject->id, NULL);
        *ret_key = container ? container->image_id : NULL;
        return *ret_key != NULL;
    }
    return false;
}

static bool is_required(const struct evaluator *evaluator, const struct subject *subject, const struct rule *rule,
                        enum input_kind kind)
{
    return !rule->check->requires || rule->check->requires(evaluator->store, subject->id, kind);
}

static bool pair_must_wait(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair)
{
    for (unsigned i = 0; i < INPUT_KIND_COUNT; i++) {
        enum input_kind kind = (enum input_kind)i;
        const char *key;

        if (!(pair->rule->check->reads & INPUT_BIT(kind)))
            continue;
        if (!input_key_for(evaluator, subject, pair->rule, kind, &key)) {
            /* An exec is judged by what was true when it was made. */
            if (kind == INPUT_CONTAINER && subject->kind != SUBJECT_EXEC && evaluator->pending[kind])
                return true;
            continue;
        }
        if (input_is_awaited(evaluator, kind, key) && is_required(evaluator, subject, pair->rule, kind))
            return true;
        if (kind == INPUT_CONTAINER && joins_are_awaited(evaluator, subject->id))
            return true;
    }
    return false;
}

void evaluate_pair(struct evaluator *evaluator, struct subject *subject, struct pair *pair)
{
    enum verdict previous = pair->verdict;

    slice_charge(evaluator, 1);
    pair->postponed = false;
    if (evaluator->next_engine)
        report_pair(evaluator, subject, pair); /* it ends, whatever it waits for */
    if (pair_must_wait(evaluator, subject, pair)) {
        pair->waiting = true;
        return;
    }
    pair->waiting = false;
    evaluator->counters.evaluations++;
    check_result_clear(&evaluator->scratch);
    pair_run_check(evaluator, subject, pair, false, &evaluator->scratch);
    tally_pair(evaluator, pair, -1);
    pair->verdict = evaluator->scratch.verdict;
    tally_pair(evaluator, pair, 1);
    pair->recheck = evaluator->scratch.recheck;
    pair->checked = clock_now(evaluator->clock);
    pair->attested = evaluator->scratch.attested;
    recheck_arm(evaluator, pair->recheck);
    if (pair->verdict != previous)
        pair->since = pair->checked;
    report_pair(evaluator, subject, pair);
}
