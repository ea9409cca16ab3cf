/* The functions that run in parts of the worker to read layers. The one that walks a directory, with its capabilities,
 * can open only what lies beneath it, and parses nothing; then it cuts itself off, and only then it parses bytes that
 * the image's author chose. The one that reads an export has the end of a pipe from the first and cuts itself off at
 * once. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>

#include "common/capability.h"
#include "probes/images/layers_internal.h"
#include "probes/worker/worker_part.h"

static int walk_folder(const struct layers_request *request, const char *path, struct layer_summary *ret,
                       struct layer_databases *ret_databases, struct error *error)
{
    scoped(cleanup_close) int fd = host_open(request->root, path, O_RDONLY | O_DIRECTORY, error);
    int r;

    if (fd < 0)
        return error_prefix(error, "layer %s", path);
    part_look_beneath(&fd, 1);
    r = layer_read_folder(fd, ret, ret_databases, error);
    return r < 0 ? error_prefix(error, "layer %s", path) : 0;
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
    r = walk_folder(request, path, &summary, &databases, error);
    if (r == 0)
        r = part_cut(PART_PARSES, &split, 1, error);
    if (r == 0 && split >= 0 && layer_parse_split(split, &summary, error) < 0)
        r = -EACCES;
    if (r == 0) {
        layer_read_databases(&databases, &summary);
        layer_summary_finish(&summary);
        layer_text_write(&summary, output);
    }
    layer_free_databases(&databases);
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
    setlocale(LC_CTYPE, "C.UTF-8"); /* libarchive decodes names by it; this process does nothing else */
    r = part_cut(PART_PARSES, &part->fd, 1, error);
    if (r == 0)
        r = layer_read_stream(part->fd, part->request, summaries, part->known, error);
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
