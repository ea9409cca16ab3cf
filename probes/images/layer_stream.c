/* An image's layers read from the engine's export (layer_fetch.c): a tar that holds each layer as a tar, maybe
 * compressed, and a manifest with their order. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json_in.h"
#include "common/map.h"
#include "probes/images/layers_internal.h"
#include "probes/worker/worker_part.h"

enum {
    BLOCK = 65536,
    MANIFEST_MAX = 4 << 20,
    MEMBERS_MAX = 4096,       /* an image has 127 layers at most */
    CPU_STEP_BYTES = 16 << 20 /* of a layer as exported: after each step it has its processor time again */
};

/* A layer of the export, by its name there. */
struct found {
    char *name;
    struct layer_summary summary;
};

struct export
{
    int fd;
    struct archive *outer;
    const uint64_t *key; /* of the summaries */
    unsigned cpu_seconds;
    size_t step; /* bytes of the layer since its processor time began */
    struct error error;
    VEC(struct found *) layers;
    struct map *links; /* name → target: older exports link equal layers */
    char *manifest;
    size_t manifest_length;
    char block[BLOCK], read[BLOCK];
};

/* ---- Inner: one layer ---- */

static la_ssize_t read_inner(struct archive *archive, void *user, const void **ret_data)
{
    struct export *export = user;
    la_ssize_t n = archive_read_data(export->outer, export->block, sizeof export->block);

    (void)archive;
    *ret_data = export->block;
    export->step += n > 0 ? (size_t)n : 0;
    if (export->step >= CPU_STEP_BYTES) {
        export->step = 0;
        part_allow_cpu(export->cpu_seconds);
    }
    return n;
}

static void read_file_entry(struct archive *inner, const char *path, struct layer_summary *summary)
{
    scoped_str text = STR_INIT;
    char buffer[16384];
    la_ssize_t n;

    while ((n = archive_read_data(inner, buffer, sizeof buffer)) > 0 && text.length <= LAYER_STREAM_MAX)
        str_append_n(&text, buffer, (size_t)n);
    if (n < 0 || text.length > LAYER_STREAM_MAX)
        layer_file_unread(summary, path, n < 0 ? "truncated" : "too large");
    else
        layer_read_file(summary, path, text.data, text.length);
}

/* Whiteouts have names of their own in a tar. 1: PATH is one, and was added. */
static int add_whiteout(struct str *path, struct layer_summary *summary, struct error *error)
{
    static const char whiteout[] = ".wh.", other[] = ".wh..wh.";
    char *slash = strrchr(path->data, '/'), *name = slash ? slash + 1 : path->data;
    size_t length;
    int r = 0;

    if (layer_is_opaque_mark(path->data, &length))
        r = layer_add_opaque(summary, path->data, length, error);
    if (r < 0 || str_starts(name, other))
        return r < 0 ? r : 1;
    if (!str_starts(name, whiteout))
        return 0;
    memmove(name, name + strlen(whiteout), strlen(name + strlen(whiteout)) + 1);
    r = layer_add_whiteout(summary, path->data, strlen(path->data), error);
    return r < 0 ? r : 1;
}

/* In a tar: SCHILY.xattr.security.capability. */
static uint64_t capabilities_of(struct archive_entry *entry)
{
    const char *name;
    const void *value;
    size_t length;

    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &length) == ARCHIVE_OK)
        if (name && strcmp(name, LAYER_CAPABILITY) == 0)
            return layer_capabilities(value, length);
    return 0;
}

static int add_entry(struct archive *inner, struct archive_entry *entry, struct str *path,
                     struct layer_summary *summary, struct error *error)
{
    const char *raw = archive_entry_pathname(entry);
    unsigned mode = archive_entry_mode(entry);
    int r;

    if (!raw)
        return error_set(error, EBADMSG, "a layer of the export: an entry whose name cannot be read");
    if (!layer_normalise(raw, path))
        return 0;
    r = add_whiteout(path, summary, error);
    if (r)
        return r < 0 ? r : 0;
    if (archive_entry_hardlink(entry))
        mode = S_IFREG | (mode & 07777);
    r = layer_add(summary, path->data, path->length, mode, (unsigned)archive_entry_uid(entry), capabilities_of(entry),
                  error);
    if (r == 0 && archive_entry_hardlink(entry) && layer_is_read(path->data))
        layer_file_unread(summary, path->data, "a hard link, whose content is another file's");
    else if (r == 0 && S_ISREG(mode) && layer_is_read(path->data))
        read_file_entry(inner, path->data, summary);
    else if (r == 0 && S_ISLNK(mode) && archive_entry_symlink(entry))
        layer_check_link(summary, path->data, archive_entry_symlink(entry));
    return r;
}

/* Those that libarchive implements itself: for others it would run programs. */
static void support_filters(struct archive *archive)
{
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_lzma(archive);
    archive_read_support_filter_zstd(archive);
}

/* A warning is about an odd name or attribute: the entry counts all the same. */
static bool is_fine(int code)
{
    return code == ARCHIVE_OK || code == ARCHIVE_WARN;
}

/* 1: it is a layer and was read; 0: it is no archive. */
static int read_layer(struct export *export, struct layer_summary *summary)
{
    struct archive *inner = archive_read_new();
    struct archive_entry *entry;
    scoped_str path = STR_INIT;
    size_t entries = 0;
    int code, r = 0;

    export->step = 0;
    part_allow_cpu(export->cpu_seconds);
    support_filters(inner);
    archive_read_support_format_tar(inner);
    code = archive_read_open(inner, export, NULL, read_inner, NULL);
    while (r == 0 && is_fine(code) && is_fine(code = archive_read_next_header(inner, &entry))) {
        entries++;
        r = add_entry(inner, entry, &path, summary, &export->error);
    }
    if (r == 0 && code != ARCHIVE_EOF && entries)
        r = error_set(&export->error, EBADMSG, "a layer of the export: %s", archive_error_string(inner));
    else if (r == 0)
        r = code == ARCHIVE_EOF;
    archive_read_free(inner);
    layer_summary_finish(summary);
    return r;
}

/* ---- Outer ---- */

static la_ssize_t read_outer(struct archive *archive, void *user, const void **ret_data)
{
    struct export *export = user;
    ssize_t n;

    do
        n = read(export->fd, export->read, sizeof export->read);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    *ret_data = export->read;
    return n;
}

static int keep_manifest(struct export *export)
{
    scoped_str text = STR_INIT;
    la_ssize_t n;

    while ((n = archive_read_data(export->outer, export->block, sizeof export->block)) > 0 &&
           text.length <= MANIFEST_MAX)
        str_append_n(&text, export->block, (size_t)n);
    if (n < 0 || text.length > MANIFEST_MAX)
        return error_set(&export->error, EBADMSG, "the export's manifest cannot be read");
    free(export->manifest);
    export->manifest_length = text.length;
    export->manifest = str_steal(&text);
    return 0;
}

static bool may_be_layer(const char *name)
{
    return str_starts(name, "blobs/") || str_ends(name, ".tar"); /* podman's have their digest for a name */
}

static int read_member(struct export *export, struct archive_entry *entry)
{
    const char *raw = archive_entry_pathname(entry);
    scoped_str name = STR_INIT, target = STR_INIT;
    struct found *found;
    int r;

    if (!raw || !layer_normalise(raw, &name))
        return 0;
    if (strcmp(name.data, "manifest.json") == 0)
        return keep_manifest(export);
    if (!may_be_layer(name.data))
        return 0;
    if (archive_entry_symlink(entry)) { /* "../<id>/layer.tar" beside it */
        const char *link = archive_entry_symlink(entry);

        while (str_starts(link, "../"))
            link += 3;
        if (layer_normalise(link, &target) && map_count(export->links) < MEMBERS_MAX)
            map_set(export->links, name.data, mem_strdup(target.data));
        return 0;
    }
    if (archive_entry_filetype(entry) != AE_IFREG)
        return 0;
    if (export->layers.count >= MEMBERS_MAX)
        return error_set(&export->error, EFBIG, "the export has more than %d layers", (int)MEMBERS_MAX);
    found = mem_alloc(sizeof *found);
    found->name = mem_strdup(name.data);
    layer_summary_init(&found->summary, export->key);
    r = read_layer(export, &found->summary);
    if (r <= 0) {
        layer_summary_deinit(&found->summary);
        free(found->name);
        free(found);
        return r;
    }
    vec_push(&export->layers, found);
    return 0;
}

static struct found *find_layer(const struct export *export, const char *name)
{
    const char *link = map_get(export->links, name);

    for (size_t i = 0; i < export->layers.count; i++)
        if (strcmp(export->layers.items[i]->name, name) == 0 ||
            (link && strcmp(export->layers.items[i]->name, link) == 0))
            return export->layers.items[i];
    return NULL;
}

/* Are these the layers of the image, by their digests in the names that the export gives them? */
static bool are_named_so(const struct json *names, const struct string_list *layers)
{
    for (size_t i = 0; i < layers->count; i++) {
        const char *colon = strchr(layers->items[i], ':');

        if (!strstr(json_text(json_at(names, i), ""), colon ? colon + 1 : layers->items[i]))
            return false;
    }
    return json_count(names) == layers->count;
}

static bool are_there(const struct export *export, const struct json *names, size_t count)
{
    for (size_t i = 0; i < json_count(names); i++)
        if (!find_layer(export, json_text(json_at(names, i), "")))
            return false;
    return json_count(names) == count;
}

/* An image for several platforms is exported as several, of which the others may lack their layers. NULL: it is
 * unclear which one is meant. */
static const struct json *choose_layers(const struct export *export, const struct json *images,
                                        const struct string_list *layers)
{
    const struct json *chosen = NULL;

    for (size_t i = 0; i < json_count(images); i++)
        if (are_named_so(json_get(json_at(images, i), "Layers"), layers))
            return json_get(json_at(images, i), "Layers");
    if (json_count(images) == 1)
        return json_get(json_at(images, 0), "Layers");
    for (size_t i = 0; i < json_count(images); i++) {
        const struct json *names = json_get(json_at(images, i), "Layers");

        if (!are_there(export, names, layers->count))
            continue;
        if (chosen)
            return NULL;
        chosen = names;
    }
    return chosen;
}

/* Moves the summaries that were found to the image's layers, by the names in the manifest. */
static int assign_layers(struct export *export, const struct string_list *image_layers, struct layer_summary *summaries,
                         const bool *known)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *layers;
    size_t count = image_layers->count;

    if (!export->manifest || json_parse(export->manifest, export->manifest_length, NULL, &doc, &export->error) < 0)
        return error_set(&export->error, EBADMSG, "the export has no readable manifest");
    layers = choose_layers(export, json_root(doc), image_layers);
    if (!layers && json_count(json_root(doc)) > 1)
        return error_set(&export->error, EBADMSG,
                         "the export contains %zu images and does not say which one was requested",
                         json_count(json_root(doc)));
    if (json_count(layers) != count)
        return error_set(&export->error, EBADMSG, "the export has %zu layers, the image %zu", json_count(layers),
                         count);
    /* A layer that an image has twice counts where it comes last. */
    for (size_t i = count; i-- > 0;) {
        struct found *found = find_layer(export, json_text(json_at(layers, i), ""));

        if (known[i])
            continue;
        if (!found)
            return error_set(&export->error, EBADMSG, "the export lacks layer %zu", i + 1);
        summaries[i] = found->summary;
        layer_summary_init(&found->summary, export->key);
    }
    return 0;
}

/* To the end: libarchive takes a cut within the tar's end mark for its end, and who fetches reports the cut. */
static void read_rest(struct export *export)
{
    ssize_t n;

    do
        n = read(export->fd, export->read, sizeof export->read);
    while (n > 0 || (n < 0 && errno == EINTR));
}

static int read_all(struct export *export)
{
    struct archive_entry *entry;
    int code = archive_read_open(export->outer, export, NULL, read_outer, NULL), r = 0;

    while (r == 0 && is_fine(code) && is_fine(code = archive_read_next_header(export->outer, &entry)))
        r = read_member(export, entry);
    if (r == 0 && code != ARCHIVE_EOF)
        r = error_set(&export->error, EBADMSG, "the export: %s", archive_error_string(export->outer));
    if (r == 0)
        read_rest(export);
    return r;
}

int layer_read_stream(int fd, const struct layers_request *request, struct layer_summary *summaries, const bool *known,
                      struct error *error)
{
    struct export *export = mem_alloc(sizeof *export);
    int r;

    export->fd = fd;
    export->key = summaries[0].key;
    export->cpu_seconds = request->cpu_seconds;
    export->links = map_new(free);
    export->outer = archive_read_new();
    archive_read_support_format_tar(export->outer);
    r = read_all(export);
    archive_read_free(export->outer);
    if (r == 0)
        r = assign_layers(export, request->layers, summaries, known);
    if (r < 0)
        error_set(error, -r, "%s", export->error.message);
    for (size_t i = 0; i < export->layers.count; i++) {
        layer_summary_deinit(&export->layers.items[i]->summary);
        free(export->layers.items[i]->name);
        free(export->layers.items[i]);
    }
    vec_free(&export->layers);
    map_free(export->links);
    free(export->manifest);
    free(export);
    return r;
}
