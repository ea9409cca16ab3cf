/* One finding as JSON, for transitions, the query API and reports alike. */
#ifndef AGENT_EVALUATOR_FINDING_H
#define AGENT_EVALUATOR_FINDING_H

#include "agent/evaluator/evaluator.h"

/* Writes the members of one finding into an open object. RESULT: of the check, explained. WAIVER: the one that
 * holds, or NULL. GONE: its subject went away, the status is null. */
void finding_write(const struct evaluator *evaluator, enum language language, const struct subject *subject,
                   const struct pair *pair, const struct waiver *waiver, struct check_result *result, bool gone,
                   struct json_out *out);

/* The same, as it is kept: evidence and the command that mends it are messages (common/message.h), the rule's texts are
 * English, so that whoever reads it gets it in any language, by transition_render(). */
void finding_keep(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                  const struct waiver *waiver, struct check_result *result, bool gone, struct json_out *out);

/* As it is kept of a snapshot: without facts and when it was last checked. */
void finding_keep_brief(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                        const struct waiver *waiver, struct check_result *result, struct json_out *out);

/* The member "ids": RULE's id in every benchmark that has it. */
void finding_write_ids(const struct rule *rule, struct json_out *out);

#endif
