/* Verdict cases: tests/cases/SLUG/OUTCOME-what.json, and tests/cases/shared/FAMILY/OUTCOME-what.json for the rules
 * named in FAMILY/rules.json. One file may be many cases: one for each rule, each set of variables and each shape of an
 * image's history. tests/cases/README.md describes the format. */
#ifndef TESTS_UNIT_CASE_H
#define TESTS_UNIT_CASE_H

#include "agent/model/check.h"
#include "agent/rules/rule_set.h"
#include "common/json_in.h"
#include "common/str.h"

struct verdict_case {
    const char *file;    /* "SLUG/fail-what.json": where it was read */
    const char *variant; /* which case of the file: "mode=0622", "BuildKit"; "" */
    const char *outcome; /* the word that the file's name begins with: a verdict, or "refused" */
    const char *slug;    /* of the rule that it is about */
    bool shared;         /* the file is of several rules */
    const struct json *root;
    const struct json *history; /* generated from "run"; NULL: there is none */
    size_t shape;               /* in which of the shapes of history */
};

typedef void case_function(const struct verdict_case *c, void *user);

/* Calls BACK for each case of the rules in RULES whose file begins with ONLY ("": all). FINISHED: a case that does not
 * say why it is refused, fails, is manual or an error is no case. Returns the number of files that are none; each is
 * named on stderr. */
size_t cases_visit(const struct rule_set *rules, const char *only, bool finished, case_function *back, void *user);

/* The shipped rules, and those of them that cases give parameters of their own. */
struct case_rules;
struct case_rules *case_rules_new(void); /* NULL: the shipped ones do not load; said on stderr */
void case_rules_free(struct case_rules *rules);
const struct rule_set *case_rules_shipped(const struct case_rules *rules);
DEFINE_CLEANUP(struct case_rules *, cleanup_case_rules, case_rules_free)

/* A case made ready to be judged. */
struct open_case {
    const struct rule *rule; /* with the case's own parameters; NULL when REFUSED */
    struct store *store;
    const char *subject;
    usec_t since;
    struct error refused; /* why the rule did not load */
};

/* -EINVAL for a case that is not in order; the caller closes it either way. The rule stays RULES'. */
int case_open(const struct verdict_case *c, struct case_rules *rules, struct open_case *ret, struct error *error);
void case_close(struct open_case *open);
/* Fills the store again as the documents have it, after something was taken out of it. */
int case_refill(const struct verdict_case *c, struct open_case *open, struct error *error);

struct path_verdict {
    const char *path; /* owned by the open case */
    enum verdict verdict;
};

/* The rule's verdict, the worst of its subjects', with the words of the subjects that have it. */
struct judgement {
    enum verdict verdict;
    struct str evidence, remedy, facts;
    struct str evidence_zh, remedy_zh; /* the same in Chinese */
    bool own_remedy; /* the check gave a command; else REMEDY is the rule's text */
    struct path_verdict *paths;
    size_t path_count;
};
void case_judge(const struct open_case *open, struct judgement *ret);
void judgement_deinit(struct judgement *judgement);

/* Whether the judgement is what the case expects. Appends to RET_WHY what is not. */
bool case_is_met(const struct verdict_case *c, const struct open_case *open, const struct judgement *judgement,
                 struct str *ret_why);
/* The part of it that is about the evidence. */
bool case_evidence_is_met(const struct verdict_case *c, const char *evidence);

#endif
