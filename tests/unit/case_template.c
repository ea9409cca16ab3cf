/* A value is walked and written anew with its variables replaced, then parsed again. */
#include "case_template.h"

#include <errno.h>
#include <string.h>

#include "common/json_out.h"
#include "common/memory.h"

struct expander {
    const struct json *const *scopes;
    struct json_out *out;
    struct error *error;
    long n; /* which copy of a repeated item is written; -1: none */
};

static int write_value(struct expander *x, const char *key, const struct json *value);

static const struct json *find_variable(const struct expander *x, const char *name)
{
    const struct json *value = NULL;

    for (size_t i = 0; i < TEMPLATE_SCOPES && !value; i++)
        value = json_get(x->scopes[i], name);
    return value;
}

static int append_variable(struct expander *x, const char *name, struct str *out)
{
    const struct json *value = find_variable(x, name);

    if (x->n >= 0 && strcmp(name, "n") == 0)
        str_printf(out, "%ld", x->n);
    else if (x->n >= 0 && strcmp(name, "id") == 0)
        str_printf(out, "%064ld", x->n);
    else if (json_string(value))
        str_append(out, json_string(value));
    else if (json_number_text(value))
        str_append(out, json_number_text(value));
    else
        return error_set(x->error, EINVAL, "{{%s}}: unknown, or no text", name);
    return 0;
}

static int append_text(struct expander *x, const char *text, size_t length, struct str *out)
{
    const char *end = text + length, *open;

    while ((open = memmem(text, (size_t)(end - text), "{{", 2))) {
        const char *close = memmem(open, (size_t)(end - open), "}}", 2);
        scoped(cleanup_free) char *name = NULL;
        int r;

        if (!close)
            return error_set(x->error, EINVAL, "{{ without }}: %s", text);
        name = mem_strndup(open + 2, (size_t)(close - open) - 2);
        str_append_n(out, text, (size_t)(open - text));
        r = append_variable(x, name, out);
        if (r < 0)
            return r;
        text = close + 2;
    }
    str_append_n(out, text, (size_t)(end - text));
    return 0;
}

/* The variable that a string consists of, if it is no text. */
static const struct json *whole_variable(const struct expander *x, const char *text, size_t length)
{
    scoped(cleanup_free) char *name = NULL;
    const struct json *value;

    if (length < 5 || memcmp(text, "{{", 2) != 0 || memcmp(text + length - 2, "}}", 2) != 0)
        return NULL;
    name = mem_strndup(text + 2, length - 4);
    value = find_variable(x, name);
    return json_string(value) ? NULL : value;
}

static int write_string(struct expander *x, const char *key, const struct json *value)
{
    scoped_str out = STR_INIT;
    size_t length;
    const char *text = json_string_n(value, &length);
    const struct json *whole = whole_variable(x, text, length);
    int r = 0;

    if (whole) {
        json_out_value(x->out, key, whole);
        return 0;
    }
    r = append_text(x, text, length, &out);
    json_out_string_n(x->out, key, str_text(&out), out.length);
    return r;
}

static int write_array(struct expander *x, const char *key, const struct json *value)
{
    int r = 0;

    json_out_array(x->out, key);
    for (size_t i = 0; r == 0 && i < json_count(value); i++) {
        const struct json *item = json_at(value, i);
        int64_t copies = json_int(json_get(item, "repeat"), -1);

        if (copies < 0)
            r = write_value(x, NULL, item);
        for (int64_t k = 0; r == 0 && k < copies; k++) {
            x->n = (long)(json_int(json_get(item, "from"), 0) + k);
            r = write_value(x, NULL, json_get(item, "item"));
        }
        x->n = -1;
    }
    json_out_end_array(x->out);
    return r;
}

static int write_object(struct expander *x, const char *key, const struct json *value)
{
    int r = 0;

    json_out_object(x->out, key);
    for (size_t i = 0; r == 0 && i < json_count(value); i++) {
        scoped_str name = STR_INIT;
        const char *text;
        size_t length;
        const struct json *member = json_member(value, i, &text, &length);

        r = append_text(x, text, length, &name);
        if (r == 0)
            r = write_value(x, str_text(&name), member);
    }
    json_out_end_object(x->out);
    return r;
}

static int write_value(struct expander *x, const char *key, const struct json *value)
{
    switch (json_type(value)) {
    case JSON_STRING:
        return write_string(x, key, value);
    case JSON_ARRAY:
        return write_array(x, key, value);
    case JSON_OBJECT:
        return write_object(x, key, value);
    default:
        json_out_value(x->out, key, value);
        return 0;
    }
}

int template_expand(const struct json *value, const struct json *const scopes[TEMPLATE_SCOPES],
                    struct json_doc **ret_doc, struct error *error)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct expander x = {.scopes = scopes, .out = out, .error = error, .n = -1};
    size_t length;
    const char *text;
    int r = write_value(&x, NULL, value);

    if (r < 0)
        return r;
    text = json_out_text(out, &length);
    return json_parse(text, length, NULL, ret_doc, error);
}
