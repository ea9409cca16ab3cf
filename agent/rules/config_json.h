/* Reading JSON that people write, rules, benchmarks and the configuration: what is not understood is refused, and the
 * error names file, line and key. */
#ifndef AGENT_RULES_CONFIG_JSON_H
#define AGENT_RULES_CONFIG_JSON_H

#include "agent/rules/rule_set.h"

/* -EINVAL with "FILE:LINE: what". VALUE gives the line; FILE may hold "FILE:LINE" already when VALUE is NULL. */
int config_json_refuse(struct error *error, const char *file, const struct json *value, const char *format, ...)
    printf_like(4, 5);
/* Refuses OBJECT when it is none (NULL is fine) or has members that are not among NAMES, which ends with NULL. */
int config_json_keys(const struct json *object, const char *file, const char *const *names, struct error *error);
/* Refuses two equal keys in one object and texts with a NUL in them, at any depth: one of them is a mistake. */
int config_json_document(const struct json *value, const char *file, struct error *error);
/* {"en": …, "zh": …} or one string for both. Chinese falls back on English. REQUIRED: neither absent nor empty. */
int config_json_texts(struct arena *arena, const struct json *object, const char *key, const char *file, bool required,
                      const char *ret[LANGUAGE_COUNT], struct error *error);

/* What of NAMES was probably meant by NAME: the nearest, the first of equals; NULL when more than a few letters differ.
 */
const char *config_json_nearest(const char *const *names, size_t count, const char *name);

#endif
