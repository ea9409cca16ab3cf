/* Building facts out of JSON values: see the header. */
#include "probes/parse_util.h"

#include <errno.h>
#include <string.h>

void *build_begin(struct builder *builder, size_t size, size_t arena_size)
{
    struct facts *facts;

    *builder = (struct builder){.arena = arena_new(arena_size)};
    hash_init(&builder->hash);
    facts = arena_alloc(builder->arena, size);
    facts->arena = builder->arena;
    return facts;
}

int build_end(struct builder *builder, struct facts *facts, const char *what, struct error *error)
{
    facts->digest = hash_end(&builder->hash);
    if (!builder->too_long)
        return 0;
    error_set(error, EFBIG, "%s: %s is too long", what, builder->too_long);
    arena_free(builder->arena);
    return -EFBIG;
}

const char *build_string(struct builder *builder, const char *s, size_t length)
{
    hash_bytes(&builder->hash, s, length);
    return arena_strndup(builder->arena, s, length > TEXT_MAX ? TEXT_MAX : length);
}

const char *build_text(struct builder *builder, const struct json *value)
{
    size_t length;
    const char *s = json_string_n(value, &length);

    if (s)
        return build_string(builder, s, length);
    build_number(builder, -1);
    return NULL;
}

const char *build_whole_text(struct builder *builder, const struct json *value, const char *name)
{
    size_t length = 0;
    const char *s = json_string_n(value, &length);

    if (length > TEXT_WHOLE_MAX) {
        builder->too_long = name;
        return "";
    }
    hash_bytes(&builder->hash, s ? s : "", length);
    return s ? arena_strndup(builder->arena, s, length) : "";
}

const char *build_text_or(struct builder *builder, const struct json *value)
{
    const char *s = build_text(builder, value);

    return s ? s : "";
}

void build_number(struct builder *builder, int64_t number)
{
    hash_bytes(&builder->hash, &number, sizeof number);
}

int64_t build_int(struct builder *builder, const struct json *value)
{
    int64_t number = json_int(value, 0);

    build_number(builder, number);
    return number;
}

bool build_bool(struct builder *builder, const struct json *value)
{
    return build_tristate(builder, value) == TRI_TRUE;
}

enum tristate build_tristate(struct builder *builder, const struct json *value)
{
    enum tristate tristate =
        json_type(value) == JSON_BOOL ? (json_bool(value, false) ? TRI_TRUE : TRI_FALSE) : TRI_ABSENT;

    build_number(builder, tristate);
    return tristate;
}

bool build_room(struct builder *builder, size_t count, const char *name, struct string_list *ret)
{
    *ret = (struct string_list){0};
    build_number(builder, (int64_t)count);
    if (count > LIST_MAX) {
        builder->too_long = name;
        return false;
    }
    if (count)
        ret->items = arena_alloc(builder->arena, count * sizeof *ret->items);
    return true;
}

void build_push(struct builder *builder, struct string_list *list, const char *s, size_t length)
{
    list->items[list->count++] = build_string(builder, s, length);
}

void build_list(struct builder *builder, const struct json *array, const char *name, struct string_list *ret)
{
    size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;

    if (!build_room(builder, count, name, ret))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *s = json_string_n(json_at(array, i), &length);

        if (s)
            build_push(builder, ret, s, length);
    }
}

void build_keys(struct builder *builder, const struct json *object, const char *name, struct string_list *ret)
{
    size_t count = json_type(object) == JSON_OBJECT ? json_count(object) : 0;

    if (!build_room(builder, count, name, ret))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *key;
        size_t length;

        json_member(object, i, &key, &length);
        build_push(builder, ret, key, length);
    }
}
