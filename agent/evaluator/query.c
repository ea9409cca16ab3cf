/* What the evaluator knows, for the API, reports and benchmarks. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

/* No subjects are known because their list could not be read. */
static bool list_is_unknown(const struct evaluator *evaluator, enum subject_kind kind)
{
    switch (kind) {
    case SUBJECT_CONTAINER:
    case SUBJECT_EXEC:
        return !store_containers(evaluator->store, NULL);
    case SUBJECT_IMAGE:
        return !store_images(evaluator->store, NULL);
    case SUBJECT_NETWORK:
        return !store_networks(evaluator->store, NULL);
    case SUBJECT_HOST:
    case SUBJECT_DAEMON:
    case SUBJECT_SWARM:
    case SUBJECT_FILE:
    case SUBJECT_KIND_COUNT:
        break;
    }
    return false;
}

enum verdict evaluator_rule_verdict(const struct evaluator *evaluator, const struct rule *rule,
                                    unsigned counts[VERDICT_COUNT])
{
    const struct tally *tally = &evaluator->tallies[rule->index];

    if (counts) {
        memcpy(counts, tally->counts, sizeof tally->counts);
        counts[VERDICT_NONE] = 0;
    }
    for (enum verdict worst = VERDICT_ERROR; worst != VERDICT_NONE; worst--)
        if (tally->counts[worst])
            return worst;
    return list_is_unknown(evaluator, rule->check->subject) ? VERDICT_ERROR : VERDICT_NOT_APPLICABLE;
}

unsigned evaluator_rule_waived(const struct evaluator *evaluator, const struct rule *rule)
{
    unsigned waived = 0;
    size_t at = 0;
    const char *key;
    void *value;

    if (!exceptions_waive(evaluator, rule))
        return 0;
    while (map_next(evaluator->subjects[rule->check->subject], &at, &key, &value)) {
        const struct pair *pair = subject_pair(value, rule);

        waived += pair && evaluator_waiver(evaluator, value, pair);
    }
    return waived;
}

const struct subject *evaluator_next_subject(const struct evaluator *evaluator, size_t *at)
{
    return subject_next(evaluator, at);
}

const struct subject *evaluator_find_subject(const struct evaluator *evaluator, enum subject_kind kind, const char *id)
{
    return map_get(evaluator->subjects[kind], id);
}

const struct store *evaluator_store(const struct evaluator *evaluator)
{
    return evaluator->store;
}

const struct rule_set *evaluator_rules(const struct evaluator *evaluator)
{
    return evaluator->rules;
}

const struct evaluator_counters *evaluator_counters(const struct evaluator *evaluator)
{
    return &evaluator->counters;
}
