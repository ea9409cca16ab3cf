/* An image's layers put together: what an upper layer hides does not count, and of package databases the uppermost
 * does. See the header. */
#include "probes/images/layers.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/json_out.h"
#include "common/text.h"
#include "probes/facts/parse_util.h"
#include "probes/images/layers_internal.h"

enum { MEMORY_MAX = 192 << 20, LAYERS_MAX = 512, SHOWN_MAX = 4096 };

static bool is_hidden(const struct layer_summary *summaries, size_t count, size_t layer, const char *path)
{
    for (size_t i = layer + 1; i < count; i++)
        if (layer_hides(&summaries[i], path))
            return true;
    return false;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef VEC(const char *) name_list;

/* What counts of one manager: its uppermost whole database, and parts above it. */
static bool collect_packages(const struct layer_summary *summaries, size_t count, enum package_manager manager,
                             name_list *names, const char **ret_error)
{
    size_t first = 0;
    bool found = false;

    for (size_t i = 0; i < count; i++)
        if (summaries[i].packages[manager].whole)
            first = i;
    for (size_t i = first; i < count; i++) {
        const struct layer_packages *packages = &summaries[i].packages[manager];

        found |= packages->whole || packages->partial || packages->error;
        if (packages->error)
            *ret_error = packages->error;
        for (size_t k = 0; k < packages->names.count; k++)
            vec_push(names, packages->names.items[k]);
    }
    return found;
}

/* The names come behind the document, one a line: the loop, which reads them, has nothing to unescape. */
static void write_packages(struct json_out *out, struct str *lines, const struct layer_summary *summaries, size_t count)
{
    scoped_str managers = STR_INIT;
    const char *error = NULL;
    name_list names = {0};

    for (int manager = 0; manager < MANAGER_COUNT; manager++)
        if (collect_packages(summaries, count, (enum package_manager)manager, &names, &error))
            str_printf(&managers, "%s%s", managers.length ? ", " : "",
                       layer_manager_name((enum package_manager)manager));
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, compare_texts);
    json_out_string(out, "manager", managers.data);
    json_out_string(out, "packages_error", error);
    for (size_t i = 0; i < names.count; i++)
        if (!i || strcmp(names.items[i], names.items[i - 1]) != 0)
            str_printf(lines, "%s\n", names.items[i]);
    vec_free(&names);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp((*(struct layer_entry *const *)a)->path, (*(struct layer_entry *const *)b)->path);
}

static void write_entry(struct json_out *out, const struct layer_entry *entry)
{
    json_out_object(out, NULL);
    json_out_string(out, "path", entry->path);
    json_out_int(out, "uid", entry->uid);
    json_out_int(out, "mode", entry->mode);
    json_out_bool(out, "setuid", entry->setuid);
    json_out_bool(out, "tool", entry->tool);
    json_out_end_object(out);
}

static void write_image(struct str *output, const struct layer_summary *summaries, size_t count)
{
    struct json_out *out = json_out_new(false);
    VEC(const struct layer_entry *) entries = {0};
    scoped_str packages = STR_INIT;
    uint64_t files = 0, dropped = 0;

    json_out_object(out, NULL);
    for (size_t i = 0; i < count; i++) {
        files += summaries[i].count;
        dropped += summaries[i].dropped;
        for (size_t k = 0; k < summaries[i].entries.count; k++)
            if (entries.count >= SHOWN_MAX)
                dropped++;
            else if (!is_hidden(summaries, count, i, summaries[i].entries.items[k].path))
                vec_push(&entries, &summaries[i].entries.items[k]);
    }
    if (entries.count)
        qsort(entries.items, entries.count, sizeof *entries.items, compare_entries);
    json_out_array(out, "entries");
    for (size_t i = 0; i < entries.count; i++)
        write_entry(out, entries.items[i]);
    json_out_end_array(out);
    vec_free(&entries);
    write_packages(out, &packages, summaries, count);
    json_out_int(out, "files", (int64_t)files);
    json_out_int(out, "dropped", (int64_t)dropped);
    json_out_end_object(out);
    str_append(output, json_out_text(out, NULL));
    str_append_char(output, '\n');
    text_repair_utf8(output, str_text(&packages), packages.length);
    json_out_free(out);
}

static int read_folders(const struct layers_request *request, struct layer_summary *summaries, const bool *known,
                        struct error *error)
{
    size_t count = request->layers->count;
    bool attributes = capability_has(CAP_SYS_ADMIN); /* overlay's own are hidden from those without it */
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        if (known[i])
            continue;
        if (i && !attributes && layer_read_split(request, i, &summaries[i], error) < 0)
            return -EACCES;
        r = layer_read_folder(request->root, request->directories->items[count - 1 - i], &summaries[i], error);
    }
    return r;
}

static int read_layers(const struct layers_request *request, const char *cache, struct layer_summary *summaries,
                       bool *known, struct error *error)
{
    size_t count = request->layers->count, missing = 0;
    int r = -EACCES;

    for (size_t i = 0; i < count; i++) {
        known[i] = layer_cache_load(cache, request->layers->items[i], &summaries[i]) == 0;
        if (!known[i])
            layer_summary_deinit(&summaries[i]);
        missing += !known[i];
    }
    if (!missing)
        return 0;
    if (request->directories->count == count)
        r = read_folders(request, summaries, known, error);
    if ((r == -EACCES || r == -EPERM || r == -ENOENT) && request->address) { /* not for us to read: the engine may */
        for (size_t i = 0; i < count; i++)
            if (!known[i])
                layer_summary_deinit(&summaries[i]);
        r = layer_read_stream(request, summaries, known, error);
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!known[i])
            layer_cache_save(cache, request->layers->items[i], &summaries[i]);
    if (r == 0)
        layer_cache_trim(cache);
    return r;
}

int layers_run(struct str *output, const void *argument, struct error *error)
{
    const struct layers_request *request = argument;
    const struct rlimit memory __attribute__((unused)) = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};
    size_t count = request->layers->count;
    struct layer_summary *summaries;
    const char *cache;
    uint64_t key[2];
    bool *known;
    int r;

#ifndef __SANITIZE_ADDRESS__ /* which maps far more than it uses */
    setrlimit(RLIMIT_DATA, &memory);
#endif
    if (!count || count > LAYERS_MAX)
        return error_set(error, EINVAL, count ? "more than %d layers" : "the engine reports no layers",
                         (int)LAYERS_MAX);
    cache = layer_cache_key(request->cache, key) == 0 ? request->cache : NULL; /* or each layer is read again */
    summaries = mem_alloc(count * sizeof *summaries);
    known = mem_alloc(count * sizeof *known);
    for (size_t i = 0; i < count; i++)
        layer_summary_init(&summaries[i], key);
    r = read_layers(request, cache, summaries, known, error);
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

static void build_packages(struct builder *b, const char *lines, size_t length, struct string_list *ret)
{
    char *text = arena_strndup(b->arena, lines, length);
    size_t count = 0;

    hash_bytes(&b->hash, lines, length);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        count++;
    ret->items = arena_alloc(b->arena, (count + 1) * sizeof *ret->items);
    for (char *end; (end = strchr(text, '\n')); text = end + 1) {
        *end = '\0';
        ret->items[ret->count++] = text;
    }
}

int layers_parse(const char *output, size_t length, struct layer_facts **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root, *entries;
    struct layer_facts *facts;
    struct builder b;
    const char *end = memchr(output, '\n', length);
    int r = end ? json_parse(output, (size_t)(end - output), NULL, &doc, error)
                : error_set(error, EBADMSG, "incomplete document");

    if (r < 0)
        return error_prefix(error, "layers");
    root = json_root(doc);
    entries = json_get(root, "entries");
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
    facts->packages_error = build_text(&b, json_get(root, "packages_error"));
    facts->dropped = (uint64_t)build_int(&b, json_get(root, "dropped"));
    build_packages(&b, end + 1, length - (size_t)(end + 1 - output), &facts->packages);
    facts->files = (uint64_t)build_int(&b, json_get(root, "files"));
    r = build_end(&b, &facts->facts, "layers", error);
    if (r == 0)
        *ret = facts;
    return r;
}
