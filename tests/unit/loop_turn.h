/* For tests of the evaluator, whose fetches begin in the loop's next turn: each call that may lead to one is followed
 * by as many turns as it takes. The test has its loop in a variable `base`. */
#ifndef TESTS_UNIT_LOOP_TURN_H
#define TESTS_UNIT_LOOP_TURN_H

#include <event2/event.h>

#include "agent/evaluator/evaluator.h"

static struct event_base *base;

/* Nothing when it is called from the loop, as by a fetch that completes at once. */
static inline void take_turns(void)
{
    static bool in_loop;

    if (in_loop)
        return;
    in_loop = true;
    for (int i = 0; i < 8; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    in_loop = false;
}

#define evaluator_stale(...)                (evaluator_stale(__VA_ARGS__), take_turns())
#define evaluator_stale_all(...)            (evaluator_stale_all(__VA_ARGS__), take_turns())
#define evaluator_fetched(...)              (evaluator_fetched(__VA_ARGS__), take_turns())
#define evaluator_fetch_failed(...)         (evaluator_fetch_failed(__VA_ARGS__), take_turns())
#define evaluator_set_engine_reachable(...) (evaluator_set_engine_reachable(__VA_ARGS__), take_turns())
#define evaluator_exec_made(...)            (evaluator_exec_made(__VA_ARGS__), take_turns())

#endif
