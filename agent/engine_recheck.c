/* What time alone may change: findings that run out, waivers that expire, and a wall clock that was set. */
#include "agent/engine_internal.h"

void recheck_arm(struct engine *engine, usec_t at)
{
    struct timeval wait;
    usec_t left;

    if (!at || (engine->next_recheck && engine->next_recheck <= at))
        return;
    engine->next_recheck = at;
    left = at - clock_now(engine->clock);
    if (left < 1000)
        left = 1000;
    if (left > 3600 * USEC_PER_SEC) /* wall clocks jump: never sleep long on one */
        left = 3600 * USEC_PER_SEC;
    wait = (struct timeval){.tv_sec = left / USEC_PER_SEC, .tv_usec = left % USEC_PER_SEC};
    evtimer_add(engine->recheck_timer, &wait);
}

/* Evaluates what time alone may have changed: ALL, or only what is due. */
static void recheck(struct engine *engine, bool all, const char *cause)
{
    usec_t now = clock_now(engine->clock);
    VEC(char *) execs = {0};
    struct subject *subject;
    size_t at = 0;

    engine->next_recheck = 0;
    engine->cause = cause;
    while ((subject = subject_next(engine, &at)))
        for (size_t i = 0; i < subject->pair_count; i++) {
            struct pair *pair = &subject->pairs[i];

            if ((all && !pair->waiting) || (pair->recheck && pair->recheck <= now)) {
                engine_evaluate(engine, subject, pair);
                if (subject->kind == SUBJECT_EXEC)
                    vec_push(&execs, mem_strdup(subject->id));
            } else {
                exceptions_refresh(engine, subject, pair);
                recheck_arm(engine, pair->recheck);
            }
        }
    recheck_arm(engine, exceptions_next_expiry(engine));
    for (size_t i = 0; i < execs.count; i++) {
        exec_drop_quiet(engine, execs.items[i]);
        free(execs.items[i]);
    }
    vec_free(&execs);
    engine->cause = NULL;
}

static void on_recheck(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    recheck(user, false, "timer");
}

void recheck_init(struct engine *engine)
{
    engine->recheck_timer = evtimer_new(engine->base, on_recheck, engine);
}

void engine_clock_changed(struct engine *engine)
{
    recheck(engine, true, "clock");
}
