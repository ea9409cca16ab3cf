/* Values of the configuration that more than one of its files reads. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/config_internal.h"
#include "common/account.h"
#include "common/memory.h"
#include "common/str.h"

const char *config_file_of(const struct config *config, const struct json *value)
{
    size_t index = json_source(value);

    return index < config->file_count ? config->files[index] : "configuration";
}

int config_refuse(struct config_reader *reader, const struct json *value, const char *format, ...)
{
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;
    va_list arguments;

    va_start(arguments, format);
    message_vadd(&text, format, arguments);
    va_end(arguments);
    config_json_refuse(&error, config_file_of(reader->config, value), value, "%s", str_text(&text));
    faults_add(reader->faults, &error);
    return -EINVAL;
}

int config_read_keys(struct config_reader *reader, const struct json *object, const char *name, const char *const *keys)
{
    struct error error = ERROR_INIT;
    int r = 0;

    if (object && json_type(object) != JSON_OBJECT)
        return name ? config_refuse(reader, object, "%s: must be an object", name)
                    : config_refuse(reader, object, "must be an object");
    for (size_t i = 0; i < json_count(object); i++) {
        const struct json *value = json_member(object, i, NULL, NULL);

        if (config_json_key(object, i, config_file_of(reader->config, value), keys, &error) == 0)
            continue;
        faults_add(reader->faults, &error);
        r = -EINVAL;
    }
    return r;
}

int config_read_string(struct config_reader *reader, const struct json *object, const char *key, const char **ret)
{
    const struct json *value = json_get(object, key);

    if (!value)
        return 0;
    if (str_empty(json_string(value)))
        return config_refuse(reader, value, "%s: must be a non-empty string", key);
    *ret = arena_strdup(reader->config->arena, json_string(value));
    return 0;
}

int config_read_word(struct config_reader *reader, const struct json *value, const char *key, const char *const *words,
                     unsigned *ret)
{
    scoped_str list = STR_INIT;

    for (unsigned i = 0; words[i]; i++) {
        if (str_equal(json_string(value), words[i])) {
            *ret = i;
            return 0;
        }
        str_printf(&list, "%s\"%s\"", i ? ", " : "", words[i]);
    }
    return config_refuse(reader, value, "%s: must be one of %s", key, list.data);
}

int config_read_list(struct config_reader *reader, const struct json *list, const char *key, size_t size, void **ret,
                     size_t *ret_count)
{
    if (json_type(list) != JSON_ARRAY)
        return config_refuse(reader, list, "%s: must be a list", key);
    *ret_count = json_count(list);
    *ret = arena_alloc(reader->config->arena, (*ret_count + 1) * size);
    return 0;
}

bool config_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The files are root's, and the agent may be another user. */
int config_explain(int r, struct error *error)
{
    struct account account = {.name = ""};

    if (r != -EACCES)
        return r;
    account_find_uid(geteuid(), &account);
    error_prefix(error, "the user %s has to be able to read this", account.name);
    return -EINVAL;
}
