/* Documents put together: what a later one says takes the place of what an earlier one says, value by value. */
#include <string.h>

#include "common/json_tree.h"

/* All values of a part are from it. A document's depth is bounded by the limits that it was parsed with. */
static void mark(struct json *value, unsigned source)
{
    value->source = source & 0xffffff;
    for (size_t i = 0; value->type == JSON_ARRAY && i < value->count; i++)
        mark(value->items[i], source);
    for (size_t i = 0; value->type == JSON_OBJECT && i < value->count; i++)
        mark(value->members[i].value, source);
}

static struct json *new_like(struct arena *arena, const struct json *later, size_t count)
{
    struct json *value = arena_alloc(arena, sizeof *value);

    value->type = later->type;
    value->source = later->source;
    value->line = later->line;
    if (value->type == JSON_ARRAY)
        value->items = arena_alloc(arena, (count + 1) * sizeof(struct json *));
    else
        value->members = arena_alloc(arena, (count + 1) * sizeof(struct member));
    return value;
}

static struct json *append(struct arena *arena, const struct json *earlier, const struct json *later)
{
    struct json *list = new_like(arena, later, earlier->count + later->count);

    for (size_t i = 0; i < earlier->count; i++)
        list->items[list->count++] = earlier->items[i];
    for (size_t i = 0; i < later->count; i++)
        list->items[list->count++] = later->items[i];
    return list;
}

static bool is_appended(const char *const *appended, const struct member *member)
{
    for (; appended && *appended; appended++)
        if (strlen(*appended) == member->key_length && memcmp(*appended, member->key, member->key_length) == 0)
            return true;
    return false;
}

static struct json *merge(struct arena *arena, struct json *earlier, struct json *later, const char *const *appended)
{
    struct json *object;

    if (earlier->type != JSON_OBJECT || later->type != JSON_OBJECT)
        return later;
    object = new_like(arena, later, earlier->count + later->count);
    for (size_t i = 0; i < earlier->count; i++) {
        struct member member = earlier->members[i];
        const struct json *found = json_get_n(later, member.key, member.key_length);
        struct json *other = (struct json *)(uintptr_t)found;

        if (other && other->type == JSON_ARRAY && member.value->type == JSON_ARRAY && is_appended(appended, &member))
            member.value = append(arena, member.value, other);
        else if (other)
            member.value = merge(arena, member.value, other, NULL);
        object->members[object->count++] = member;
    }
    for (size_t i = 0; i < later->count; i++)
        if (!json_get_n(earlier, later->members[i].key, later->members[i].key_length))
            object->members[object->count++] = later->members[i];
    json_index(object, arena);
    return object;
}

struct json_doc *json_merge(struct json_doc *const *parts, size_t count, const char *const *appended)
{
    struct arena *arena = arena_new(4096);
    struct json_doc *doc = arena_alloc(arena, sizeof *doc);

    doc->arena = arena;
    doc->part_count = count;
    doc->parts = arena_alloc(arena, (count + 1) * sizeof(struct json_doc *));
    for (size_t i = 0; i < count; i++) {
        doc->parts[i] = parts[i];
        mark(parts[i]->root, (unsigned)i);
        doc->root = doc->root ? merge(arena, doc->root, parts[i]->root, appended) : parts[i]->root;
    }
    return doc;
}

unsigned json_source(const struct json *v)
{
    return v ? v->source : 0;
}

const struct json *json_part(const struct json_doc *doc, size_t index)
{
    return doc && index < doc->part_count ? doc->parts[index]->root : NULL;
}
