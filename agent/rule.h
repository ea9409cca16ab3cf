/* Rules as data: config/rules/SLUG.json, one file each, and users' own in rules.d.
 *
 * A rule names a check (code, see agent/check.h) and gives it parameters; texts are in English and Chinese. Loading
 * validates everything and names file, line and key of what is wrong. */
#ifndef AGENT_RULE_H
#define AGENT_RULE_H

#include <stddef.h>

#include "agent/verdict.h"
#include "common/error.h"
#include "common/json_in.h"
#include "common/map.h"
#include "probes/facts.h"

struct check;

enum language { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGE_COUNT };

enum param_type { PARAM_BOOL, PARAM_INT, PARAM_STRING, PARAM_STRING_LIST, PARAM_JSON };

/* One parameter that a check takes; a table of these ends with a NULL name. FALLBACK is JSON text. */
struct param_spec {
    const char *name;
    enum param_type type;
    const char *fallback; /* NULL: the rule must give it */
    int64_t min, max;     /* for PARAM_INT; both 0: any */
};

struct param_value {
    int64_t number;          /* PARAM_BOOL (0, 1), PARAM_INT */
    const char *string;      /* PARAM_STRING; PARAM_JSON: any value, as compact JSON */
    struct string_list list; /* PARAM_STRING_LIST */
};

struct rule {
    const char *slug;
    const struct check *check;
    const struct param_value *params; /* in the order of check->params */
    enum severity severity;
    int level;
    bool scored,
        enabled; /* shipped rules outside the active benchmark are disabled until the configuration enables them */
    bool own;    /* from rules.d */
    const char *title[LANGUAGE_COUNT], *why[LANGUAGE_COUNT], *remedy[LANGUAGE_COUNT], *impact[LANGUAGE_COUNT];
    struct string_list references;
    const char *file; /* where it was read from */
    unsigned index;   /* its place in rule_set.rules */
    /* from the benchmarks */
    const char *id;      /* in the active benchmark, NULL when it has none there */
    const char *section; /* of that id: "5" */
    struct rule_id {
        const char *benchmark, *id;
    } * ids;
    size_t id_count;
};

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

/* All rules and benchmarks. Rules stand in the order of the active benchmark, then those without an id there by slug.
 */
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

/* Reads DATA_DIR/rules and DATA_DIR/benchmarks, then USER_DIR (NULL or missing: none). ACTIVE names the benchmark:
 * -ESRCH when there is no such one. */
int rule_set_load(const char *data_dir, const char *user_dir, const char *active, const struct rule_override *overrides,
                  size_t override_count, struct rule_set **ret, struct error *error);
void rule_set_free(struct rule_set *set);
struct rule *rule_set_find(const struct rule_set *set, const char *slug_or_id); /* NULL: none */
/* The name nearest to NAME among slugs and ids, for "did you mean"; NULL when none is near. */
const char *rule_set_nearest(const struct rule_set *set, const char *name);

DEFINE_CLEANUP(struct rule_set *, cleanup_rule_set, rule_set_free)

#endif
