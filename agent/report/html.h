/* What the files that write HTML share: format_html.c (the page), html_summary.c (its head), html_rules.c (rules and
 * findings), html_style.c. */
#ifndef AGENT_REPORT_HTML_H
#define AGENT_REPORT_HTML_H

#include "agent/report/escape.h"
#include "agent/report/wording.h"

extern const char html_style[]; /* the whole of the style sheet */

/* html_summary.c */
void html_write_head(const struct report *report, struct str *out);    /* what it is of, and the score */
void html_write_summary(const struct report *report, struct str *out); /* counts, and a bar for each section */

/* html_rules.c. Rules with findings of one class, worst first; false: OUT has had enough. The classes are in the order
 * that a rule's findings have; what passes or does not apply without anybody's word is in none. */
enum html_class { HTML_FAILED, HTML_ERRORS, HTML_MANUAL, HTML_WAIVED, HTML_ATTESTED };
unsigned html_count(const struct report_rule *rule, enum html_class class); /* of its findings */
bool html_write_rules(const struct report *report, enum html_class class, struct report_out *out);
/* The rules whose own status is STATUS, folded. */
void html_write_quiet_rules(const struct report *report, enum verdict status, const char *title, struct str *out);

/* Appends WORD, which is the report's own. */
void html_word(struct str *out, const struct report *report, const char *word);

#endif
