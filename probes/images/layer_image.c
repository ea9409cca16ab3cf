/* An image's layers put together: what an upper layer hides does not count, and of package databases the uppermost
 * does. What is kept of layers is opened first, and parsed when the process has cut itself off. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/json_out.h"
#include "common/text.h"
#include "probes/images/layers_internal.h"
#include "probes/worker/worker_part.h"

enum { SHOWN_MAX = 4096 };

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

/* What counts for one package manager: its uppermost whole database and the parts above it. */
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

/* The names follow the JSON document, one per line, so that the loop has nothing to unescape. */
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

/* The uppermost /etc/passwd counts, unless a layer above removes it. */
static void write_accounts(struct json_out *out, const struct layer_summary *summaries, size_t count)
{
    size_t i = count;

    while (i && !summaries[i - 1].accounts.present)
        i--;
    if (!i || is_hidden(summaries, count, i - 1, "/" LAYER_PASSWD))
        return;
    json_out_string(out, "accounts", summaries[i - 1].accounts.text);
    json_out_string(out, "accounts_error", summaries[i - 1].accounts.error);
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
    json_out_int(out, "capabilities", (int64_t)entry->capabilities);
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
    write_accounts(out, summaries, count);
    json_out_int(out, "files", (int64_t)files);
    json_out_int(out, "dropped", (int64_t)dropped);
    json_out_end_object(out);
    str_append(output, json_out_text(out, NULL));
    str_append_char(output, '\n');
    text_repair_utf8(output, str_text(&packages), packages.length);
    json_out_free(out);
}

/* FD: of what the cache has, where the text was not read just now. */
static int load_layer(const struct image_part *part, size_t layer, int fd, struct layer_summary *ret,
                      struct error *error)
{
    const struct str *text = &part->texts[layer];
    int r = text->length ? layer_text_parse(text->data, text->length, ret) : layer_cache_load(fd, ret);

    return r < 0 ? error_set(error, EBADMSG, "layer %s: what was found in it cannot be read",
                             part->request->layers->items[layer])
                 : 0;
}

static int load_layers(const struct image_part *part, struct layer_summary *summaries, struct error *error)
{
    size_t count = part->request->layers->count;
    scoped(cleanup_free) int *fds = mem_alloc((count + 1) * sizeof *fds);
    int r;

    for (size_t i = 0; i < count; i++)
        fds[i] = part->texts[i].length ? -1 : layer_cache_open(part->cache, part->request->layers->items[i]);
    r = part_cut(PART_PARSES, fds, count, error);
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = load_layer(part, i, fds[i], &summaries[i], error);
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return r;
}

int layer_image_run(struct str *output, const void *argument, struct error *error)
{
    const struct image_part *part = argument;
    size_t count = part->request->layers->count;
    struct layer_summary *summaries = mem_alloc((count + 1) * sizeof *summaries);
    int r;

    for (size_t i = 0; i < count; i++)
        layer_summary_init(&summaries[i], part->key);
    r = load_layers(part, summaries, error);
    if (r == 0)
        write_image(output, summaries, count);
    for (size_t i = 0; i < count; i++)
        layer_summary_deinit(&summaries[i]);
    free(summaries);
    return r;
}
