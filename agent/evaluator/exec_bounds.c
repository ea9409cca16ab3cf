/* Bounds what is kept of execs, and closes what is in order.
 *
 * Of more than EXEC_GROUPS_MAX groups the acknowledged ones go first, then the open ones, of each the one whose last
 * exec is the longest ago. Of an open one the finding ends with a transition; that it happened is logged and counted.
 */
#include "agent/evaluator/evaluator_internal.h"
#include "common/log.h"

enum { DROPPED_A_TURN = 64, NOTES_A_TURN = 256 };

static void drop_open(struct evaluator *evaluator, const struct exec_group *group)
{
    scoped(cleanup_free) char *id = mem_strdup(group->id);
    struct exec_groups *groups = evaluator->exec_groups;
    unsigned held_back;

    groups->dropped++;
    groups->dropped_at = clock_now(evaluator->clock);
    if (log_allowed(&groups->log, clock_monotonic(), &held_back))
        log_warning("execs: more than %d findings: that of exec %.12s, the oldest, ends (%llu so far)",
                    (int)EXEC_GROUPS_MAX, id, (unsigned long long)groups->dropped);
    evaluator_gone(evaluator, INPUT_EXEC, id, "bound: too many exec findings");
    exec_group_forget(evaluator, id);
}

static bool waits(const struct subject *subject)
{
    for (size_t i = 0; subject && i < subject->pair_count; i++)
        if (subject->pairs[i].waiting || subject->pairs[i].postponed)
            return true;
    return false;
}

/* Closes those that are in order. What waits for an input is looked at again. */
static void sweep(struct evaluator *evaluator)
{
    VEC(char *) ids = {0};
    size_t at = 0;
    const char *id;
    void *value;

    if (!evaluator->exec_groups->sweep)
        return;
    evaluator->exec_groups->sweep = false;
    while (map_next(evaluator->subjects[SUBJECT_EXEC], &at, &id, &value))
        vec_push(&ids, mem_strdup(id));
    for (size_t i = 0; i < ids.count; i++) {
        exec_drop_quiet(evaluator, ids.items[i]);
        if (waits(subject_find(evaluator, SUBJECT_EXEC, ids.items[i])))
            evaluator->exec_groups->sweep = true;
        free(ids.items[i]);
    }
    vec_free(&ids);
}

void exec_upkeep(struct evaluator *evaluator)
{
    static const struct timeval next_turn, a_second = {.tv_sec = 1};
    struct exec_groups *groups = evaluator->exec_groups;
    bool written;

    for (size_t i = 0; i < DROPPED_A_TURN && map_count(groups->by_id) > EXEC_GROUPS_MAX; i++)
        if (!TAILQ_EMPTY(&groups->acknowledged)) {
            scoped(cleanup_free) char *id = mem_strdup(TAILQ_FIRST(&groups->acknowledged)->id);

            exec_group_forget(evaluator, id);
        } else {
            drop_open(evaluator, TAILQ_FIRST(&groups->open));
        }
    sweep(evaluator);
    written = exec_notes_write(evaluator, NOTES_A_TURN);
    if (map_count(groups->by_id) > EXEC_GROUPS_MAX)
        evtimer_add(groups->timer, &next_turn);
    else if (!written || groups->sweep)
        evtimer_add(groups->timer, &a_second);
}
