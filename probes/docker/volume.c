/* The local driver mounts a volume as mount(8) would: with "bind" or "rbind" among its options the device is a
 * directory. */
#include "probes/docker/volume.h"

#include <errno.h>
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

static bool is_text(const struct json *value)
{
    return json_type(value) == JSON_STRING || json_type(value) == JSON_NULL;
}

int volume_parse_options(const char *text, size_t length, struct arena *arena, const char **ret_folder,
                         bool *ret_read_only, struct error *error)
{
    static const struct json_limits limits = {.bytes = 64 * 1024, .depth = 8, .values = 1000};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *options, *device;
    int r = json_parse(text, length, &limits, &doc, error);

    if (r < 0)
        return r;
    options = json_get(json_root(doc), "MountOpts");
    device = json_get(json_root(doc), "MountDevice");
    if (json_type(json_root(doc)) != JSON_OBJECT || !is_text(options) || !is_text(device))
        return error_set(error, EINVAL, "invalid volume options");
    *ret_folder = arena_strdup(arena, volume_bound_folder(json_string(options), json_string(device), ret_read_only));
    return 0;
}
