/* The agent's own JSON: what /v1/events has, and what every record of a sink has besides. */
#include <inttypes.h>
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "agent/sinks/formats_tree.h"
#include "common/json_out.h"

static void add_value(struct tree *tree, const struct field *field, const char *text)
{
    if (field->type == FIELD_NUMBER || field->type == FIELD_BOOL)
        tree_add_json(tree, field->json, field->name, text);
    else
        tree_add_string(tree, field->json, field->name, text);
}

static void add_member(struct tree *tree, const char *path, const char *name, const struct json *v)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;

    if (json_type(v) == JSON_STRING) {
        tree_add_string(tree, path, name, json_string(v));
        return;
    }
    out = json_out_new(false);
    json_out_value(out, NULL, v);
    tree_add_json(tree, path, name, json_out_text(out, NULL));
}

/* What every kind has is the record's; the rest is the document's, where a value may be null. */
static void add_fields(struct tree *tree, const struct record *record)
{
    for (size_t i = 0; i < record_field_count; i++) {
        const struct field *field = &record_fields[i];
        const struct json *v;
        scoped_str text = STR_INIT;

        if (!(field->kinds & 1u << record->kind))
            continue;
        if (field->kinds == KIND_ALL || field->kinds == 1u << RECORD_LOST) {
            field_value(field, record, &text);
            add_value(tree, field, str_text(&text));
        } else if ((v = record_member(record, field->json))) {
            add_member(tree, field->json, field->name, v);
            if (str_equal(field->json, "uid"))
                add_member(tree, field->name, field->name, v);
        }
    }
}

static bool has_top_member(const struct tree *tree, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < tree->count; i++)
        if (strncmp(tree->items[i].path, name, length) == 0 && strchr(".", tree->items[i].path[length]))
            return true;
    return false;
}

/* Members that the table does not have. */
static void add_rest(struct tree *tree, const struct record *record)
{
    const struct json *v;
    const char *name;

    for (size_t i = 0; (v = json_member(record->root, i, &name, NULL)); i++)
        if (!has_top_member(tree, name) && !strpbrk(name, ".[]"))
            add_member(tree, name, name, v);
}

size_t append_cee(struct str *out, const struct format_settings *settings, size_t room)
{
    static const char cookie[] = "@cee: ";

    if (!settings->cee)
        return room;
    str_append(out, cookie);
    return room - strlen(cookie);
}

void json_body(struct str *out, const struct record *record, const struct format_settings *settings, size_t room)
{
    scoped_tree tree = {0};

    room = append_cee(out, settings, room);
    add_fields(&tree, record);
    add_rest(&tree, record);
    tree_bound(&tree, record, room, FIELD_NAME_CUT, FIELD_NAME_SHA256);
    tree_write(&tree, out);
}
