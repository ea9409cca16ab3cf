/* The score of what is known just now. */
#include "agent/evaluator/score.h"

static double percent(unsigned part, unsigned whole)
{
    return whole ? 100.0 * part / whole : 0;
}

void evaluator_score(const struct evaluator *evaluator, struct score *ret)
{
    const struct rule_set *rules = evaluator_rules(evaluator);

    *ret = (struct score){0};
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];
        unsigned counts[VERDICT_COUNT], waived;
        enum verdict verdict;

        if (!rule->enabled)
            continue;
        verdict = evaluator_rule_verdict(evaluator, rule, counts);
        waived = evaluator_rule_waived(evaluator, rule);
        ret->counts[verdict]++;
        ret->waived += waived;
        if (!rule->scored || (verdict != VERDICT_PASS && verdict != VERDICT_FAIL))
            continue;
        ret->counted++;
        ret->passed += verdict == VERDICT_PASS || counts[VERDICT_FAIL] == waived;
        ret->passed_unwaived += verdict == VERDICT_PASS;
    }
    ret->value = percent(ret->passed, ret->counted);
    ret->without_waivers = percent(ret->passed_unwaived, ret->counted);
}
