/* A JSON text reduced while it comes: of a document cut anywhere only what somebody reads is kept, as a shorter JSON
 * text. What is passed over is looked through for its syntax and takes no memory, however long it is; so the memory
 * that a hostile document takes is that of what is kept, which is bounded.
 *
 * What is kept is said by paths. Of an object on the way the members that no path names are left out, of a list all
 * items stay where a path goes through them, so that each keeps its place. A value that is of another type than its
 * path expects stays, cut, so that whoever reads it sees that. */
#ifndef COMMON_JSON_FILTER_H
#define COMMON_JSON_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* One path, with its value and all below it. */
struct json_kept {
    const char *path; /* names with slashes between; a star is any member or item. NULL ends a table */
    size_t cut;       /* strings and keys are cut after as many bytes; 0: never */
    size_t members;   /* of a star: how many members of an object it keeps, the first ones; 0: all */
    bool keys_only;   /* each value is null in the reduced text, or false where it is not null */
};

struct json_shape;
/* PATHS end with one without path. */
struct json_shape *json_shape_new(const struct json_kept *paths);
/* Adds what an RFC 6901 pointer leads to, and the places of what is on the way. */
void json_shape_add_pointer(struct json_shape *shape, const char *pointer);
void json_shape_free(struct json_shape *shape);

enum { JSON_VALUE_COST = 96 }; /* bytes that a value takes as a struct json, about */

struct json_filter_limits {
    size_t bytes; /* of the whole text */
    size_t text;  /* of the reduced text */
    size_t cost;  /* of the reduced text, and JSON_VALUE_COST for each value in it */
    size_t depth; /* levels, at most JSON_FILTER_DEPTH */
};
enum { JSON_FILTER_DEPTH = 128 };

struct json_filter;
/* SHAPE must outlive it. LIMITS: 0 is no limit but of depth. */
struct json_filter *json_filter_new(const struct json_shape *shape, const struct json_filter_limits *limits);
void json_filter_free(struct json_filter *filter);
/* The next bytes. -EINVAL: no JSON, -EFBIG: a limit, named by ERROR; the filter is of no use then. */
int json_filter_feed(struct json_filter *filter, const char *data, size_t length, struct error *error);
/* After the last bytes: the reduced text, which is the filter's. -EINVAL: the text ends too early. */
int json_filter_end(struct json_filter *filter, const char **ret_text, size_t *ret_length, struct error *error);
/* Bytes that the reduced text takes now. */
size_t json_filter_held(const struct json_filter *filter);
void json_filter_restart(struct json_filter *filter); /* for another text */

DEFINE_CLEANUP(struct json_filter *, cleanup_json_filter, json_filter_free)

#endif
