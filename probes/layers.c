/* An image's layers put together: what an upper layer hides does not count, and of package databases the uppermost
 * does. See the header. */
#include "probes/layers.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "common/json_out.h"
#include "probes/layers_internal.h"
#include "probes/parse_util.h"

enum { MEMORY_MAX = 1 << 30, LAYERS_MAX = 512 };

static bool is_hidden(const struct layer_summary *summaries, size_t count, size_t layer, const char *path)
{
    for (size_t i = layer + 1; i < count; i++)
        if (layer_hides(&summaries[i], path))
            return true;
    return false;
}

/* Which layer's packages count: the uppermost whole database, and parts above it. */
static size_t first_of_packages(const struct layer_summary *summaries, size_t count)
{
    size_t first = 0;

    for (size_t i = 0; i < count; i++)
        if (summaries[i].manager && !summaries[i].partial)
            first = i;
    return first;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void write_packages(struct json_out *out, const struct layer_summary *summaries, size_t count)
{
    VEC(const char *) names = {0};
    const char *manager = NULL;

    for (size_t i = first_of_packages(summaries, count); i < count; i++) {
        if (summaries[i].manager)
            manager = summaries[i].manager;
        for (size_t k = 0; k < summaries[i].packages.count; k++)
            vec_push(&names, summaries[i].packages.items[k]);
    }
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, compare_texts);
    json_out_string(out, "manager", manager);
    json_out_array(out, "packages");
    for (size_t i = 0; i < names.count; i++)
        if (!i || strcmp(names.items[i], names.items[i - 1]) != 0)
            json_out_string(out, NULL, names.items[i]);
    json_out_end_array(out);
    vec_free(&names);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp((*(struct layer_entry *const *)a)->path, (*(struct layer_entry *const *)b)->path);
}

static void write_image(struct str *output, const struct layer_summary *summaries, size_t count)
{
    struct json_out *out = json_out_new(false);
    VEC(const struct layer_entry *) entries = {0};
    uint64_t files = 0;

    json_out_object(out, NULL);
    for (size_t i = 0; i < count; i++) {
        files += summaries[i].count;
        for (size_t k = 0; k < summaries[i].entries.count; k++)
            if (!is_hidden(summaries, count, i, summaries[i].entries.items[k].path))
                vec_push(&entries, &summaries[i].entries.items[k]);
    }
    if (entries.count)
        qsort(entries.items, entries.count, sizeof *entries.items, compare_entries);
    json_out_array(out, "entries");
    for (size_t i = 0; i < entries.count; i++) {
        json_out_object(out, NULL);
        json_out_string(out, "path", entries.items[i]->path);
        json_out_int(out, "uid", entries.items[i]->uid);
        json_out_int(out, "mode", entries.items[i]->mode);
        json_out_bool(out, "setuid", entries.items[i]->setuid);
        json_out_bool(out, "tool", entries.items[i]->tool);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    vec_free(&entries);
    write_packages(out, summaries, count);
    json_out_int(out, "files", (int64_t)files);
    json_out_end_object(out);
    str_append(output, json_out_text(out, NULL));
    json_out_free(out);
}

static int read_layers(const struct layers_request *request, struct layer_summary *summaries, bool *known,
                       struct error *error)
{
    size_t count = request->layers->count, missing = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        known[i] = layer_summary_load(request->cache, request->layers->items[i], &summaries[i]) == 0;
        if (!known[i])
            layer_summary_deinit(&summaries[i]);
        missing += !known[i];
    }
    if (!missing)
        return 0;
    if (request->directories->count != count)
        r = layer_read_stream(request, summaries, known, error);
    for (size_t i = 0; r == 0 && i < count && request->directories->count == count; i++)
        if (!known[i])
            r = layer_read_folder(request->root, request->directories->items[count - 1 - i], &summaries[i], error);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!known[i])
            layer_summary_save(request->cache, request->layers->items[i], &summaries[i],
                               NULL); /* or it is read again */
    return r;
}

int layers_run(struct str *output, const void *argument, struct error *error)
{
    const struct layers_request *request = argument;
    const struct rlimit memory __attribute__((unused)) = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};
    size_t count = request->layers->count;
    struct layer_summary *summaries;
    bool *known;
    int r;

#ifndef __SANITIZE_ADDRESS__ /* which maps far more than it uses */
    setrlimit(RLIMIT_DATA, &memory);
#endif
    if (!count || count > LAYERS_MAX)
        return error_set(error, EINVAL, count ? "more than %d layers" : "the engine names no layers", (int)LAYERS_MAX);
    summaries = mem_alloc(count * sizeof *summaries);
    known = mem_alloc(count * sizeof *known);
    r = read_layers(request, summaries, known, error);
    if (r == 0)
        write_image(output, summaries, count);
    for (size_t i = 0; i < count; i++)
        layer_summary_deinit(&summaries[i]);
    free(summaries);
    free(known);
    return r;
}

static void build_tools(struct builder *b, const struct json *entries, struct layer_facts *facts)
{
    size_t tools = 0;

    for (size_t i = 0; i < json_count(entries); i++)
        tools += json_bool(json_get(json_at(entries, i), "tool"), false);
    if (!build_room(b, tools, "tools", &facts->tools))
        return;
    for (size_t i = 0; i < json_count(entries); i++) {
        const char *path = json_text(json_get(json_at(entries, i), "path"), "");

        if (json_bool(json_get(json_at(entries, i), "tool"), false))
            build_push(b, &facts->tools, path, strlen(path));
    }
}

int layers_parse(const char *output, size_t length, struct layer_facts **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root, *entries, *packages;
    struct layer_facts *facts;
    struct builder b;
    int r = json_parse(output, length, NULL, &doc, error);

    if (r < 0)
        return error_prefix(error, "layers");
    root = json_root(doc);
    entries = json_get(root, "entries");
    packages = json_get(root, "packages");
    facts = build_begin(&b, sizeof *facts, 1024);
    facts->setuid = arena_alloc(b.arena, (json_count(entries) + 1) * sizeof *facts->setuid);
    for (size_t i = 0; i < json_count(entries); i++) {
        const struct json *entry = json_at(entries, i);

        if (json_bool(json_get(entry, "setuid"), false))
            facts->setuid[facts->setuid_count++] =
                (struct layer_file){.path = build_text_or(&b, json_get(entry, "path")),
                                    .uid = (uid_t)build_int(&b, json_get(entry, "uid")),
                                    .mode = (mode_t)build_int(&b, json_get(entry, "mode"))};
    }
    build_tools(&b, entries, facts);
    facts->package_manager = build_text(&b, json_get(root, "manager"));
    facts->packages.items = arena_alloc(b.arena, (json_count(packages) + 1) * sizeof *facts->packages.items);
    for (size_t i = 0; i < json_count(packages); i++)
        facts->packages.items[facts->packages.count++] = build_text_or(&b, json_at(packages, i));
    facts->files = (uint64_t)build_int(&b, json_get(root, "files"));
    r = build_end(&b, &facts->facts, "layers", error);
    if (r == 0)
        *ret = facts;
    return r;
}
