/* Writing JSON over yajl's generator. Only json_out.c knows yajl's generating side. Strings are repaired to valid
 * UTF-8; what text_escape() would escape is \uNNNN, so that compact output is one line, and a terminal may see it. */
#ifndef COMMON_JSON_OUT_H
#define COMMON_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/json_in.h"
#include "common/str.h"

struct json_out;

/* PRETTY: indented, else compact. The caller frees. */
struct json_out *json_out_new(bool pretty);
void json_out_free(struct json_out *out);
/* What was written so far, owned by OUT and valid until the next call on it; RET_LENGTH may be NULL. */
const char *json_out_text(struct json_out *out, size_t *ret_length);

/* Moves that text to RET, which must be empty and is the caller's. OUT can only be freed after it. */
void json_out_steal(struct json_out *out, struct str *ret);

/* Moves that text to the end of TO and goes on writing: what is long need not be held whole. */
void json_out_drain(struct json_out *out, struct str *to);

/* KEY is NULL inside arrays and at the top. */
void json_out_object(struct json_out *out, const char *key);
void json_out_end_object(struct json_out *out);
void json_out_array(struct json_out *out, const char *key);
void json_out_end_array(struct json_out *out);
void json_out_string(struct json_out *out, const char *key, const char *value); /* NULL gives null */
void json_out_string_n(struct json_out *out, const char *key, const char *value, size_t length);
void json_out_int(struct json_out *out, const char *key, int64_t value);
void json_out_double(struct json_out *out, const char *key, double value);
void json_out_bool(struct json_out *out, const char *key, bool value);
void json_out_null(struct json_out *out, const char *key);
void json_out_time(struct json_out *out, const char *key, usec_t at); /* RFC 3339 string; 0 gives null */
/* Copies a parsed value; NULL gives null. */
void json_out_value(struct json_out *out, const char *key, const struct json *value);
/* Inserts text that already is one JSON value (made by another json_out). NULL or "" gives null. */
void json_out_raw(struct json_out *out, const char *key, const char *json);

DEFINE_CLEANUP(struct json_out *, cleanup_json_out, json_out_free)

#endif
