/* The functions that run in parts of the worker. Each first does what needs capabilities (walking a directory,
 * connecting to the engine), then gives them up, and only then parses bytes that the image's author chose. */
#include <errno.h>

#include "common/capability.h"
#include "probes/images/layers_internal.h"

static void drop_capabilities(void)
{
    if (capability_keep(0) < 0)
        _exit(1);
}

int layer_folder_run(struct str *output, const void *argument, struct error *error)
{
    const struct folder_part *part = argument;
    const struct layers_request *request = part->request;
    const char *path = request->directories->items[request->layers->count - 1 - part->layer];
    struct layer_databases databases = {0};
    scoped(cleanup_close) int split = -1;
    struct layer_summary summary;
    int r;

    layer_summary_init(&summary, part->key);
    if (part->layer && !capability_has(CAP_SYS_ADMIN)) { /* trusted.overlay.* cannot be read */
        split = layer_open_split(request, part->layer, error);
        if (split < 0)
            return -EACCES;
    }
    r = layer_read_folder(request->root, path, &summary, &databases, error);
    drop_capabilities();
    if (r == 0 && split >= 0 && layer_parse_split(split, &summary, error) < 0)
        r = -EACCES;
    layer_read_databases(&databases, &summary);
    layer_summary_finish(&summary);
    if (r == 0)
        layer_text_write(&summary, output);
    layer_summary_deinit(&summary);
    return r;
}

int layer_stream_run(struct str *output, const void *argument, struct error *error)
{
    const struct stream_part *part = argument;
    size_t count = part->request->layers->count;
    struct layer_summary *summaries = mem_alloc(count * sizeof *summaries);
    int r;

    for (size_t i = 0; i < count; i++)
        layer_summary_init(&summaries[i], part->key);
    r = layer_read_stream(part->request, summaries, part->known, drop_capabilities, error);
    for (size_t i = 0; r == 0 && i < count; i++) {
        scoped_str text = STR_INIT;

        if (part->known[i])
            continue;
        layer_text_write(&summaries[i], &text);
        str_append_n(output, &text.length, sizeof text.length);
        str_append_n(output, text.data, text.length);
    }
    for (size_t i = 0; i < count; i++)
        layer_summary_deinit(&summaries[i]);
    free(summaries);
    return r;
}
