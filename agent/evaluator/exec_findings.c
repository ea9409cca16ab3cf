/* How the findings of an exec end: acknowledged, run out, or never out of order. What was closed stays so: a replay of
 * its event does not bring it back. execs.c is about the time before its record is known. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>

void exec_close(struct evaluator *evaluator, const char *id)
{
    enum { CLOSED_MAX = 65536 };

    if (map_count(evaluator->closed_execs) < CLOSED_MAX)
        map_set(evaluator->closed_execs, id, evaluator);
}

bool exec_was_told(const struct subject *subject)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].seq)
            return true;
    return false;
}

void exec_drop_quiet(struct evaluator *evaluator, const char *id)
{
    struct subject *subject = subject_find(evaluator, SUBJECT_EXEC, id);

    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!verdict_is_quiet(subject->pairs[i].verdict) || subject->pairs[i].waiting)
            return;
    for (size_t i = 0; i < subject->pair_count; i++)
        subject->pairs[i].verdict = VERDICT_NONE;
    evaluator_gone(evaluator, INPUT_EXEC, id, "timer");
}

int evaluator_acknowledge(struct evaluator *evaluator, const char *exec_id, const char *by, const char *why)
{
    scoped_str cause = STR_INIT;

    if (!subject_find(evaluator, SUBJECT_EXEC, exec_id))
        return -ENOENT;
    str_printf(&cause, "ack: %s: %s", by, why);
    evaluator_gone(evaluator, INPUT_EXEC, exec_id, cause.data);
    return 0;
}
