/* The engine turns out to be another one than findings were reported of: it was not known at the start and could not be
 * asked, its data were removed, or another one has its address.
 *
 * Machine and engine are in the uid of each finding, so that a receiver would keep all of them for ever. They end, each
 * with a transition under the old identity; then they are reported anew. What is judged, and since when, stays. Both
 * are done in slices (slices.c). */
#include "agent/evaluator/evaluator_internal.h"

enum { CLOSED_A_TURN = 256 };

/* What the last transition of a pair says is not what holds, or is all to end. */
static void report_differences(struct evaluator *evaluator)
{
    const char *outer = evaluator->cause;
    struct subject *subject;
    size_t at = 0;

    evaluator->cause = evaluator->initial ? "start" : "engine:changed";
    while ((subject = subject_next(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++) {
            const struct pair *pair = &subject->pairs[i];

            if (pair->reported != (evaluator->next_engine ? VERDICT_NONE : pair->verdict))
                evaluate_in_turn(evaluator, subject, &subject->pairs[i]);
        }
    evaluator->cause = outer;
    settle_schedule(evaluator);
}

static void on_withdrawn(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval next_turn;
    struct evaluator *evaluator = user;
    scoped(cleanup_free) char *engine = NULL;

    (void)fd;
    (void)what;
    if (!evaluator->next_engine || evaluator->held || !TAILQ_EMPTY(&evaluator->postponed))
        return;
    if (!restored_close(evaluator, CLOSED_A_TURN)) {
        event_add(evaluator->withdrawn_event, &next_turn);
        return;
    }
    agent_states_withdraw(evaluator);
    engine = take(evaluator->next_engine);
    identity_set(evaluator, engine);
    agent_states_report(evaluator);
    report_differences(evaluator);
}

static void end_wait(struct evaluator *evaluator)
{
    if (!evaluator->engine_awaited)
        return;
    evaluator->engine_awaited = false;
    agent_states_report(evaluator);
}

void another_engine_give_up(struct evaluator *evaluator)
{
    if (!evaluator->address || !evaluator->engine_awaited)
        return;
    identity_set(evaluator, evaluator->engine);
    end_wait(evaluator);
    report_differences(evaluator);
}

void another_engine_learn(struct evaluator *evaluator, enum input_kind kind, bool failed)
{
    enum input_kind other = kind == INPUT_INFO ? INPUT_VERSION : INPUT_INFO;
    bool was_awaited = evaluator->engine_awaited;
    const char *engine;

    if (!evaluator->address || (kind != INPUT_INFO && kind != INPUT_VERSION))
        return;
    if (failed) {
        another_engine_give_up(evaluator);
        return;
    }
    if (evaluator_is_pending(evaluator, other, NULL) || !store_get(evaluator->store, other, NULL, NULL))
        return; /* each of the two may be of another engine */
    engine = identity_said(evaluator);
    if (str_equal(engine, evaluator->next_engine ? evaluator->next_engine : evaluator->engine)) {
        if (!was_awaited)
            return;
        identity_set(evaluator, evaluator->engine);
    } else {
        free(evaluator->next_engine);
        evaluator->next_engine = str_equal(engine, evaluator->engine) ? NULL : mem_strdup(engine);
    }
    end_wait(evaluator);
    report_differences(evaluator);
    if (evaluator->next_engine)
        on_withdrawn(-1, 0, evaluator);
}

void another_engine_init(struct evaluator *evaluator)
{
    evaluator->withdrawn_event = event_new(evaluator->base, -1, 0, on_withdrawn, evaluator);
}
