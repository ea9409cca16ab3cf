/* A report for a terminal: rules by section, below each what of it does not pass. */
#include <string.h>

#include "agent/report/formats.h"
#include "agent/report/wording.h"
#include "common/text.h"

enum { NAME_MAX_BYTES = 128, TEXT_MAX = 1024 };

static void add(struct str *out, const char *text, size_t limit)
{
    text_escape(out, text ? text : "-", strlen(text ? text : "-"), limit);
}

static void write_head(const struct report *report, struct str *out)
{
    str_printf(out, "docker-bench-agent %s, benchmark %s\nengine ", report->version, report->benchmark);
    add(out, report->engine_address, 0);
    if (report->engine_why) {
        str_append(out, ": ");
        add(out, report->engine_why, 0);
    } else {
        str_append(out, ", version ");
        add(out, report->engine_version ? report->engine_version : "unknown", 64);
    }
    if (report->selection) {
        str_append(out, "\nonly ");
        add(out, report->selection, 0);
    }
    if (report->is_new_only)
        str_printf(out, "\n%s", words(report->language, "only what is new since the baseline"));
    str_append_char(out, '\n');
}

struct writing {
    const struct report *report;
    struct report_out *out;
};

static bool write_finding(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;
    struct str *out = &writing->out->text;

    (void)rule;
    if (finding->status < VERDICT_MANUAL)
        return false; /* those that follow are no worse */
    str_printf(out, "         %-12s ", report_status_word(writing->report, finding->status));
    add(out, finding->name, NAME_MAX_BYTES);
    str_append(out, ": ");
    add(out, finding->evidence, TEXT_MAX);
    if (finding->waiver)
        str_printf(out, " (%s)", words(writing->report->language, "waived"));
    str_append_char(out, '\n');
    return report_out_go_on(writing->out);
}

static void write_section(const struct report *report, const char *id, struct str *out)
{
    for (size_t i = 0; i < report->section_count; i++)
        if (str_equal(report->sections[i].id, id))
            str_printf(out, "\n%s  %s\n", id, report->sections[i].title);
}

static void write_score(const struct report *report, struct str *out)
{
    const struct score *score = &report->score;

    str_printf(out,
               "\nscore %.1f over %u scored rules; rules: %u pass, %u fail, %u manual, %u not applicable, %u error\n",
               score->value, score->counted, score->counts[VERDICT_PASS], score->counts[VERDICT_FAIL],
               score->counts[VERDICT_MANUAL], score->counts[VERDICT_NOT_APPLICABLE], score->counts[VERDICT_ERROR]);
    if (score->waived) {
        report_unwaived_words(report, out);
        str_append_char(out, '\n');
    }
}

void report_write_text(const struct report *report, struct report_out *out)
{
    struct writing writing = {report, out};
    const char *section = NULL;

    write_head(report, &out->text);
    for (size_t i = 0; i < report->rule_count && !out->error.number; i++) {
        const struct report_rule *rule = &report->rules[i];

        if (!str_equal(section, rule->rule->section)) {
            section = rule->rule->section;
            write_section(report, section, &out->text);
        }
        str_printf(&out->text, "%-6s %-9s %-14s ", rule->rule->id ? rule->rule->id : "-",
                   severity_name(rule->rule->severity), verdict_name(rule->status));
        add(&out->text, report_title(report, rule->rule), 0);
        str_append_char(&out->text, '\n');
        if (rule->why) {
            str_append(&out->text, "         ");
            add(&out->text, rule->why, TEXT_MAX);
            str_append_char(&out->text, '\n');
        }
        (void)report_each_finding(report, rule, write_finding, &writing);
    }
    write_score(report, &out->text);
}
