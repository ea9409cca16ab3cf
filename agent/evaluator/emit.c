/* A verdict that changed becomes a transition: numbered, then handed out. So does a failure
 * whose waiver came or ended, and the end of a pair. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

void publish_transition(struct evaluator *evaluator, struct transition *transition)
{
    evaluator->counters.transitions++;
    if (evaluator->callbacks.transition)
        evaluator->callbacks.transition(transition, evaluator->callbacks.user);
    transition_unref(transition);
}

void emit_transition(struct evaluator *evaluator, const struct subject *subject, struct pair *pair,
                     enum verdict previous, const char *cause, bool gone)
{
    enum { COST = 40 };
    struct transition *transition;

    slice_charge(evaluator, COST);
    open_change(evaluator, pair->rule, subject_kind_name(subject->kind), subject->id, previous,
                gone ? VERDICT_NONE : pair->verdict);
    pair->seq = ++evaluator->last_seq;
    evaluator->counters.transitions_by_verdict[gone ? VERDICT_NONE : pair->verdict]++;
    pair->reported = gone ? VERDICT_NONE : pair->verdict;
    transition = transition_from_pair(evaluator, subject, pair, previous, pair->seq, clock_now(evaluator->clock),
                                      cause ? cause : "start", gone);
    transition->event_at = evaluator->event_at;
    publish_transition(evaluator, transition);
}

void report_pair(struct evaluator *evaluator, const struct subject *subject, struct pair *pair)
{
    enum verdict now = evaluator->next_engine ? VERDICT_NONE : pair->verdict;
    bool waived;

    if (evaluator->engine_awaited || (now == VERDICT_NONE && pair->reported == VERDICT_NONE))
        return;
    /* An exec that is in order leaves no trace: health checks arrive as execs by the thousand. */
    if (subject->kind == SUBJECT_EXEC && verdict_is_quiet(now) && verdict_is_quiet(pair->reported))
        return;
    waived = evaluator_waiver(evaluator, subject, pair) != NULL;
    if (now == pair->reported && (now != VERDICT_FAIL || waived == pair->waived))
        return;
    pair->waived = waived;
    emit_transition(evaluator, subject, pair, pair->reported, evaluator->cause, now == VERDICT_NONE);
}

void subject_drop_pair(struct evaluator *evaluator, struct subject *subject, struct pair *pair, const char *cause)
{
    size_t index = (size_t)(pair - subject->pairs);

    if (pair->reported != VERDICT_NONE)
        emit_transition(evaluator, subject, pair, pair->reported, cause, true);
    tally_pair(evaluator, pair, -1);
    memmove(pair, pair + 1, (subject->pair_count - index - 1) * sizeof *pair);
    subject->pair_count--;
}

void subject_close(struct evaluator *evaluator, struct subject *subject, const char *cause)
{
    while (subject->pair_count)
        subject_drop_pair(evaluator, subject, &subject->pairs[subject->pair_count - 1], cause);
    if (subject->postponed_for)
        TAILQ_REMOVE(&evaluator->postponed, subject, later);
    map_remove(evaluator->subjects[subject->kind], subject->id);
}
