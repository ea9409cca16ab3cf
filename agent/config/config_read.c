/* Values of the configuration that more than one of its files reads. */
#include "agent/config/config_internal.h"
#include "common/memory.h"
#include "common/str.h"

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
