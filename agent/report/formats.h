/* The writers of the room's own: each appends the whole of REPORT to OUT, and stops when that has had enough. */
#ifndef AGENT_REPORT_FORMATS_H
#define AGENT_REPORT_FORMATS_H

#include "agent/report/report.h"

typedef void report_writer(const struct report *report, struct report_out *out);
report_writer report_write_text, report_write_json, report_write_csv, report_write_html, report_write_markdown,
    report_write_sarif, report_write_junit, report_write_hdf;

/* parts.c: calls EACH with each finding of RULE. False: it was false once, and the rest was not asked for. */
bool report_each_finding(const struct report *report, const struct report_rule *rule,
                         bool (*each)(const struct report_rule *rule, const struct report_finding *finding, void *user),
                         void *user);
/* Does RULE's own status say something that no finding of it does? */
bool report_rule_is_bare(const struct report_rule *rule);
const char *report_rule_id(const struct rule *rule); /* in the active benchmark, else its slug */
const char *report_title(const struct report *report, const struct rule *rule);

#endif
