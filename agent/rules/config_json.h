/* Reading JSON that people write (rules, benchmarks, the configuration): anything unknown is rejected, and the error
 * names file, line and key. */
#ifndef AGENT_RULES_CONFIG_JSON_H
#define AGENT_RULES_CONFIG_JSON_H

#include "agent/rules/rule_set.h"

/* Fills ERROR with "FILE:LINE: text" and returns -EINVAL. VALUE gives the line; if it is NULL, FILE may already be
 * "FILE:LINE". */
int config_json_refuse(struct error *error, const char *file, const struct json *value, const char *format, ...)
    printf_like(4, 5);
/* Rejects OBJECT if it is not an object (NULL is allowed) or has a member that is not among NAMES, terminated by NULL.
 * 0 or -EINVAL. */
int config_json_keys(const struct json *object, const char *file, const char *const *names, struct error *error);
/* Rejects duplicate keys of an object and strings that contain a NUL, at any depth. 0 or -EINVAL. */
int config_json_document(const struct json *value, const char *file, struct error *error);
/* Reads {"en": …, "zh": …} or one string for both into RET, allocated in ARENA. Chinese falls back on English.
 * REQUIRED: neither absent nor empty. 0 or -EINVAL. */
int config_json_texts(struct arena *arena, const struct json *object, const char *key, const char *file, bool required,
                      const char *ret[LANGUAGE_COUNT], struct error *error);

#endif
