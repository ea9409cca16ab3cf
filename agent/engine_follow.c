/* What facts tell of other inputs: the lists say which containers, images and networks there are, a container which
 * image, processes and execs it has. What is new is fetched, what is not listed any more is gone. */
#include "agent/engine_internal.h"

#include <string.h>

static bool lists(const struct string_list *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], s) == 0)
            return true;
    return false;
}

void follow_execs(struct engine *engine, const struct container_facts *container, const struct string_list *before,
                  const char *cause)
{
    for (size_t i = 0; i < container->exec_ids.count; i++) {
        const char *id = container->exec_ids.items[i];

        if (lists(before, id) || map_get(engine->closed_execs, id) || store_get(engine->store, INPUT_EXEC, id, NULL))
            continue;
        execs_candidate(engine, container, id);
        engine_stale(engine, INPUT_EXEC, id, cause);
    }
}

void follow_container(struct engine *engine, const struct container_facts *container,
                      const struct container_facts *before, bool resync, const char *cause)
{
    const struct input *processes;

    if (container->image_id && !input_find(engine, INPUT_IMAGE, container->image_id))
        engine_stale(engine, INPUT_IMAGE, container->image_id, cause);
    if (!container->running || !container->pid) {
        input_forget(engine, INPUT_PROCESSES, container->id);
    } else if (!before || before->pid != container->pid || resync ||
               !(processes = input_find(engine, INPUT_PROCESSES, container->id)) || processes->stale) {
        engine_stale(engine, INPUT_PROCESSES, container->id, cause);
    }
}

void follow_containers(struct engine *engine, const struct container_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *key;
    void *value;

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, (void *)(uintptr_t)1);
    while (map_next(engine->inputs[INPUT_CONTAINER], &at, &key, &value))
        if (!map_get(listed, key) && !((struct input *)value)->in_flight)
            vec_push(&gone, mem_strdup(key));
    for (size_t i = 0; i < gone.count; i++) {
        engine_gone(engine, INPUT_CONTAINER, gone.items[i], cause);
        free(gone.items[i]);
    }
    vec_free(&gone);
    for (size_t i = 0; i < list->count; i++)
        if (!input_find(engine, INPUT_CONTAINER, list->items[i].id))
            engine_stale(engine, INPUT_CONTAINER, list->items[i].id, cause);
    map_free(listed);
}

static bool is_read(const struct engine *engine, enum input_kind kind)
{
    for (size_t i = 0; i < engine->rules->count; i++)
        if (engine->rules->rules[i].enabled && engine->rules->rules[i].check->reads & INPUT_BIT(kind))
            return true;
    return false;
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
static void follow_image(struct engine *engine, const struct image_list_item *item, const char *cause)
{
    static const enum input_kind others[] = {INPUT_HISTORY, INPUT_LAYERS, INPUT_SCAN};
    const struct image_facts *image = store_image(engine->store, item->id, NULL);
    const char *name = item->tags.count ? item->tags.items[0] : item->digests.count ? item->digests.items[0] : item->id;
    struct subject *subject =
        engine->rules_of[SUBJECT_IMAGE].count ? subject_ensure(engine, SUBJECT_IMAGE, item->id, name) : NULL;

    if (!input_find(engine, INPUT_IMAGE, item->id) ||
        (image && !(same_strings(&image->tags, &item->tags) && same_strings(&image->digests, &item->digests))))
        engine_stale(engine, INPUT_IMAGE, item->id, cause);
    for (size_t i = 0; i < countof(others); i++)
        if (is_read(engine, others[i]) && !input_find(engine, others[i], item->id))
            engine_stale(engine, others[i], item->id, cause);
    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].verdict == VERDICT_NONE && !subject->pairs[i].waiting)
            engine_evaluate(engine, subject, &subject->pairs[i]);
}

/* Closes the subjects of KIND that a list does not hold any more. */
static void close_unlisted(struct engine *engine, enum subject_kind kind, const struct map *listed, const char *cause)
{
    VEC(char *) gone = {0};
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(engine->subjects[kind], &at, &key, &value))
        if (!map_get(listed, key))
            vec_push(&gone, mem_strdup(key));
    for (size_t i = 0; i < gone.count; i++) {
        struct subject *subject = subject_find(engine, kind, gone.items[i]);

        if (kind == SUBJECT_IMAGE && !store_image_users(engine->store, gone.items[i]))
            engine_gone(engine, INPUT_IMAGE, gone.items[i], cause);
        else if (subject)
            subject_close(engine, subject, cause);
        free(gone.items[i]);
    }
    vec_free(&gone);
}

void follow_images(struct engine *engine, const struct image_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, listed);
    close_unlisted(engine, SUBJECT_IMAGE, listed, cause);
    for (size_t i = 0; i < list->count; i++)
        follow_image(engine, &list->items[i], cause);
    map_free(listed);
}

void follow_networks(struct engine *engine, const struct network_list_facts *list, const char *cause)
{
    struct map *listed = map_new(NULL);

    for (size_t i = 0; i < list->count; i++)
        map_set(listed, list->items[i].id, listed);
    close_unlisted(engine, SUBJECT_NETWORK, listed, cause);
    for (size_t i = 0; i < list->count && engine->rules_of[SUBJECT_NETWORK].count; i++)
        subject_ensure(engine, SUBJECT_NETWORK, list->items[i].id, list->items[i].name);
    map_free(listed);
}
