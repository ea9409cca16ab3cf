/* The merged document with the places that its values are from. A document is not deeper than its limits allow. */
#include "agent/config/config_show.h"

#include <string.h>

#include "agent/config/config_internal.h"
#include "common/secrets/secrets.h"
#include "common/text.h"

static bool is_plain(const struct json *value)
{
    if (json_type(value) == JSON_OBJECT)
        return false;
    for (size_t i = 0; json_type(value) == JSON_ARRAY && i < json_count(value); i++)
        if (json_type(json_at(value, i)) == JSON_OBJECT || json_type(json_at(value, i)) == JSON_ARRAY)
            return false;
    return true;
}

/* A word after "--token", and what looks like a secret by itself, is not shown. */
static void write_string(struct json_out *out, const char *key, const char *name, const char *text)
{
    scoped_str safe = STR_INIT;

    if (name && secret_is_value(name, text, NULL))
        str_append(&safe, "[redacted]");
    else
        secret_redact(&safe, text, strlen(text), false);
    json_out_string(out, key, str_text(&safe));
}

/* VALUE is plain; NAME: what comes before it. */
static void write_plain(struct json_out *out, const char *key, const char *name, const struct json *value)
{
    const char *text = json_string(value);

    if (text) {
        write_string(out, key, name, text);
        return;
    }
    if (json_type(value) != JSON_ARRAY) {
        json_out_value(out, key, value);
        return;
    }
    json_out_array(out, key);
    for (size_t i = 0; i < json_count(value); i++) {
        const char *before = i ? json_string(json_at(value, i - 1)) : NULL;

        write_plain(out, NULL, before && *before == '-' ? before + strspn(before, "-") : NULL, json_at(value, i));
    }
    json_out_end_array(out);
}

/* ---- As values ---- */

static void write_value(const struct config *config, struct json_out *out, const char *key, const char *name,
                        const struct json *value)
{
    scoped(cleanup_free) char *from = mem_printf("%s:%u", config_file_of(config, value), json_line(value));

    json_out_object(out, NULL);
    json_out_string(out, "key", key);
    write_plain(out, "value", name, value);
    json_out_string(out, "from", from);
    json_out_end_object(out);
}

static void write_values(const struct config *config, struct json_out *out, const char *key, const char *name,
                         const struct json *value)
{
    if (is_plain(value)) {
        write_value(config, out, key, name, value);
        return;
    }
    for (size_t i = 0; i < json_count(value); i++) {
        const char *member;
        const struct json *inner = json_type(value) == JSON_OBJECT ? json_member(value, i, &member, NULL) : NULL;
        scoped(cleanup_free) char *inner_key =
            inner ? mem_printf("%s%s%s", key, *key ? "." : "", member) : mem_printf("%s[%zu]", key, i);

        write_values(config, out, inner_key, inner ? member : name, inner ? inner : json_at(value, i));
    }
}

/* What the environment or the command line has put in the place of a file's. */
static void write_engine(const struct config *config, struct json_out *out)
{
    if (!config->docker_host || str_equal(config->docker_host_from, "docker.host"))
        return;
    json_out_object(out, NULL);
    json_out_string(out, "key", "docker.host");
    write_string(out, "value", NULL, config->docker_host);
    json_out_string(out, "from", config->docker_host_from);
    json_out_end_object(out);
}

void config_write(const struct config *config, struct json_out *out)
{
    scoped_str text = STR_INIT;

    json_out_array(out, "files");
    for (size_t i = 0; i < config->file_count; i++)
        json_out_string(out, NULL, config->files[i]);
    json_out_end_array(out);
    json_out_array(out, "values");
    if (config->document)
        write_values(config, out, "", NULL, json_root(config->document));
    write_engine(config, out);
    json_out_end_array(out);
    config_show(config, &text);
    json_out_string(out, "text", str_text(&text));
}

/* ---- As text ---- */

static void indent(struct str *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        str_append(out, "    ");
}

static void show_plain(struct str *out, const char *name, const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);

    write_plain(json, NULL, name, value);
    str_append(out, json_out_text(json, NULL));
}

static void show_key(struct str *out, const char *key)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);

    json_out_string(json, NULL, key);
    str_printf(out, "%s: ", json_out_text(json, NULL));
}

/* The comma belongs before the comment. */
static void end_value(const struct config *config, struct str *out, const struct json *value, bool last, bool place)
{
    const char *file = config_file_of(config, value);

    str_append(out, last ? "" : ",");
    if (place) {
        str_append(out, " // ");
        text_escape(out, file, strlen(file), 0);
        str_printf(out, ":%u", json_line(value));
    }
    str_append_char(out, '\n');
}

static void show(const struct config *config, struct str *out, const char *name, const struct json *value,
                 unsigned depth)
{
    bool object = json_type(value) == JSON_OBJECT;

    str_append(out, object ? "{\n" : "[\n");
    for (size_t i = 0; i < json_count(value); i++) {
        const char *key = name;
        const struct json *inner = object ? json_member(value, i, &key, NULL) : json_at(value, i);
        bool plain = is_plain(inner) || !json_count(inner);

        indent(out, depth + 1);
        if (object)
            show_key(out, key);
        if (is_plain(inner))
            show_plain(out, key, inner);
        else if (plain)
            str_append(out, "{}");
        else
            show(config, out, key, inner, depth + 1);
        end_value(config, out, inner, i + 1 == json_count(value), plain);
    }
    indent(out, depth);
    str_append_char(out, object ? '}' : ']');
}

void config_show(const struct config *config, struct str *out)
{
    const struct json *root = json_root(config->document);

    if (json_count(root))
        show(config, out, NULL, root, 0);
    else
        str_append(out, "{}");
    str_append_char(out, '\n');
}
