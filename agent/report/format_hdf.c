/* The Heimdall Data Format: what InSpec's "json" reporter writes (ExecJSON), a control for each rule, a result for each
 * of its findings. Impact 0.0 is what does not apply. */
#include <stdio.h>

#include "agent/report/escape.h"
#include "agent/report/formats.h"
#include "agent/report/wording.h"

static double impact_of(const struct report_rule *rule)
{
    static const double impacts[SEVERITY_COUNT] = {0.3, 0.5, 0.7, 0.9};

    return rule->status == VERDICT_NOT_APPLICABLE ? 0.0 : impacts[rule->rule->severity];
}

static void write_description(struct json_out *json, const char *label, const char *text)
{
    if (str_empty(text))
        return;
    json_out_object(json, NULL);
    json_out_string(json, "label", label);
    json_out_string(json, "data", text);
    json_out_end_object(json);
}

static void write_list(struct json_out *json, const char *key, const struct string_list *list)
{
    json_out_array(json, key);
    for (size_t i = 0; i < list->count; i++)
        json_out_string(json, NULL, list->items[i]);
    json_out_end_array(json);
}

static void write_tags(const struct rule *rule, struct json_out *json)
{
    json_out_object(json, "tags");
    write_list(json, "nist", &rule->nist_controls);
    write_list(json, "cis_controls", &rule->cis_controls);
    json_out_string(json, "severity", severity_name(rule->severity));
    json_out_int(json, "level", rule->level);
    json_out_bool(json, "scored", rule->scored);
    for (size_t i = 0; i < rule->id_count; i++)
        json_out_string(json, rule->ids[i].benchmark, rule->ids[i].id);
    json_out_end_object(json);
}

static void write_refs(const struct rule *rule, struct json_out *json)
{
    json_out_array(json, "refs");
    for (size_t i = 0; i < rule->references.count; i++) {
        const char *reference = rule->references.items[i];

        json_out_object(json, NULL);
        json_out_string(json, str_starts(reference, "https://") ? "url" : "ref", reference);
        json_out_end_object(json);
    }
    json_out_end_array(json);
}

/* Every failure is accepted: the control is. */
static bool is_waived(const struct report_rule *rule)
{
    return rule->waived && rule->waived == rule->counts[VERDICT_FAIL];
}

/* The waiver of the first finding that has one speaks for the control; each result names its own. */
static void write_waiver(const struct report *report, const struct report_rule *rule, struct json_out *json)
{
    struct report_finding finding;
    size_t i = 0;

    json_out_object(json, "waiver_data");
    if (is_waived(rule)) {
        do
            report->finding(report, rule, i++, &finding);
        while (!finding.waiver && i < rule->finding_count);
        if (finding.waiver) {
            scoped_str why = STR_INIT;

            escape_plain(&why, finding.waiver->reason);
            str_append(&why, " (");
            escape_plain(&why, finding.waiver->by);
            str_append_char(&why, ')');
            json_out_string(json, "justification", str_text(&why));
            json_out_bool(json, "run", true);
            json_out_bool(json, "skipped_due_to_waiver", false);
            json_out_string(json, "message", "");
            if (finding.waiver->expires)
                json_out_time(json, "expiration_date", finding.waiver->expires);
        }
    }
    json_out_end_object(json);
}

static void write_text(struct json_out *json, const char *key, const char *text)
{
    scoped_str safe = STR_INIT;

    escape_plain(&safe, text);
    json_out_string(json, key, str_text(&safe));
}

static const char *status_of(const struct report_finding *finding)
{
    return finding->waiver                    ? "skipped"
           : finding->status == VERDICT_PASS  ? "passed"
           : finding->status == VERDICT_FAIL  ? "failed"
           : finding->status == VERDICT_ERROR ? "error"
                                              : "skipped";
}

static void write_result(const struct report *report, const struct report_finding *finding, struct json_out *json)
{
    scoped(cleanup_free) char *subject =
        finding->name ? mem_printf("%s %s", finding->kind, finding->name) : mem_strdup("rule");
    char at[CLOCK_TEXT_SIZE];

    json_out_object(json, NULL);
    json_out_string(json, "status", status_of(finding));
    write_text(json, "code_desc", subject);
    json_out_double(json, "run_time", 0);
    json_out_string(json, "start_time", clock_format(finding->checked ? finding->checked : report->now, at));
    if (finding->waiver) {
        scoped(cleanup_free) char *why = mem_printf("%s: %s — %s; %s", words(report->language, "waived"),
                                                    finding->waiver->reason, finding->waiver->by, finding->evidence);

        write_text(json, "skip_message", why);
    } else if (status_of(finding)[0] == 's') {
        write_text(json, "skip_message",
                   str_empty(finding->evidence) ? report_status_word(report, finding->status) : finding->evidence);
    } else {
        write_text(json, "message", finding->evidence);
    }
    json_out_end_object(json);
}

struct writing {
    const struct report *report;
    struct report_out *out;
    struct json_out *json;
};

static bool write_finding(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;

    (void)rule;
    write_result(writing->report, finding, writing->json);
    json_out_drain(writing->json, &writing->out->text);
    return report_out_go_on(writing->out);
}

static bool write_control(struct writing *writing, const struct report_rule *rule)
{
    const struct report *report = writing->report;
    struct json_out *json = writing->json;
    bool go_on;

    json_out_object(json, NULL);
    json_out_string(json, "id", report_rule_id(rule->rule));
    json_out_string(json, "title", report_title(report, rule->rule));
    json_out_string(json, "desc", rule->rule->why[report->language]);
    json_out_array(json, "descriptions");
    write_description(json, "fix", rule->remedy);
    write_description(json, "impact", rule->rule->impact[report->language]);
    json_out_end_array(json);
    json_out_double(json, "impact", impact_of(rule));
    write_refs(rule->rule, json);
    write_tags(rule->rule, json);
    json_out_string(json, "code", "");
    json_out_object(json, "source_location");
    json_out_string(json, "ref", rule->rule->slug);
    json_out_int(json, "line", 1);
    json_out_end_object(json);
    write_waiver(report, rule, json);
    json_out_array(json, "results");
    if (report_rule_is_bare(rule))
        write_result(report, &(struct report_finding){.status = rule->status, .evidence = rule->why}, json);
    go_on = report_each_finding(report, rule, write_finding, writing);
    json_out_end_array(json);
    json_out_end_object(json);
    return go_on;
}

static void write_groups(const struct report *report, struct json_out *json)
{
    json_out_array(json, "groups");
    for (size_t s = 0; s < report->section_count; s++) {
        json_out_object(json, NULL);
        json_out_string(json, "id", report->sections[s].id);
        json_out_string(json, "title", report->sections[s].title);
        json_out_array(json, "controls");
        for (size_t i = 0; i < report->rule_count; i++)
            if (str_equal(report->rules[i].rule->section, report->sections[s].id))
                json_out_string(json, NULL, report_rule_id(report->rules[i].rule));
        json_out_end_array(json);
        json_out_end_object(json);
    }
    json_out_end_array(json);
}

void report_write_hdf(const struct report *report, struct report_out *out)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);
    struct writing writing = {report, out, json};
    bool go_on = true;

    json_out_object(json, NULL);
    json_out_object(json, "platform");
    json_out_string(json, "name", "docker");
    json_out_string(json, "release", report->engine_version ? report->engine_version : "unknown");
    json_out_string(json, "target_id", str_empty(report->host) ? report->engine_address : report->host);
    json_out_end_object(json);
    json_out_string(json, "version", report->version);
    json_out_object(json, "statistics");
    json_out_double(json, "duration", report->scan_ms >= 0 ? (double)report->scan_ms / 1000 : 0);
    json_out_end_object(json);
    json_out_array(json, "profiles");
    json_out_object(json, NULL);
    json_out_string(json, "name", report->benchmark);
    json_out_string(json, "title", report->benchmark_title);
    json_out_string(json, "version", report->version);
    json_out_string(json, "summary", report->selection ? report->selection : report->benchmark_title);
    json_out_string(json, "sha256", "");
    json_out_array(json, "supports");
    json_out_end_array(json);
    json_out_array(json, "attributes");
    json_out_end_array(json);
    write_groups(report, json);
    json_out_array(json, "controls");
    for (size_t i = 0; go_on && i < report->rule_count; i++)
        go_on = write_control(&writing, &report->rules[i]);
    json_out_end_array(json);
    json_out_string(json, "status", "loaded");
    json_out_end_object(json);
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_drain(json, &out->text);
    str_append_char(&out->text, '\n');
}
