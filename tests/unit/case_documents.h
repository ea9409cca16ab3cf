/* The documents of a verdict case made facts: what the agent parses is parsed by the agent's own parsers, what it
 * observes (owners of files, processes, ages of certificates) is written down in the case. tests/cases/README.md
 * describes each document. */
#ifndef TESTS_UNIT_CASE_DOCUMENTS_H
#define TESTS_UNIT_CASE_DOCUMENTS_H

#include "agent/model/check.h"
#include "agent/model/store.h"
#include "common/clock.h"
#include "common/json_in.h"
#include "common/str.h"

#define CASE_NOW (INT64_C(1795514400) * USEC_PER_SEC) /* 2026-11-24T10:00:00Z: when every case is judged */

/* What becomes of one member of a document, or of one item of a list, which is never removed. The values of other types
 * are each type's zero and another one; a member that has the type already stays as it is. */
enum member_change {
    MEMBER_REMOVED,
    MEMBER_NULL,
    MEMBER_FALSE,
    MEMBER_TRUE,
    MEMBER_ZERO,
    MEMBER_STRING,
    MEMBER_ARRAY,
    MEMBER_OBJECT,
    /* numbers alone: */
    MEMBER_HUGE,
    MEMBER_TWO_TO_63,
    MEMBER_TWO_TO_64,
    MEMBER_INFINITE,
    MEMBER_FRACTION,
    MEMBER_NEGATIVE,
    MEMBER_CHANGE_COUNT
};
extern const char *const member_change_words[MEMBER_CHANGE_COUNT];
struct case_change {
    enum member_change how;
    unsigned index;    /* of the member, in the order of the text */
    uint64_t original; /* digest of the document as it is; 0: not known yet, and filled */
    /* filled: */
    struct str path; /* "HostConfig.Memory", "[].Options", "HostConfig.CapAdd[]"; the caller frees; "": there is none */
    enum input_kind kind;
    const char *key; /* of the document in the store, owned by the case */
};

struct case_context {
    const struct rule *rule;
    const char *subject;          /* the id of what is judged; NULL for the host, the daemon, the swarm and files */
    const struct json *documents; /* of the whole case */
    const struct json *history;   /* one more document: an image's history that is generated; may be NULL */
    struct case_change *change;   /* of the engine's documents; NULL: they are as the case has them */
    bool refusable;               /* a document that its parser refuses is an error of that input, as in the agent */
};

/* Puts all documents into a new store. -EINVAL for a document that is unknown, that the rule's check does not read, or
 * that a parser refuses although the case is not about that. */
int case_documents_load(const struct case_context *context, struct store **ret_store, struct error *error);

/* Puts document ITEM of the name into the open case's store with CHANGE made to it, or that it was refused.
 * RET_CHANGED: it differs from what is there without it; else the store is left alone. -ENOENT: there is no such
 * member; the document is put back as it was. */
struct verdict_case;
struct open_case;
int case_documents_change(const struct verdict_case *c, const struct open_case *open, const char *name, size_t item,
                          struct case_change *change, bool *ret_changed, struct error *error);
/* Names of the documents that the engine sends, by number; NULL after the last. How many of NAME a case has. */
const char *case_documents_of_engine(size_t number);
size_t case_documents_count(const struct verdict_case *c, const char *name);

/* case_host.c: facts of the host. Each makes a facts object that the caller frees, or returns -EINVAL. */
typedef int case_make_function(const struct case_context *context, const struct json *value, struct facts **ret_facts,
                               struct error *error);
case_make_function case_make_files, case_make_processes, case_make_daemon, case_make_lsm, case_make_audit,
    case_make_environment, case_make_certificates, case_make_unlock_key, case_make_listeners;

#endif
