/* The facts known now: a map of slots for each kind of input. */
#include "agent/model/store.h"

#include "common/memory.h"
#include "common/message.h"
#include "common/str.h"

struct slot {
    struct facts *facts;
    size_t size; /* bytes that they take */
    char *why;   /* why there are none */
};

struct store {
    struct map *slots[INPUT_KIND_COUNT];
    size_t failed[INPUT_KIND_COUNT], unread[INPUT_KIND_COUNT];
    size_t running, size;
    struct map *image_users; /* image id → number of containers, as a pointer */
};

static void slot_free(void *p)
{
    struct slot *slot = p;

    facts_free(slot->facts);
    free(slot->why);
    free(slot);
}

struct store *store_new(void)
{
    struct store *store = mem_alloc(sizeof *store);

    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        store->slots[kind] = map_new(slot_free);
    store->image_users = map_new(NULL);
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        map_free(store->slots[kind]);
    map_free(store->image_users);
    free(store);
}

static struct slot *slot_find(const struct store *store, enum input_kind kind, const char *key)
{
    return map_get(store->slots[kind], key ? key : "");
}

static struct slot *slot_ensure(struct store *store, enum input_kind kind, const char *key)
{
    struct slot *slot = slot_find(store, kind, key);

    if (!slot) {
        slot = mem_alloc(sizeof *slot);
        map_set(store->slots[kind], key ? key : "", slot);
    }
    return slot;
}

/* Facts that SLOT had are freed, FACTS (may be NULL) in their place. */
static void replace_facts(struct store *store, struct slot *slot, struct facts *facts)
{
    store->size -= slot->size;
    facts_free(slot->facts);
    slot->facts = facts;
    slot->size = facts ? arena_size(facts->arena) : 0;
    store->size += slot->size;
}

/* What is counted as containers come (BY 1) and go (BY -1). */
static void tally(struct store *store, enum input_kind kind, const struct facts *facts, int by)
{
    const struct container_facts *container = (const struct container_facts *)facts;
    uintptr_t users;

    if (facts && facts->unread_count)
        store->unread[kind] += (size_t)by;
    if (kind != INPUT_CONTAINER || !facts)
        return;
    if (container->running && !container->paused)
        store->running += (size_t)by;
    if (!container->image_id)
        return;
    users = (uintptr_t)map_get(store->image_users, container->image_id) + (uintptr_t)by;
    if (users)
        map_set(store->image_users, container->image_id, (void *)users);
    else
        map_remove(store->image_users, container->image_id);
}

bool store_put(struct store *store, enum input_kind kind, const char *key, struct facts *facts)
{
    struct slot *slot = slot_ensure(store, kind, key);
    bool changed = !slot->facts || slot->facts->digest != facts->digest;

    tally(store, kind, facts, 1);
    tally(store, kind, slot->facts, -1);
    store->failed[kind] -= slot->why != NULL;
    replace_facts(store, slot, facts);
    free(take(slot->why));
    return changed;
}

bool store_put_error(struct store *store, enum input_kind kind, const char *key, const char *why)
{
    struct slot *slot = slot_ensure(store, kind, key);
    bool changed = slot->facts || !str_equal(slot->why, why);
    char *copy = mem_strdup(why ? why : M_("unknown"));

    tally(store, kind, slot->facts, -1);
    store->failed[kind] += slot->why == NULL;
    replace_facts(store, slot, NULL);
    free(slot->why);
    slot->why = copy;
    return changed;
}

void store_remove(struct store *store, enum input_kind kind, const char *key)
{
    struct slot *slot = slot_find(store, kind, key);

    if (!slot)
        return;
    tally(store, kind, slot->facts, -1);
    store->failed[kind] -= slot->why != NULL;
    replace_facts(store, slot, NULL);
    map_remove(store->slots[kind], key ? key : "");
}

const struct facts *store_get(const struct store *store, enum input_kind kind, const char *key, const char **ret_why)
{
    const struct slot *slot = slot_find(store, kind, key);

    if (ret_why)
        *ret_why = slot && slot->why ? slot->why : M_("not read yet");
    return slot ? slot->facts : NULL;
}

bool store_is_failed(const struct store *store, enum input_kind kind, const char *key)
{
    const struct slot *slot = slot_find(store, kind, key);

    return slot && slot->why;
}

size_t store_count(const struct store *store, enum input_kind kind)
{
    return map_count(store->slots[kind]);
}

bool store_next(const struct store *store, enum input_kind kind, size_t *at, const char **ret_key,
                const struct facts **ret_facts)
{
    void *value;

    while (map_next(store->slots[kind], at, ret_key, &value))
        if (((const struct slot *)value)->facts) {
            *ret_facts = ((const struct slot *)value)->facts;
            return true;
        }
    return false;
}

size_t store_size(const struct store *store)
{
    return store->size;
}

size_t store_size_of(const struct store *store, enum input_kind kind, const char *key)
{
    const struct slot *slot = slot_find(store, kind, key);

    return slot ? slot->size : 0;
}

size_t store_largest(const struct store *store, unsigned kinds, const struct facts *except, enum input_kind *ret_kind,
                     const char **ret_key)
{
    size_t most = 0;

    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        const char *key;
        size_t at = 0;
        void *value;

        while ((kinds & INPUT_BIT(kind)) && map_next(store->slots[kind], &at, &key, &value))
            if (((const struct slot *)value)->size > most && ((const struct slot *)value)->facts != except) {
                most = ((const struct slot *)value)->size;
                *ret_kind = (enum input_kind)kind;
                *ret_key = key;
            }
    }
    return most;
}

size_t store_running(const struct store *store)
{
    return store->running;
}

size_t store_unread(const struct store *store, enum input_kind kind)
{
    return store->unread[kind];
}

size_t store_failed(const struct store *store, enum input_kind kind)
{
    return store->failed[kind];
}

const char *store_failure(const struct store *store, enum input_kind kind, const char **ret_key)
{
    const char *key;
    size_t at = 0;
    void *value;

    while (store->failed[kind] && map_next(store->slots[kind], &at, &key, &value))
        if (((const struct slot *)value)->why) {
            *ret_key = key;
            return ((const struct slot *)value)->why;
        }
    return NULL;
}

size_t store_image_users(const struct store *store, const char *image_id)
{
    return image_id ? (size_t)(uintptr_t)map_get(store->image_users, image_id) : 0;
}
