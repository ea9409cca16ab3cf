/* How many inputs are on their way, and what follows when none is any more: the engine has settled. */
#include "agent/evaluator/evaluator_internal.h"

bool input_is_background(enum input_kind kind)
{
    return kind == INPUT_LAYERS || kind == INPUT_SCAN;
}

void input_count_pending(struct evaluator *evaluator, enum input_kind kind, int by)
{
    evaluator->pending[kind] += (unsigned)by;
    *(input_is_background(kind) ? &evaluator->pending_background : &evaluator->pending_total) += (unsigned)by;
}

bool evaluator_is_settled(const struct evaluator *evaluator)
{
    return evaluator->pending_total == 0;
}

bool evaluator_has_background_work(const struct evaluator *evaluator)
{
    return evaluator->pending_background > 0;
}

void settle_schedule(struct evaluator *evaluator)
{
    if (!evaluator->pending_total)
        event_active(evaluator->settle_event, EV_TIMEOUT, 0);
}

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    struct evaluator *evaluator = user;

    (void)fd;
    (void)what;
    if (evaluator->pending_total)
        return;
    if (evaluator->reachable && !evaluator->restored_closed) {
        evaluator->restored_closed = true;
        state_close_leftovers(evaluator);
    }
    state_tell_trouble(evaluator);
    if (evaluator->callbacks.settled)
        evaluator->callbacks.settled(evaluator->callbacks.user);
}

void settle_init(struct evaluator *evaluator)
{
    evaluator->settle_event = event_new(evaluator->base, -1, 0, on_settled, evaluator);
}
