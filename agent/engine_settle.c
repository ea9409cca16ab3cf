/* How many inputs are on their way, and what follows when none is any more: the engine has settled. */
#include "agent/engine_internal.h"

bool input_is_background(enum input_kind kind)
{
    return kind == INPUT_LAYERS || kind == INPUT_SCAN;
}

void input_count_pending(struct engine *engine, enum input_kind kind, int by)
{
    engine->pending[kind] += (unsigned)by;
    *(input_is_background(kind) ? &engine->pending_background : &engine->pending_total) += (unsigned)by;
}

bool engine_is_settled(const struct engine *engine)
{
    return engine->pending_total == 0;
}

bool engine_has_background_work(const struct engine *engine)
{
    return engine->pending_background > 0;
}

void settle_schedule(struct engine *engine)
{
    if (!engine->pending_total)
        event_active(engine->settle_event, EV_TIMEOUT, 0);
}

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    struct engine *engine = user;

    (void)fd;
    (void)what;
    if (engine->pending_total)
        return;
    if (engine->reachable && !engine->restored_closed) {
        engine->restored_closed = true;
        state_close_leftovers(engine);
    }
    state_tell_trouble(engine);
    if (engine->callbacks.settled)
        engine->callbacks.settled(engine->callbacks.user);
}

void settle_init(struct engine *engine)
{
    engine->settle_event = event_new(engine->base, -1, 0, on_settled, engine);
}
