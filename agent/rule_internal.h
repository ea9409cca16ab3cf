/* What the loader's files share: rule.c (rules), rule_params.c (their parameters), benchmark.c (numberings). */
#ifndef AGENT_RULE_INTERNAL_H
#define AGENT_RULE_INTERNAL_H

#include "agent/check.h"
#include "agent/rule.h"

/* -EINVAL with "FILE:LINE: key: what". VALUE gives the line; FILE may hold "FILE:LINE" already when VALUE is NULL. */
int rule_refuse(struct error *error, const char *file, const struct json *value, const char *format, ...)
    printf_like(4, 5);
/* Refuses members of OBJECT that are not among NAMES (which ends with NULL), naming the nearest. */
int rule_known_keys(const struct json *object, const char *file, const char *const *names, struct error *error);
/* Two equal keys in one object, at any depth: one of them is a mistake. */
int rule_refuse_duplicates(const struct json *value, const char *file, struct error *error);
/* The nearest of NAMES to NAME, or NULL. */
const char *rule_nearest(const char *const *names, size_t count, const char *name);

/* Fills PARAMS (one value for each spec of CHECK) from OBJECT over what stands there; DEFAULTS first fills in the
 * fallbacks and insists that what has none is given. */
int rule_params_read(struct arena *arena, const struct check *check, const struct json *object, const char *file,
                     bool defaults, struct param_value *params, struct error *error);

int benchmark_read(struct arena *arena, const struct json *root, const char *file, struct benchmark *ret,
                   struct error *error);
const char *benchmark_id(const struct benchmark *benchmark, const char *slug); /* NULL: it does not number it */
/* "5" of "5.4". */
const char *benchmark_section_of(struct arena *arena, const char *id);

/* {"en": …, "zh": …} or one string for both. Chinese falls back on English. */
int rule_read_texts(struct arena *arena, const struct json *object, const char *key, const char *file, bool required,
                    const char *ret[LANGUAGE_COUNT], struct error *error);

/* Calls BACK with each *.json file of DIR in the order of names. A missing folder is none. */
int rule_each_file(const char *dir, int (*back)(const char *file, const struct json *root, void *user, struct error *),
                   void *user, struct error *error);

#endif
