/* Counts the inputs that are stale or in flight, and arms the timers for what follows: settle.c when there are none
 * left, recheck.c when something is due by time. */
#include "agent/evaluator/evaluator_internal.h"

void input_count_pending(struct evaluator *evaluator, enum input_kind kind, int by)
{
    evaluator->pending[kind] += (unsigned)by;
    *(input_types[kind].background ? &evaluator->pending_background : &evaluator->pending_total) += (unsigned)by;
}

bool is_at_rest(const struct evaluator *evaluator)
{
    return evaluator->pending_total == 0 && TAILQ_EMPTY(&evaluator->postponed) && !evaluator->next_engine;
}

bool evaluator_is_settled(const struct evaluator *evaluator)
{
    return is_at_rest(evaluator);
}

/* An evaluation takes about a microsecond, a transition fifty: a slice is a few milliseconds. */
enum { SLICE = 2000 };

/* Time stands still for callbacks of one turn. */
static void begin_turn(struct evaluator *evaluator)
{
    struct timeval now;

    event_base_gettimeofday_cached(evaluator->base, &now);
    if (now.tv_sec == evaluator->turn.tv_sec && now.tv_usec == evaluator->turn.tv_usec)
        return;
    evaluator->turn = now;
    evaluator->budget = SLICE;
}

void slice_charge(struct evaluator *evaluator, int cost)
{
    begin_turn(evaluator);
    evaluator->budget -= cost;
}

bool slice_is_over(struct evaluator *evaluator)
{
    begin_turn(evaluator);
    return evaluator->held || evaluator->budget <= 0;
}

void retry_drop(struct evaluator *evaluator, struct input *input)
{
    if (input->retry_at)
        TAILQ_REMOVE(&evaluator->retries, input, retry);
    input->retry_at = 0;
}

void retry_forget(struct evaluator *evaluator, struct input *input)
{
    retry_drop(evaluator, input);
    evaluator->unread[input->kind] -= input->unread;
    input->unread = false;
    input->failures = 0;
    evaluator->without_room -= input->room_awaited != 0;
    input->room_awaited = 0;
}

bool evaluator_has_background_work(const struct evaluator *evaluator)
{
    return evaluator->pending_background > 0;
}

void settle_schedule(struct evaluator *evaluator)
{
    if (is_at_rest(evaluator))
        event_active(evaluator->settle_event, EV_TIMEOUT, 0);
}

void recheck_arm(struct evaluator *evaluator, usec_t at)
{
    struct timeval wait;
    usec_t left;

    if (!at || (evaluator->next_recheck && evaluator->next_recheck <= at))
        return;
    evaluator->next_recheck = at;
    left = at - clock_now(evaluator->clock);
    if (left < 1000)
        left = 1000;
    if (left > 3600 * USEC_PER_SEC) /* wall clocks jump: never sleep long on one */
        left = 3600 * USEC_PER_SEC;
    wait = (struct timeval){.tv_sec = left / USEC_PER_SEC, .tv_usec = left % USEC_PER_SEC};
    evtimer_add(evaluator->recheck_timer, &wait);
}
