/* Work in slices: one change may concern hundreds of thousands of pairs (another configuration, a clock that was set, a
 * directory of thousands of files), and the loop must not stand still for them. What is too much for one turn of the
 * loop is postponed to the next ones, subject by subject. */
#include "agent/evaluator/evaluator_internal.h"

static void arm_slice_timer(struct evaluator *evaluator)
{
    static const struct timeval next_turn;

    evtimer_add(evaluator->slice_timer, &next_turn);
}

static void evaluate_postponed(struct evaluator *evaluator, struct subject *subject)
{
    scoped(cleanup_free) char *cause = take(subject->postponed_for);
    const char *outer = evaluator->cause;
    usec_t outer_event = evaluator->event_at;

    TAILQ_REMOVE(&evaluator->postponed, subject, later);
    evaluator->cause = cause;
    evaluator->event_at = subject->postponed_event_at;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].postponed)
            evaluate_pair(evaluator, subject, &subject->pairs[i]);
    evaluator->cause = outer;
    evaluator->event_at = outer_event;
}

static void on_slice(evutil_socket_t fd, short what, void *user)
{
    struct evaluator *evaluator = user;

    (void)fd;
    (void)what;
    while (!TAILQ_EMPTY(&evaluator->postponed) && !slice_is_over(evaluator))
        evaluate_postponed(evaluator, TAILQ_FIRST(&evaluator->postponed));
    if (!TAILQ_EMPTY(&evaluator->postponed) && !evaluator->held)
        arm_slice_timer(evaluator);
    if (TAILQ_EMPTY(&evaluator->postponed) && evaluator->next_engine)
        event_active(evaluator->withdrawn_event, EV_TIMEOUT, 0);
    settle_schedule(evaluator);
}

void evaluate_in_turn(struct evaluator *evaluator, struct subject *subject, struct pair *pair)
{
    if (subject->kind == SUBJECT_EXEC || !slice_is_over(evaluator)) {
        evaluate_pair(evaluator, subject, pair);
        return;
    }
    pair->postponed = true;
    if (subject->postponed_for)
        return;
    subject->postponed_for = mem_strdup(evaluator->cause ? evaluator->cause : "start");
    subject->postponed_event_at = evaluator->event_at;
    TAILQ_INSERT_TAIL(&evaluator->postponed, subject, later);
    arm_slice_timer(evaluator);
}

void evaluator_hold(struct evaluator *evaluator, bool held)
{
    evaluator->held = held;
    if (!held && (evaluator->next_engine || !TAILQ_EMPTY(&evaluator->postponed)))
        arm_slice_timer(evaluator);
}

bool evaluator_has_postponed(const struct evaluator *evaluator)
{
    return !evaluator->held && !TAILQ_EMPTY(&evaluator->postponed);
}

void slices_init(struct evaluator *evaluator)
{
    TAILQ_INIT(&evaluator->postponed);
    evaluator->slice_timer = evtimer_new(evaluator->base, on_slice, evaluator);
}

void slices_deinit(struct evaluator *evaluator)
{
    event_free(evaluator->slice_timer);
}
