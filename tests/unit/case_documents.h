/* The documents of a verdict case made facts: what the agent parses is parsed by the agent's own parsers, what it
 * observes (owners of files, processes, ages of certificates) is written down in the case. tests/cases/README.md
 * describes each document. */
#ifndef TESTS_UNIT_CASE_DOCUMENTS_H
#define TESTS_UNIT_CASE_DOCUMENTS_H

#include "agent/model/check.h"
#include "agent/model/store.h"
#include "common/clock.h"
#include "common/json_in.h"

#define CASE_NOW (INT64_C(1795514400) * USEC_PER_SEC) /* 2026-11-24T10:00:00Z: when every case is judged */

struct case_context {
    const struct rule *rule;
    const char *subject;          /* the id of what is judged; NULL for the host, the daemon, the swarm and files */
    const struct json *documents; /* of the whole case */
    const struct json *history;   /* one more document: an image's history that is generated; may be NULL */
    bool refusable;               /* a document that its parser refuses is an error of that input, as in the agent */
};

/* Puts all documents into a new store. -EINVAL for a document that is unknown, that the rule's check does not read, or
 * that a parser refuses although the case is not about that. */
int case_documents_load(const struct case_context *context, struct store **ret_store, struct error *error);

/* case_host.c: facts of the host. Each makes a facts object that the caller frees, or returns -EINVAL. */
typedef int case_make_function(const struct case_context *context, const struct json *value, struct facts **ret_facts,
                               struct error *error);
case_make_function case_make_files, case_make_processes, case_make_daemon, case_make_lsm, case_make_audit,
    case_make_environment, case_make_certificates, case_make_unlock_key, case_make_listeners;

#endif
