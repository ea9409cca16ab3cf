/* Verdicts read back from the state file, each until its subject is seen again and adopts it. */
#include "agent/evaluator/evaluator_internal.h"

void restored_free(void *p)
{
    struct restored *restored = p;

    if (restored)
        free(restored->name);
    free(restored);
}

char *restored_key(const char *slug, const char *kind, const char *id)
{
    return mem_printf("%s %s %s", slug, kind, id);
}

void restored_adopt(struct evaluator *evaluator, const struct subject *subject, struct pair *pair)
{
    scoped(cleanup_free) char *key = NULL;
    struct restored *restored;

    if (!evaluator->restored)
        return;
    key = restored_key(pair->rule->slug, subject_kind_name(subject->kind), subject->id);
    restored = map_steal(evaluator->restored, key);
    if (!restored)
        return;
    pair->verdict = restored->verdict;
    pair->seq = restored->seq;
    pair->since = restored->since;
    pair->waived = restored->waived;
    pair->waiting = true; /* it is evaluated like a new one, and compared with what was */
    restored_free(restored);
}
