/* What volumes of the local driver mount, from the opts.json that dockerd keeps beside a volume's data. Nothing is
 * handed out but what probes/docker/volume.h finds in it. */
#include <errno.h>
#include <string.h>

#include "probes/docker/volume.h"
#include "probes/roles/roles_internal.h"

enum { VOLUMES_MAX = 65536, OPTIONS_MAX = 64 * 1024, DEVICES_MAX = 65536 };

static const char data_folder[] = "/_data";

bool roles_is_local_volume(const char *source)
{
    return str_ends(source, data_folder);
}

void roles_ask_volumes(struct str *out, const struct string_list *sources)
{
    wire_put_list(out, sources);
}

/* False: what the volume mounts is not to be found there. */
static bool read_volume(const struct host_root *root, const char *source, struct arena *arena,
                        struct volume_source *ret)
{
    scoped(cleanup_free) char *folder = NULL, *path = NULL;
    scoped_str text = STR_INIT;
    struct stat st;
    int r;

    if (source[0] != '/' || strstr(source, "/../") || !roles_is_local_volume(source))
        return false;
    folder = mem_strndup(source, strlen(source) - strlen(data_folder));
    path = mem_printf("%s/opts.json", folder);
    r = host_read(root, path, OPTIONS_MAX, &text, NULL);
    if (r == -ENOENT || r == -ENOTDIR)
        return host_stat(root, folder, &st, NULL) == 0;
    return r == 0 && volume_parse_options(str_text(&text), text.length, arena, ret, NULL) == 0;
}

int files_read_volumes(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(4096);
    struct role_request request = role_request(argument, arena);
    struct string_list sources;
    int r;

    wire_list(&request.reader, VOLUMES_MAX, &sources);
    r = role_request_end(&request, error);
    for (size_t i = 0; r == 0 && i < sources.count; i++) {
        struct volume_source source = {0};
        bool known = read_volume(request.context->outside, sources.items[i], arena, &source);

        wire_put_number(output, known);
        wire_put_list(output, &source.devices);
        wire_put_number(output, source.block_device);
        wire_put_number(output, source.read_only);
    }
    return r;
}

bool roles_take_volume(struct wire_reader *reader, struct volume_source *ret)
{
    bool known = wire_number(reader) != 0;

    *ret = (struct volume_source){0};
    wire_list(reader, DEVICES_MAX, &ret->devices);
    ret->block_device = wire_number(reader) != 0;
    ret->read_only = wire_number(reader) != 0;
    return known && !reader->broken;
}
