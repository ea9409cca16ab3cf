/* A report made by hand, without an evaluator: four rules, whose subjects and evidence have hostile names. */
#ifndef TESTS_UNIT_REPORT_FIXTURE_H
#define TESTS_UNIT_REPORT_FIXTURE_H

#include <string.h>

#include "agent/report/report.h"
#include "common/json_out.h"

enum { FIXTURE_RULES = 5, FIXTURE_FINDINGS = 14, FIXTURE_ATTESTED = 7 };

static const char *fixture_names[FIXTURE_FINDINGS] = {
    "web",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=\"alert(1)\">",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "\xe2\x80\xaegnp.exe",
    "line\nbreak\r\n\x1b[31mred\x07",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "a|b`c*d_e[f](g)@octocat #1 $x$ www.evil.example",
    "]]></failure><error/>",
    "\xff\xfe invalid \xc3",
    "\xef\xbf\xbe\xef\xbf\xbf {0} {{1}} \\",
    NULL, /* a long word */
    "\xe7\xbd\x91\xe7\xab\x99-\xf0\x9f\x90\xb3",
};

static char fixture_long[3000];
static const struct waiver fixture_waiver = {.rule = "5.4",
                                             .reason = "lab <b>host</b>; ends | with the lab",
                                             .by = "Kim",
                                             .subject = "name:*",
                                             .expires = INT64_C(1803859200) * USEC_PER_SEC};
static const struct attestation fixture_attestation = {.rule = "container-z",
                                                       .by = "Max <i>|=\"M\"",
                                                       .subject = "*",
                                                       .status = VERDICT_PASS,
                                                       .expires = INT64_C(1803859200) * USEC_PER_SEC};
static struct rule fixture_rules[FIXTURE_RULES];
static struct report_rule fixture_report_rules[FIXTURE_RULES];
static struct report_section fixture_sections[] = {{.id = "5", .title = "Container <runtime>"},
                                                   {.id = "4", .title = "Images & build files"}};
static struct report_exception fixture_exceptions[] = {
    {.rule = "5.4", .subject = "name:*", .by = "Kim", .expires = INT64_C(1803859200) * USEC_PER_SEC, .matches = 14},
    {.rule = "5.5", .subject = "*", .by = "<Max>", .reason = "=old", .expires = 1000000, .expired = true},
    {.rule = "4.2", .subject = "*", .by = "Audit", .reason = "from | our own", .matches = 1, .status = VERDICT_PASS}};
static struct report_excluded fixture_excluded[] = {{"container", "abc", "<agent>", "the agent runs in it"}};
static const char *fixture_controls[] = {"4.1", "5.4"}, *fixture_nist[] = {"AC-6", "CM-7"};
static const char *fixture_references[] = {"CIS Docker", "https://docs.docker.com/?a=b&c='d'"};

static void fixture_finding(const struct report *report, const struct report_rule *rule, size_t index,
                            struct report_finding *ret)
{
    static const char uids[] = "0123456789abcdef";
    static char uid[] = "99999999-8888-5777-a666-555555555500";
    static struct json_out *json;
    static struct str evidence;

    (void)report;
    uid[34] = uids[(rule - fixture_report_rules) % 16];
    uid[35] = uids[index % 16];
    str_clear(&evidence);
    str_append(&evidence, "runs with --privileged as ");
    str_append(&evidence, fixture_names[index]);
    json_out_free(json);
    json = json_out_new(false);
    json_out_object(json, NULL);
    json_out_string(json, "uid", uid);
    json_out_string(json, "status", verdict_name(rule->status));
    json_out_string(json, "evidence", str_text(&evidence));
    json_out_end_object(json);
    *ret = (struct report_finding){
        .status = rule->status,
        .uid = uid,
        .kind = "container",
        .id = fixture_names[index],
        .name = fixture_names[index],
        .evidence = str_text(&evidence),
        .remedy = rule->status == VERDICT_FAIL ? "docker stop <x> &&\ndocker run 'y'" : NULL,
        .waiver = rule->waived ? &fixture_waiver : NULL,
        .attestation = index < rule->attested ? &fixture_attestation : NULL,
        .since = INT64_C(1795514400) * USEC_PER_SEC,
        .checked = INT64_C(1795514400) * USEC_PER_SEC,
        .json = json_out_text(json, NULL),
    };
}

static void fixture_rule(size_t index, const char *id, enum verdict status, enum severity severity)
{
    static const char *const slugs[] = {"container-privileged", "container-x", "container-y", "container-z",
                                        "image-user"};
    struct rule *rule = &fixture_rules[index];
    struct report_rule *entry = &fixture_report_rules[index];

    *rule = (struct rule){.slug = slugs[index],
                          .severity = severity,
                          .level = 1,
                          .scored = true,
                          .enabled = true,
                          .id = id,
                          .section = id && id[0] == '4' ? "4" : "5",
                          .references = {fixture_references, 2},
                          .cis_controls = {fixture_controls, 2},
                          .nist_controls = {fixture_nist, 2}};
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        rule->title[language] = "Containers are <not> privileged";
        rule->why[language] = "Because of {0} & \"more\".";
        rule->remedy[language] = "Do it again.";
        rule->impact[language] = "None.";
    }
    *entry = (struct report_rule){.rule = rule, .status = status, .remedy = rule->remedy[0]};
    entry->finding_count = FIXTURE_FINDINGS;
    entry->counts[status] = FIXTURE_FINDINGS;
}

/* The same one each time, in LANGUAGE. */
static const struct report *fixture_report(enum language language)
{
    static struct report report;

    memset(fixture_long, 'w', sizeof fixture_long - 1);
    fixture_names[12] = fixture_long;
    fixture_rule(0, "5.4", VERDICT_FAIL, SEVERITY_CRITICAL);
    fixture_rule(1, "5.5", VERDICT_FAIL, SEVERITY_LOW);
    fixture_report_rules[1].waived = FIXTURE_FINDINGS;
    fixture_rule(2, "5.6", VERDICT_MANUAL, SEVERITY_HIGH);
    fixture_rule(3, NULL, VERDICT_PASS, SEVERITY_MEDIUM);
    fixture_report_rules[3].attested = FIXTURE_ATTESTED;
    fixture_rule(4, "4.1", VERDICT_ERROR, SEVERITY_HIGH);
    fixture_report_rules[4].finding_count = 0;
    fixture_report_rules[4].counts[VERDICT_ERROR] = 0;
    fixture_report_rules[4].why = "images cannot be listed: <EOF>";
    fixture_exceptions[0].reason = fixture_waiver.reason;
    fixture_sections[0].counts[VERDICT_FAIL] = 2;
    fixture_sections[0].counts[VERDICT_MANUAL] = fixture_sections[0].counts[VERDICT_PASS] = 1;
    fixture_sections[1].counts[VERDICT_ERROR] = 1;
    report = (struct report){
        .language = language,
        .now = INT64_C(1795514460) * USEC_PER_SEC,
        .scan_started = INT64_C(1795514400) * USEC_PER_SEC,
        .scan_ms = 373,
        .scan_subjects = 14,
        .version = PROGRAM_VERSION,
        .host = "host<1>",
        .machine = "4e8db28cb80042819dccabdbc602fa02",
        .engine_address = "unix:///var/run/docker.sock",
        .engine_id = "ENGINE",
        .engine_version = "20.10.24\"><b>",
        .benchmark = "dosec-1.0",
        .benchmark_title = "Docker container security white paper, 104 rules",
        .score = {.value = 75, .without_waivers = 50, .passed = 3, .counted = 4, .passed_unwaived = 2},
        .sections = fixture_sections,
        .section_count = countof(fixture_sections),
        .rules = fixture_report_rules,
        .rule_count = FIXTURE_RULES,
        .exceptions = fixture_exceptions,
        .exception_count = countof(fixture_exceptions),
        .excluded = fixture_excluded,
        .excluded_count = countof(fixture_excluded),
        .finding = fixture_finding,
    };
    for (size_t i = 0; i < FIXTURE_RULES; i++) {
        const struct report_rule *rule = &fixture_report_rules[i];

        for (size_t v = 0; v < VERDICT_COUNT; v++)
            report.findings[v][rule->rule->severity] += rule->counts[v];
        report.waived[rule->rule->severity] += rule->waived;
    }
    return &report;
}

#endif
