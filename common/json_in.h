/* Reading JSON: a bounded document tree built over yajl's streaming parser. Only json_in.c knows yajl.
 *
 * Everything may come from an attacker: size, depth and number of values are bounded, strings are by length and may
 * hold NUL. Accessors take NULL and the wrong type and answer with the default, so that a missing field needs no
 * branch. */
#ifndef COMMON_JSON_IN_H
#define COMMON_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json;     /* a value, owned by its document */
struct json_doc; /* a parsed document */

struct json_limits {
    size_t bytes, depth, values; /* 0: the default (64 MiB, 128, 2,000,000) */
    bool comments;               /* allow // and slash-star comments: configuration files */
    bool lines;                  /* streams: a value ends with its line at the latest */
};

/* Parses one JSON text (trailing white space allowed, nothing else). LIMITS may be NULL. Errors name line and column.
 * Invalid UTF-8 is accepted as bytes; duplicate keys: the last one counts. */
int json_parse(const char *data, size_t length, const struct json_limits *limits, struct json_doc **ret_doc,
               struct error *error);
void json_doc_free(struct json_doc *doc);
const struct json *json_root(const struct json_doc *doc);

enum json_type json_type(const struct json *v); /* NULL: JSON_NULL */
unsigned json_line(const struct json *v);       /* 1-based line in the source where the value begins, 0 for NULL */
const struct json *json_get(const struct json *object, const char *key); /* NULL when absent or not an object */
const struct json *json_at(const struct json *array, size_t index);
size_t json_count(const struct json *v); /* members of an array or object, else 0 */
/* Member INDEX of an object: its key (terminated) and value; RET_KEY and RET_LENGTH may be NULL. NULL with the key ""
 * past the end, and of what is no object: json_count() counts an array's values too. */
const struct json *json_member(const struct json *object, size_t index, const char **ret_key, size_t *ret_length);
/* RFC 6901 pointer ("/HostConfig/Memory"); "" is the value itself. NULL when nothing is there. */
const struct json *json_pointer(const struct json *v, const char *pointer);
/* Path through objects only, ending in NULL: json_path(v, "HostConfig", "Memory", NULL). */
const struct json *json_path(const struct json *v, ...) __attribute__((sentinel));

const char *json_string(const struct json *v);                       /* NULL when not a string; terminated */
const char *json_string_n(const struct json *v, size_t *ret_length); /* as above, with the length (NULs possible) */
const char *json_text(const struct json *v, const char *fallback);   /* string or FALLBACK */
bool json_bool(const struct json *v, bool fallback);
int64_t json_int(const struct json *v, int64_t fallback); /* fractions are cut, out-of-range numbers saturate */
double json_double(const struct json *v, double fallback);
const char *json_number_text(const struct json *v); /* the number as written, NULL when not a number */

DEFINE_CLEANUP(struct json_doc *, cleanup_json_doc, json_doc_free)

/* One document of COUNT parts (at least 1, at most 2^24 - 1), in their order. What several of them have, objects in
 * one another, is merged member by member; of other values the last part's counts. APPENDED (ends with NULL): members
 * of the root that are lists, of which those of all parts follow one another. A part whose root is no object, or whose
 * member in APPENDED is no list, takes the place of what came before like any other value. The parts become the
 * document's, and are freed with it; the array that PARTS is stays the caller's. */
struct json_doc *json_merge(struct json_doc *const *parts, size_t count, const char *const *appended);
/* The place of the part that a value of a merged document is from, for an object the last that has it; else 0. */
unsigned json_source(const struct json *v);
/* The root of part INDEX of a merged document, NULL past the end. */
const struct json *json_part(const struct json_doc *doc, size_t index);

/* A stream of JSON values one after the other, cut anywhere (an event stream). Feed bytes; CALLBACK gets each complete
 * value (the document is freed after it returns). A malformed value or one over the limits is skipped without being
 * kept, up to its end or that of its line, and the stream goes on after it. Returns 0, or the error of the last value
 * that was skipped in DATA. */
struct json_stream;
typedef void json_stream_callback(const struct json *value, void *user);
struct json_shape;
/* SHAPE: each value is reduced to it before it is kept (json_filter.h); NULL: it is not. */
struct json_stream *json_stream_new(const struct json_limits *limits, const struct json_shape *shape,
                                    json_stream_callback *callback, void *user);
void json_stream_free(struct json_stream *stream);
int json_stream_feed(struct json_stream *stream, const char *data, size_t length, struct error *error);

#endif
