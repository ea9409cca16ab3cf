/* Shared by the parsers of JSON documents: copying values into a facts arena while feeding the digest.
 *
 * Every value that is copied is hashed at full length and kept up to TEXT_MAX bytes; a list longer than LIST_MAX makes
 * the whole document an error, since a rule must not pass on the part that fitted. So does a value of the wrong type:
 * treated as absent it would look harmless. What is absent is no error but where it is required; null, which is how Go
 * writes a list or map of nothing, is the same for these, and of the wrong type in the place of anything else. */
#ifndef PROBES_FACTS_PARSE_UTIL_H
#define PROBES_FACTS_PARSE_UTIL_H

#include "common/json_in.h"
#include "common/map.h"
#include "probes/facts/facts.h"

enum { UNREAD_MAX = 64 };

enum { TEXT_MAX = 4096, TEXT_WHOLE_MAX = 1 << 20, LIST_MAX = 4096, DOCUMENT_LIST_MAX = 200000 };

struct builder {
    struct arena *arena;
    struct hash hash;
    const char *too_long;        /* name of a list that is longer than allowed; NULL: none */
    const struct json *document; /* set if errors should name the place of a rejected value in it; else NULL */
    const struct json *wrong;    /* the first value that was refused; NULL: none */
    const char *wrong_what;      /* why: "is not a string" */
    const char *missing;         /* the place of a member that must be there and is not; NULL: none */
    struct unread_member unread[UNREAD_MAX]; /* what build_expect() did not find, for the facts */
    size_t unread_count;
    const struct json *recorded[UNREAD_MAX]; /* values of it that have another type: they are not refused */
    size_t recorded_count;
};

/* Begins a facts object of SIZE bytes whose first member is struct facts. */
void *build_begin(struct builder *builder, size_t size, size_t arena_size);
/* Sets the digest. 0, -EFBIG if a list was too long, -EINVAL if a value was rejected (the arena is freed then); WHAT
 * names the document. */
int build_end(struct builder *builder, struct facts *facts, const char *what, struct error *error);

/* VALUE if it has TYPE, else NULL; a type other than that and null is rejected. */
const struct json *build_typed(struct builder *builder, const struct json *value, enum json_type type);
/* The same, but null is rejected too: what is left out where there is nothing. */
const struct json *build_present(struct builder *builder, const struct json *value, enum json_type type);
/* Item INDEX of ARRAY, a list of that type: null in it is rejected too, as no engine sends it. NULL then. */
const struct json *build_item(struct builder *builder, const struct json *array, size_t index, enum json_type type);
/* Member KEY of OBJECT, which every engine sends: if it is absent, null or of another type, the document is an error.
 * PLACE: that of the member in the document ("RootFS.Type"). NULL then. */
const struct json *build_required(struct builder *builder, const struct json *object, const char *key,
                                  enum json_type type, const char *place);
/* Member KEY of OBJECT, which every engine sends too: if it is absent, of another type, null while not NULLABLE, or no
 * whole number in range, that is recorded in the facts as member NAME, and rules that read it are errors. To be called
 * before the member is read. */
void build_expect(struct builder *builder, const struct json *object, const char *key, enum json_type type,
                  bool nullable, const char *name);
/* Makes the document an error because of VALUE; WHAT is the reason: "is not a port". The first one counts. */
void build_refuse(struct builder *builder, const struct json *value, const char *what);

/* Values and lists of them, copied into the arena; a wrong type is rejected. */
const char *build_text(struct builder *builder, const struct json *value);    /* NULL when absent */
const char *build_text_or(struct builder *builder, const struct json *value); /* "" when absent */
const char *build_string(struct builder *builder, const char *s, size_t length);
/* 0 when absent; what is no whole number in range is rejected. */
int64_t build_int(struct builder *builder, const struct json *value);
int64_t build_int_or_null(struct builder *builder, const struct json *value); /* null: 0 */
int64_t build_natural(struct builder *builder, const struct json *value);     /* a negative one is rejected too */
bool build_bool(struct builder *builder, const struct json *value);           /* false when absent */
enum tristate build_tristate(struct builder *builder, const struct json *value);
void build_list(struct builder *builder, const struct json *array, const char *name, struct string_list *ret);
void build_keys(struct builder *builder, const struct json *object, const char *name, struct string_list *ret);
/* Room for COUNT strings; the count stays 0. False if there are too many: records NAME. */
bool build_room(struct builder *builder, size_t count, const char *name, struct string_list *ret);
void build_push(struct builder *builder, struct string_list *list, const char *s, size_t length);
/* As build_text(), of any length up to TEXT_WHOLE_MAX; a longer one makes the document an error. "" when absent. */
const char *build_whole_text(struct builder *builder, const struct json *value, const char *name);
/* Feeds a number that is not copied. */
void build_number(struct builder *builder, int64_t number);

#endif
