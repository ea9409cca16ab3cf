/* Reads the layers of an image that are not in the cache: each directory in a part of the worker with limits of its
 * own, or all of them in one part where only the engine can read them, beside one that fetches them; a last part puts
 * the image together. The worker itself parses nothing that comes from an image. */
#include "probes/images/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "probes/facts/parse_util.h"
#include "probes/images/layers_internal.h"
#include "probes/worker/worker_part.h"

enum { MEMORY_MAX = 192 << 20, LAYERS_MAX = 512, IMAGE_TEXT_MAX = 32 << 20, WHY_MAX = 4096, END_MS = 2000 };

struct reading {
    const struct layers_request *request;
    const char *cache;
    uint64_t key[2];
    bool *known; /* in the cache */
    struct str *texts;
};

static struct part_options options_of(const struct reading *reading, worker_run *run, const void *argument,
                                      size_t limit)
{
    return (struct part_options){.run = run,
                                 .argument = argument,
                                 .limit = limit,
                                 .cpu_seconds = reading->request->cpu_seconds,
                                 .memory = MEMORY_MAX};
}

/* The layer itself is the cause, so another try would fail in the same way. */
static bool would_fail_again(int r)
{
    return r == -ETIME || r == -ENOTRECOVERABLE || r == -EFBIG || r == -ENAMETOOLONG || r == -ELOOP;
}

static int read_folder(struct reading *reading, size_t layer, struct error *error)
{
    const char *digest = reading->request->layers->items[layer];
    const struct folder_part part = {.request = reading->request, .key = reading->key, .layer = layer};
    struct part_options options = options_of(reading, layer_folder_run, &part, LAYER_TEXT_MAX);
    int r;

    options.capabilities = LAYERS_CAPABILITIES;
    options.root = reading->request->root;
    if (layer_cache_is_unreadable(reading->cache, digest, reading->key, error))
        return error_prefix(error, "layer %s", digest);
    r = part_run(&options, &reading->texts[layer], error);
    if (r == -EACCES || r == -EPERM || r == -ENOENT)
        return r;
    if (r == 0)
        layer_cache_save(reading->cache, digest, &reading->texts[layer]);
    else if (would_fail_again(r))
        layer_cache_save_unreadable(reading->cache, digest, reading->key, error->message);
    return r < 0 ? error_prefix(error, "layer %s", digest) : 0;
}

static int read_folders(struct reading *reading, struct error *error)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < reading->request->layers->count; i++)
        if (!reading->known[i])
            r = read_folder(reading, i, error);
    return r;
}

/* One part fetches into a pipe, the other parses what comes out of it. */
static int run_stream(struct reading *reading, struct str *texts, struct error *error)
{
    scoped(cleanup_close) int in = -1, out = -1;
    struct fetch_part fetch = {.request = reading->request};
    struct stream_part parse = {.request = reading->request, .key = reading->key, .known = reading->known};
    struct part_options fetching = options_of(reading, layer_fetch_run, &fetch, WHY_MAX),
                        parsing = options_of(reading, layer_stream_run, &parse, LAYER_TEXT_MAX);
    struct error why = ERROR_INIT;
    struct part fetcher, parser;
    scoped_str none = STR_INIT;
    int fds[2], r, fetched;
    bool stopped;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_system(error, errno, "pipe");
    in = parse.fd = fds[0];
    out = fetch.fd = fds[1];
    fetching.kept = &fetch.fd;
    parsing.kept = &parse.fd;
    fetching.kept_count = parsing.kept_count = 1;
    r = part_start(&fetching, &fetcher, error);
    if (r < 0)
        return r;
    close(out);
    out = -1;
    r = part_start(&parsing, &parser, error);
    close(in); /* so that the one ends with the other */
    in = -1;
    if (r == 0)
        r = part_finish(&parser, texts, error);
    /* What ended the pipe is why parsing failed, but is seen a moment later than that. */
    stopped = r < 0 && !part_answers(&fetcher, END_MS);
    if (stopped)
        part_kill(&fetcher);
    fetched = part_finish(&fetcher, &none, &why);
    if (fetched == 0 || stopped || (r < 0 && fetched == -EPIPE))
        return r;
    return error_set(error, -fetched, "%s", why.message);
}

static int read_stream(struct reading *reading, struct error *error)
{
    scoped_str texts = STR_INIT;
    size_t at = 0, length;
    int r = -EOWNERDEAD;

    for (int try = 0; try < PART_TRIES && r == -EOWNERDEAD; try++) {
        str_clear(&texts);
        r = run_stream(reading, &texts, error);
    }
    if (r < 0)
        return would_fail_again(r) ? error_prefix(error, "a layer of the export") : r;
    for (size_t i = 0; i < reading->request->layers->count; i++) {
        if (reading->known[i])
            continue;
        str_clear(&reading->texts[i]);
        if (texts.length - at < sizeof length)
            return error_set(error, EBADMSG, "the export was not read to its end");
        memcpy(&length, texts.data + at, sizeof length);
        at += sizeof length;
        if (texts.length - at < length)
            return error_set(error, EBADMSG, "the export was not read to its end");
        str_append_n(&reading->texts[i], texts.data + at, length);
        layer_cache_save(reading->cache, reading->request->layers->items[i], &reading->texts[i]);
        at += length;
    }
    return 0;
}

static int read_layers(struct reading *reading, struct error *error)
{
    const struct layers_request *request = reading->request;
    size_t count = request->layers->count, missing = 0;
    int r = -EACCES;

    for (size_t i = 0; i < count; i++) {
        scoped_str text = STR_INIT;

        reading->known[i] = layer_cache_read(reading->cache, request->layers->items[i], reading->key, &text) == 0;
        missing += !reading->known[i];
    }
    if (!missing)
        return 0;
    if (request->directories->count == count)
        r = read_folders(reading, error);
    if ((r == -EACCES || r == -EPERM || r == -ENOENT) && request->address) /* only the engine may read them */
        r = read_stream(reading, error);
    layer_cache_trim(reading->cache);
    return r;
}

int layers_run(struct str *output, const void *argument, struct error *error)
{
    const struct layers_request *request = argument;
    struct reading reading = {.request = request};
    struct image_part image = {.request = request};
    struct part_options options = options_of(&reading, layer_image_run, &image, IMAGE_TEXT_MAX);
    size_t count = request->layers->count;
    int r;

    if (count > LAYERS_MAX)
        return error_set(error, EINVAL, "more than %d layers", (int)LAYERS_MAX);
    if (!count && request->directories->count)
        return error_set(error, EINVAL, "the engine names no layers");
    if (layer_cache_key(request->cache, reading.key) == 0)
        reading.cache = request->cache; /* without a key each layer is read again */
    reading.known = mem_alloc((count + 1) * sizeof *reading.known);
    reading.texts = mem_alloc((count + 1) * sizeof *reading.texts);
    r = read_layers(&reading, error);
    if (r == 0) {
        image.cache = reading.cache;
        image.key = reading.key;
        image.texts = reading.texts;
        r = part_run(&options, output, error);
        if (r == -EBADMSG) /* whichever it is: each can be read again */
            for (size_t i = 0; i < count; i++)
                layer_cache_remove(reading.cache, request->layers->items[i]);
    }
    for (size_t i = 0; i < count; i++)
        str_deinit(&reading.texts[i]);
    free(reading.texts);
    free(reading.known);
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

        if (json_bool(json_get(entry, "setuid"), false) || json_int(json_get(entry, "capabilities"), 0))
            facts->setuid[facts->setuid_count++] =
                (struct layer_file){.path = build_text_or(&b, json_get(entry, "path")),
                                    .uid = (uid_t)build_int(&b, json_get(entry, "uid")),
                                    .mode = (mode_t)build_int(&b, json_get(entry, "mode")),
                                    .setuid = build_bool(&b, json_get(entry, "setuid")),
                                    .capabilities = (uint64_t)build_int(&b, json_get(entry, "capabilities"))};
    }
    build_tools(&b, entries, facts);
    facts->package_manager = build_text(&b, build_typed(&b, json_get(root, "manager"), JSON_STRING));
    facts->packages_error = build_text(&b, build_typed(&b, json_get(root, "packages_error"), JSON_STRING));
    facts->accounts_error = build_text(&b, build_typed(&b, json_get(root, "accounts_error"), JSON_STRING));
    if (json_type(json_get(root, "accounts")) != JSON_NULL)
        facts->accounts = build_whole_text(&b, json_get(root, "accounts"), "accounts");
    facts->dropped = (uint64_t)build_int(&b, json_get(root, "dropped"));
    build_packages(&b, end + 1, length - (size_t)(end + 1 - output), &facts->packages);
    facts->files = (uint64_t)build_int(&b, json_get(root, "files"));
    r = build_end(&b, &facts->facts, "layers", error);
    if (r == 0)
        *ret = facts;
    return r;
}
