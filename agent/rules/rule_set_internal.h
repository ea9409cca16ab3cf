/* What the loader's files share: rule.c (rules), rule_params.c (their parameters), benchmark.c (numberings). */
#ifndef AGENT_RULES_RULE_SET_INTERNAL_H
#define AGENT_RULES_RULE_SET_INTERNAL_H

#include "agent/model/check.h"
#include "agent/rules/config_json.h"

/* Fills PARAMS (one value for each spec of CHECK) from "params" of OWNER over what stands there; DEFAULTS first fills
 * in the fallbacks and insists that what has none is given. */
int rule_params_read(struct arena *arena, const struct check *check, const struct json *owner, const char *file,
                     bool defaults, struct param_value *params, struct error *error);

int benchmark_read(struct arena *arena, const struct json *root, const char *file, struct benchmark *ret,
                   struct error *error);
const char *benchmark_id(const struct benchmark *benchmark, const char *slug); /* NULL: it does not number it */
/* "5" of "5.4". */
const char *benchmark_section_of(struct arena *arena, const char *id);

/* Calls BACK with each *.json file of DIR in the order of names. A missing folder is none. */
int rule_each_file(const char *dir, int (*back)(const char *file, const struct json *root, void *user, struct error *),
                   void *user, struct error *error);

#endif
