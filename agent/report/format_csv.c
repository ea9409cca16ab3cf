/* A report for tables: a line for each finding, and for each rule that has none. */
#include "agent/report/controls.h"
#include "agent/report/escape.h"
#include "agent/report/formats.h"

static const char *const columns[] = {
    "rule",    "slug",      "section", "title",        "severity",    "level",          "scored",
    "status",  "kind",      "subject", "subject_id",   "evidence",    "remedy",         "since",
    "checked", "waived_by", "waived",  "waived_until", "attested_by", "attested_until", "cis_controls",
    "nist",    "uid",       "host",    "engine",       "created",
};

static void add(struct str *line, const char *value)
{
    if (line->length)
        str_append_char(line, ',');
    escape_csv(line, value);
}

static void add_time(struct str *line, usec_t at)
{
    char text[CLOCK_TEXT_SIZE];

    add(line, at ? clock_format(at, text) : "");
}

static void add_list(struct str *line, const struct string_list *list)
{
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < list->count; i++)
        str_printf(&text, "%s%s", i ? " " : "", list->items[i]);
    add(line, str_text(&text));
}

static void add_rule(const struct report *report, const struct rule *rule, struct str *line)
{
    add(line, report_rule_id(rule));
    add(line, rule->slug);
    add(line, rule->section);
    add(line, report_title(report, rule));
    add(line, severity_name(rule->severity));
    add(line, rule->level == 2 ? "2" : "1");
    add(line, rule->scored ? "true" : "false");
}

static void write_line(const struct report *report, const struct report_rule *rule,
                       const struct report_finding *finding, struct report_out *out)
{
    scoped_str line = STR_INIT;
    const struct waiver *waiver = finding->waiver;
    const struct attestation *attestation = finding->attestation;

    add_rule(report, rule->rule, &line);
    add(&line, verdict_name(finding->status));
    add(&line, finding->kind);
    add(&line, finding->name);
    add(&line, finding->id);
    add(&line, finding->evidence);
    add(&line, finding->remedy);
    add_time(&line, finding->since);
    add_time(&line, finding->checked);
    add(&line, waiver ? waiver->by : "");
    add(&line, waiver ? waiver->reason : "");
    add_time(&line, waiver ? waiver->expires : 0);
    add(&line, attestation ? attestation->by : "");
    add_time(&line, attestation ? attestation->expires : 0);
    add_list(&line, &rule->rule->cis_controls);
    add_list(&line, &rule->rule->nist_controls);
    add(&line, finding->uid);
    add(&line, report->host);
    add(&line, report->engine_address);
    add_time(&line, report->now);
    str_append_n(&out->text, line.data, line.length);
    str_append(&out->text, "\r\n");
}

struct writing {
    const struct report *report;
    struct report_out *out;
};

static bool write_finding(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;

    write_line(writing->report, rule, finding, writing->out);
    return report_out_go_on(writing->out);
}

void report_write_csv(const struct report *report, struct report_out *out)
{
    struct writing writing = {report, out};
    scoped_str head = STR_INIT;
    bool go_on = true;

    for (size_t i = 0; i < countof(columns); i++)
        add(&head, columns[i]);
    str_printf(&out->text, "%s\r\n", str_text(&head));
    for (size_t i = 0; go_on && i < report->rule_count; i++) {
        const struct report_rule *rule = &report->rules[i];

        if (report_rule_is_bare(rule))
            write_line(report, rule, &(struct report_finding){.status = rule->status, .evidence = rule->why}, out);
        go_on = report_each_finding(report, rule, write_finding, &writing);
    }
}
