/* The evaluator has settled: no input is stale or in flight any more. */
#include "agent/evaluator/evaluator_internal.h"

enum { CLOSED_A_TURN = 256 };

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval next_turn;
    struct evaluator *evaluator = user;

    (void)fd;
    (void)what;
    if (!is_at_rest(evaluator))
        return;
    if (evaluator->reachable && !evaluator->restored_closed) {
        evaluator->restored_closed = restored_close(evaluator, CLOSED_A_TURN);
        if (!evaluator->restored_closed) {
            event_add(evaluator->settle_event, &next_turn);
            return;
        }
    }
    evaluator->has_settled = true;
    retry_report(evaluator);
    if (evaluator->callbacks.settled)
        evaluator->callbacks.settled(evaluator->callbacks.user);
}

void settle_init(struct evaluator *evaluator)
{
    evaluator->settle_event = event_new(evaluator->base, -1, 0, on_settled, evaluator);
}
