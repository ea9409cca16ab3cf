/* Reading JSON over yajl.
 *
 * Callbacks build a tree in one arena. Open containers keep their members in a linked list; the list becomes an array
 * when the container closes. Members stay in the order of the source; json_get() looks from the end, so that the last
 * duplicate counts; objects with many members get a sorted index. */
#include "common/json_in.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/json_memory.h"
#include "common/json_tree.h"
#include "common/memory.h"
#include "common/str.h"

/* A value inside a container that is still open. */
struct open_item {
    struct member member;
    struct open_item *next;
};

struct open {
    struct json *value;
    struct open_item *first, **last;
    const char *key;
    size_t key_length;
    struct open *outer;
};

struct parser {
    struct arena *arena;
    struct json *root;
    struct open *open;
    struct json_limits limits;
    yajl_handle handle;
    const char *text;
    size_t length;  /* of text */
    bool completed; /* all of it was given: yajl counts anew */
    size_t counted; /* bytes whose newlines are in LINE */
    unsigned line;
    size_t depth, values;
    const char *refused; /* why a callback cancelled */
};

static struct json_limits with_defaults(const struct json_limits *limits)
{
    struct json_limits full = limits ? *limits : (struct json_limits){0};

    if (!full.bytes)
        full.bytes = 64u * 1024 * 1024;
    if (!full.depth)
        full.depth = 128;
    if (!full.values)
        full.values = 2000000;
    return full;
}

static size_t place_now(const struct parser *parser)
{
    return parser->completed ? parser->length : yajl_get_bytes_consumed(parser->handle);
}

static unsigned line_now(struct parser *parser)
{
    size_t at = place_now(parser);

    for (; parser->counted < at; parser->counted++)
        parser->line += parser->text[parser->counted] == '\n';
    return parser->line;
}

static struct json *add_value(struct parser *parser, enum json_type type)
{
    struct json *value;

    if (++parser->values > parser->limits.values) {
        parser->refused = M_("too many values");
        return NULL;
    }
    value = arena_alloc(parser->arena, sizeof *value);
    value->type = type;
    value->line = line_now(parser);
    if (parser->open) {
        struct open_item *item = arena_alloc(parser->arena, sizeof *item);

        item->member = (struct member){parser->open->key, parser->open->key_length, value};
        *parser->open->last = item;
        parser->open->last = &item->next;
        parser->open->value->count++;
    } else {
        parser->root = value;
    }
    return value;
}

static int on_null(void *user)
{
    return add_value(user, JSON_NULL) != NULL;
}

static int on_boolean(void *user, int boolean)
{
    struct json *value = add_value(user, JSON_BOOL);

    if (value)
        value->boolean = boolean;
    return value != NULL;
}

static int add_text(struct parser *parser, enum json_type type, const char *text, size_t length)
{
    struct json *value = add_value(parser, type);

    if (!value)
        return 0;
    value->text = arena_strndup(parser->arena, text, length);
    value->length = length;
    return 1;
}

static int on_number(void *user, const char *text, size_t length)
{
    return add_text(user, JSON_NUMBER, text, length);
}

static int on_string(void *user, const unsigned char *text, size_t length)
{
    return add_text(user, JSON_STRING, (const char *)text, length);
}

static int begin(struct parser *parser, enum json_type type)
{
    struct json *value;
    struct open *open;

    if (++parser->depth > parser->limits.depth) {
        parser->refused = M_("nested too deeply");
        return 0;
    }
    value = add_value(parser, type);
    if (!value)
        return 0;
    open = arena_alloc(parser->arena, sizeof *open);
    open->value = value;
    open->last = &open->first;
    open->outer = parser->open;
    parser->open = open;
    return 1;
}

static int compare_keys(const struct member *a, const struct member *b)
{
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);

    return order ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

static int compare_members(const void *pa, const void *pb)
{
    const struct member *a = *(const struct member *const *)pa, *b = *(const struct member *const *)pb;
    int order = compare_keys(a, b);

    return order ? order : (a > b) - (a < b);
}

void json_index(struct json *object, struct arena *arena)
{
    enum { INDEX_FROM = 24 };

    if (object->count < INDEX_FROM)
        return;
    object->sorted = arena_alloc(arena, object->count * sizeof(struct member *));
    for (size_t i = 0; i < object->count; i++)
        object->sorted[i] = &object->members[i];
    qsort(object->sorted, object->count, sizeof(struct member *), compare_members);
}

static int close_container(struct parser *parser)
{
    struct open *open = parser->open;
    struct json *value = open->value;
    size_t i = 0;

    if (value->type == JSON_ARRAY) {
        value->items = arena_alloc(parser->arena, value->count * sizeof(struct json *));
        for (struct open_item *item = open->first; item; item = item->next)
            value->items[i++] = item->member.value;
    } else {
        value->members = arena_alloc(parser->arena, value->count * sizeof(struct member));
        for (struct open_item *item = open->first; item; item = item->next)
            value->members[i++] = item->member;
        json_index(value, parser->arena);
    }
    parser->open = open->outer;
    parser->depth--;
    return 1;
}

static int on_start_map(void *user)
{
    return begin(user, JSON_OBJECT);
}

static int on_start_array(void *user)
{
    return begin(user, JSON_ARRAY);
}

static int on_key(void *user, const unsigned char *key, size_t length)
{
    struct parser *parser = user;

    parser->open->key = arena_strndup(parser->arena, (const char *)key, length);
    parser->open->key_length = length;
    return 1;
}

static int on_end(void *user)
{
    return close_container(user);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

/* TEXT of yajl in plain words: yajl_parser.c and yajl_lex.c of version 2.1 have no others that these limits let
 * through. */
static void append_reason(struct str *out, const char *text)
{
    static const struct {
        const char *of_yajl, *plain;
    } reasons[] = {
        {"premature EOF", M_("unexpected end of the text")},
        {"trailing garbage", M_("unexpected text after the end")},
        {"unallowed token", M_("unexpected value or punctuation")},
        {"invalid object key", M_("a key must be a string")},
        {"key and value must be separated", M_("expected ':' after a key")},
        {"after key and value", M_("expected ',' or '}' after a value")},
        {"after array element", M_("expected ',' or ']' after a value")},
        {"invalid bytes in UTF8", M_("invalid UTF-8 in a string")},
        {"inside a string, '\\'", M_("invalid escape in a string")},
        {"after '\\u' inside string", M_("invalid escape in a string")},
        {"invalid character inside string", M_("invalid character in a string")},
        {"invalid string in json", M_("invalid character in a string")},
        {"invalid char in json", M_("unexpected character")},
        {"malformed number", M_("malformed number")},
        {"comments are not enabled", M_("comments are not allowed here")},
    };

    for (size_t i = 0; i < countof(reasons); i++)
        if (strstr(text, reasons[i].of_yajl)) {
            str_append(out, reasons[i].plain);
            return;
        }
    str_append_n(out, text, strcspn(text, "\n"));
}

static int report_failure(struct parser *parser, yajl_status status, struct error *error)
{
    size_t at = place_now(parser), column = 1;
    scoped_str reason = STR_INIT;

    for (size_t i = at; i > 0 && parser->text[i - 1] != '\n'; i--)
        column++;
    if (parser->refused) {
        str_append(&reason, parser->refused);
    } else if (status == yajl_status_ok) {
        str_append(&reason, M_("unexpected end of the text"));
    } else {
        unsigned char *text = yajl_get_error(parser->handle, 0, NULL, 0);

        append_reason(&reason, (const char *)text);
        yajl_free_error(parser->handle, text);
    }
    return error_set(error, EINVAL, "line %u, column %zu: %s", line_now(parser), column, str_text(&reason));
}

int json_parse(const char *data, size_t length, const struct json_limits *limits, struct json_doc **ret_doc,
               struct error *error)
{
    struct parser parser = {.limits = with_defaults(limits), .text = data, .length = length, .line = 1};
    yajl_alloc_funcs memory = JSON_MEMORY;
    struct json_doc *doc;
    yajl_status status;
    int r = 0;

    if (length > parser.limits.bytes)
        return error_set(error, EFBIG, "more than %zu bytes of JSON", parser.limits.bytes);
    parser.arena = arena_new(length < 4096 ? 2 * length + 256 : 8192);
    parser.handle = yajl_alloc(&callbacks, &memory, &parser);
    yajl_config(parser.handle, yajl_dont_validate_strings, 1);
    yajl_config(parser.handle, yajl_allow_comments, parser.limits.comments ? 1 : 0);
    status = yajl_parse(parser.handle, (const unsigned char *)data, length);
    if (status == yajl_status_ok) {
        parser.completed = true;
        status = yajl_complete_parse(parser.handle);
    }
    if (status != yajl_status_ok || !parser.root)
        r = report_failure(&parser, status, error);
    yajl_free(parser.handle);
    if (r < 0) {
        arena_free(parser.arena);
        return r;
    }
    doc = arena_alloc(parser.arena, sizeof *doc);
    doc->arena = parser.arena;
    doc->root = parser.root;
    *ret_doc = doc;
    return 0;
}

void json_doc_free(struct json_doc *doc)
{
    if (!doc)
        return;
    for (size_t i = 0; i < doc->part_count; i++)
        arena_free(doc->parts[i]->arena);
    arena_free(doc->arena);
}

const struct json *json_root(const struct json_doc *doc)
{
    return doc ? doc->root : NULL;
}

enum json_type json_type(const struct json *v)
{
    return v ? v->type : JSON_NULL;
}

unsigned json_line(const struct json *v)
{
    return v ? v->line : 0;
}

const struct json *json_get_n(const struct json *object, const char *key, size_t length)
{
    const struct member wanted = {.key = key, .key_length = length};

    if (json_type(object) != JSON_OBJECT)
        return NULL;
    if (object->sorted) {
        size_t low = 0,
               high = object->count; /* the first that is greater; the one before it is the last that is equal */

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (compare_keys(object->sorted[middle], &wanted) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low && compare_keys(object->sorted[low - 1], &wanted) == 0 ? object->sorted[low - 1]->value : NULL;
    }
    for (size_t i = object->count; i-- > 0;)
        if (compare_keys(&object->members[i], &wanted) == 0)
            return object->members[i].value;
    return NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return json_get_n(object, key, strlen(key));
}

const struct json *json_at(const struct json *array, size_t index)
{
    return json_type(array) == JSON_ARRAY && index < array->count ? array->items[index] : NULL;
}

size_t json_count(const struct json *v)
{
    return json_type(v) == JSON_ARRAY || json_type(v) == JSON_OBJECT ? v->count : 0;
}

const struct json *json_member(const struct json *object, size_t index, const char **ret_key, size_t *ret_length)
{
    bool is_there = json_type(object) == JSON_OBJECT && index < object->count;

    if (ret_key)
        *ret_key = is_there ? object->members[index].key : "";
    if (ret_length)
        *ret_length = is_there ? object->members[index].key_length : 0;
    return is_there ? object->members[index].value : NULL;
}

const struct json *json_pointer(const struct json *v, const char *pointer)
{
    while (v && *pointer == '/') {
        scoped_str token = STR_INIT;
        const char *p = pointer + 1;

        for (; *p && *p != '/'; p++) {
            if (*p == '~' && (p[1] == '0' || p[1] == '1'))
                str_append_char(&token, *++p == '0' ? '~' : '/');
            else
                str_append_char(&token, *p);
        }
        pointer = p;
        if (json_type(v) == JSON_ARRAY) {
            const char *digits = str_text(&token);
            char *rest;
            unsigned long index = strtoul(digits, &rest, 10);

            v = *digits >= '0' && *digits <= '9' && !*rest && (*digits != '0' || !digits[1]) ? json_at(v, index) : NULL;
        } else {
            v = json_get_n(v, str_text(&token), token.length);
        }
    }
    return *pointer ? NULL : v;
}

const struct json *json_path(const struct json *v, ...)
{
    va_list keys;
    const char *key;

    va_start(keys, v);
    while (v && (key = va_arg(keys, const char *)))
        v = json_get(v, key);
    va_end(keys);
    return v;
}

const char *json_string_n(const struct json *v, size_t *ret_length)
{
    if (json_type(v) != JSON_STRING)
        return NULL;
    if (ret_length)
        *ret_length = v->length;
    return v->text;
}

const char *json_string(const struct json *v)
{
    return json_string_n(v, NULL);
}

const char *json_text(const struct json *v, const char *fallback)
{
    const char *text = json_string(v);

    return text ? text : fallback;
}

bool json_bool(const struct json *v, bool fallback)
{
    return json_type(v) == JSON_BOOL ? v->boolean : fallback;
}

int64_t json_int(const struct json *v, int64_t fallback)
{
    char *rest;
    long long value;

    if (json_type(v) != JSON_NUMBER)
        return fallback;
    errno = 0;
    value = strtoll(v->text, &rest, 10); /* saturates by itself */
    if (*rest) {                         /* fraction or exponent */
        double d = strtod(v->text, NULL);

        return d >= 9223372036854775807.0 ? INT64_MAX : d <= -9223372036854775808.0 ? INT64_MIN : (int64_t)d;
    }
    return value;
}

double json_double(const struct json *v, double fallback)
{
    return json_type(v) == JSON_NUMBER ? strtod(v->text, NULL) : fallback;
}

const char *json_number_text(const struct json *v)
{
    return json_type(v) == JSON_NUMBER ? v->text : NULL;
}
