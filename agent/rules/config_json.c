/* JSON that people write: how far a misspelt name may be from the one that was meant, and what a strict reader rejects.
 */
#include "agent/rules/config_json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/str.h"
#include "common/text.h"
#include "common/vec.h"

int config_json_refuse(struct error *error, const char *file, const struct json *value, const char *format, ...)
{
    scoped_str text = STR_INIT;
    va_list arguments;

    va_start(arguments, format);
    message_vadd_escaped(&text, format, arguments);
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

int config_json_key(const struct json *object, size_t index, const char *file, const char *const *names,
                    struct error *error)
{
    const char *key, *nearest;
    const struct json *value = json_member(object, index, &key, NULL);
    size_t count = 0;

    for (; names[count]; count++)
        if (strcmp(names[count], key) == 0)
            return 0;
    nearest = text_nearest(names, count, key);
    return nearest ? config_json_refuse(error, file, value, "unknown key \"%s\"; did you mean \"%s\"?", key, nearest)
                   : refuse_unknown(value, file, key, names, error);
}

int config_json_keys(const struct json *object, const char *file, const char *const *names, struct error *error)
{
    int r = 0;

    if (object && json_type(object) != JSON_OBJECT)
        return config_json_refuse(error, file, object, "must be an object");
    for (size_t i = 0; r == 0 && i < json_count(object); i++)
        r = config_json_key(object, i, file, names, error);
    return r;
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

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int config_json_list(const char *dir, size_t max, char ***ret, size_t *ret_count, struct error *error)
{
    VEC(char *) names = {0};
    DIR *stream = opendir(dir);

    if (!stream)
        return errno == ENOENT ? 0 : error_system(error, errno, "cannot open %s", dir);
    for (struct dirent *entry; (entry = readdir(stream)) && names.count <= max;)
        if (str_ends(entry->d_name, ".json") && entry->d_name[0] != '.')
            vec_push(&names, mem_printf("%s/%s", dir, entry->d_name));
    closedir(stream);
    if (names.count > max) {
        for (size_t i = 0; i < names.count; i++)
            free(names.items[i]);
        vec_free(&names);
        return error_set(error, E2BIG, "%s: more than %zu files", dir, max);
    }
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, by_name);
    *ret = names.items;
    *ret_count = names.count;
    return 0;
}

/* Nothing that stands there makes the reader wait or grow. */
static int read_regular(const char *file, size_t limit, struct str *ret, struct error *error)
{
    scoped(cleanup_close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_system(error, errno, "%s", file);
    if (!S_ISREG(st.st_mode))
        return config_json_refuse(error, file, NULL, "not a regular file");
    r = file_read_open(fd, limit, ret);
    if (r == -EFBIG)
        return error_set(error, EFBIG, "%s: more than %zu bytes", file, limit);
    return r < 0 ? error_system(error, -r, "%s", file) : 0;
}

int config_json_read(const char *file, const struct json_limits *limits, struct json_doc **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    int r = read_regular(file, limits->bytes, &text, error);

    if (r < 0)
        return r;
    r = json_parse(str_text(&text), text.length, limits, &doc, error);
    if (r < 0)
        return error_prefix(error, "%s", file);
    r = config_json_document(json_root(doc), file, error);
    if (r == 0)
        *ret = take(doc);
    return r;
}
