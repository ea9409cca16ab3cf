/* What lies in images' layers, and a scanner's report on them. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/images/layers.h"
#include "probes/images/scanner.h"
#include "probes/roles/roles_internal.h"

enum { LAYERS_MS = 15 * 60 * 1000, SCAN_MS = 24 * 60 * 60 * 1000, LAYERS_MAX = 4096 };

/* ---- Layers ---- */

void roles_ask_layers(struct str *out, const struct layers_query *query)
{
    wire_put_number(out, query->api_minor);
    wire_put_text(out, query->image_id);
    wire_put_list(out, query->layers);
    wire_put_list(out, query->directories);
    wire_put_text(out, query->broker);
}

/* A socket that the agent's user alone may use, as the broker's is and an engine's is not. */
static bool is_broker(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0600 && st.st_uid == getuid();
}

/* What a storage driver of overlays keeps a layer in. */
static bool is_layer_folder(const char *path)
{
    return path[0] == '/' && str_ends(path, "/diff") && strstr(path, "/overlay") && !strstr(path, "/../");
}

static int read_layers(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct role_request request = role_request(argument, arena);
    struct string_list layers, directories;
    struct docker_address address = *request.context->address;
    struct layers_request read = {.root = request.context->root,
                                  .address = &address,
                                  .layers = &layers,
                                  .directories = &directories,
                                  .cache = request.context->layers_cache,
                                  .cpu_seconds = LAYERS_CPU_SECONDS};
    const char *broker;
    int r;

    read.api_minor = (unsigned)wire_number(&request.reader);
    read.image_id = wire_text(&request.reader);
    wire_list(&request.reader, LAYERS_MAX, &layers);
    wire_list(&request.reader, LAYERS_MAX, &directories);
    broker = wire_text(&request.reader);
    request.reader.broken |= !read.image_id;
    r = role_request_end(&request, error);
    address.broker =
        broker && is_broker(broker) ? (char *)(uintptr_t)broker : NULL; /* without it only folders are read */
    for (size_t i = 0; r == 0 && i < directories.count; i++)
        if (!is_layer_folder(directories.items[i]))
            r = error_set(error, EINVAL, "%s is not the folder of a layer", directories.items[i]);
    return r < 0 ? r : layers_run(output, &read, error);
}

size_t layers_tasks(const struct role_context *context, struct helper_task *ret)
{
    ret[LAYERS_READ] = (struct helper_task){.run = read_layers,
                                            .argument = context,
                                            .root = context->root,
                                            .timeout_ms = LAYERS_MS,
                                            .capabilities = LAYERS_CAPABILITIES,
                                            .background = true};
    return LAYERS_READ + 1;
}

/* ---- The scanner ---- */

void roles_ask_scan(struct str *out, const char *image)
{
    wire_put_text(out, image);
}

static int run_scanner(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct role_request request = role_request(argument, arena);
    struct string_list command = {0};
    const struct scanner_request scan = {.command = &command, .image = wire_text(&request.reader)};
    int r;

    request.reader.broken |= !scan.image || scan.image[0] == '-'; /* no option of the scanner's */
    r = role_request_end(&request, error);
    if (r < 0)
        return r;
    request.context->scanner_command(request.context->user, arena, &command);
    return command.count ? scanner_run(output, &scan, error)
                         : error_set(error, ENODATA, "the helper's own configuration has no scanner");
}

size_t scanner_tasks(const struct role_context *context, struct helper_task *ret)
{
    ret[SCANNER_RUN] = (struct helper_task){.run = run_scanner,
                                            .argument = context,
                                            .timeout_ms = SCAN_MS,
                                            .capabilities = SCANNER_CAPABILITIES,
                                            .background = true};
    return SCANNER_RUN + 1;
}
