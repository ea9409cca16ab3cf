/* How a report names things, in its language: statuses, severities, kinds, times, and sentences with numbers. */
#ifndef AGENT_REPORT_WORDING_H
#define AGENT_REPORT_WORDING_H

#include "agent/report/report.h"
#include "agent/words/words.h"

const char *report_status_word(const struct report *report, enum verdict status);
const char *report_severity_word(const struct report *report, enum severity severity);
const char *report_kind_word(const struct report *report, const char *kind);
/* How the score came about: how many rules pass, and what it would be without waivers. */
void report_score_words(const struct report *report, struct str *out);
void report_unwaived_words(const struct report *report, struct str *out);
void report_scan_words(const struct report *report, struct str *out); /* the size of the last full scan */
const char *report_score_how(const struct report *report);            /* how every score is counted */
/* "2026-11-24 09:30 UTC". BUFFER holds CLOCK_TEXT_SIZE bytes; returns it. */
const char *report_time(usec_t at, char *buffer);

#endif
