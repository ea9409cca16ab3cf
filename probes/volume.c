/* What a local volume binds: see the header. */
#include "probes/volume.h"

#include <string.h>

#include "common/str.h"

bool volume_has_option(const char *options, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = options; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

const char *volume_bound_folder(const char *options, const char *device, bool *ret_read_only)
{
    if (!options || !device || *device != '/' ||
        !(volume_has_option(options, "bind") || volume_has_option(options, "rbind")))
        return NULL;
    *ret_read_only = volume_has_option(options, "ro");
    return device;
}

const char *volume_parse_options(const char *text, size_t length, struct arena *arena, bool *ret_read_only)
{
    static const struct json_limits limits = {.bytes = 64 * 1024, .depth = 8, .values = 1000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (json_parse(text, length, &limits, &doc, NULL) < 0)
        return NULL;
    return arena_strdup(arena,
                        volume_bound_folder(json_string(json_get(json_root(doc), "MountOpts")),
                                            json_string(json_get(json_root(doc), "MountDevice")), ret_read_only));
}
