/* How many pairs of each rule have which verdict: kept as they change, since whoever asks for the score or a rule's own
 * verdict asks often, and there may be hundreds of thousands of pairs. */
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"

void tally_pair(struct evaluator *evaluator, const struct pair *pair, int by)
{
    struct tally *tally = evaluator->tallies ? &evaluator->tallies[pair->rule->index] : NULL;

    if (tally)
        tally->counts[pair->verdict] += (unsigned)by;
}

void tally_count_all(struct evaluator *evaluator)
{
    free(evaluator->tallies);
    evaluator->tallies = mem_alloc((evaluator->rules->count + 1) * sizeof *evaluator->tallies);
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++) {
        size_t at = 0;
        const char *key;
        void *value;

        while (map_next(evaluator->subjects[kind], &at, &key, &value)) {
            const struct subject *subject = value;

            for (size_t i = 0; i < subject->pair_count; i++)
                tally_pair(evaluator, &subject->pairs[i], 1);
        }
    }
}

void evaluator_count(const struct evaluator *evaluator, unsigned ret[VERDICT_COUNT][SEVERITY_COUNT])
{
    memset(ret, 0, VERDICT_COUNT * sizeof *ret);
    for (size_t i = 0; i < evaluator->rules->count; i++)
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            ret[verdict][evaluator->rules->rules[i].severity] += evaluator->tallies[i].counts[verdict];
}
