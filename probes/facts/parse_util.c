/* Building facts from JSON values: copies and digests them, and finds the place of a value that was rejected, for the
 * error. */
#include "probes/facts/parse_util.h"

#include <errno.h>
#include <string.h>

#include "common/str.h"

void *build_begin(struct builder *builder, size_t size, size_t arena_size)
{
    struct facts *facts;

    *builder = (struct builder){.arena = arena_new(arena_size)};
    hash_init(&builder->hash);
    facts = arena_alloc(builder->arena, size);
    facts->arena = builder->arena;
    return facts;
}

/* The place of WANTED below AT: "HostConfig.CapAdd[0]". Written from its end, once it is found. */
static bool find_place(const struct json *at, const struct json *wanted, struct str *ret_place)
{
    for (size_t i = 0; i < json_count(at); i++) {
        const char *key = NULL;
        const struct json *child = json_type(at) == JSON_OBJECT ? json_member(at, i, &key, NULL) : json_at(at, i);
        scoped(cleanup_free) char *rest = NULL;

        if (child != wanted && !find_place(child, wanted, ret_place))
            continue;
        rest = str_steal(ret_place);
        if (key)
            str_printf(ret_place, "%.64s%s%s", key, *rest && *rest != '[' ? "." : "", rest);
        else
            str_printf(ret_place, "[%zu]%s%s", i, *rest && *rest != '[' ? "." : "", rest);
        return true;
    }
    return false;
}

static int report_refusal(const struct builder *builder, const char *what, struct error *error)
{
    scoped_str place = STR_INIT;

    if (builder->too_long)
        return error_set(error, EFBIG, "%s: %s is too long", what, builder->too_long);
    if (builder->missing)
        return error_set(error, EINVAL, "%s: %s is missing", what, builder->missing);
    if (!find_place(builder->document, builder->wrong, &place))
        str_append(&place, "a value");
    return error_set(error, EINVAL, "%s: %s %s", what, place.data, builder->wrong_what);
}

int build_end(struct builder *builder, struct facts *facts, const char *what, struct error *error)
{
    int r = 0;

    facts->digest = hash_end(&builder->hash);
    if (builder->too_long || builder->wrong || builder->missing) {
        r = report_refusal(builder, what, error);
        arena_free(builder->arena);
    }
    return r;
}

void build_refuse(struct builder *builder, const struct json *value, const char *what)
{
    if (builder->wrong)
        return;
    for (size_t i = 0; i < builder->recorded_count; i++)
        if (builder->recorded[i] == value)
            return;
    builder->wrong = value;
    builder->wrong_what = what;
}

const struct json *build_typed(struct builder *builder, const struct json *value, enum json_type type)
{
    static const char *const wanted[] = {
        [JSON_BOOL] = "is not a boolean", [JSON_NUMBER] = "is not a number",  [JSON_STRING] = "is not a string",
        [JSON_ARRAY] = "is not an array", [JSON_OBJECT] = "is not an object",
    };

    if (json_type(value) == type)
        return value;
    if (json_type(value) != JSON_NULL)
        build_refuse(builder, value, wanted[type]);
    return NULL;
}

const struct json *build_required(struct builder *builder, const struct json *object, const char *key,
                                  enum json_type type, const char *place)
{
    const struct json *value = json_get(object, key);

    if (json_type(value) != JSON_NULL)
        return build_typed(builder, value, type);
    if (!builder->missing && !builder->wrong)
        builder->missing = place;
    return NULL;
}

const char *build_string(struct builder *builder, const char *s, size_t length)
{
    hash_bytes(&builder->hash, s, length);
    return arena_strndup(builder->arena, s, length > TEXT_MAX ? TEXT_MAX : length);
}

const char *build_text(struct builder *builder, const struct json *value)
{
    size_t length;
    const char *s = json_string_n(build_typed(builder, value, JSON_STRING), &length);

    if (s)
        return build_string(builder, s, length);
    build_number(builder, -1);
    return NULL;
}

const char *build_whole_text(struct builder *builder, const struct json *value, const char *name)
{
    size_t length = 0;
    const char *s = json_string_n(build_typed(builder, value, JSON_STRING), &length);

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
    int64_t number = json_int(build_typed(builder, value, JSON_NUMBER), 0);

    build_number(builder, number);
    return number;
}

bool build_bool(struct builder *builder, const struct json *value)
{
    return build_tristate(builder, value) == TRI_TRUE;
}

enum tristate build_tristate(struct builder *builder, const struct json *value)
{
    enum tristate tristate = TRI_ABSENT;

    if (build_typed(builder, value, JSON_BOOL))
        tristate = json_bool(value, false) ? TRI_TRUE : TRI_FALSE;
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
    size_t count = json_count(build_typed(builder, array, JSON_ARRAY));

    if (!build_room(builder, count, name, ret))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *s = json_string_n(build_typed(builder, json_at(array, i), JSON_STRING), &length);

        if (s)
            build_push(builder, ret, s, length);
    }
}

void build_keys(struct builder *builder, const struct json *object, const char *name, struct string_list *ret)
{
    size_t count = json_count(build_typed(builder, object, JSON_OBJECT));

    if (!build_room(builder, count, name, ret))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *key;
        size_t length;

        json_member(object, i, &key, &length);
        build_push(builder, ret, key, length);
    }
}
