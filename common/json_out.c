/* Writing JSON over yajl's generator. yajl prints numbers as they are given: that is how text that already is JSON gets
 * in with its commas right. */
#include "common/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "common/json_memory.h"
#include "common/memory.h"
#include "common/text.h"

struct json_out {
    yajl_gen gen;
    struct str text, scratch;
    bool pretty;
};

static void print(void *user, const char *text, size_t length)
{
    struct json_out *out = user;

    text_escape_json(&out->text, text, length); /* yajl escapes only C0, and never cuts a character in two */
}

static const yajl_alloc_funcs memory = JSON_MEMORY;

struct json_out *json_out_new(bool pretty)
{
    struct json_out *out = mem_alloc(sizeof *out);

    out->pretty = pretty;
    out->gen = yajl_gen_alloc(&memory);
    yajl_gen_config(out->gen, yajl_gen_beautify, out->pretty ? 1 : 0);
    yajl_gen_config(out->gen, yajl_gen_indent_string, "  ");
    yajl_gen_config(out->gen, yajl_gen_print_callback, print, out);
    return out;
}

void json_out_free(struct json_out *out)
{
    if (!out)
        return;
    yajl_gen_free(out->gen);
    str_deinit(&out->text);
    str_deinit(&out->scratch);
    free(out);
}

const char *json_out_text(struct json_out *out, size_t *ret_length)
{
    if (ret_length)
        *ret_length = out->text.length;
    return str_text(&out->text);
}

void json_out_steal(struct json_out *out, struct str *ret)
{
    *ret = out->text;
    out->text = STR_INIT;
}

void json_out_drain(struct json_out *out, struct str *to)
{
    str_append_n(to, str_text(&out->text), out->text.length);
    str_clear(&out->text);
}

static void write_string(struct json_out *out, const char *value, size_t length)
{
    if (!text_is_utf8(value, length)) {
        str_clear(&out->scratch);
        text_repair_utf8(&out->scratch, value, length);
        value = out->scratch.data;
        length = out->scratch.length;
    }
    yajl_gen_string(out->gen, (const unsigned char *)value, length);
}

static void write_key(struct json_out *out, const char *key)
{
    if (key)
        write_string(out, key, strlen(key));
}

void json_out_object(struct json_out *out, const char *key)
{
    write_key(out, key);
    yajl_gen_map_open(out->gen);
}

void json_out_end_object(struct json_out *out)
{
    yajl_gen_map_close(out->gen);
}

void json_out_array(struct json_out *out, const char *key)
{
    write_key(out, key);
    yajl_gen_array_open(out->gen);
}

void json_out_end_array(struct json_out *out)
{
    yajl_gen_array_close(out->gen);
}

void json_out_string_n(struct json_out *out, const char *key, const char *value, size_t length)
{
    write_key(out, key);
    write_string(out, value, length);
}

void json_out_string(struct json_out *out, const char *key, const char *value)
{
    if (value)
        json_out_string_n(out, key, value, strlen(value));
    else
        json_out_null(out, key);
}

static void write_raw(struct json_out *out, const char *text, size_t length)
{
    yajl_gen_number(out->gen, text, length); /* yajl prints it as it is */
}

void json_out_int(struct json_out *out, const char *key, int64_t value)
{
    char text[32];

    write_key(out, key);
    write_raw(out, text, (size_t)snprintf(text, sizeof text, "%" PRId64, value));
}

void json_out_double(struct json_out *out, const char *key, double value)
{
    char text[64];

    write_key(out, key);
    if (!isfinite(value))
        yajl_gen_null(out->gen);
    else
        write_raw(out, text, (size_t)snprintf(text, sizeof text, "%.6g", value));
}

void json_out_bool(struct json_out *out, const char *key, bool value)
{
    write_key(out, key);
    yajl_gen_bool(out->gen, value);
}

void json_out_null(struct json_out *out, const char *key)
{
    write_key(out, key);
    yajl_gen_null(out->gen);
}

void json_out_time(struct json_out *out, const char *key, usec_t at)
{
    char text[CLOCK_TEXT_SIZE];

    json_out_string(out, key, at ? clock_format(at, text) : NULL);
}

void json_out_value(struct json_out *out, const char *key, const struct json *value)
{
    size_t length;
    const char *text, *name;

    write_key(out, key);
    switch (json_type(value)) {
    case JSON_NULL:
        yajl_gen_null(out->gen);
        break;
    case JSON_BOOL:
        yajl_gen_bool(out->gen, json_bool(value, false));
        break;
    case JSON_NUMBER:
        text = json_number_text(value);
        write_raw(out, text, strlen(text));
        break;
    case JSON_STRING:
        text = json_string_n(value, &length);
        write_string(out, text, length);
        break;
    case JSON_ARRAY:
        yajl_gen_array_open(out->gen);
        for (size_t i = 0; i < json_count(value); i++)
            json_out_value(out, NULL, json_at(value, i));
        yajl_gen_array_close(out->gen);
        break;
    case JSON_OBJECT:
        yajl_gen_map_open(out->gen);
        for (size_t i = 0; i < json_count(value); i++) {
            const struct json *member = json_member(value, i, &name, &length);

            write_string(out, name, length);
            json_out_value(out, NULL, member);
        }
        yajl_gen_map_close(out->gen);
        break;
    }
}

void json_out_raw(struct json_out *out, const char *key, const char *json)
{
    if (!json || !*json) {
        json_out_null(out, key);
        return;
    }
    write_key(out, key);
    write_raw(out, json, strlen(json));
}
