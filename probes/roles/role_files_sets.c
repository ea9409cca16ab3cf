/* Sets of files, by the names of their sources. */
#include <errno.h>

#include "common/capability.h"
#include "probes/daemon/daemon_wire.h"
#include "probes/host/units.h"
#include "probes/roles/roles_internal.h"

enum { SOURCES_MAX = 4096, RUNTIMES_MAX = 65536 };

/* ---- What sources are read against ---- */

static void put_info(struct str *out, const struct info_facts *info)
{
    wire_put_number(out, info != NULL);
    if (!info)
        return;
    wire_put_text(out, info->data_root);
    wire_put_text(out, info->containerd_address);
    wire_put_text(out, info->default_runtime);
    wire_put_list(out, &info->runtimes);
}

static const struct info_facts *take_info(struct wire_reader *reader)
{
    struct info_facts *info = wire_number(reader) ? arena_alloc(reader->arena, sizeof *info) : NULL;

    if (!info)
        return NULL;
    info->data_root = wire_text(reader);
    info->containerd_address = wire_text(reader);
    info->default_runtime = wire_text(reader);
    wire_list(reader, RUNTIMES_MAX, &info->runtimes);
    return info;
}

void roles_ask_sets(struct str *out, const struct fileset_context *context, const struct string_list *sources)
{
    wire_put_list(out, sources);
    wire_put_text(out, context->engine_socket);
    put_info(out, context->info);
    wire_put_number(out, context->units != NULL);
    if (context->units)
        units_put(out, context->units);
    wire_put_number(out, context->daemon != NULL);
    if (context->daemon)
        daemon_put(out, context->daemon);
}

/* ---- In the helper ---- */

/* Those of the engine's own sockets name no path, and are read whatever the rules are. */
static bool is_known(const struct role_context *context, const char *source)
{
    return !context->knows_source || str_equal(source, "sockets:") || context->knows_source(source, context->user);
}

/* SOURCES are read one by one, so that one which is refused is an error of its own. */
static void read_sets(struct str *output, const struct role_context *context, const struct fileset_context *against,
                      const struct string_list *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct string_list one = {.items = &sources->items[i], .count = 1};

        if (is_known(context, sources->items[i])) {
            fileset_run(output, &(struct fileset_request){.root = context->root, .context = against, .sources = &one},
                        NULL);
        } else {
            wire_put_number(output, -EACCES);
            wire_put_text(output, capability_has(CAP_DAC_READ_SEARCH)
                                      ? "no rule of the helper's own configuration reads that source"
                                      : "no rule that the helper can read has that source: needs CAP_DAC_READ_SEARCH");
        }
    }
}

int files_read_sets(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(4096);
    struct role_request request = role_request(argument, arena);
    struct wire_reader *reader = &request.reader;
    struct fileset_context against = {0};
    scoped(cleanup_facts) struct facts *daemon_owned = NULL, *units_owned = NULL;
    struct string_list sources;
    int r;

    wire_list(reader, SOURCES_MAX, &sources);
    against.engine_socket = wire_text(reader);
    against.info = take_info(reader);
    if (wire_number(reader)) {
        struct units_facts *units = units_take(reader, error);

        against.units = units;
        units_owned = units ? &units->facts : NULL;
    }
    if (wire_number(reader)) {
        struct daemon_facts *daemon = daemon_take(reader, error);

        against.daemon = daemon;
        daemon_owned = daemon ? &daemon->facts : NULL;
    }
    r = role_request_end(&request, error);
    if (r == 0)
        read_sets(output, request.context, &against, &sources);
    return r;
}
