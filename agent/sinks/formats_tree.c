/* JSON of members at dotted paths. */
#include "agent/sinks/formats_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/text.h"

enum { CUT_ROOM = 600, PUNCTUATION = 8 }; /* bytes around a member, at most, that are not its path or its value */

void tree_deinit(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->items[i].json);
        free(tree->items[i].raw);
    }
    free(tree->items);
    *tree = (struct tree){0};
}

static struct tree_item *add(struct tree *tree, const char *path, const char *name)
{
    for (size_t i = 0; i < tree->count; i++)
        if (str_equal(tree->items[i].path, path))
            return NULL;
    if (tree->count == tree->size) {
        tree->size = tree->size ? 2 * tree->size : 64;
        tree->items = mem_realloc_array(tree->items, tree->size, sizeof *tree->items);
    }
    tree->items[tree->count] = (struct tree_item){.path = path, .name = name};
    return &tree->items[tree->count++];
}

static char *encode_string(const char *value)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_string(out, NULL, value);
    return mem_strdup(json_out_text(out, NULL));
}

void tree_add_string(struct tree *tree, const char *path, const char *name, const char *value)
{
    struct tree_item *item = add(tree, path, name);

    if (!item)
        return;
    item->raw = mem_strdup(value);
    item->json = encode_string(value);
}

void tree_add_json(struct tree *tree, const char *path, const char *name, const char *json)
{
    struct tree_item *item = add(tree, path, name);

    if (item)
        item->json = mem_strdup(json);
}

void tree_add_int(struct tree *tree, const char *path, int64_t value)
{
    scoped(cleanup_free) char *text = mem_printf("%" PRId64, value);

    tree_add_json(tree, path, path, text);
}

void tree_add_words(struct tree *tree, const char *path, const char *name, const char *text)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_array(out, NULL);
    for (size_t n; *text; text += n) {
        text += strspn(text, " ");
        n = strcspn(text, " ");
        if (n)
            json_out_string_n(out, NULL, text, n);
    }
    json_out_end_array(out);
    tree_add_json(tree, path, name, json_out_text(out, NULL));
}

/* The bytes of the UTF-8 character at S, which is valid. */
static size_t character_length(const char *s)
{
    size_t n = 1;

    while ((s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static bool is_shown(const char *s, size_t n)
{
    scoped_str text = STR_INIT;

    text_escape(&text, s, n, 0);
    return text.length == n && memcmp(text.data, s, n) == 0;
}

/* In JSON, as append_shown() leaves it. */
static size_t encoded_length(const char *s, size_t n)
{
    if (n == 1 && *s >= ' ' && *s <= '~')
        return *s == '"' || *s == '\\' ? 2 : 1;
    return n == 1 || !is_shown(s, n) ? (n == 4 ? 12 : 6) : n;
}

static bool cut_string(struct tree_item *item)
{
    static const char mark[] = "… sha256:";
    const size_t limit = FIELD_MAX - strlen(mark) - (SHA256_TEXT_SIZE - 1);
    scoped_str repaired = STR_INIT, shown = STR_INIT;
    char hash[SHA256_TEXT_SIZE];
    size_t length = 0, at = 0, end = 0;

    text_repair_utf8(&repaired, item->raw, strlen(item->raw));
    while (at < repaired.length && length <= FIELD_MAX) {
        size_t n = character_length(repaired.data + at);

        length += encoded_length(repaired.data + at, n);
        at += n;
        if (length <= limit)
            end = at;
    }
    if (length <= FIELD_MAX)
        return false;
    sha256_text(item->raw, strlen(item->raw), hash);
    str_append_n(&shown, repaired.data, end);
    str_printf(&shown, "%s%s", mark, hash);
    free(item->json);
    item->json = encode_string(str_text(&shown));
    return true;
}

static void append_shown(struct str *out, const char *json)
{
    for (size_t n; *json; json += n) {
        uint32_t code;

        n = strcspn(json, "\x7f\xc2\xd8\xe2\xef\xf3");
        str_append_n(out, json, n);
        json += n;
        if (!*json)
            return;
        n = character_length(json);
        if (is_shown(json, n)) {
            str_append_n(out, json, n);
            continue;
        }
        code = n == 1 ? (unsigned char)*json : (unsigned char)*json & (0x7fu >> n);
        for (size_t i = 1; i < n; i++)
            code = code << 6 | ((unsigned char)json[i] & 0x3f);
        if (code < 0x10000)
            str_printf(out, "\\u%04" PRIx32, code);
        else
            str_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((code - 0x10000) >> 10),
                       0xdc00 + ((code - 0x10000) & 0x3ff));
    }
}

static size_t shown_length(const char *json)
{
    scoped_str text = STR_INIT;

    append_shown(&text, json);
    return text.length;
}

static size_t item_length(const struct tree_item *item)
{
    return shown_length(item->json) + strlen(item->path) + PUNCTUATION;
}

void tree_cut(struct tree *tree, size_t room, struct str *cut)
{
    size_t total = 2;

    for (size_t i = 0; i < tree->count; i++) {
        if (tree->items[i].raw && cut_string(&tree->items[i]))
            cut_add(cut, tree->items[i].name);
        total += item_length(&tree->items[i]);
    }
    while (tree->count && total > room) {
        struct tree_item *last = &tree->items[tree->count - 1];

        total -= item_length(last);
        cut_add(cut, last->name);
        free(last->json);
        free(last->raw);
        tree->count--;
    }
}

bool tree_bound(struct tree *tree, const struct record *record, size_t room, const char *cut_path,
                const char *hash_path)
{
    scoped_str cut = STR_INIT;
    char hash[SHA256_TEXT_SIZE];

    if (room > RECORD_MAX)
        return false;
    tree_cut(tree, room - CUT_ROOM, &cut);
    if (!cut.length)
        return false;
    sha256_text(record->json, record->json_length, hash);
    tree_add_string(tree, cut_path, cut_path, str_text(&cut));
    tree_add_string(tree, hash_path, hash_path, hash);
    return true;
}

/* PREFIX of LENGTH bytes: the path of the object whose members are written. */
static void write_members(struct tree *tree, struct json_out *out, const char *prefix, size_t length)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct tree_item *item = &tree->items[i];
        const char *part = item->path + length, *end;
        char key[64];
        bool list;

        if (item->written || strncmp(item->path, prefix, length) != 0)
            continue;
        end = strchrnul(part, '.');
        list = end - part > 2 && strncmp(end - 2, "[]", 2) == 0;
        snprintf(key, sizeof key, "%.*s", (int)(end - part - (list ? 2 : 0)), part);
        if (!*end && list)
            json_out_array(out, key);
        if (!*end) {
            json_out_raw(out, list ? NULL : key, item->json);
            item->written = true;
        } else {
            if (list)
                json_out_array(out, key);
            json_out_object(out, list ? NULL : key);
            write_members(tree, out, item->path, (size_t)(end + 1 - item->path));
            json_out_end_object(out);
        }
        if (list)
            json_out_end_array(out);
    }
}

void tree_write(struct tree *tree, struct str *out)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);

    for (size_t i = 0; i < tree->count; i++)
        tree->items[i].written = false;
    json_out_object(json, NULL);
    write_members(tree, json, "", 0);
    json_out_end_object(json);
    append_shown(out, json_out_text(json, NULL));
}
