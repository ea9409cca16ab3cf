/* How the findings of an exec end: acknowledged, run out, or never out of order. What was closed stays so: a replay of
 * its event does not bring it back. execs.c is about the time before its record is known. */
#include "agent/engine_internal.h"

#include <errno.h>

void engine_close_exec(struct engine *engine, const char *id)
{
    enum { CLOSED_MAX = 65536 };

    if (map_count(engine->closed_execs) < CLOSED_MAX)
        map_set(engine->closed_execs, id, engine);
}

bool exec_was_told(const struct subject *subject)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].seq)
            return true;
    return false;
}

void exec_drop_quiet(struct engine *engine, const char *id)
{
    struct subject *subject = subject_find(engine, SUBJECT_EXEC, id);

    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!engine_is_quiet(subject->pairs[i].verdict) || subject->pairs[i].waiting)
            return;
    for (size_t i = 0; i < subject->pair_count; i++)
        subject->pairs[i].verdict = VERDICT_NONE;
    engine_gone(engine, INPUT_EXEC, id, "timer");
}

int engine_acknowledge(struct engine *engine, const char *exec_id, const char *by, const char *why)
{
    scoped_str cause = STR_INIT;

    if (!subject_find(engine, SUBJECT_EXEC, exec_id))
        return -ENOENT;
    str_printf(&cause, "ack: %s: %s", by, why);
    engine_gone(engine, INPUT_EXEC, exec_id, cause.data);
    return 0;
}
