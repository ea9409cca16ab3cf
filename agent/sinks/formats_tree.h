/* JSON of members at dotted paths, in order of importance: what a format of JSON writes, bounded in length. */
#ifndef AGENT_SINKS_FORMATS_TREE_H
#define AGENT_SINKS_FORMATS_TREE_H

#include "agent/sinks/fields.h"

struct tree_item {
    const char *path; /* "a.b"; "a[].b": a list with one object; static */
    const char *name; /* what "cut" calls it */
    char *json;       /* the value */
    char *raw;        /* of a string, else NULL */
    bool written;
};

struct tree {
    struct tree_item *items;
    size_t count, size;
};

void tree_deinit(struct tree *tree);
/* PATH and NAME must live as long as TREE. A path that is there already stays as it is. */
void tree_add_string(struct tree *tree, const char *path, const char *name, const char *value);
/* JSON: one value. */
void tree_add_json(struct tree *tree, const char *path, const char *name, const char *json);
void tree_add_int(struct tree *tree, const char *path, int64_t value);
/* A list of the words of TEXT, which blanks separate. */
void tree_add_words(struct tree *tree, const char *path, const char *name, const char *text);
/* Where ROOM bounds the record (a file does not): shortens strings (field_max()), leaves out items for which ROOM bytes
 * are not enough, and adds the members CUT_PATH, the names of what it changed, and HASH_PATH. True: something was cut;
 * more members, of 64 bytes together, have room. */
bool tree_bound(struct tree *tree, const struct record *record, size_t room, const char *cut_path,
                const char *hash_path);
/* Appends one object, in one line. Characters that are not to be shown as they are (text_escape()) are escaped. */
void tree_write(struct tree *tree, struct str *out);

#define scoped_tree scoped(tree_deinit) struct tree

#endif
