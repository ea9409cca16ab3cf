/* Rules as data: config/rules/SLUG.json, one file each, and users' own in rules.d.
 *
 * A rule names a check (code, see agent/model/check.h) and gives it parameters; texts are in English and Chinese.
 * Loading validates everything; an error names file, line and key. */
#ifndef AGENT_RULES_RULE_SET_H
#define AGENT_RULES_RULE_SET_H

#include "agent/model/check.h"
#include "common/error.h"
#include "common/json_in.h"
#include "common/map.h"

struct benchmark_section {
    const char *id, *title[LANGUAGE_COUNT];
};

struct benchmark {
    const char *name, *title[LANGUAGE_COUNT];
    struct benchmark_section *sections;
    size_t section_count;
    struct benchmark_entry {
        const char *id, *slug;
    } * entries; /* in order */
    size_t entry_count;
};

/* All rules and benchmarks. Rules are in the order of the active benchmark, followed by those without an id in it, by
 * slug. */
struct rule_set {
    struct arena *arena;
    struct rule *rules;
    size_t count;
    struct benchmark *benchmarks;
    size_t benchmark_count;
    const struct benchmark *active;
    struct map *by_name; /* slug or id in the active benchmark → struct rule */
};

/* Changes that the configuration makes: rules.<id or slug>.{enabled,severity,params}. VALUE is that object. */
struct rule_override {
    const char *rule;
    const struct json *value;
    const char *file; /* for error messages */
};

/* CHECKS: all checks, terminated by a NULL name. Reads DATA_DIR/rules and DATA_DIR/benchmarks, then USER_DIR (NULL or
 * missing: no own rules), then DATA_DIR/lists: parameters of rules that are replaced alone ({"rule": …, "params": …}).
 * ACTIVE: the benchmark's name. The caller frees RET. 0, -ESRCH when there is no such benchmark, or another negative
 * errno. OVERRIDES are only read. */
int rule_set_load(const struct check *checks, const char *data_dir, const char *user_dir, const char *active,
                  const struct rule_override *overrides, size_t override_count, struct rule_set **ret,
                  struct error *error);
/* The same with the rules of PROFILE (NULL: none) switched on, which are shipped beyond the benchmarks. */
int rule_set_load_profile(const struct check *checks, const char *data_dir, const char *user_dir, const char *active,
                          const char *profile, const struct rule_override *overrides, size_t override_count,
                          struct rule_set **ret, struct error *error);
void rule_set_free(struct rule_set *set);
struct rule *rule_set_find(const struct rule_set *set, const char *slug_or_id); /* owned by SET; NULL: unknown */
/* The name nearest to NAME among slugs and ids, for "did you mean", owned by SET; NULL if none is near. */
const char *rule_set_nearest(const struct rule_set *set, const char *name);

DEFINE_CLEANUP(struct rule_set *, cleanup_rule_set, rule_set_free)

#endif
