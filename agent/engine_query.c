/* What the engine knows, for those who show it. */
#include "agent/engine_internal.h"

#include <string.h>

/* No subjects are known because nobody could tell which there are. */
static bool list_is_unknown(const struct engine *engine, enum subject_kind kind)
{
    switch (kind) {
    case SUBJECT_CONTAINER:
    case SUBJECT_EXEC:
        return !store_containers(engine->store, NULL);
    case SUBJECT_IMAGE:
        return !store_images(engine->store, NULL);
    case SUBJECT_NETWORK:
        return !store_networks(engine->store, NULL);
    case SUBJECT_HOST:
    case SUBJECT_DAEMON:
    case SUBJECT_SWARM:
    case SUBJECT_FILE:
    case SUBJECT_KIND_COUNT:
        break;
    }
    return false;
}

enum verdict engine_rule_verdict(const struct engine *engine, const struct rule *rule, unsigned counts[VERDICT_COUNT])
{
    enum verdict worst = VERDICT_NONE;
    size_t at = 0;
    const char *key;
    void *value;

    if (counts)
        memset(counts, 0, VERDICT_COUNT * sizeof *counts);
    while (map_next(engine->subjects[rule->check->subject], &at, &key, &value)) {
        const struct pair *pair = subject_pair(value, rule);

        if (!pair || pair->verdict == VERDICT_NONE)
            continue;
        if (counts)
            counts[pair->verdict]++;
        if (pair->verdict > worst)
            worst = pair->verdict;
    }
    if (worst != VERDICT_NONE)
        return worst;
    return list_is_unknown(engine, rule->check->subject) ? VERDICT_ERROR : VERDICT_NOT_APPLICABLE;
}

const struct subject *engine_next_subject(const struct engine *engine, size_t *at)
{
    return subject_next(engine, at);
}

const struct subject *engine_find_subject(const struct engine *engine, enum subject_kind kind, const char *id)
{
    return map_get(engine->subjects[kind], id);
}

const struct store *engine_store(const struct engine *engine)
{
    return engine->store;
}

const struct rule_set *engine_rules(const struct engine *engine)
{
    return engine->rules;
}

const struct engine_counters *engine_counters(const struct engine *engine)
{
    return &engine->counters;
}
