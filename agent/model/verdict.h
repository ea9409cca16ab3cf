/* Words shared by rules, checks and findings: verdicts, severities and subject kinds, with their names. */
#ifndef AGENT_MODEL_VERDICT_H
#define AGENT_MODEL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/* In order of badness, so that a rule's own verdict is the greatest of its subjects'. VERDICT_NONE: nothing yet, or
 * gone. */
enum verdict {
    VERDICT_NONE,
    VERDICT_NOT_APPLICABLE,
    VERDICT_PASS,
    VERDICT_MANUAL,
    VERDICT_FAIL,
    VERDICT_ERROR,
    VERDICT_COUNT
};
const char *verdict_name(enum verdict verdict); /* "not_applicable"; NULL for VERDICT_NONE */
bool verdict_parse(const char *name, enum verdict *ret);
bool verdict_is_quiet(enum verdict verdict); /* in order: nothing to report of an exec */

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
const char *severity_name(enum severity severity);
bool severity_parse(const char *name, enum severity *ret);

enum subject_kind {
    SUBJECT_HOST,
    SUBJECT_DAEMON,
    SUBJECT_SWARM,
    SUBJECT_FILE,
    SUBJECT_CONTAINER,
    SUBJECT_IMAGE,
    SUBJECT_NETWORK,
    SUBJECT_EXEC,
    SUBJECT_KIND_COUNT
};
const char *subject_kind_name(enum subject_kind kind);
bool subject_kind_parse(const char *name, enum subject_kind *ret);

#endif
