/* Matching findings, by rule first and then one by one. */
#include "agent/evaluator/finding_filter.h"

#include <errno.h>

#include "agent/model/subject_filter.h"

bool finding_filter_takes_rule(const struct finding_filter *filter, const struct rule *rule)
{
    return (!filter->rule || str_equal(filter->rule, rule->slug) || str_equal(filter->rule, rule->id)) &&
           (!filter->section || str_equal(filter->section, rule->section)) &&
           (!filter->severities || filter->severities & (1u << rule->severity)) &&
           (!filter->levels || filter->levels & (1u << rule->level));
}

bool finding_filter_takes(const struct finding_filter *filter, const struct evaluator *evaluator,
                          const struct subject *subject, const struct pair *pair)
{
    if (pair->verdict == VERDICT_NONE || (filter->statuses && !(filter->statuses & (1u << pair->verdict))))
        return false;
    if (filter->subject &&
        !subject_filter_matches(filter->subject, subject_kind_name(subject->kind), subject->id, subject->name))
        return false;
    if (filter->kind >= 0 && (int)subject->kind != filter->kind)
        return false;
    return filter->waived < 0 || (evaluator_waiver(evaluator, subject, pair) != NULL) == filter->waived;
}

/* Is SECTION one of those of the rules? Appends which there are to KNOWN; rules are in their order. */
static bool has_section(const struct rule_set *rules, const char *section, struct str *known)
{
    const char *last = NULL;
    bool found = false;

    for (size_t i = 0; i < rules->count; i++) {
        const char *own = rules->rules[i].section;

        if (str_empty(own) || str_equal(own, last))
            continue;
        str_printf(known, "%s%s", known->length ? ", " : "", own);
        found = found || str_equal(own, section);
        last = own;
    }
    return found;
}

int finding_filter_check(const struct rule_set *rules, const struct finding_filter *filter, struct error *error)
{
    scoped_str known = STR_INIT;

    if (filter->rule && !rule_set_find(rules, filter->rule)) {
        scoped_str hint = STR_INIT;

        message_add_nearest(&hint, rule_set_nearest(rules, filter->rule));
        return error_set(error, EINVAL, "unknown rule \"%s\"%s", filter->rule, str_text(&hint));
    }
    if (filter->section && !has_section(rules, filter->section, &known))
        return error_set(error, EINVAL, "unknown section \"%s\"; expected %s", filter->section, str_text(&known));
    return 0;
}
