/* What the store would give back after a restart: the last of each finding that was reported. For tests that have no
 * store. */
#ifndef TESTS_UNIT_RESTART_H
#define TESTS_UNIT_RESTART_H

#include "agent/evaluator/evaluator.h"
#include "common/map.h"
#include "common/memory.h"

struct remembered {
    struct map *last; /* transitions by finding; NULL: none */
    uint64_t seq;
};

static inline void remembered_unref(void *p)
{
    transition_unref(p);
}

static inline void remembered_add(struct remembered *remembered, struct transition *transition)
{
    scoped(cleanup_free) char *key = NULL;

    remembered->seq = transition->seq;
    if (transition->is_agent)
        return;
    if (!remembered->last)
        remembered->last = map_new(remembered_unref);
    key = mem_printf("%s %s %s", transition->slug, transition->subject_kind, transition->subject_id);
    map_set(remembered->last, key, transition_ref(transition));
}

static inline void remembered_restore(const struct remembered *remembered, struct evaluator *evaluator)
{
    size_t at = 0;
    void *value;

    while (remembered->last && map_next(remembered->last, &at, NULL, &value)) {
        const struct transition *t = value;

        if (t->status_value == VERDICT_NONE && !str_equal(t->subject_kind, "exec"))
            continue;
        evaluator_restore(evaluator, &(struct restored_finding){.slug = t->slug,
                                                                .kind = t->subject_kind,
                                                                .id = t->subject_id,
                                                                .name = t->subject_name,
                                                                .extra = t->extra,
                                                                .status = t->status_value,
                                                                .waived = t->waived,
                                                                .seq = t->seq,
                                                                .since = t->since});
    }
    evaluator_restored(evaluator, remembered->seq);
}

static inline void remembered_clear(struct remembered *remembered)
{
    map_free(take(remembered->last));
    remembered->seq = 0;
}

#endif
