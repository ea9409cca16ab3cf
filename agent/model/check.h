/* Checks: pure functions of (rule, facts) → (verdict, evidence). No I/O, no globals, no clock of their own.
 *
 * The table in agent/checks/table.c names every check with the kind of subject it judges and the inputs it reads; the
 * evaluator knows no rule. A check that cannot find what it reads reports error and the reason; it never passes by
 * accident. Adding a check: write the function in agent/checks/ and add its row to the table. */
#ifndef AGENT_MODEL_CHECK_H
#define AGENT_MODEL_CHECK_H

#include "agent/model/fix.h"
#include "agent/model/rule.h"
#include "agent/model/store.h"
#include "common/json_out.h"
#include "common/str.h"

struct check_input {
    const struct rule *rule;
    const struct store *store;
    const char *key;               /* the subject's id: container id, exec id, path; NULL for host, daemon, swarm */
    const struct file_facts *file; /* SUBJECT_FILE: the file */
    const struct fileset_facts *fileset;
    usec_t now;
    usec_t since; /* when the pair's present status began; 0: it has none yet */
    bool explain; /* false: only the verdict is required; evidence, facts and remedy stay empty */
};

struct check_result {
    enum verdict verdict;
    struct str said;        /* the evidence as messages; check_result_evidence() renders it */
    struct json_out *facts; /* an object is open in it; NULL unless explain: use the check_fact_ helpers */
    struct str remedy;      /* the command for this very subject, its prose as messages; empty: the rule's own text */
    struct fix fix;         /* of the remedy what programs may use */
    struct str shown;       /* what was rendered last */
    usec_t recheck;         /* the verdict may change by time alone at this moment; 0: never */
    bool attested;          /* set by the evaluator: the verdict comes from an attestation */
    bool podman;            /* the engine is podman: of the rule's own texts that one is used */
};

typedef void check_function(const struct check_input *in, struct check_result *out);

struct check {
    const char *name;
    enum subject_kind subject;
    unsigned reads; /* INPUT_BITs */
    check_function *run;
    const struct param_spec *params; /* ends with a NULL name; NULL: none */
    /* Validates a rule's parameters when it is loaded. 0, or -EINVAL with the invalid key, owned by the rule or static,
     * and the reason. NULL: any values are valid. */
    int (*validate)(const struct rule *rule, const char **ret_key, struct error *error);
    bool documents; /* it reads the engine's whole documents */
    /* Of SUBJECT_CONTAINER: names of the members of the container's document that it judges by, a blank between. Where
     * one is unread it is an error. */
    const char *members;
    /* Of the inputs in READS, is the one of KIND required to judge the subject KEY? NULL: each is. */
    bool (*requires)(const struct store *store, const char *key, enum input_kind kind);
    /* Likewise, of other documents of the engine; ends with NULL members. NULL: of none. */
    const struct required_answer {
        enum input_kind kind;
        const char *members;
    } * answers;
    bool fails_on_presence; /* what it fails on is in the document: that counts although another member is unread */
    bool never_manual;      /* it asks nothing of a person: an attestation of its rules has no effect */
};

bool rule_has_param(const struct rule *rule, const char *name);

/* The check of that name in TABLE, which is terminated by a NULL name; NULL: unknown. */
const struct check *check_find(const struct check *table, const char *name);

/* Sets the verdict and, if in->explain, appends a message to the evidence ("; " between calls; 2 KiB of it are shown).
 * A worse verdict already set stays. FORMAT is English; agent/words has its Chinese. A constant word among the
 * arguments is marked M_("…"). */
void check_say(const struct check_input *in, struct check_result *out, enum verdict verdict, const char *format, ...)
    printf_like(4, 5);
/* Sets error with "WHAT: WHY"; secrets in WHY are redacted, NULL becomes "unknown". Constants are marked M_("…"). */
void check_error(const struct check_input *in, struct check_result *out, const char *what, const char *why);
/* Appends a command (" && " between calls), to the fix as well. All of it is dropped where it would be longer than 16
 * KiB: the rule's own text is used. */
void check_remedy(const struct check_input *in, struct check_result *out, const char *format, ...) printf_like(3, 4);
/* Appends prose to the remedy as a comment of the shell: after "  # ", or "; " where it ends in one already; where
 * there is no command before it, the fix is one in words. FORMAT is a message's; control characters of the arguments
 * are escaped, so that no name ends the comment. */
void check_remedy_note(const struct check_input *in, struct check_result *out, const char *format, ...)
    printf_like(3, 4);
/* Facts are for programs, so their texts are English whatever the language, and bounded: of a text 4 KiB are kept; a
 * list ends once all facts take 8 KiB, and member KEY_left_out is the number of its items that are not there. */
void check_fact_string(const struct check_input *in, struct check_result *out, const char *key, const char *value);
void check_fact_int(const struct check_input *in, struct check_result *out, const char *key, int64_t value);
void check_fact_bool(const struct check_input *in, struct check_result *out, const char *key, bool value);
void check_fact_list(const struct check_input *in, struct check_result *out, const char *key,
                     const struct string_list *list);

/* False: the container's document lacks the member NAME, or has it of another type; error has been reported. */
bool check_has_member(const struct check_input *in, struct check_result *out, const struct container_facts *container,
                      const char *name);

/* The same of another document of the engine, and of any of the members in NAMES, a blank between. */
bool check_has_answer(const struct check_input *in, struct check_result *out, enum input_kind kind, const char *key,
                      const char *names);

/* Runs a rule's check. RESULT must be check_result_init()ed and is deinit()ed by the caller; reusable after
 * check_result_clear(). */
void check_run(const struct check_input *in, struct check_result *out);
void check_result_init(struct check_result *result);
void check_result_clear(struct check_result *result);
void check_result_deinit(struct check_result *result);
/* Ends the facts object and returns its JSON, owned by RESULT ("{}" if there are no facts). To be called once. */
const char *check_result_facts(struct check_result *result);

/* RULE's own text, for podman if that is the engine. Borrowed from it. */
const char *check_rule_remedy(const struct rule *rule, bool podman, enum language language);
/* What a person is to do: the command for this subject, else RULE's own text for the engine. Owned by either; valid
 * until the next call with RESULT. */
const char *check_result_remedy(struct check_result *result, const struct rule *rule, enum language language);
/* One line for a person; names in it are as they are, for whoever shows it to escape. Likewise. */
const char *check_result_evidence(struct check_result *result, enum language language);
/* Appends the messages of one more sentence to OUT: "; " between, no more than are ever shown. */
void check_evidence_add(struct str *out, const char *format, ...) printf_like(2, 3);

/* For rules that read files: the source (see probes/fileset/fileset.h) in the rule's "source" parameter, which is the
 * first one; a rule without it reads the engine's sockets. */
const char *rule_file_source(const struct rule *rule);

#endif
