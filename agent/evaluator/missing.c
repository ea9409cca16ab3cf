/* Containers and images that the engine lists, and of which it says that they do not exist when it is asked for one of
 * them. Mostly they were removed in between. What a newer list still names is judged: its findings are errors. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <string.h>

static enum input_kind list_of(enum input_kind kind)
{
    return kind == INPUT_CONTAINER ? INPUT_CONTAINERS : INPUT_IMAGES;
}

static void index_id(struct evaluator *evaluator, struct listed *listed, const char *id)
{
    map_set(listed->ids, id, listed); /* any value */
    evaluator->counters.indexed++;
}

/* The ids of a list, gone through once however many of them are missing. NULL: it is not known. */
static const struct map *ids_of(struct evaluator *evaluator, enum input_kind list_kind)
{
    const struct container_list_facts *containers = store_containers(evaluator->store, NULL);
    const struct image_list_facts *images = store_images(evaluator->store, NULL);
    const struct facts *list = store_get(evaluator->store, list_kind, NULL, NULL);
    struct listed *listed = &evaluator->listed[list_kind == INPUT_IMAGES];

    if (!list)
        return NULL;
    if (listed->ids && listed->digest == list->digest)
        return listed->ids;
    map_free(listed->ids);
    listed->ids = map_new(NULL);
    listed->digest = list->digest;
    for (size_t i = 0; list_kind == INPUT_CONTAINERS && i < containers->count; i++)
        index_id(evaluator, listed, containers->items[i].id);
    for (size_t i = 0; list_kind == INPUT_IMAGES && i < images->count; i++)
        index_id(evaluator, listed, images->items[i].id);
    return listed->ids;
}

static bool is_listed(struct evaluator *evaluator, enum input_kind list_kind, const char *id)
{
    const struct map *ids = ids_of(evaluator, list_kind);

    return ids && map_get(ids, id);
}

void missing_deinit(struct evaluator *evaluator)
{
    for (size_t i = 0; i < countof(evaluator->listed); i++)
        map_free(evaluator->listed[i].ids);
}

bool missing_await_list(struct evaluator *evaluator, struct input *input)
{
    enum input_kind list = list_of(input->kind);

    if (!is_listed(evaluator, list, input->key))
        return false;
    input->in_flight = input->again = false;
    input->stale = input->missing = true;
    evaluator_stale(evaluator, list, NULL, input->cause ? input->cause : "retry");
    return true;
}

static bool waits_for(const struct input *input, const struct input *list)
{
    return input->missing && !input->queued && !input->in_flight && input->fetch_number < list->fetch_number;
}

/* WHY: the list cannot be read; else NULL. */
static void resolve(struct evaluator *evaluator, struct input *input, const char *why, const char *cause)
{
    enum input_kind list = list_of(input->kind);
    scoped(cleanup_free) char *id = mem_strdup(input->key), *text = NULL;

    input->missing = false;
    if (!why && !is_listed(evaluator, list, id)) {
        evaluator_gone(evaluator, input->kind == INPUT_CONTAINER ? INPUT_CONTAINER : INPUT_IMAGE, id, cause);
        return;
    }
    text = why ? mem_printf("the engine answered 404, and its list cannot be read: %s", why)
               : mem_printf("the engine lists it, but answered 404 when it was asked for %s",
                            input->kind == INPUT_HISTORY ? "its history" : "it");
    input->stale = false;
    input_fail(evaluator, input, EPROTO, text);
}

void missing_resolve(struct evaluator *evaluator, enum input_kind kind, const char *why, const char *cause)
{
    const struct input *list = input_find(evaluator, kind, NULL);
    struct waiting {
        enum input_kind kind;
        char *key;
    };
    VEC(struct waiting) waiting = {0};

    if (kind != INPUT_CONTAINERS && kind != INPUT_IMAGES)
        return;
    for (unsigned of = 0; of < INPUT_KIND_COUNT; of++) {
        size_t at = 0;
        const char *key;
        void *value;

        if ((of != INPUT_CONTAINER && input_types[of].key != INPUT_KEY_IMAGE) || list_of((enum input_kind)of) != kind)
            continue;
        while (map_next(evaluator->inputs[of], &at, &key, &value))
            if (waits_for(value, list))
                vec_push(&waiting, (struct waiting){(enum input_kind)of, mem_strdup(key)});
    }
    for (size_t i = 0; i < waiting.count; i++) {
        struct input *input = input_find(evaluator, waiting.items[i].kind, waiting.items[i].key);

        if (input && input->missing) /* it may have gone with another one */
            resolve(evaluator, input, why, cause ? cause : "retry");
        free(waiting.items[i].key);
    }
    vec_free(&waiting);
}
