/* SARIF 2.1.0 for code scanning.
 *
 * A result is a finding that fails, is an error or needs a person ("kind"), its fingerprint the finding's uid, so that
 * it stays the same alert; a waiver is a suppression. A place in a file is what such tools require of each result: it
 * is the configuration that waivers stand in, of a repository that holds one; the subject is the logical location. */
#include <stdio.h>

#include "agent/report/escape.h"
#include "agent/report/formats.h"
#include "agent/report/wording.h"

#define PHYSICAL_FILE "docker-bench-agent.json"

static const char *level_of(enum severity severity)
{
    return severity >= SEVERITY_HIGH ? "error" : severity == SEVERITY_MEDIUM ? "warning" : "note";
}

/* As GitHub orders alerts: over 9.0 is critical, over 7.0 high, over 4.0 medium. */
static const char *score_of(enum severity severity)
{
    static const char *const scores[SEVERITY_COUNT] = {"3.0", "5.5", "8.0", "9.5"};

    return scores[severity];
}

static void write_message(struct json_out *json, const char *key, const char *text)
{
    scoped_str safe = STR_INIT;

    escape_sarif(&safe, text);
    json_out_object(json, key);
    json_out_string(json, "text", safe.length ? safe.data : "-");
    json_out_end_object(json);
}

static void write_tags(const struct rule *rule, struct json_out *json)
{
    json_out_array(json, "tags");
    json_out_string(json, NULL, "security");
    json_out_string(json, NULL, "docker");
    for (size_t i = 0; i < rule->cis_controls.count; i++) {
        scoped(cleanup_free) char *tag = mem_printf("CIS Controls v8/%s", rule->cis_controls.items[i]);

        json_out_string(json, NULL, tag);
    }
    for (size_t i = 0; i < rule->nist_controls.count; i++) {
        scoped(cleanup_free) char *tag = mem_printf("NIST SP 800-53/%s", rule->nist_controls.items[i]);

        json_out_string(json, NULL, tag);
    }
    json_out_end_array(json);
}

static const char *help_uri(const struct rule *rule)
{
    for (size_t i = 0; i < rule->references.count; i++)
        if (str_starts(rule->references.items[i], "https://"))
            return rule->references.items[i];
    return NULL;
}

static void write_rule(const struct report *report, const struct report_rule *entry, struct json_out *json)
{
    const struct rule *rule = entry->rule;
    const char *why = rule->why[report->language];

    json_out_object(json, NULL);
    json_out_string(json, "id", rule->slug);
    json_out_string(json, "name", report_rule_id(rule));
    write_message(json, "shortDescription", report_title(report, rule));
    write_message(json, "fullDescription", str_empty(why) ? report_title(report, rule) : why);
    write_message(json, "help", str_empty(entry->remedy) ? report_title(report, rule) : entry->remedy);
    if (help_uri(rule))
        json_out_string(json, "helpUri", help_uri(rule));
    json_out_object(json, "defaultConfiguration");
    json_out_string(json, "level", level_of(rule->severity));
    json_out_end_object(json);
    json_out_object(json, "properties");
    write_tags(rule, json);
    json_out_string(json, "security-severity", score_of(rule->severity));
    json_out_string(json, "severity", severity_name(rule->severity));
    json_out_string(json, "section", rule->section);
    json_out_end_object(json);
    json_out_end_object(json);
}

static void write_location(const struct report_finding *finding, struct json_out *json)
{
    scoped_str name = STR_INIT, full = STR_INIT;

    escape_plain(&name, finding->name);
    str_printf(&full, "%s/", finding->kind);
    escape_plain(&full, finding->name);
    json_out_array(json, "locations");
    json_out_object(json, NULL);
    json_out_object(json, "physicalLocation");
    json_out_object(json, "artifactLocation");
    json_out_string(json, "uri", PHYSICAL_FILE);
    json_out_end_object(json);
    json_out_object(json, "region");
    json_out_int(json, "startLine", 1);
    json_out_end_object(json);
    json_out_end_object(json);
    json_out_array(json, "logicalLocations");
    json_out_object(json, NULL);
    json_out_string(json, "name", str_text(&name));
    json_out_string(json, "fullyQualifiedName", str_text(&full));
    json_out_string(json, "kind", "resource");
    json_out_end_object(json);
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_end_array(json);
}

static void write_suppression(const struct waiver *waiver, struct json_out *json)
{
    scoped_str why = STR_INIT;

    escape_plain(&why, waiver->reason);
    json_out_array(json, "suppressions");
    json_out_object(json, NULL);
    json_out_string(json, "kind", "external");
    json_out_string(json, "status", "accepted");
    json_out_string(json, "justification", str_text(&why));
    json_out_object(json, "properties");
    json_out_string(json, "by", waiver->by);
    json_out_time(json, "expires", waiver->expires);
    json_out_end_object(json);
    json_out_end_object(json);
    json_out_end_array(json);
}

/* "level" of anything but a failure must be "none" (3.27.10). */
static const char *kind_of(enum verdict status)
{
    return status == VERDICT_FAIL     ? "fail"
           : status == VERDICT_PASS   ? "pass"
           : status == VERDICT_MANUAL ? "review"
           : status == VERDICT_ERROR  ? "open"
                                      : "notApplicable";
}

struct writing {
    const struct report *report;
    struct report_out *out;
    struct json_out *json;
    size_t rule_index;
};

static bool write_result(const struct report_rule *rule, const struct report_finding *finding, void *user)
{
    struct writing *writing = user;
    struct json_out *json = writing->json;
    scoped(cleanup_free) char *message =
        mem_printf("%s %s: %s", report_kind_word(writing->report, finding->kind), finding->name, finding->evidence);

    json_out_object(json, NULL);
    json_out_string(json, "ruleId", rule->rule->slug);
    json_out_int(json, "ruleIndex", (int64_t)writing->rule_index);
    json_out_string(json, "kind", kind_of(finding->status));
    json_out_string(json, "level", finding->status == VERDICT_FAIL ? level_of(rule->rule->severity) : "none");
    write_message(json, "message", message);
    write_location(finding, json);
    json_out_object(json, "partialFingerprints");
    json_out_string(json, "findingUid/v1", finding->uid);
    json_out_end_object(json);
    if (finding->waiver)
        write_suppression(finding->waiver, json);
    json_out_object(json, "properties");
    json_out_string(json, "subjectId", finding->id);
    json_out_string(json, "remedy", finding->remedy);
    json_out_time(json, "since", finding->since);
    json_out_end_object(json);
    json_out_end_object(json);
    json_out_drain(json, &writing->out->text);
    return report_out_go_on(writing->out);
}

static void write_tool(const struct report *report, struct json_out *json)
{
    json_out_object(json, "tool");
    json_out_object(json, "driver");
    json_out_string(json, "name", "docker-bench-agent");
    json_out_string(json, "version", report->version);
    json_out_string(json, "semanticVersion", report->version);
    json_out_array(json, "rules");
    for (size_t i = 0; i < report->rule_count; i++)
        write_rule(report, &report->rules[i], json);
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_end_object(json);
}

/* What could not be judged at all has no finding to be a result of. */
static void write_invocation(const struct report *report, struct json_out *json)
{
    json_out_array(json, "invocations");
    json_out_object(json, NULL);
    json_out_bool(json, "executionSuccessful", !report->engine_why);
    json_out_time(json, "endTimeUtc", report->now);
    json_out_array(json, "toolExecutionNotifications");
    for (size_t i = 0; i < report->rule_count; i++) {
        const struct report_rule *rule = &report->rules[i];

        if (!rule->why)
            continue;
        json_out_object(json, NULL);
        json_out_string(json, "level", "error");
        write_message(json, "message", rule->why);
        json_out_object(json, "associatedRule");
        json_out_string(json, "id", rule->rule->slug);
        json_out_int(json, "index", (int64_t)i);
        json_out_end_object(json);
        json_out_end_object(json);
    }
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_end_array(json);
}

void report_write_sarif(const struct report *report, struct report_out *out)
{
    scoped(cleanup_json_out) struct json_out *json = json_out_new(false);
    scoped(cleanup_free) char *category = mem_printf("docker-bench-agent/%s/", report->host ? report->host : "");
    struct writing writing = {.report = report, .out = out, .json = json};
    bool go_on = true;

    json_out_object(json, NULL);
    json_out_string(json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_out_string(json, "version", "2.1.0");
    json_out_array(json, "runs");
    json_out_object(json, NULL);
    write_tool(report, json);
    write_invocation(report, json);
    json_out_object(json, "automationDetails");
    json_out_string(json, "id", category);
    json_out_end_object(json);
    json_out_string(json, "language", report->language == LANGUAGE_ZH ? "zh-CN" : "en-US");
    json_out_string(json, "columnKind", "unicodeCodePoints");
    json_out_array(json, "results");
    for (size_t i = 0; go_on && i < report->rule_count; i++) {
        writing.rule_index = i;
        go_on = report_each_finding(report, &report->rules[i], write_result, &writing);
    }
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_end_array(json);
    json_out_end_object(json);
    json_out_drain(json, &out->text);
    str_append_char(&out->text, '\n');
}
