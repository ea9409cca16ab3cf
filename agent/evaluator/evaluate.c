/* Evaluating a pair.
 *
 * It happens only once every input that the pair reads has a value: until then the pair waits, and the completion of
 * what it waits for evaluates it. So a verdict is never made of a mixture of old and expected facts, and nothing
 * polls. */
#include "agent/evaluator/evaluator_internal.h"

static bool pair_must_wait(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair)
{
    const struct check *check = pair->rule->check;

    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        const char *key = NULL;

        if (!(check->reads & INPUT_BIT(kind)))
            continue;
        switch ((enum input_kind)kind) {
        case INPUT_CONTAINER:
        case INPUT_PROCESSES:
            if (subject->kind != SUBJECT_CONTAINER) {
                if (evaluator->pending[kind] && kind == INPUT_CONTAINER && subject->kind != SUBJECT_EXEC)
                    return true;
                continue;
            }
            key = subject->id;
            if (kind == INPUT_CONTAINER && joins_are_awaited(evaluator, subject->id))
                return true;
            break;
        case INPUT_EXEC:
            key = subject->id;
            break;
        case INPUT_IMAGE:
        case INPUT_HISTORY:
        case INPUT_LAYERS:
        case INPUT_SCAN: {
            const struct container_facts *container;

            if (subject->kind != SUBJECT_CONTAINER) {
                key = subject->id;
                break;
            }
            container = store_container(evaluator->store, subject->id, NULL);
            if (!container || !container->image_id)
                continue;
            key = container->image_id;
            break;
        }
        case INPUT_FILES:
            key = rule_file_source(pair->rule);
            break;
        default:
            break;
        }
        if (input_is_awaited(evaluator, (enum input_kind)kind, key))
            return true;
    }
    return false;
}

void evaluate_pair(struct evaluator *evaluator, struct subject *subject, struct pair *pair)
{
    enum verdict previous = pair->verdict;

    if (pair_must_wait(evaluator, subject, pair)) {
        pair->waiting = true;
        return;
    }
    pair->waiting = false;
    evaluator->counters.evaluations++;
    check_result_clear(&evaluator->scratch);
    pair_run_check(evaluator, subject, pair, false, &evaluator->scratch);
    pair->verdict = evaluator->scratch.verdict;
    pair->recheck = evaluator->scratch.recheck;
    pair->checked = clock_now(evaluator->clock);
    pair->attested = evaluator->scratch.attested;
    recheck_arm(evaluator, pair->recheck);
    if (pair->verdict == previous) {
        exceptions_refresh(evaluator, subject, pair);
        return;
    }
    pair->since = pair->checked;
    /* An exec that is in order leaves no trace: health checks arrive as execs by the thousand. */
    if (subject->kind == SUBJECT_EXEC && verdict_is_quiet(pair->verdict) && verdict_is_quiet(previous))
        return;
    pair->waived = evaluator_waiver(evaluator, subject, pair) != NULL;
    emit_transition(evaluator, subject, pair, previous, evaluator->cause, false);
}
