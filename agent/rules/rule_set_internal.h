/* Shared by the loader's files: rule_set.c (rules), rule_params.c (their parameters), benchmark.c (numberings). */
#ifndef AGENT_RULES_RULE_SET_INTERNAL_H
#define AGENT_RULES_RULE_SET_INTERNAL_H

#include "agent/model/check.h"
#include "agent/rules/config_json.h"

/* Sets PARAMS (one value for each spec of CHECK) from "params" of OWNER and leaves the others as they are; DEFAULTS:
 * sets those to their fallbacks and requires the ones without a fallback. Values are allocated in ARENA. 0 or -EINVAL.
 */
int rule_params_read(struct arena *arena, const struct check *check, const struct json *owner, const char *file,
                     bool defaults, struct param_value *params, struct error *error);

int benchmark_read(struct arena *arena, const struct json *root, const char *file, struct benchmark *ret,
                   struct error *error);
const char *benchmark_id(const struct benchmark *benchmark, const char *slug); /* NULL: not numbered */
/* "5" of "5.4". */
const char *benchmark_section_of(struct arena *arena, const char *id);

#endif
