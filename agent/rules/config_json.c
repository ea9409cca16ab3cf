/* JSON that people write: how far a misspelt name may be from the one that was meant, and what a strict reader rejects.
 */
#include "agent/rules/config_json.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/str.h"
#include "common/text.h"

int config_json_refuse(struct error *error, const char *file, const struct json *value, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    return value ? error_set(error, EINVAL, "%s:%u: %s", file, json_line(value), text.data)
                 : error_set(error, EINVAL, "%s: %s", file, text.data);
}

static int refuse_unknown(const struct json *value, const char *file, const char *key, const char *const *names,
                          struct error *error)
{
    scoped_str known = STR_INIT;

    for (size_t i = 0; names[i]; i++)
        str_printf(&known, "%s%s", i ? ", " : "", names[i]);
    return known.length ? config_json_refuse(error, file, value, "unknown key \"%s\" (known: %s)", key, known.data)
                        : config_json_refuse(error, file, value, "unknown key \"%s\" (takes no parameters)", key);
}

int config_json_keys(const struct json *object, const char *file, const char *const *names, struct error *error)
{
    size_t count = 0;

    if (object && json_type(object) != JSON_OBJECT)
        return config_json_refuse(error, file, object, "must be an object");
    while (names[count])
        count++;
    for (size_t i = 0; i < json_count(object); i++) {
        const char *key, *nearest;
        const struct json *value = json_member(object, i, &key, NULL);
        bool known = false;

        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(names[k], key) == 0;
        if (known)
            continue;
        nearest = text_nearest(names, count, key);
        return nearest
                   ? config_json_refuse(error, file, value, "unknown key \"%s\"; did you mean \"%s\"?", key, nearest)
                   : refuse_unknown(value, file, key, names, error);
    }
    return 0;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* A key or a text cut short by a NUL would be taken for another one. */
static int refuse_nul(const char *text, size_t length, const struct json *value, const char *file, struct error *error)
{
    return text && strlen(text) != length ? config_json_refuse(error, file, value, "\"%s\" contains a NUL byte", text)
                                          : 0;
}

static int check_object(const struct json *object, const char *file, struct error *error)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < json_count(object); i++) {
        const char *key, *other;
        size_t length;
        const struct json *member = json_member(object, i, &key, &length);

        r = refuse_nul(key, length, member, file, error);
        for (size_t k = 0; r == 0 && k < i; k++) {
            json_member(object, k, &other, NULL);
            if (strcmp(key, other) == 0)
                r = config_json_refuse(error, file, member, "duplicate key \"%s\"", key);
        }
        if (r == 0)
            r = config_json_document(member, file, error);
    }
    return r;
}

int config_json_document(const struct json *value, const char *file, struct error *error)
{
    const char *text;
    size_t length;
    int r = 0;

    switch (json_type(value)) {
    case JSON_OBJECT:
        return check_object(value, file, error);
    case JSON_ARRAY:
        for (size_t i = 0; r == 0 && i < json_count(value); i++)
            r = config_json_document(json_at(value, i), file, error);
        return r;
    case JSON_STRING:
        text = json_string_n(value, &length);
        return refuse_nul(text, length, value, file, error);
    default:
        return 0;
    }
}

int config_json_texts(struct arena *arena, const struct json *object, const char *key, const char *file, bool required,
                      const char *ret[LANGUAGE_COUNT], struct error *error)
{
    static const char *const languages[] = {"en", "zh", NULL};
    const struct json *value = json_get(object, key), *en, *zh;
    bool both = json_type(value) == JSON_OBJECT;
    int r = both ? config_json_keys(value, file, languages, error) : 0;

    if (r < 0)
        return r;
    en = both ? json_get(value, "en") : value;
    zh = both ? json_get(value, "zh") : NULL;
    if ((value && !json_string(en)) || (zh && !json_string(zh)))
        return config_json_refuse(error, file, value, "%s: must be a string or {\"en\": …, \"zh\": …}", key);
    if (required && (!value || is_blank(json_string(en)) || (zh && is_blank(json_string(zh)))))
        return config_json_refuse(error, file, value ? value : object, "%s: must be a non-empty string", key);
    ret[LANGUAGE_EN] = arena_strdup(arena, value ? json_string(en) : "");
    ret[LANGUAGE_ZH] = zh ? arena_strdup(arena, json_string(zh)) : ret[LANGUAGE_EN];
    return 0;
}
