/* Containers that share namespaces of others ("container:ID" as a mode): a change of one concerns those that join
 * it. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

#include "common/text.h"

static void joiners_free(void *p)
{
    struct joiners *joiners = p;

    for (size_t i = 0; i < joiners->ids.count; i++)
        free(joiners->ids.items[i]);
    vec_free(&joiners->ids);
    free(joiners);
}

void joins_init(struct evaluator *evaluator)
{
    evaluator->joiners = map_new(joiners_free);
}

/* The key in joiners of those that join TARGET: its id, or "" where it is named otherwise (by name, or the beginning of
 * its id). A name may be new or given to another container: those that join by name are visited whenever any container
 * changes. */
static const char *joined_key(const char *target)
{
    enum { ID_LENGTH = 64 };

    return strlen(target) == ID_LENGTH && strspn(target, "0123456789abcdef") == ID_LENGTH ? target : "";
}

static void note_joiner(struct evaluator *evaluator, const char *target, const char *id)
{
    struct joiners *joiners = map_get(evaluator->joiners, joined_key(target));

    if (!joiners) {
        joiners = mem_alloc(sizeof *joiners);
        map_set(evaluator->joiners, joined_key(target), joiners);
    }
    vec_push(&joiners->ids, mem_strdup(id));
}

static void forget_joiner(struct evaluator *evaluator, const char *target, const char *id)
{
    struct joiners *joiners = map_get(evaluator->joiners, joined_key(target));

    for (size_t i = 0; joiners && i < joiners->ids.count; i++)
        if (str_equal(joiners->ids.items[i], id)) {
            free(joiners->ids.items[i]);
            vec_remove(&joiners->ids, i);
            break;
        }
    if (joiners && !joiners->ids.count)
        map_remove(evaluator->joiners, joined_key(target));
}

enum { TARGETS_MAX = 3 };

/* Whose namespaces CONTAINER (may be NULL) shares. */
static size_t list_targets(const struct container_facts *container, const char *ret[TARGETS_MAX])
{
    const char *modes[TARGETS_MAX] = {container ? container->network_mode : NULL,
                                      container ? container->pid_mode : NULL, container ? container->ipc_mode : NULL};
    size_t count = 0;

    for (size_t i = 0; i < countof(modes); i++)
        if (str_starts(modes[i], "container:") && !(i && str_equal(modes[i], modes[i - 1])))
            ret[count++] = modes[i] + strlen("container:");
    return count;
}

void joins_note(struct evaluator *evaluator, const struct container_facts *container)
{
    const char *targets[TARGETS_MAX];
    size_t count = list_targets(container, targets);

    for (size_t i = 0; container && i < count; i++)
        note_joiner(evaluator, targets[i], container->id);
}

void joins_forget(struct evaluator *evaluator, const struct container_facts *container)
{
    const char *targets[TARGETS_MAX];
    size_t count = list_targets(container, targets);

    for (size_t i = 0; container && i < count; i++)
        forget_joiner(evaluator, targets[i], container->id);
}

bool joins_are_awaited(const struct evaluator *evaluator, const char *id)
{
    const char *targets[TARGETS_MAX];
    size_t count = list_targets(store_container(evaluator->store, id, NULL), targets);

    for (size_t i = 0; i < count; i++)
        if (input_is_awaited(evaluator, INPUT_CONTAINER, targets[i]))
            return true;
    return false;
}
