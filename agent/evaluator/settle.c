/* The evaluator has settled: no input is stale or in flight any more. */
#include "agent/evaluator/evaluator_internal.h"

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
    state_report_trouble(evaluator);
    if (evaluator->callbacks.settled)
        evaluator->callbacks.settled(evaluator->callbacks.user);
}

void settle_init(struct evaluator *evaluator)
{
    evaluator->settle_event = event_new(evaluator->base, -1, 0, on_settled, evaluator);
}
