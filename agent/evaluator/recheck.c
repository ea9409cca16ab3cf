/* What time alone may change: findings that run out, waivers that expire, and a wall clock that was set. */
#include "agent/evaluator/evaluator_internal.h"

/* Evaluates what time alone may have changed: ALL, or only what is due. */
static void recheck(struct evaluator *evaluator, bool all, const char *cause)
{
    usec_t now = clock_now(evaluator->clock);
    VEC(char *) execs = {0};
    struct subject *subject;
    size_t at = 0;

    evaluator->next_recheck = 0;
    evaluator->cause = cause;
    while ((subject = subject_next(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++) {
            struct pair *pair = &subject->pairs[i];

            if ((all && !pair->waiting) || (pair->recheck && pair->recheck <= now)) {
                evaluate_in_turn(evaluator, subject, pair);
                if (subject->kind == SUBJECT_EXEC)
                    vec_push(&execs, mem_strdup(subject->id));
            } else {
                report_pair(evaluator, subject, pair);
                recheck_arm(evaluator, pair->recheck);
            }
        }
    recheck_arm(evaluator, exceptions_next_expiry(evaluator));
    for (size_t i = 0; i < execs.count; i++) {
        exec_drop_quiet(evaluator, execs.items[i]);
        free(execs.items[i]);
    }
    vec_free(&execs);
    evaluator->cause = NULL;
}

static void on_recheck(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    recheck(user, false, "timer");
}

void recheck_init(struct evaluator *evaluator)
{
    evaluator->recheck_timer = evtimer_new(evaluator->base, on_recheck, evaluator);
}

void evaluator_clock_changed(struct evaluator *evaluator)
{
    recheck(evaluator, true, "clock");
}
