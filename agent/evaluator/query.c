/* What the evaluator knows, for the API, reports and benchmarks. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

/* No subjects are known because what names them could not be read: which input that is, and its key. */
static bool names_are_unknown(const struct evaluator *evaluator, const struct rule *rule, enum input_kind *ret_kind,
                              const char **ret_key)
{
    *ret_kind = INPUT_FILES;
    *ret_key = NULL;
    switch (rule->check->subject) {
    case SUBJECT_CONTAINER:
    case SUBJECT_EXEC:
        *ret_kind = INPUT_CONTAINERS;
        break;
    case SUBJECT_IMAGE:
        *ret_kind = INPUT_IMAGES;
        break;
    case SUBJECT_NETWORK:
        *ret_kind = INPUT_NETWORKS;
        break;
    case SUBJECT_FILE:
        *ret_kind = INPUT_FILES;
        *ret_key = rule_file_source(rule);
        break;
    case SUBJECT_HOST:
    case SUBJECT_DAEMON:
    case SUBJECT_SWARM:
    case SUBJECT_KIND_COUNT:
        return false;
    }
    return !store_get(evaluator->store, *ret_kind, *ret_key, NULL);
}

/* Before everything was read once, what a rule reads may still be on its way; what an engine has that cannot be reached
 * is not. */
static bool reads_pending(const struct evaluator *evaluator, const struct rule *rule)
{
    bool unreachable = evaluator->reachable_known && !evaluator->reachable;

    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if ((rule->check->reads & INPUT_BIT(kind)) && evaluator->pending[kind] &&
            !(unreachable && input_types[kind].from_engine))
            return true;
    return false;
}

static enum verdict worst_of(const struct tally *tally)
{
    enum verdict worst = VERDICT_ERROR;

    while (worst != VERDICT_NONE && !tally->counts[worst])
        worst--;
    return worst;
}

static bool is_judged(const struct evaluator *evaluator, const struct rule *rule, enum verdict worst)
{
    const struct tally *tally = &evaluator->tallies[rule->index];

    if (worst == VERDICT_ERROR)
        return true;
    if (!evaluator->has_settled && reads_pending(evaluator, rule))
        return false;
    return worst != VERDICT_NONE || !tally->counts[VERDICT_NONE];
}

enum verdict evaluator_rule_verdict(const struct evaluator *evaluator, const struct rule *rule,
                                    unsigned counts[VERDICT_COUNT])
{
    const struct tally *tally = &evaluator->tallies[rule->index];
    enum verdict worst = worst_of(tally);
    enum input_kind kind;
    const char *key;

    if (counts) {
        memcpy(counts, tally->counts, sizeof tally->counts);
        counts[VERDICT_NONE] = 0;
    }
    if (!is_judged(evaluator, rule, worst) || names_are_unknown(evaluator, rule, &kind, &key))
        return VERDICT_ERROR;
    return worst == VERDICT_NONE ? VERDICT_NOT_APPLICABLE : worst;
}

bool evaluator_rule_why(const struct evaluator *evaluator, const struct rule *rule, struct str *ret_why)
{
    enum verdict worst = worst_of(&evaluator->tallies[rule->index]);
    const char *key, *why;
    enum input_kind kind;

    if (worst == VERDICT_ERROR)
        return false; /* its findings say why */
    if (names_are_unknown(evaluator, rule, &kind, &key)) {
        store_get(evaluator->store, kind, key, &why);
        if (store_is_failed(evaluator->store, kind, key)) {
            if (kind == INPUT_FILES)
                message_add(ret_why, "%s: %s", key ? key : input_types[kind].name, why);
            else
                message_add(ret_why, "the list of %s: %s", key ? key : input_types[kind].name, why);
            return true;
        }
        message_add(ret_why, "not judged yet");
        return true;
    }
    if (is_judged(evaluator, rule, worst))
        return false;
    message_add(ret_why, "not judged yet");
    return true;
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

bool evaluator_left_out(const struct evaluator *evaluator, const char **ret_id, const char **ret_name)
{
    const struct subject *subject =
        evaluator->left_out ? map_get(evaluator->subjects[SUBJECT_CONTAINER], evaluator->left_out) : NULL;

    if (!subject)
        return false;
    *ret_id = subject->id;
    *ret_name = subject->name;
    return true;
}

uint64_t evaluator_last_seq(const struct evaluator *evaluator)
{
    return evaluator->last_seq;
}

bool evaluator_is_complete(const struct evaluator *evaluator)
{
    return evaluator->has_settled && !evaluator->restored;
}
