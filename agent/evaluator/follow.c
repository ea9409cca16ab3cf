/* Inputs that others lead to: the lists name the containers, images and networks there are, a container its image,
 * processes and execs. What is new is fetched, what is not listed any more is gone. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

void follow_execs(struct evaluator *evaluator, const struct container_facts *container,
                  const struct string_list *before, const char *cause)
{
    struct map *lived; /* there may be thousands that were never started */

    if (!container->exec_ids.count || subject_is_left_out(evaluator, SUBJECT_CONTAINER, container->id))
        return;
    lived = map_new(NULL);
    for (size_t i = 0; i < before->count; i++)
        map_set(lived, before->items[i], lived);
    for (size_t i = 0; i < container->exec_ids.count; i++) {
        const char *id = container->exec_ids.items[i];

        if (map_get(lived, id) || exec_is_known(evaluator, id))
            continue;
        execs_candidate(evaluator, container, id);
        evaluator_stale(evaluator, INPUT_EXEC, id, cause);
    }
    map_free(lived);
}

static bool is_read(const struct evaluator *evaluator, enum input_kind kind)
{
    for (size_t i = 0; i < evaluator->rules->count; i++)
        if (evaluator->rules->rules[i].enabled && evaluator->rules->rules[i].check->reads & INPUT_BIT(kind))
            return true;
    return false;
}

/* Of an image that the engine does not list as well. */
static void follow_image_of(struct evaluator *evaluator, const char *image_id, const char *cause)
{
    if (!input_find(evaluator, INPUT_IMAGE, image_id))
        evaluator_stale(evaluator, INPUT_IMAGE, image_id, cause);
    if (is_read(evaluator, INPUT_LAYERS) && !input_find(evaluator, INPUT_LAYERS, image_id))
        evaluator_stale(evaluator, INPUT_LAYERS, image_id, cause);
}

void follow_container(struct evaluator *evaluator, const struct container_facts *container,
                      const struct container_facts *before, bool resync, const char *cause)
{
    const struct input *processes;

    if (container->image_id)
        follow_image_of(evaluator, container->image_id, cause);
    /* A task comes and goes without an event of its own, but its container has them. */
    if (container->task_label && (!before || before->running != container->running))
        evaluator_stale(evaluator, INPUT_TASKS, NULL, cause);
    if (!container->running || !container->pid) {
        input_forget(evaluator, INPUT_PROCESSES, container->id);
    } else if (!before || before->pid != container->pid || resync ||
               !(processes = input_find(evaluator, INPUT_PROCESSES, container->id)) || processes->stale) {
        evaluator_stale(evaluator, INPUT_PROCESSES, container->id, cause);
    }
}

/* Does LIST, which does not have the container of INPUT, know better? Not when the container is about to be asked for,
 * or was asked for after the list: it may have been created in between. */
static bool is_gone_by_list(const struct input *input, const struct input *list)
{
    return !input->queued && !input->in_flight && input->fetch_number < list->fetch_number;
}

void follow_containers(struct evaluator *evaluator, const struct container_list_facts *list, const char *cause)
{
    const struct input *list_input = input_find(evaluator, INPUT_CONTAINERS, NULL);
    struct map *listed = map_new(NULL);
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *key;
    void *value;

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, (void *)(uintptr_t)1);
    while (map_next(evaluator->inputs[INPUT_CONTAINER], &at, &key, &value))
        if (!map_get(listed, key) && is_gone_by_list(value, list_input))
            vec_push(&gone, mem_strdup(key));
    for (size_t i = 0; i < gone.count; i++) {
        evaluator_gone(evaluator, INPUT_CONTAINER, gone.items[i], cause);
        free(gone.items[i]);
    }
    vec_free(&gone);
    for (size_t i = 0; i < list->count; i++)
        if (!input_find(evaluator, INPUT_CONTAINER, list->items[i].id))
            evaluator_stale(evaluator, INPUT_CONTAINER, list->items[i].id, cause);
    map_free(listed);
}

static bool same_strings(const struct string_list *a, const struct string_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

/* An image does not change, but its names do. */
static void follow_image(struct evaluator *evaluator, const struct image_list_item *item, const char *cause)
{
    static const enum input_kind others[] = {INPUT_HISTORY, INPUT_LAYERS, INPUT_SCAN};
    const struct image_facts *image = store_image(evaluator->store, item->id, NULL);
    const char *name = item->tags.count ? item->tags.items[0] : item->digests.count ? item->digests.items[0] : item->id;
    struct subject *subject =
        evaluator->rules_of[SUBJECT_IMAGE].count ? subject_ensure(evaluator, SUBJECT_IMAGE, item->id, name) : NULL;

    if (!input_find(evaluator, INPUT_IMAGE, item->id) ||
        (image && !(same_strings(&image->tags, &item->tags) && same_strings(&image->digests, &item->digests))))
        evaluator_stale(evaluator, INPUT_IMAGE, item->id, cause);
    for (size_t i = 0; i < countof(others); i++)
        if (is_read(evaluator, others[i]) && !input_find(evaluator, others[i], item->id))
            evaluator_stale(evaluator, others[i], item->id, cause);
    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].verdict == VERDICT_NONE && !subject->pairs[i].waiting)
            evaluate_in_turn(evaluator, subject, &subject->pairs[i]);
}

/* Closes the subjects of KIND that a list does not hold any more. */
static void close_unlisted(struct evaluator *evaluator, enum subject_kind kind, const struct map *listed,
                           const char *cause)
{
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(evaluator->subjects[kind], &at, &key, &value))
        if (!map_get(listed, key))
            vec_push(&gone, mem_strdup(key));
    for (size_t i = 0; i < gone.count; i++) {
        struct subject *subject = subject_find(evaluator, kind, gone.items[i]);

        if (kind == SUBJECT_IMAGE && !store_image_users(evaluator->store, gone.items[i]))
            evaluator_gone(evaluator, INPUT_IMAGE, gone.items[i], cause);
        else if (subject)
            subject_close(evaluator, subject, cause);
        free(gone.items[i]);
    }
    vec_free(&gone);
}

void follow_images(struct evaluator *evaluator, const struct image_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, listed);
    close_unlisted(evaluator, SUBJECT_IMAGE, listed, cause);
    for (size_t i = 0; i < list->count; i++)
        follow_image(evaluator, &list->items[i], cause);
    map_free(listed);
}

void follow_networks(struct evaluator *evaluator, const struct network_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, listed);
    close_unlisted(evaluator, SUBJECT_NETWORK, listed, cause);
    for (size_t i = 0; i < list->count && evaluator->rules_of[SUBJECT_NETWORK].count; i++)
        subject_ensure(evaluator, SUBJECT_NETWORK, list->items[i].id, list->items[i].name);
    map_free(listed);
}
