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
/* The one member of OBJECT with INDEX: -EINVAL where its name is not among NAMES. */
int config_json_key(const struct json *object, size_t index, const char *file, const char *const *names,
                    struct error *error);
/* Rejects duplicate keys of an object and strings that contain a NUL, at any depth. 0 or -EINVAL. */
int config_json_document(const struct json *value, const char *file, struct error *error);
/* Reads {"en": …, "zh": …} or one string for both into RET, allocated in ARENA. Chinese falls back on English.
 * REQUIRED: neither absent nor empty. 0 or -EINVAL. */
int config_json_texts(struct arena *arena, const struct json *object, const char *key, const char *file, bool required,
                      const char *ret[LANGUAGE_COUNT], struct error *error);

/* The files of DIR whose names end in ".json" and do not begin with a dot, as DIR/NAME in byte order; the caller frees
 * each of them and the list. A missing DIR has none. 0, -E2BIG where there are more than MAX, or another negative
 * errno, with ERROR. */
int config_json_list(const char *dir, size_t max, char ***ret, size_t *ret_count, struct error *error);
/* Reads one of them: a regular file, or a link to one, within LIMITS, without duplicate keys and NULs. The caller frees
 * RET. 0, or a negative errno with ERROR, which names FILE. */
int config_json_read(const char *file, const struct json_limits *limits, struct json_doc **ret, struct error *error);

#endif
