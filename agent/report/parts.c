/* What the writers of all formats share. */
#include "agent/report/formats.h"

bool report_each_finding(const struct report *report, const struct report_rule *rule,
                         bool (*each)(const struct report_rule *rule, const struct report_finding *finding, void *user),
                         void *user)
{
    struct report_finding finding;

    for (size_t i = 0; i < rule->finding_count; i++) {
        report->finding(report, rule, i, &finding);
        if (!each(rule, &finding, user))
            return false;
    }
    return true;
}

bool report_rule_is_bare(const struct report_rule *rule)
{
    return rule->why || !rule->finding_count;
}

const char *report_rule_id(const struct rule *rule)
{
    return rule->id ? rule->id : rule->slug;
}

const char *report_title(const struct report *report, const struct rule *rule)
{
    return rule->title[report->language];
}
