/* The words of reports that depend on what is reported. */
#include "agent/report/wording.h"

#include <string.h>

const char *report_status_word(const struct report *report, enum verdict status)
{
    const char *name = status == VERDICT_NOT_APPLICABLE ? N_("not applicable") : verdict_name(status);

    return name ? words(report->language, name) : "-";
}

const char *report_severity_word(const struct report *report, enum severity severity)
{
    return words(report->language, severity_name(severity));
}

const char *report_kind_word(const struct report *report, const char *kind)
{
    return kind ? words(report->language, kind) : "-";
}

void report_score_words(const struct report *report, struct str *out)
{
    str_printf(out, words(report->language, "%u of %u scored rules pass"), report->score.passed, report->score.counted);
}

void report_unwaived_words(const struct report *report, struct str *out)
{
    str_printf(out, words(report->language, "without waivers %.0f (%u of %u)"), report->score.without_waivers,
               report->score.passed_unwaived, report->score.counted);
}

void report_scan_words(const struct report *report, struct str *out)
{
    str_printf(out, words(report->language, "%zu subjects in %lld ms"), report->scan_subjects,
               (long long)report->scan_ms);
}

const char *report_score_how(const struct report *report)
{
    return words(report->language,
                 "The score is the share of the scored rules that pass, of those that pass or fail, each rule counting "
                 "the same. A rule passes when every subject does; one whose every failure is waived counts as passed. "
                 "Rules that are not scored, not applicable, could not be evaluated, or need a person's judgement do "
                 "not count.");
}

const char *report_time(usec_t at, char *buffer)
{
    static const char zone[] = " UTC";
    enum { MINUTES = 16 };

    clock_format(at, buffer);
    buffer[10] = ' ';
    memcpy(buffer + MINUTES, zone, sizeof zone);
    return buffer;
}
