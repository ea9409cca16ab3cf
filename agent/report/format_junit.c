/* JUnit's XML, as CI reads it: a suite for each section, a test for each finding, and for each rule that has none. A
 * failure that a waiver covers and what a person has to judge are skipped tests, with the reason. */
#include "agent/report/escape.h"
#include "agent/report/formats.h"
#include "agent/report/wording.h"

struct counts {
    unsigned tests, failures, errors, skipped;
};

static void count_one(struct counts *counts, enum verdict status, bool waived)
{
    counts->tests++;
    counts->failures += status == VERDICT_FAIL && !waived;
    counts->errors += status == VERDICT_ERROR;
    counts->skipped += waived || status == VERDICT_MANUAL || status == VERDICT_NOT_APPLICABLE;
}

/* SECTION NULL: of all. */
static struct counts count(const struct report *report, const char *section)
{
    struct counts counts = {0};

    for (size_t i = 0; i < report->rule_count; i++) {
        const struct report_rule *rule = &report->rules[i];

        if (section && !str_equal(rule->rule->section, section))
            continue;
        if (report_rule_is_bare(rule))
            count_one(&counts, rule->status, false);
        for (enum verdict v = VERDICT_NOT_APPLICABLE; v < VERDICT_COUNT; v++)
            for (unsigned k = 0; k < rule->counts[v]; k++)
                count_one(&counts, v, v == VERDICT_FAIL && k < rule->waived);
    }
    return counts;
}

static void write_counts(const struct counts *counts, struct str *out)
{
    str_printf(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"0\"", counts->tests,
               counts->failures, counts->errors, counts->skipped);
}

static void write_message(struct str *out, const char *element, const char *type, const char *message, const char *text)
{
    str_printf(out, "<%s type=\"%s\" message=\"", element, type);
    escape_markup(out, message);
    str_append(out, "\">");
    escape_markup_lines(out, text);
    str_printf(out, "</%s>", element);
}

static void write_skipped(struct str *out, const struct report *report, const struct report_finding *finding)
{
    scoped_str why = STR_INIT;
    char at[CLOCK_TEXT_SIZE];

    if (finding->waiver)
        str_printf(&why, "%s: %s — %s, %s %s", words(report->language, "waived"), finding->waiver->reason,
                   finding->waiver->by, words(report->language, "Until"),
                   finding->waiver->expires ? report_time(finding->waiver->expires, at)
                                            : words(report->language, "no end"));
    else
        str_printf(&why, "%s: %s", report_status_word(report, finding->status),
                   finding->evidence ? finding->evidence : "");
    str_append(out, "<skipped message=\"");
    escape_markup(out, str_text(&why));
    str_append(out, "\"/>");
}

static void write_test(const struct report *report, const struct report_rule *rule,
                       const struct report_finding *finding, struct str *out)
{
    str_append(out, "    <testcase classname=\"docker-bench-agent.");
    escape_markup(out, rule->rule->slug);
    str_append(out, "\" name=\"");
    escape_markup(out, report_rule_id(rule->rule));
    str_append_char(out, ' ');
    escape_markup(out, report_title(report, rule->rule));
    if (finding->name) {
        str_append(out, " [");
        escape_markup(out, finding->kind);
        str_append_char(out, ' ');
        escape_markup(out, finding->name);
        str_append_char(out, ']');
    }
    str_append(out, "\" time=\"0\">");
    if (finding->status == VERDICT_FAIL && !finding->waiver)
        write_message(out, "failure", severity_name(rule->rule->severity), finding->evidence, finding->remedy);
    else if (finding->status == VERDICT_ERROR)
        write_message(out, "error", "not-evaluated", finding->evidence, "");
    else if (finding->status != VERDICT_PASS)
        write_skipped(out, report, finding);
    str_append(out, "</testcase>\n");
}

struct writing {
    const struct report *report;
    struct report_out *out;
};

static bool write_finding(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;

    write_test(writing->report, rule, finding, &writing->out->text);
    return report_out_go_on(writing->out);
}

static bool write_section(const struct report *report, const struct report_section *section, struct report_out *out)
{
    struct writing writing = {report, out};
    struct counts counts = count(report, section->id);
    char at[CLOCK_TEXT_SIZE];
    bool go_on = true;

    if (!counts.tests)
        return true;
    str_append(&out->text, "  <testsuite name=\"");
    escape_markup(&out->text, section->id);
    str_append_char(&out->text, ' ');
    escape_markup(&out->text, section->title);
    str_append_char(&out->text, '"');
    write_counts(&counts, &out->text);
    clock_format(report->now, at);
    str_printf(&out->text, " timestamp=\"%.19s\" hostname=\"", at);
    escape_markup(&out->text, report->host);
    str_append(&out->text, "\">\n");
    for (size_t i = 0; go_on && i < report->rule_count; i++) {
        const struct report_rule *rule = &report->rules[i];

        if (!str_equal(rule->rule->section, section->id))
            continue;
        if (report_rule_is_bare(rule))
            write_test(report, rule, &(struct report_finding){.status = rule->status, .evidence = rule->why},
                       &out->text);
        go_on = report_each_finding(report, rule, write_finding, &writing);
    }
    str_append(&out->text, "  </testsuite>\n");
    return go_on;
}

void report_write_junit(const struct report *report, struct report_out *out)
{
    struct counts counts = count(report, NULL);
    bool go_on = true;

    str_append(&out->text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"docker-bench-agent\"");
    write_counts(&counts, &out->text);
    str_append(&out->text, ">\n");
    for (size_t i = 0; go_on && i < report->section_count; i++)
        go_on = write_section(report, &report->sections[i], out);
    str_append(&out->text, "</testsuites>\n");
}
