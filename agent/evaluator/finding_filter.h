/* Which findings somebody wants to see: of the query API, and of a report. */
#ifndef AGENT_EVALUATOR_FINDING_FILTER_H
#define AGENT_EVALUATOR_FINDING_FILTER_H

#include "agent/evaluator/evaluator.h"

struct finding_filter {
    const char *rule; /* id or slug */
    const char *section;
    unsigned statuses;   /* bits 1 << VERDICT_…; 0: all */
    unsigned severities; /* bits; 0: all */
    unsigned levels;     /* bits 1 << LEVEL; 0: all */
    const char *subject; /* as subject_filter_matches() takes it */
    int kind;            /* subject kind, -1: all */
    int waived;          /* -1: all */
    size_t limit;        /* 0: 1,000 */
    size_t bytes;        /* of all that is written; 0: any number */
    const char *after;   /* the "next" of the answer before */
};
#define FINDING_FILTER_ALL                                                                                             \
    {                                                                                                                  \
        .kind = -1, .waived = -1                                                                                       \
    }

/* Are its rule and section known? 0 or -EINVAL. */
int finding_filter_check(const struct rule_set *rules, const struct finding_filter *filter, struct error *error);
/* May a finding of RULE match? */
bool finding_filter_takes_rule(const struct finding_filter *filter, const struct rule *rule);
/* Does the finding match, whose rule does? */
bool finding_filter_takes(const struct finding_filter *filter, const struct evaluator *evaluator,
                          const struct subject *subject, const struct pair *pair);

#endif
