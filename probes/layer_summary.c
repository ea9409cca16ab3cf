/* One layer's findings: gathered, kept in a file by the layer's digest, read back.
 *
 * Paths are hashed with SHA-256 cut to 64 bits: whoever makes an image must not be able to make a path that hides
 * another. The file is a line of JSON with the findings and the counts, then the hashes as they are; it lies in the
 * agent's own state folder, and one that does not add up is read anew from the layer. */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/json_out.h"
#include "probes/layers_internal.h"

enum { CACHE_VERSION = 1, CACHE_FILE_MAX = 512 * 1024 * 1024 };

static uint64_t hash_path(const char *path, size_t length)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    uint64_t hash;

    SHA256((const unsigned char *)path, length, digest);
    memcpy(&hash, digest, sizeof hash);
    return hash;
}

void layer_summary_deinit(struct layer_summary *summary)
{
    for (size_t i = 0; i < summary->entries.count; i++)
        free(summary->entries.items[i].path);
    for (size_t i = 0; i < summary->opaque.count; i++)
        free(summary->opaque.items[i]);
    for (size_t i = 0; i < summary->packages.count; i++)
        free(summary->packages.items[i]);
    vec_free(&summary->entries);
    vec_free(&summary->opaque);
    vec_free(&summary->packages);
    vec_free(&summary->files);
    vec_free(&summary->folders);
    *summary = (struct layer_summary){0};
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void layer_summary_finish(struct layer_summary *summary)
{
    if (summary->files.count)
        qsort(summary->files.items, summary->files.count, sizeof(uint64_t), compare_hashes);
    if (summary->folders.count)
        qsort(summary->folders.items, summary->folders.count, sizeof(uint64_t), compare_hashes);
}

/* ---- Gathering ---- */

/* Programs that a person or a build would use, where programs lie. */
static bool is_tool(const char *path)
{
    static const char *const folders[] = {"bin/",      "sbin/",          "usr/bin/",
                                          "usr/sbin/", "usr/local/bin/", "usr/local/sbin/"};
    static const char *const names[] = {
        "gcc",    "g++",     "cc",   "c++",   "clang", "make",   "cmake", "ld",     "as",    "gdb",    "strace",
        "ltrace", "tcpdump", "nmap", "nc",    "ncat",  "netcat", "socat", "telnet", "ssh",   "sshd",   "dropbear",
        "ftp",    "tftp",    "wget", "curl",  "git",   "vi",     "vim",   "nano",   "emacs", "screen", "tmux",
        "sudo",   "rsync",   "go",   "rustc", "cargo", "javac",  "perl",  "python3"};

    for (size_t i = 0; i < countof(folders); i++) {
        const char *name = path + strlen(folders[i]);

        if (!str_starts(path, folders[i]))
            continue;
        for (size_t k = 0; k < countof(names); k++)
            if (strcmp(name, names[k]) == 0)
                return true;
    }
    return false;
}

int layer_add(struct layer_summary *summary, const char *path, unsigned mode, unsigned uid, struct error *error)
{
    enum { SPECIAL_BITS = 06000, EXECUTE_BITS = 0111 };
    bool program = S_ISREG(mode) && mode & EXECUTE_BITS, tool;
    size_t length = strlen(path);

    if (++summary->count > LAYER_FILES_MAX)
        return error_set(error, EFBIG, "a layer with more than %d files", (int)LAYER_FILES_MAX);
    if (S_ISDIR(mode)) {
        vec_push(&summary->folders, hash_path(path, length));
        return 0;
    }
    vec_push(&summary->files, hash_path(path, length));
    tool = (program || S_ISLNK(mode)) && is_tool(path);
    if (!tool && !(program && mode & SPECIAL_BITS))
        return 0;
    if (summary->entries.count >= LAYER_FOUND_MAX)
        return error_set(error, EFBIG, "a layer with more than %d setuid programs and tools", (int)LAYER_FOUND_MAX);
    vec_push(&summary->entries, (struct layer_entry){.path = mem_printf("/%s", path),
                                                     .uid = uid,
                                                     .mode = mode & 07777,
                                                     .setuid = program && mode & SPECIAL_BITS,
                                                     .tool = tool});
    return 0;
}

void layer_add_whiteout(struct layer_summary *summary, const char *path)
{
    vec_push(&summary->files, hash_path(path, strlen(path)));
}

void layer_add_opaque(struct layer_summary *summary, const char *path)
{
    vec_push(&summary->opaque, mem_strdup(path));
}

static bool holds(const uint64_t *items, size_t count, uint64_t hash)
{
    return count && bsearch(&hash, items, count, sizeof *items, compare_hashes);
}

bool layer_hides(const struct layer_summary *upper, const char *path)
{
    size_t length = strlen(++path);

    if (holds(upper->files.items, upper->files.count, hash_path(path, length)) ||
        holds(upper->folders.items, upper->folders.count, hash_path(path, length)))
        return true;
    for (size_t i = length; i-- > 0;)
        if (path[i] == '/' && holds(upper->files.items, upper->files.count, hash_path(path, i)))
            return true;
    for (size_t i = 0; i < upper->opaque.count; i++) {
        size_t folder = strlen(upper->opaque.items[i]);

        if (!folder || (strncmp(path, upper->opaque.items[i], folder) == 0 && path[folder] == '/'))
            return true;
    }
    return false;
}

/* ---- Keeping ---- */

/* "sha256:0123…" as a file's name; NULL when the digest is of another form. */
static char *cache_path(const char *cache, const char *digest)
{
    const char *hex = str_starts(digest, "sha256:") ? digest + strlen("sha256:") : "";

    return cache && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64 ? mem_printf("%s/%s", cache, hex) : NULL;
}

int layer_summary_save(const char *cache, const char *digest, const struct layer_summary *summary, struct error *error)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest);
    scoped(cleanup_json_out) struct json_out *out = NULL;
    scoped_str text = STR_INIT;
    size_t length;
    const char *json;

    if (!path)
        return 0;
    out = json_out_new(false);
    json_out_object(out, NULL);
    json_out_int(out, "version", CACHE_VERSION);
    json_out_array(out, "entries");
    for (size_t i = 0; i < summary->entries.count; i++) {
        const struct layer_entry *entry = &summary->entries.items[i];

        json_out_object(out, NULL);
        json_out_string(out, "path", entry->path);
        json_out_int(out, "uid", entry->uid);
        json_out_int(out, "mode", entry->mode);
        json_out_bool(out, "setuid", entry->setuid);
        json_out_bool(out, "tool", entry->tool);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_array(out, "opaque");
    for (size_t i = 0; i < summary->opaque.count; i++)
        json_out_string(out, NULL, summary->opaque.items[i]);
    json_out_end_array(out);
    json_out_string(out, "manager", summary->manager);
    json_out_bool(out, "partial", summary->partial);
    json_out_array(out, "packages");
    for (size_t i = 0; i < summary->packages.count; i++)
        json_out_string(out, NULL, summary->packages.items[i]);
    json_out_end_array(out);
    json_out_int(out, "count", (int64_t)summary->count);
    json_out_int(out, "files", (int64_t)summary->files.count);
    json_out_int(out, "folders", (int64_t)summary->folders.count);
    json_out_end_object(out);
    json = json_out_text(out, &length);
    str_append_n(&text, json, length);
    str_append_char(&text, '\n');
    str_append_n(&text, summary->files.items, summary->files.count * sizeof(uint64_t));
    str_append_n(&text, summary->folders.items, summary->folders.count * sizeof(uint64_t));
    return file_replace(path, text.data, text.length, 0600, error);
}

static const char *known_manager(const char *name)
{
    static const char *const names[] = {"dpkg", "apk", "rpm"};

    for (size_t i = 0; i < countof(names); i++)
        if (str_equal(names[i], name))
            return names[i];
    return NULL;
}

#define read_hashes(list, data, number)                                                                                \
    do {                                                                                                               \
        (list)->items = (number) ? mem_realloc_array(NULL, (number), sizeof(uint64_t)) : NULL;                         \
        (list)->count = (list)->size = (number);                                                                       \
        if (number)                                                                                                    \
            memcpy((list)->items, (data), (number) * sizeof(uint64_t));                                                \
    } while (0)

int layer_summary_load(const char *cache, const char *digest, struct layer_summary *ret)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    const struct json *root, *entries, *list;
    size_t head, files, folders;
    int r = path ? file_read(path, CACHE_FILE_MAX, &text, NULL) : -ENOENT;
    const char *newline = r == 0 && text.length ? memchr(text.data, '\n', text.length) : NULL;

    if (!newline)
        return r < 0 ? r : -EBADMSG;
    head = (size_t)(newline - text.data);
    if (json_parse(text.data, head, NULL, &doc, NULL) < 0)
        return -EBADMSG;
    root = json_root(doc);
    files = (size_t)json_int(json_get(root, "files"), -1);
    folders = (size_t)json_int(json_get(root, "folders"), -1);
    if (json_int(json_get(root, "version"), 0) != CACHE_VERSION || files > LAYER_FILES_MAX ||
        folders > LAYER_FILES_MAX || text.length - head - 1 != (files + folders) * sizeof(uint64_t))
        return -EBADMSG;
    entries = json_get(root, "entries");
    for (size_t i = 0; i < json_count(entries); i++) {
        const struct json *entry = json_at(entries, i);
        const char *entry_path = json_string(json_get(entry, "path"));

        if (entry_path && *entry_path == '/')
            vec_push(&ret->entries, (struct layer_entry){.path = mem_strdup(entry_path),
                                                         .uid = (unsigned)json_int(json_get(entry, "uid"), 0),
                                                         .mode = (unsigned)json_int(json_get(entry, "mode"), 0),
                                                         .setuid = json_bool(json_get(entry, "setuid"), false),
                                                         .tool = json_bool(json_get(entry, "tool"), false)});
    }
    list = json_get(root, "opaque");
    for (size_t i = 0; i < json_count(list); i++)
        vec_push(&ret->opaque, mem_strdup(json_text(json_at(list, i), "")));
    list = json_get(root, "packages");
    for (size_t i = 0; i < json_count(list); i++)
        vec_push(&ret->packages, mem_strdup(json_text(json_at(list, i), "")));
    ret->manager = known_manager(json_string(json_get(root, "manager")));
    ret->partial = json_bool(json_get(root, "partial"), false);
    ret->count = (uint64_t)json_int(json_get(root, "count"), 0);
    read_hashes(&ret->files, newline + 1, files);
    read_hashes(&ret->folders, newline + 1 + files * sizeof(uint64_t), folders);
    return 0;
}
