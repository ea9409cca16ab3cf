/* A report for programs: all that the model has, with findings as /v1/findings has them. */
#include "agent/report/formats.h"

static void write_score(const struct report *report, struct json_out *json)
{
    const struct score *score = &report->score;

    json_out_object(json, "score");
    if (score->counted) {
        json_out_double(json, "value", score->value);
        json_out_double(json, "without_waivers", score->without_waivers);
    } else {
        json_out_null(json, "value");
        json_out_null(json, "without_waivers");
    }
    json_out_int(json, "passed", score->passed);
    json_out_int(json, "passed_without_waivers", score->passed_unwaived);
    json_out_int(json, "counted", score->counted);
    json_out_end_object(json);
}

static void write_counts(struct json_out *json, const char *key, const unsigned counts[VERDICT_COUNT])
{
    json_out_object(json, key);
    for (enum verdict v = VERDICT_NOT_APPLICABLE; v < VERDICT_COUNT; v++)
        json_out_int(json, verdict_name(v), counts[v]);
    json_out_end_object(json);
}

static void write_totals(const struct report *report, struct json_out *json)
{
    json_out_object(json, "findings_by_severity");
    for (enum severity s = SEVERITY_LOW; s < SEVERITY_COUNT; s++) {
        json_out_object(json, severity_name(s));
        for (enum verdict v = VERDICT_NOT_APPLICABLE; v < VERDICT_COUNT; v++)
            json_out_int(json, verdict_name(v), report->findings[v][s]);
        json_out_int(json, "waived", report->waived[s]);
        json_out_end_object(json);
    }
    json_out_end_object(json);
}

static void write_engine(const struct report *report, struct json_out *json)
{
    json_out_object(json, "engine");
    json_out_string(json, "host", report->engine_address);
    json_out_string(json, "id", report->engine_id);
    json_out_string(json, "version", report->engine_version);
    json_out_string(json, "api_version", report->api_version);
    json_out_bool(json, "connected", !report->engine_why);
    json_out_string(json, "why", report->engine_why);
    json_out_end_object(json);
}

static void write_head(const struct report *report, struct json_out *json)
{
    json_out_object(json, "report");
    json_out_time(json, "created", report->now);
    json_out_string(json, "language", report->language == LANGUAGE_ZH ? "zh" : "en");
    json_out_string(json, "agent_version", report->version);
    json_out_string(json, "host", report->host);
    json_out_string(json, "machine", report->machine);
    write_engine(report, json);
    json_out_object(json, "benchmark");
    json_out_string(json, "name", report->benchmark);
    json_out_string(json, "title", report->benchmark_title);
    json_out_end_object(json);
    json_out_string(json, "selection", report->selection);
    json_out_bool(json, "new_only", report->is_new_only);
    json_out_object(json, "scan");
    json_out_time(json, "started", report->scan_started);
    if (report->scan_ms >= 0)
        json_out_int(json, "duration_ms", report->scan_ms);
    else
        json_out_null(json, "duration_ms");
    json_out_int(json, "subjects", (int64_t)report->scan_subjects);
    json_out_end_object(json);
    write_score(report, json);
    write_totals(report, json);
    json_out_end_object(json);
}

static void write_sections(const struct report *report, struct json_out *json)
{
    json_out_array(json, "sections");
    for (size_t i = 0; i < report->section_count; i++) {
        json_out_object(json, NULL);
        json_out_string(json, "id", report->sections[i].id);
        json_out_string(json, "title", report->sections[i].title);
        write_counts(json, "rules", report->sections[i].counts);
        json_out_end_object(json);
    }
    json_out_end_array(json);
}

static void write_list(struct json_out *json, const char *key, const struct string_list *list)
{
    json_out_array(json, key);
    for (size_t i = 0; i < list->count; i++)
        json_out_string(json, NULL, list->items[i]);
    json_out_end_array(json);
}

static void write_rule(const struct report *report, const struct report_rule *rule, struct json_out *json)
{
    json_out_object(json, NULL);
    json_out_string(json, "rule", report_rule_id(rule->rule));
    json_out_string(json, "slug", rule->rule->slug);
    json_out_string(json, "title", report_title(report, rule->rule));
    json_out_string(json, "section", rule->rule->section);
    json_out_string(json, "severity", severity_name(rule->rule->severity));
    json_out_int(json, "level", rule->rule->level);
    json_out_bool(json, "scored", rule->rule->scored);
    json_out_string(json, "status", verdict_name(rule->status));
    json_out_string(json, "reason", rule->why);
    write_counts(json, "counts", rule->counts);
    json_out_int(json, "waived", rule->waived);
    json_out_object(json, "controls");
    write_list(json, "cis_v8", &rule->rule->cis_controls);
    write_list(json, "nist_800_53", &rule->rule->nist_controls);
    json_out_end_object(json);
    json_out_string(json, "why", rule->rule->why[report->language]);
    json_out_string(json, "remedy", rule->remedy);
    json_out_end_object(json);
}

static void write_exceptions(const struct report *report, bool attestations, struct json_out *json)
{
    json_out_array(json, attestations ? "attestations" : "waivers");
    for (size_t i = 0; i < report->exception_count; i++) {
        const struct report_exception *exception = &report->exceptions[i];

        if ((exception->status != VERDICT_NONE) != attestations)
            continue;
        json_out_object(json, NULL);
        json_out_string(json, "rule", exception->rule);
        json_out_string(json, "subject", exception->subject);
        if (attestations)
            json_out_string(json, "status", verdict_name(exception->status));
        json_out_string(json, attestations ? "evidence" : "reason", exception->reason);
        json_out_string(json, "by", exception->by);
        json_out_time(json, "expires", exception->expires);
        json_out_bool(json, "expired", exception->expired);
        json_out_int(json, "matches", (int64_t)exception->matches);
        json_out_end_object(json);
    }
    json_out_end_array(json);
}

static void write_excluded(const struct report *report, struct json_out *json)
{
    json_out_array(json, "excluded");
    for (size_t i = 0; i < report->excluded_count; i++) {
        json_out_object(json, NULL);
        json_out_string(json, "kind", report->excluded[i].kind);
        json_out_string(json, "id", report->excluded[i].id);
        json_out_string(json, "name", report->excluded[i].name);
        json_out_string(json, "reason", report->excluded[i].reason);
        json_out_end_object(json);
    }
    json_out_end_array(json);
}

struct writing {
    struct report_out *out;
    struct json_out *json;
};

static bool write_finding(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;

    (void)rule;
    json_out_raw(writing->json, NULL, finding->json);
    json_out_drain(writing->json, &writing->out->text);
    return report_out_go_on(writing->out);
}

void report_write_json(const struct report *report, struct report_out *out)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);
    struct writing writing = {out, json};
    bool go_on = true;

    json_out_object(json, NULL);
    write_head(report, json);
    write_sections(report, json);
    json_out_array(json, "rules");
    for (size_t i = 0; i < report->rule_count; i++)
        write_rule(report, &report->rules[i], json);
    json_out_end_array(json);
    write_exceptions(report, false, json);
    write_exceptions(report, true, json);
    write_excluded(report, json);
    json_out_array(json, "findings");
    for (size_t i = 0; go_on && i < report->rule_count; i++)
        go_on = report_each_finding(report, &report->rules[i], write_finding, &writing);
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_drain(json, &out->text);
    str_append_char(&out->text, '\n');
}
