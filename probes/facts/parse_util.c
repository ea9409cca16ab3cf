/* Building facts from JSON values: copies and digests them, and finds the place of a value that was rejected, for the
 * error. */
#include "probes/facts/parse_util.h"

#include <errno.h>
#include <stdlib.h>
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
    size_t size = builder->unread_count * sizeof *facts->unread;
    int r = 0;

    facts->digest = hash_end(&builder->hash);
    facts->unread_count = builder->unread_count;
    facts->unread = size ? arena_alloc(builder->arena, size) : NULL;
    if (size)
        memcpy(facts->unread, builder->unread, size);
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

static const char *const wrong_types[] = {
    [JSON_BOOL] = "is not a boolean", [JSON_NUMBER] = "is not a number",  [JSON_STRING] = "is not a string",
    [JSON_ARRAY] = "is not an array", [JSON_OBJECT] = "is not an object",
};
static const char no_whole_number[] = "is no whole number of 64 bits";

/* As Go writes its integers, and reads them. */
static bool is_whole_number(const struct json *value)
{
    const char *text = json_number_text(value);
    char *end;

    errno = 0;
    (void)strtoll(text, &end, 10);
    return !*end && errno == 0;
}

const struct json *build_typed(struct builder *builder, const struct json *value, enum json_type type)
{
    if (json_type(value) == type)
        return value;
    if (json_type(value) != JSON_NULL)
        build_refuse(builder, value, wrong_types[type]);
    return NULL;
}

const struct json *build_present(struct builder *builder, const struct json *value, enum json_type type)
{
    if (value && json_type(value) == JSON_NULL)
        build_refuse(builder, value, "is null");
    return build_typed(builder, value, type);
}

const struct json *build_item(struct builder *builder, const struct json *array, size_t index, enum json_type type)
{
    return build_present(builder, json_at(array, index), type);
}

/* NULL: it is as it should be. */
static const char *find_fault(const struct json *value, enum json_type type, bool nullable)
{
    if (!value)
        return "is missing";
    if (json_type(value) == JSON_NULL)
        return nullable ? NULL : "is null";
    if (json_type(value) != type)
        return wrong_types[type];
    return type == JSON_NUMBER && !is_whole_number(value) ? no_whole_number : NULL;
}

void build_expect(struct builder *builder, const struct json *object, const char *key, enum json_type type,
                  bool nullable, const char *name)
{
    const struct json *value = json_get(object, key);
    const char *why = find_fault(value, type, nullable);
    size_t at = 0;

    if (!why)
        return;
    if (value && builder->recorded_count < UNREAD_MAX)
        builder->recorded[builder->recorded_count++] = value;
    while (at < builder->unread_count && strcmp(builder->unread[at].name, name) != 0)
        at++;
    if (at < builder->unread_count || at == UNREAD_MAX)
        return;
    builder->unread[builder->unread_count++] = (struct unread_member){build_string(builder, name, strlen(name)), why};
    hash_bytes(&builder->hash, why, strlen(why));
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
    const char *s = json_string_n(build_present(builder, value, JSON_STRING), &length);

    if (s)
        return build_string(builder, s, length);
    build_number(builder, -1);
    return NULL;
}

const char *build_whole_text(struct builder *builder, const struct json *value, const char *name)
{
    size_t length = 0;
    const char *s = json_string_n(build_present(builder, value, JSON_STRING), &length);

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
    return build_int_or_null(builder, build_present(builder, value, JSON_NUMBER));
}

int64_t build_int_or_null(struct builder *builder, const struct json *value)
{
    const struct json *typed = build_typed(builder, value, JSON_NUMBER);
    int64_t number = json_int(typed, 0);

    if (typed && !is_whole_number(typed))
        build_refuse(builder, value, no_whole_number);
    build_number(builder, number);
    return number;
}

int64_t build_natural(struct builder *builder, const struct json *value)
{
    int64_t number = build_int(builder, value);

    if (number < 0)
        build_refuse(builder, value, "is negative");
    return number;
}

bool build_bool(struct builder *builder, const struct json *value)
{
    return build_tristate(builder, value) == TRI_TRUE;
}

enum tristate build_tristate(struct builder *builder, const struct json *value)
{
    enum tristate tristate = TRI_ABSENT;

    if (build_present(builder, value, JSON_BOOL))
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
        const char *s = json_string_n(build_item(builder, array, i, JSON_STRING), &length);

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
