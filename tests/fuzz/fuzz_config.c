/* Any bytes as the files of a configuration, one after the other with an octet 0x1e between them: how they are merged,
 * and what is made of waivers, exclusions and the rest. */
#include <string.h>

#include "agent/config/config.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

enum { SEPARATOR = 0x1e, TEXTS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value of a merged document is from one of its files. */
static void require_sources(const struct json *value, size_t count)
{
    if (value && json_source(value) >= count)
        __builtin_trap();
    for (size_t i = 0; json_type(value) == JSON_ARRAY && i < json_count(value); i++)
        require_sources(json_at(value, i), count);
    for (size_t i = 0; json_type(value) == JSON_OBJECT && i < json_count(value); i++)
        require_sources(json_member(value, i, NULL, NULL), count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[TEXTS_MAX] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    struct config_text texts[TEXTS_MAX];
    struct config *config = NULL;
    struct error error = ERROR_INIT;
    const char *at = (const char *)data, *end = at + size;
    size_t count = 0;

    while (count < TEXTS_MAX) {
        const char *separator = size ? memchr(at, SEPARATOR, (size_t)(end - at)) : NULL;

        texts[count] = (struct config_text){names[count], at, (size_t)((separator ? separator : end) - at)};
        count++;
        if (!separator)
            break;
        at = separator + 1;
    }
    if (config_parse_files(texts, count, &config, &error) < 0)
        return 0;
    require_sources(json_root(config->document), count);
    for (size_t i = 0; i < config->waiver_count; i++)
        if (!config->waivers[i].rules.count || !config->waivers[i].rule || !config->waivers[i].file)
            __builtin_trap();
    config_free(config);
    return 0;
}
