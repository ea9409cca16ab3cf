/* How a document's values lie in memory, for the files that make them: json_in.c (parsing), json_merge.c. Nobody else
 * includes this. */
#ifndef COMMON_JSON_TREE_H
#define COMMON_JSON_TREE_H

#include "common/json_in.h"
#include "common/memory.h"

struct json {
    enum json_type type : 8;
    unsigned source : 24; /* see json_merge() */
    unsigned line;
    union {
        bool boolean;
        struct {
            const char *text;
            size_t length;
        }; /* string, number as written */
        struct {
            struct json **items;
            struct member *members;
            const struct member **sorted; /* by key, then by place; NULL for small objects */
            size_t count;
        };
    };
};

struct member {
    const char *key;
    size_t key_length;
    struct json *value;
};

struct json_doc {
    struct arena *arena;
    struct json *root;
    struct json_doc **parts; /* that it was merged from, its own */
    size_t part_count;
};

/* Makes a large object's members quick to find, once it has all of them; the index is allocated in ARENA. */
void json_index(struct json *object, struct arena *arena);
/* json_get() of a key of LENGTH bytes, which may hold NULs. */
const struct json *json_get_n(const struct json *object, const char *key, size_t length);

#endif
