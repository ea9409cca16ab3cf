/* A report for a comment on a change: short tables, as GitHub shows them. What passes is only counted. */
#include "agent/report/controls.h"
#include "agent/report/escape.h"
#include "agent/report/formats.h"
#include "agent/report/wording.h"

static const enum verdict shown[] = {VERDICT_FAIL, VERDICT_ERROR, VERDICT_MANUAL, VERDICT_PASS, VERDICT_NOT_APPLICABLE};

/* Names and evidence stand in <code>: nobody is mentioned and nothing is linked there. */
static void add_code(struct str *out, const char *text)
{
    str_append(out, "<code>");
    escape_markdown(out, text);
    str_append(out, "</code>");
}

static void write_line(struct str *out, const struct report *report, const char *name, const char *value)
{
    if (str_empty(value))
        return;
    str_printf(out, "| %s | ", words(report->language, name));
    escape_markdown(out, value);
    str_append(out, " |\n");
}

static void write_head(const struct report *report, struct str *out)
{
    scoped_str score = STR_INIT;
    char at[CLOCK_TEXT_SIZE];

    str_printf(out, "# %s\n\n| | |\n|---|---|\n", words(report->language, "Docker security report"));
    if (report->score.counted) {
        str_printf(&score, "%.0f/100; ", report->score.value);
        report_score_words(report, &score);
        str_append(&score, "; ");
        report_unwaived_words(report, &score);
    } else {
        str_append(&score, words(report->language, "no scored rule passes or fails"));
    }
    write_line(out, report, N_("Score"), score.data);
    write_line(out, report, N_("Host"), report->host);
    str_printf(out, "| %s | ", words(report->language, "Engine"));
    escape_markdown(out, report->engine_version ? report->engine_version : "-");
    str_append_char(out, ' ');
    add_code(out, report->engine_address);
    str_append(out, " |\n");
    write_line(out, report, N_("not connected"), report->engine_why);
    write_line(out, report, N_("Benchmark"), report->benchmark_title);
    write_line(out, report, N_("Selection"), report->selection);
    if (report->is_new_only)
        write_line(out, report, N_("findings"), words(report->language, "only what is new since the baseline"));
    write_line(out, report, N_("Created"), report_time(report->now, at));
    write_line(out, report, N_("Agent"), report->version);
}

static void write_sections(const struct report *report, struct str *out)
{
    str_printf(out, "\n## %s\n\n| |", words(report->language, "Sections"));
    for (size_t i = 0; i < countof(shown); i++)
        str_printf(out, " %s |", report_status_word(report, shown[i]));
    str_append(out, "\n|---|--:|--:|--:|--:|--:|\n");
    for (size_t s = 0; s < report->section_count; s++) {
        str_append(out, "| ");
        escape_markdown(out, report->sections[s].id);
        str_append_char(out, ' ');
        escape_markdown(out, report->sections[s].title);
        str_append(out, " |");
        for (size_t i = 0; i < countof(shown); i++)
            str_printf(out, " %u |", report->sections[s].counts[shown[i]]);
        str_append(out, "\n");
    }
}

struct writing {
    const struct report *report;
    struct report_out *out;
    enum verdict status;
    bool waived;
};

static bool write_finding(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;
    struct str *out = &writing->out->text;

    if (finding->status != writing->status || (finding->waiver != NULL) != writing->waived)
        return true;
    str_append(out, "| ");
    escape_markdown(out, report_rule_id(rule->rule));
    str_printf(out, " | %s | ", report_severity_word(writing->report, rule->rule->severity));
    escape_markdown(out, report_title(writing->report, rule->rule));
    str_append(out, " | ");
    escape_markdown(out, report_kind_word(writing->report, finding->kind));
    str_append_char(out, ' ');
    add_code(out, finding->name);
    str_append(out, " | ");
    add_code(out, finding->evidence);
    if (finding->waiver) {
        str_append(out, "<br>");
        escape_markdown(out, finding->waiver->reason);
        str_append(out, " — ");
        escape_markdown(out, finding->waiver->by);
    }
    str_append(out, " |\n");
    return report_out_go_on(writing->out);
}

static bool write_rule_reason(const struct report *report, const struct report_rule *rule, struct str *out)
{
    str_append(out, "| ");
    escape_markdown(out, report_rule_id(rule->rule));
    str_printf(out, " | %s | ", report_severity_word(report, rule->rule->severity));
    escape_markdown(out, report_title(report, rule->rule));
    str_append(out, " | | ");
    add_code(out, rule->why);
    str_append(out, " |\n");
    return true;
}

static size_t count_of(const struct writing *writing)
{
    size_t count = 0;

    for (size_t i = 0; i < writing->report->rule_count; i++) {
        const struct report_rule *rule = &writing->report->rules[i];

        if (writing->waived)
            count += rule->waived;
        else
            count += rule->counts[writing->status] - (writing->status == VERDICT_FAIL ? rule->waived : 0) +
                     (writing->status == VERDICT_ERROR && rule->why);
    }
    return count;
}

static bool write_table(struct writing *writing, const char *title)
{
    const struct report *report = writing->report;
    struct str *out = &writing->out->text;
    size_t count = count_of(writing);
    bool go_on = true;

    if (!count)
        return true;
    str_printf(out, "\n## %s (%zu)\n\n| %s | %s | | %s | %s |\n|---|---|---|---|---|\n", words(report->language, title),
               count, words(report->language, "Rule"), words(report->language, "Severity"),
               words(report->language, "Subject"), words(report->language, "Evidence"));
    for (unsigned s = SEVERITY_COUNT; s-- > 0;)
        for (size_t i = 0; go_on && i < report->rule_count; i++) {
            const struct report_rule *rule = &report->rules[i];

            if (rule->rule->severity != (enum severity)s)
                continue;
            if (writing->status == VERDICT_ERROR && rule->why)
                write_rule_reason(report, rule, out);
            go_on = report_each_finding(report, rule, write_finding, writing);
        }
    return go_on;
}

static void write_exceptions(const struct report *report, struct str *out)
{
    char at[CLOCK_TEXT_SIZE];

    if (!report->exception_count)
        return;
    str_printf(out, "\n## %s\n\n| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n",
               words(report->language, "Waivers and attestations"), words(report->language, "Rule"),
               words(report->language, "Subject"), words(report->language, "Reason"), words(report->language, "By"),
               words(report->language, "Until"));
    for (size_t i = 0; i < report->exception_count; i++) {
        const struct report_exception *exception = &report->exceptions[i];

        str_append(out, "| ");
        escape_markdown(out, exception->rule);
        str_append(out, " | ");
        add_code(out, exception->subject);
        str_append(out, " | ");
        if (exception->status != VERDICT_NONE)
            str_printf(out, "%s: ", report_status_word(report, exception->status));
        escape_markdown(out, exception->reason);
        str_append(out, " | ");
        escape_markdown(out, exception->by);
        str_printf(out, " | %s%s |\n",
                   exception->expires ? report_time(exception->expires, at) : words(report->language, "no end"),
                   exception->expired ? words(report->language, "expired") : "");
    }
}

void report_write_markdown(const struct report *report, struct report_out *out)
{
    static const struct {
        enum verdict status;
        bool waived;
        const char *title;
    } tables[] = {{VERDICT_FAIL, false, N_("Failed")},
                  {VERDICT_ERROR, false, N_("Could not be evaluated")},
                  {VERDICT_MANUAL, false, N_("For a person to judge")},
                  {VERDICT_FAIL, true, N_("waived")}};
    bool go_on = true;

    write_head(report, &out->text);
    write_sections(report, &out->text);
    for (size_t i = 0; go_on && i < countof(tables); i++) {
        struct writing writing = {report, out, tables[i].status, tables[i].waived};

        go_on = write_table(&writing, tables[i].title);
    }
    if (!go_on)
        return;
    write_exceptions(report, &out->text);
    str_printf(&out->text, "\n%s\n", report_score_how(report));
}
