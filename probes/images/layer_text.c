/* The findings in a layer as text, for the pipe between processes and for the cache: a line with a keyed hash of the
 * rest, a line of JSON with the findings and the counts, then the hashes of paths in binary. */
#include <errno.h>
#include <string.h>

#include "common/json_in.h"
#include "common/json_out.h"
#include "common/map.h"
#include "common/number.h"
#include "probes/images/layers_internal.h"

enum { TEXT_VERSION = 6, CHECK_LENGTH = 17 };

static uint64_t check_of(const uint64_t *key, const char *data, size_t length)
{
    static const unsigned char version = TEXT_VERSION;
    struct hash hash;

    hash_init_key(&hash, key);
    hash_bytes(&hash, &version, sizeof version);
    hash_bytes(&hash, data, length);
    return hash_end(&hash);
}

size_t layer_text_begin(struct str *text)
{
    size_t begin = text->length;

    str_printf(text, "%0*d\n", CHECK_LENGTH - 1, 0);
    return begin;
}

void layer_text_end(struct str *text, size_t begin, const uint64_t *key)
{
    char check[CHECK_LENGTH + 1];
    size_t from = begin + CHECK_LENGTH;

    snprintf(check, sizeof check, "%016llx\n",
             (unsigned long long)check_of(key, text->data + from, text->length - from));
    memcpy(text->data + begin, check, CHECK_LENGTH);
}

bool layer_text_is_whole(const char *text, size_t length, const uint64_t *key)
{
    char check[CHECK_LENGTH + 1];

    if (length < CHECK_LENGTH)
        return false;
    snprintf(check, sizeof check, "%016llx\n",
             (unsigned long long)check_of(key, text + CHECK_LENGTH, length - CHECK_LENGTH));
    return memcmp(text, check, CHECK_LENGTH) == 0;
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
        char byte;

        if (*text == '%' && number_read_byte(text + 1, &byte)) {
            str_append_char(&path, byte);
            text += 2;
        } else {
            str_append_char(&path, *text);
        }
    }
    return str_steal(&path);
}

/* ---- Writing ---- */

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
    json_out_array(out, "entries");
    for (size_t i = 0; i < summary->entries.count; i++) {
        const struct layer_entry *entry = &summary->entries.items[i];

        json_out_object(out, NULL);
        write_path(out, entry->path);
        json_out_int(out, "uid", entry->uid);
        json_out_int(out, "mode", entry->mode);
        json_out_int(out, "capabilities", (int64_t)entry->capabilities);
        json_out_bool(out, "setuid", entry->setuid);
        json_out_bool(out, "tool", entry->tool);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    write_packages(out, summary);
    json_out_bool(out, "has_accounts", summary->accounts.present);
    json_out_string(out, "accounts", summary->accounts.text);
    json_out_string(out, "accounts_error", summary->accounts.error);
    json_out_int(out, "count", (int64_t)summary->count);
    json_out_int(out, "dropped", (int64_t)summary->dropped);
    json_out_int(out, "files", (int64_t)summary->files.count);
    json_out_int(out, "folders", (int64_t)summary->folders.count);
    json_out_int(out, "opaque", (int64_t)summary->opaque.count);
    json_out_end_object(out);
}

void layer_text_write(const struct layer_summary *summary, struct str *text)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    size_t begin = layer_text_begin(text), length;
    const char *json;

    write_head(out, summary);
    json = json_out_text(out, &length);
    str_append_n(text, json, length);
    str_append_char(text, '\n');
    str_append_n(text, summary->files.items, summary->files.count * sizeof(uint64_t));
    str_append_n(text, summary->folders.items, summary->folders.count * sizeof(uint64_t));
    str_append_n(text, summary->opaque.items, summary->opaque.count * sizeof(uint64_t));
    layer_text_end(text, begin, summary->key);
}

/* ---- Reading ---- */

static void read_entries(const struct json *entries, struct layer_summary *ret)
{
    for (size_t i = 0; i < json_count(entries); i++) {
        const struct json *entry = json_at(entries, i);

        vec_push(&ret->entries,
                 (struct layer_entry){.path = read_path(json_text(json_get(entry, "path"), "/?")),
                                      .uid = (unsigned)json_int(json_get(entry, "uid"), 0),
                                      .mode = (unsigned)json_int(json_get(entry, "mode"), 0),
                                      .capabilities = (uint64_t)json_int(json_get(entry, "capabilities"), 0),
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

int layer_text_parse(const char *text, size_t length, struct layer_summary *ret)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const char *head, *newline;
    size_t files, folders, opaque, rest;
    const struct json *root;

    if (!layer_text_is_whole(text, length, ret->key))
        return -EBADMSG;
    head = text + CHECK_LENGTH;
    newline = memchr(head, '\n', length - CHECK_LENGTH);
    if (!newline || json_parse(head, (size_t)(newline - head), NULL, &doc, NULL) < 0)
        return -EBADMSG;
    root = json_root(doc);
    files = (size_t)json_int(json_get(root, "files"), -1);
    folders = (size_t)json_int(json_get(root, "folders"), -1);
    opaque = (size_t)json_int(json_get(root, "opaque"), -1);
    rest = length - (size_t)(newline + 1 - text);
    if (files > LAYER_TEXT_MAX || folders > LAYER_TEXT_MAX || opaque > LAYER_TEXT_MAX ||
        rest != (files + folders + opaque) * sizeof(uint64_t))
        return -EBADMSG;
    read_entries(json_get(root, "entries"), ret);
    read_databases(json_get(root, "databases"), ret);
    ret->accounts.present = json_bool(json_get(root, "has_accounts"), false);
    ret->accounts.text = mem_strdup(json_string(json_get(root, "accounts")));
    ret->accounts.error = mem_strdup(json_string(json_get(root, "accounts_error")));
    ret->count = (uint64_t)json_int(json_get(root, "count"), 0);
    ret->dropped = (uint64_t)json_int(json_get(root, "dropped"), 0);
    newline++;
    read_hashes(&ret->files, newline, files);
    read_hashes(&ret->folders, newline, folders);
    read_hashes(&ret->opaque, newline, opaque);
    return 0;
}
