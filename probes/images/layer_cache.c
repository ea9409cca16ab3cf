/* What was found in a layer, kept in a file by the layer's digest and read back.
 *
 * The file is a line with a keyed hash of all that follows, a line of JSON with the findings and the counts, then the
 * hashes of paths as they are. It lies in the agent's own state folder; one that does not add up (an old version, cut
 * by a power failure: nothing is synced) is read anew from the layer. A file's times tell when it was used last. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/json_out.h"
#include "common/map.h"
#include "probes/images/layers_internal.h"

enum { CACHE_VERSION = 2, CHECK_LENGTH = 17, CACHE_FILES_MAX = 4096, CACHE_FILE_MAX = 128 * 1024 * 1024 };
static const int64_t cache_bytes_max = INT64_C(256) << 20;

/* "sha256:0123…" as a file's name; NULL when the digest is of another form. */
static char *cache_path(const char *cache, const char *digest)
{
    const char *hex = str_starts(digest, "sha256:") ? digest + strlen("sha256:") : "";

    return cache && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64 ? mem_printf("%s/%s", cache, hex) : NULL;
}

int layer_cache_key(const char *cache, uint64_t ret_key[2])
{
    enum { KEY_LENGTH = 2 * sizeof(uint64_t) };
    scoped(cleanup_free) char *path = cache ? mem_printf("%s/key", cache) : NULL;
    scoped_str text = STR_INIT;

    if (path && file_read(path, KEY_LENGTH, &text, NULL) == 0 && text.length == KEY_LENGTH) {
        memcpy(ret_key, text.data, KEY_LENGTH);
        return 0;
    }
    if (getrandom(ret_key, KEY_LENGTH, 0) != KEY_LENGTH)
        return -EIO;
    return path ? file_replace(path, (const char *)ret_key, KEY_LENGTH, 0600, NULL) : -ENOENT;
}

static uint64_t check_of(const uint64_t *key, const char *data, size_t length)
{
    struct hash hash;

    hash_init_key(&hash, key);
    hash_bytes(&hash, data, length);
    return hash_end(&hash);
}

/* ---- Paths may hold any byte, JSON may not ---- */

static void write_path(struct json_out *out, const char *path)
{
    scoped_str text = STR_INIT;

    for (const unsigned char *at = (const unsigned char *)path; *at; at++)
        if (*at < 0x20 || *at > 0x7e || *at == '%')
            str_printf(&text, "%%%02x", *at);
        else
            str_append_char(&text, (char)*at);
    json_out_string(out, "path", str_text(&text));
}

static char *read_path(const char *text)
{
    scoped_str path = STR_INIT;

    for (; *text; text++) {
        unsigned byte;

        if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1) {
            str_append_char(&path, (char)byte);
            text += text[2] ? 2 : 1;
        } else {
            str_append_char(&path, *text);
        }
    }
    return str_steal(&path);
}

/* ---- Saving ---- */

static void write_packages(struct json_out *out, const struct layer_summary *summary)
{
    json_out_array(out, "databases");
    for (size_t i = 0; i < MANAGER_COUNT; i++) {
        const struct layer_packages *packages = &summary->packages[i];

        json_out_object(out, NULL);
        json_out_bool(out, "whole", packages->whole);
        json_out_bool(out, "partial", packages->partial);
        json_out_string(out, "error", packages->error);
        json_out_array(out, "names");
        for (size_t k = 0; k < packages->names.count; k++)
            json_out_string(out, NULL, packages->names.items[k]);
        json_out_end_array(out);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

static void write_head(struct json_out *out, const struct layer_summary *summary)
{
    json_out_object(out, NULL);
    json_out_int(out, "version", CACHE_VERSION);
    json_out_array(out, "entries");
    for (size_t i = 0; i < summary->entries.count; i++) {
        const struct layer_entry *entry = &summary->entries.items[i];

        json_out_object(out, NULL);
        write_path(out, entry->path);
        json_out_int(out, "uid", entry->uid);
        json_out_int(out, "mode", entry->mode);
        json_out_bool(out, "setuid", entry->setuid);
        json_out_bool(out, "tool", entry->tool);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    write_packages(out, summary);
    json_out_int(out, "count", (int64_t)summary->count);
    json_out_int(out, "dropped", (int64_t)summary->dropped);
    json_out_int(out, "files", (int64_t)summary->files.count);
    json_out_int(out, "folders", (int64_t)summary->folders.count);
    json_out_int(out, "opaque", (int64_t)summary->opaque.count);
    json_out_end_object(out);
}

static void write_file(const char *path, const struct str *text)
{
    scoped(cleanup_free) char *temporary = mem_printf("%s.new", path);
    scoped(cleanup_close) int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    for (size_t at = 0; at < text->length;) {
        ssize_t n = write(fd, text->data + at, text->length - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            unlink(temporary);
            return;
        }
        at += (size_t)n;
    }
    if (rename(temporary, path) < 0)
        unlink(temporary);
}

void layer_cache_save(const char *cache, const char *digest, const struct layer_summary *summary)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest);
    scoped(cleanup_json_out) struct json_out *out = NULL;
    scoped_str text = STR_INIT;
    char check[CHECK_LENGTH + 1];
    const char *json;
    size_t length;

    if (!path)
        return;
    out = json_out_new(false);
    write_head(out, summary);
    json = json_out_text(out, &length);
    str_printf(&text, "%0*d\n", CHECK_LENGTH - 1, 0);
    str_append_n(&text, json, length);
    str_append_char(&text, '\n');
    str_append_n(&text, summary->files.items, summary->files.count * sizeof(uint64_t));
    str_append_n(&text, summary->folders.items, summary->folders.count * sizeof(uint64_t));
    str_append_n(&text, summary->opaque.items, summary->opaque.count * sizeof(uint64_t));
    snprintf(check, sizeof check, "%016llx\n",
             (unsigned long long)check_of(summary->key, text.data + CHECK_LENGTH, text.length - CHECK_LENGTH));
    memcpy(text.data, check, CHECK_LENGTH);
    write_file(path, &text);
}

/* ---- Loading ---- */

static void read_entries(const struct json *entries, struct layer_summary *ret)
{
    for (size_t i = 0; i < json_count(entries); i++) {
        const struct json *entry = json_at(entries, i);

        vec_push(&ret->entries, (struct layer_entry){.path = read_path(json_text(json_get(entry, "path"), "/?")),
                                                     .uid = (unsigned)json_int(json_get(entry, "uid"), 0),
                                                     .mode = (unsigned)json_int(json_get(entry, "mode"), 0),
                                                     .setuid = json_bool(json_get(entry, "setuid"), false),
                                                     .tool = json_bool(json_get(entry, "tool"), false)});
    }
}

static void read_databases(const struct json *databases, struct layer_summary *ret)
{
    for (size_t i = 0; i < MANAGER_COUNT; i++) {
        const struct json *database = json_at(databases, i), *names = json_get(database, "names");
        struct layer_packages *packages = &ret->packages[i];

        packages->whole = json_bool(json_get(database, "whole"), false);
        packages->partial = json_bool(json_get(database, "partial"), false);
        packages->error = mem_strdup(json_string(json_get(database, "error")));
        for (size_t k = 0; k < json_count(names); k++)
            vec_push(&packages->names, mem_strdup(json_text(json_at(names, k), "")));
    }
}

#define read_hashes(list, data, number)                                                                                \
    do {                                                                                                               \
        (list)->items = (number) ? mem_realloc_array(NULL, (number), sizeof(uint64_t)) : NULL;                         \
        (list)->count = (list)->size = (number);                                                                       \
        if (number)                                                                                                    \
            memcpy((list)->items, (data), (number) * sizeof(uint64_t));                                                \
        (data) += (number) * sizeof(uint64_t);                                                                         \
    } while (0)

static int parse(const struct str *text, struct layer_summary *ret)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const char *head, *newline;
    size_t files, folders, opaque, rest;
    const struct json *root;

    if (text->length <= CHECK_LENGTH)
        return -EBADMSG;
    head = text->data + CHECK_LENGTH;
    if (strtoull(text->data, NULL, 16) != check_of(ret->key, head, text->length - CHECK_LENGTH))
        return -EBADMSG;
    newline = memchr(head, '\n', text->length - CHECK_LENGTH);
    if (!newline || json_parse(head, (size_t)(newline - head), NULL, &doc, NULL) < 0)
        return -EBADMSG;
    root = json_root(doc);
    files = (size_t)json_int(json_get(root, "files"), -1);
    folders = (size_t)json_int(json_get(root, "folders"), -1);
    opaque = (size_t)json_int(json_get(root, "opaque"), -1);
    rest = text->length - (size_t)(newline + 1 - text->data);
    if (json_int(json_get(root, "version"), 0) != CACHE_VERSION || files > CACHE_FILE_MAX || folders > CACHE_FILE_MAX ||
        opaque > CACHE_FILE_MAX || rest != (files + folders + opaque) * sizeof(uint64_t))
        return -EBADMSG;
    read_entries(json_get(root, "entries"), ret);
    read_databases(json_get(root, "databases"), ret);
    ret->count = (uint64_t)json_int(json_get(root, "count"), 0);
    ret->dropped = (uint64_t)json_int(json_get(root, "dropped"), 0);
    newline++;
    read_hashes(&ret->files, newline, files);
    read_hashes(&ret->folders, newline, folders);
    read_hashes(&ret->opaque, newline, opaque);
    return 0;
}

int layer_cache_load(const char *cache, const char *digest, struct layer_summary *ret)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest);
    scoped_str text = STR_INIT;
    int r = path ? file_read(path, CACHE_FILE_MAX, &text, NULL) : -ENOENT;

    if (r == 0)
        r = parse(&text, ret);
    if (r == 0)
        utimensat(AT_FDCWD, path, NULL, 0);
    return r;
}

/* ---- Bounds ---- */

struct cached {
    char name[65];
    int64_t size;
    struct timespec used;
};

static int by_use(const void *a, const void *b)
{
    const struct cached *x = a, *y = b;

    return x->used.tv_sec != y->used.tv_sec ? (x->used.tv_sec < y->used.tv_sec ? -1 : 1)
                                            : (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

void layer_cache_trim(const char *cache)
{
    DIR *dir = cache ? opendir(cache) : NULL;
    VEC(struct cached) files = {0};
    int64_t bytes = 0;

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct cached file = {0};
        struct stat st;

        if (strlen(entry->d_name) != 64 || fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        memcpy(file.name, entry->d_name, 64);
        file.size = st.st_size;
        file.used = st.st_mtim;
        bytes += file.size;
        vec_push(&files, file);
    }
    if (files.count > CACHE_FILES_MAX || bytes > cache_bytes_max) {
        size_t left = files.count;

        qsort(files.items, files.count, sizeof *files.items, by_use);
        for (size_t i = 0; i < files.count && (left > CACHE_FILES_MAX || bytes > cache_bytes_max); i++, left--) {
            unlinkat(dirfd(dir), files.items[i].name, 0);
            bytes -= files.items[i].size;
        }
    }
    vec_free(&files);
    if (dir)
        closedir(dir);
}
