/* JSON of members at dotted paths. */
#include "agent/sinks/formats_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/text.h"

enum {
    PUNCTUATION = 8, /* bytes around a member, at most, that are not its path or its value */
    MARKS_ROOM = 64  /* for what a format says of a cut record besides */
};

static void free_item(struct tree_item *item)
{
    free(item->json);
    free(item->raw);
}

void tree_deinit(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        free_item(&tree->items[i]);
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

/* In JSON, as json_out writes it. */
static size_t encoded_length(const char *s, size_t n)
{
    if (n == 1 && *s >= ' ' && *s <= '~')
        return *s == '"' || *s == '\\' ? 2 : 1;
    return n == 1 || !is_shown(s, n) ? (n == 4 ? 12 : 6) : n;
}

/* To at most MAX bytes of JSON. False: it was not longer. */
static bool cut_string(struct tree_item *item, size_t max)
{
    const size_t limit = max - CUT_MARK_SIZE;
    scoped_str repaired = STR_INIT, shown = STR_INIT;
    size_t length = 0, at = 0, end = 0;

    text_repair_utf8(&repaired, item->raw, strlen(item->raw));
    while (at < repaired.length && length <= max) {
        size_t n = character_length(repaired.data + at);

        length += encoded_length(repaired.data + at, n);
        at += n;
        if (length <= limit)
            end = at;
    }
    if (length <= max)
        return false;
    str_append_n(&shown, repaired.data, end);
    append_cut_mark(&shown, item->raw);
    free(item->json);
    item->json = encode_string(str_text(&shown));
    return true;
}

static size_t item_length(const struct tree_item *item)
{
    return strlen(item->json) + strlen(item->path) + PUNCTUATION;
}

/* What TREE needs at most. */
static size_t tree_length(const struct tree *tree)
{
    size_t total = 2;

    for (size_t i = 0; i < tree->count; i++)
        total += item_length(&tree->items[i]);
    return total;
}

static bool is_within(struct tree *tree, size_t room)
{
    scoped_str text = STR_INIT;

    if (tree_length(tree) <= room)
        return true;
    tree_write(tree, &text);
    return text.length <= room;
}

/* Leaves out what does not fit into ROOM bytes beside what comes before it, CUT, which gets the names, and what else a
 * cut record has, MARKS bytes. */
static void leave_out(struct tree *tree, size_t room, size_t marks, struct str *cut)
{
    size_t used = 2 + marks, names = 0, kept = 0; /* NAMES: of the items that are still to come, if all go */

    for (size_t i = 0; i < tree->count; i++)
        names += strlen(tree->items[i].name) + 1;
    for (size_t i = 0; i < tree->count; i++) {
        struct tree_item *item = &tree->items[i];
        size_t length = item_length(item);

        names -= strlen(item->name) + 1;
        if (used + length + cut->length + names <= room) {
            used += length;
            tree->items[kept++] = *item;
        } else {
            cut_add(cut, item->name);
            free_item(item);
        }
    }
    tree->count = kept;
}

bool tree_bound(struct tree *tree, const struct record *record, size_t room, const char *cut_path,
                const char *hash_path)
{
    size_t marks = strlen(cut_path) + strlen(hash_path) + 2 * PUNCTUATION + 2 + (SHA256_TEXT_SIZE - 1) + 2 + MARKS_ROOM;
    scoped_str cut = STR_INIT;
    char hash[SHA256_TEXT_SIZE];

    if (room > RECORD_MAX)
        return false;
    for (size_t i = 0; i < tree->count; i++)
        if (tree->items[i].raw && cut_string(&tree->items[i], field_max(room)))
            cut_add(&cut, tree->items[i].name);
    if (!cut.length && is_within(tree, room))
        return false;
    leave_out(tree, room, marks, &cut);
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
    str_append(out, json_out_text(json, NULL));
}
