/* A rule: data that names a check (code, see agent/model/check.h) and gives it parameters; texts are in English and
 * Chinese. agent/rules reads them. */
#ifndef AGENT_MODEL_RULE_H
#define AGENT_MODEL_RULE_H

#include <stddef.h>

#include "agent/model/verdict.h"
#include "common/language.h"
#include "probes/facts/facts.h"

struct check;

enum param_type { PARAM_BOOL, PARAM_INT, PARAM_STRING, PARAM_STRING_LIST, PARAM_JSON };

/* One parameter that a check takes; a table of these ends with a NULL name. FALLBACK is JSON text. */
struct param_spec {
    const char *name;
    enum param_type type;
    const char *fallback; /* NULL: required */
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
    const struct param_value *params;   /* in the order of check->params */
    const struct param_value *defaults; /* as shipped: without what the configuration changes */
    enum severity severity;
    int level;
    bool scored,
        enabled; /* shipped rules outside the active benchmark are disabled until the configuration enables them */
    bool own;    /* from rules.d */
    const char *profile; /* shipped beyond the benchmarks: the profile that switches it on; NULL: none */
    const char *title[LANGUAGE_COUNT], *why[LANGUAGE_COUNT], *remedy[LANGUAGE_COUNT], *impact[LANGUAGE_COUNT];
    const char *remedy_podman[LANGUAGE_COUNT]; /* the remedy where the engine is podman; "": the same */
    struct string_list references;
    /* What it is evidence for: safeguards of the CIS Controls v8 ("5.4"), controls of NIST SP 800-53 rev. 5 ("AC-6") */
    struct string_list cis_controls, nist_controls;
    const char *file; /* the file it was read from */
    unsigned index;   /* its place in rule_set.rules */
    /* set from the benchmarks */
    const char *id;      /* in the active benchmark; NULL if it has none there */
    const char *section; /* of that id: "5" */
    struct rule_id {
        const char *benchmark, *id;
    } * ids;
    size_t id_count;
};

#endif
