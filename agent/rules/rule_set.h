/* Rules as data: config/rules/SLUG.json, one file each, and users' own in rules.d.
 *
 * A rule names a check (code, see agent/model/check.h) and gives it parameters; texts are in English and Chinese.
 * Loading validates everything; an error names file, line and key. */
#ifndef AGENT_RULES_RULE_SET_H
#define AGENT_RULES_RULE_SET_H

#include "agent/model/check.h"
#include "common/error.h"
#include "common/faults.h"
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
    int level;           /* up to which rules are judged unless the configuration switches one on */
    size_t outside;      /* rules of the benchmark and of users' own that are not judged for that reason */
};

/* Changes that the configuration makes: rules.<id or slug>.{enabled,severity,params}. VALUE is that object. */
struct rule_override {
    const char *rule;
    const struct json *value;
    const char *file; /* for error messages */
};

/* What a rule set is made of. */
struct rule_source {
    const struct check *checks;            /* all checks, terminated by a NULL name */
    const char *data_dir;                  /* has rules/, benchmarks/ and lists/: parameters of rules that
                                              are replaced alone ({"rule": …, "params": …}) */
    const char *user_dir;                  /* NULL or missing: no own rules */
    const char *active;                    /* the benchmark's name */
    const struct string_list *profiles;    /* NULL: none. "extra" and others that rules name switch on what
                                              is shipped beyond the benchmarks; the words "default", "level1"
                                              and "level2" say of which level rules are judged */
    const char *profiles_place;            /* "FILE:LINE" for errors; NULL: none is named */
    const struct rule_override *overrides; /* only read */
    size_t override_count;
    struct faults *faults; /* NULL: loading ends at the first one. Else all are kept there, and ERROR has to be given */
};

/* The caller frees RET. 0, -ESRCH when there is no such benchmark, or another negative errno. With FAULTS 0 does not
 * mean that there were none; RET is NULL where nothing could be made of what is there. */
int rule_set_load_from(const struct rule_source *source, struct rule_set **ret, struct error *error);
/* The same of what is given, without profiles and until the first fault. */
int rule_set_load(const struct check *checks, const char *data_dir, const char *user_dir, const char *active,
                  const struct rule_override *overrides, size_t override_count, struct rule_set **ret,
                  struct error *error);
void rule_set_free(struct rule_set *set);
struct rule *rule_set_find(const struct rule_set *set, const char *slug_or_id); /* owned by SET; NULL: unknown */
/* Whether WORD of a waiver names rules: "*", "section:5" of a section that the active benchmark has, a slug or an id.
 */
bool rule_set_knows(const struct rule_set *set, const char *word);
/* Whether such a word covers RULE. */
bool rule_set_covers(const struct rule_set *set, const char *word, const struct rule *rule);
/* The name nearest to NAME among slugs and ids, for "did you mean", owned by SET; NULL if none is near. */
const char *rule_set_nearest(const struct rule_set *set, const char *name);

DEFINE_CLEANUP(struct rule_set *, cleanup_rule_set, rule_set_free)

#endif
