/* What is written from the table of fields for readers and receivers: config/siem/fields.md and the rulebase of
 * liblognorm that reads the format "text". Fails when a file is not what the table makes of it now; with "--write" it
 * writes them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sinks/fields.h"
#include "common/cleanup.h"
#include "common/memory.h"

static bool writes;

static const enum record_kind kinds[] = {RECORD_FINDING,   RECORD_SNAPSHOT, RECORD_SNAPSHOT_END,
                                         RECORD_HEARTBEAT, RECORD_LOST,     RECORD_AGENT};

static void append_kinds(struct str *out, unsigned bits)
{
    const char *separator = "";

    if (bits == KIND_ALL) {
        str_append(out, "all");
        return;
    }
    for (size_t i = 0; i < countof(kinds); i++)
        if (bits & 1u << kinds[i]) {
            str_printf(out, "%s%s", separator, record_kind_name(kinds[i]));
            separator = ", ";
        }
}

static void append_cell(struct str *out, const char *name)
{
    if (name)
        str_printf(out, " `%s` |", name);
    else
        str_append(out, " |");
}

static void make_table(struct str *out)
{
    str_append(
        out,
        "# Fields of records\n\n"
        "Written from `agent/sinks/fields.c` by `test_formats_documents --write`.\n\n"
        "The least important come last: where a record of syslog has no room, they are left out, and named in "
        "`cut`\n(CEF, LEEF, text and RFC 5424: `cut`, `sha256`; ECS: `labels.cut`; OCSF: `unmapped.cut`; journald: "
        "`DBA_CUT`, `DBA_SHA256`).\nFor people control characters and what changes the direction of text are `\\x0a`, "
        "`\\u{202e}` in "
        "all formats but JSON, ECS, OCSF and journald's.\nJSON has all other members of a finding besides (`facts`, "
        "`since`, "
        "`checked`, …). "
        "`json` also has `finding`, which is `uid`.\n\n"
        "| field (text, RFC 5424) | JSON | journald | CEF | LEEF | ECS | OCSF | kinds | what |\n"
        "|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < record_field_count; i++) {
        const struct field *field = &record_fields[i];

        str_append(out, "|");
        append_cell(out, field->name);
        append_cell(out, field->json);
        append_cell(out, field->journal);
        if (field->cef_label)
            str_printf(out, " `%s` (`%s`) |", field->cef, field->cef_label);
        else
            append_cell(out, field->cef);
        append_cell(out, field->leef);
        append_cell(out, field->ecs);
        append_cell(out, field->ocsf);
        str_append(out, " ");
        append_kinds(out, field->kinds);
        str_printf(out, " | %s |\n", field->what);
    }
    str_append(
        out,
        "\nMembers that are not a field as it is:\n\n"
        "| format | member | value |\n|---|---|---|\n"
        "| CEF | header | `CEF:0`, `docker-bench-agent`, `docker-bench-agent`, version, slug (or kind), title, 0–10: "
        "10 "
        "critical, 8 high, 5 medium, 3 low, 4 error or loss, 1 else |\n"
        "| LEEF | header | `LEEF:2.0`, `docker-bench-agent`, `docker-bench-agent`, version, slug (or kind), `^`; `^`, "
        "a pipe and `=` in a value are `\\x5e`, `\\x7c`, `\\x3d` |\n"
        "| LEEF | `sev`, `devTimeFormat` | as CEF's severity; the form of `devTime` |\n"
        "| ECS | `event.kind` | `state` for a snapshot, `metric` for a heartbeat, else `event` |\n"
        "| ECS | `event.category`, `event.type` | `configuration`; `change` for a finding and the agent, else `info` "
        "|\n"
        "| ECS | `event.outcome` | `success` (pass), `failure` (fail), `unknown` |\n"
        "| ECS | `event.id`, `event.severity`, `event.dataset` | stream and number; as CEF's; "
        "`docker_bench_agent.KIND` |\n"
        "| ECS | `container.id`, `container.name`, `message` | where the subject is a container; a line for people |\n"
        "| OCSF | `class_uid` | 2003 (Compliance Finding) for findings and snapshots, else 0 (Base Event) |\n"
        "| OCSF | `activity_id` | 1 when it is new, 3 when its subject went away or it is no failure any more, else 2 "
        "|\n"
        "| OCSF | `severity_id` | 5, 4, 3, 2 for critical to low; 1 where there is no failure |\n"
        "| OCSF | `status_id` | 3 (Suppressed) when waived, 4 (Resolved) when it is no failure any more, else 1 (New) "
        "|\n"
        "| OCSF | `compliance.status_id` | 1 pass, 3 fail, 2 error, 99 manual, not_applicable, gone |\n"
        "| OCSF | `finding_info.uid` | `finding` |\n"
        "| OCSF | `status_id`, `status_code`, `status_detail` of the kind `agent` | 1 ready, 2 degraded; status; "
        "evidence |\n"
        "| OCSF | `metadata.uid`, `metadata.is_truncated`, `metadata.untruncated_size` | stream and number; when "
        "fields were cut |\n");
}

/* char-sep, and not liblognorm's type for quoted texts: that one reads outside of its memory at a byte that is not
 * ASCII (2.0.6). */
static void append_rule(struct str *out, enum record_kind kind, const char *before)
{
    str_printf(out, "rule=%s:%s", record_kind_name(kind), before);
    for (size_t i = 0; i < record_field_count; i++)
        if (record_fields[i].kinds & 1u << kind) {
            if (i == 0)
                str_printf(out, "kind=\"%s\" ", record_kind_name(kind));
            else
                str_printf(out, "%s=\"%%{\"name\":\"%s\",\"type\":\"char-sep\",\"extradata\":\"\\\"\"}%%\" ",
                           record_fields[i].name, record_fields[i].name);
        }
    str_append(out, "cut=\"%{\"name\":\"cut\",\"type\":\"char-sep\",\"extradata\":\"\\\"\"}%\" "
                    "sha256=\"%{\"name\":\"sha256\",\"type\":\"char-sep\",\"extradata\":\"\\\"\"}%\"\n");
}

static void make_rulebase(struct str *out)
{
    str_append(out, "version=2\n"
                    "# Reads the records of docker-bench-agent in the format \"text\" (mmnormalize, lognormalizer), "
                    "also after the\n"
                    "# blank that ends a header. A quote inside a value is \\x22, a backslash \\\\: replace "
                    "both in one pass.\n"
                    "# Written from agent/sinks/fields.c by test_formats_documents --write.\n");
    for (size_t i = 0; i < countof(kinds); i++) {
        append_rule(out, kinds[i], "");
        append_rule(out, kinds[i], " ");
        str_printf(out, "annotate=%s:+kind=\"%s\"\n", record_kind_name(kinds[i]), record_kind_name(kinds[i]));
    }
}

static void compare(const char *path, const struct str *expected)
{
    scoped_str found = STR_INIT;
    FILE *file = fopen(path, writes ? "w" : "r");
    char buffer[4096];
    size_t n;

    ck_assert_msg(file != NULL, "%s", path);
    if (writes)
        fwrite(expected->data, 1, expected->length, file);
    else
        while ((n = fread(buffer, 1, sizeof buffer, file)))
            str_append_n(&found, buffer, n);
    fclose(file);
    ck_assert_msg(writes || str_equal(str_text(&found), expected->data),
                  "%s is not what agent/sinks/fields.c makes of it: run test_formats_documents --write", path);
}

START_TEST(table_of_fields)
{
    scoped_str text = STR_INIT;

    make_table(&text);
    compare(SOURCE_DATA_DIR "/siem/fields.md", &text);
}
END_TEST

START_TEST(rulebase)
{
    scoped_str text = STR_INIT;

    make_rulebase(&text);
    compare(SOURCE_DATA_DIR "/siem/rsyslog/docker-bench-agent.rulebase", &text);
}
END_TEST

/* No two fields share a name in any format. */
START_TEST(names_are_unique)
{
    for (size_t i = 0; i < record_field_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct field *a = &record_fields[i], *b = &record_fields[j];
            const char *const pairs[][2] = {{a->name, b->name}, {a->json, b->json}, {a->journal, b->journal},
                                            {a->cef, b->cef},   {a->leef, b->leef}, {a->cef_label, b->cef_label},
                                            {a->ecs, b->ecs},   {a->ocsf, b->ocsf}};

            for (size_t k = 0; k < countof(pairs); k++)
                ck_assert_msg(!pairs[k][0] || !str_equal(pairs[k][0], pairs[k][1]), "%s", pairs[k][0]);
        }
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("formats' documents");
    TCase *tests = tcase_create("documents");
    SRunner *runner;
    int failed;

    writes = argc > 1 && str_equal(argv[1], "--write");
    tcase_add_test(tests, table_of_fields);
    tcase_add_test(tests, rulebase);
    tcase_add_test(tests, names_are_unique);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
