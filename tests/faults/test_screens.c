/* agentctl's screens at several widths and in both languages, and what it prints for programs, beside an agent whose
 * containers have names that are long, alike, wide, or made to break a table. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beside.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"

enum { CONTAINERS = 20, WIDTH = 80 };

/* As they stand in a JSON string. The last two differ in their middle alone. */
static const char *const names[] = {
    "\\u001b[2J\\u001b]0;owned\\u0007\\n\\u202egnp.exe\\u009b31m\\u200b",
    "\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587"
    "\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587",
    "monitoring-prometheus-node-exporter-1",
    "monitoring-prometheus-node-exporter-2",
    "=HYPERLINK(\\\"http://x\\\",\\\"y\\\")",
    "-1+1",
    "@sum, \\\"quoted\\\"",
    "tab\\there",
    "e\\u0301\\ud83d\\ude00\\u0378",
    "proxy-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-"
    "web",
    "proxy-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-2-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-"
    "web",
};

static const char *const screens[] = {"status",
                                      "findings",
                                      "findings --flat",
                                      "findings --by subject",
                                      "findings --all",
                                      "findings --rule 5.25",
                                      "findings --waived true",
                                      "rules",
                                      "explain 5.4",
                                      "explain 5.8",
                                      "explain --all 5.25",
                                      "explain 1.3",
                                      "history",
                                      "diff 1h",
                                      "diff --all 1h",
                                      "check"};

static struct beside beside;

static void set_up(void)
{
    usec_t end = clock_monotonic() + 120 * USEC_PER_SEC;
    bool ready = false;

    setlocale(LC_CTYPE, "C.UTF-8"); /* by which widths are counted */
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    unsetenv("COLUMNS");
    beside_begin(&beside, CONTAINERS);
    for (size_t i = 0; i < countof(names); i++)
        fake_set_name(beside.fake, i, names[i]);
    fake_set_privileged(beside.fake, 2, true);
    fake_set_privileged(beside.fake, 3, true);
    beside_start_agent(&beside,
                       "{\"sinks\": [], \"waivers\": [{\"rule\": \"5.4\", \"subject\": \"name:*-exporter-2\", \"by\": "
                       "\"ops@example.org\", \"reason\": \"until the driver is ported\"}, {\"rule\": \"5.4\", "
                       "\"subject\": \"name:nobody\", \"by\": \"ops\", \"reason\": \"gone\"}]}");
    while (!ready) {
        scoped(cleanup_json_doc) struct json_doc *doc = beside_get(&beside, "/healthz", NULL);

        ready = doc && json_bool(json_get(json_root(doc), "ready"), false);
        ck_assert_msg(clock_monotonic() < end, "the agent does not get ready");
        fake_run(beside.base, 50, NULL, NULL);
    }
}

static void tear_down(void)
{
    beside_end(&beside);
}

/* agentctl ARGUMENTS…, on a terminal of COLUMNS (0: on none), which must end with WANTED; what it printed, without
 * "\r", and what it complained of the caller frees. */
static struct str run_to(unsigned columns, const char *arguments, int wanted, struct str *ret_err)
{
    scoped(cleanup_free) char *words = mem_strdup(arguments);
    const char *argv[16] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    scoped_str out = STR_INIT;
    struct str plain = STR_INIT;
    size_t count = 3;
    char *rest = words;
    int status;

    for (char *word; (word = strsep(&rest, " "));)
        argv[count++] = word;
    ck_assert_uint_lt(count, countof(argv));
    beside.columns = columns;
    status = beside_run(&beside, argv, columns > 0, &out, ret_err);
    ck_assert_msg(status == wanted, "agentctl %s ended with %d: %s", arguments, status, str_text(ret_err));
    for (const char *at = str_text(&out); *at; at++)
        if (*at != '\r' || !columns)
            str_append_char(&plain, *at);
    str_append(&plain, "");
    return plain;
}

static struct str run(unsigned columns, const char *arguments)
{
    scoped_str err = STR_INIT;

    return run_to(columns, arguments, strstr(arguments, "check") != NULL, &err);
}

static void take_colours(struct str *text)
{
    struct str plain = STR_INIT;

    for (const char *at = text->data; *at; at++)
        if (*at == '\033')
            at = strchr(at, 'm');
        else
            str_append_char(&plain, *at);
    str_append(&plain, "");
    str_deinit(text);
    *text = plain;
}

static void expect_within(const struct str *text, unsigned columns, const char *what)
{
    for (const char *at = text->data; *at; at += *at == '\n') {
        scoped(cleanup_free) char *line = mem_strndup(at, strcspn(at, "\n"));

        ck_assert_msg(text_columns(line) <= columns, "%s at %u: %zu columns: %s", what, columns, text_columns(line),
                      line);
        at += strlen(line);
    }
}

START_TEST(no_line_is_wider_than_the_terminal)
{
    static const struct {
        unsigned width;
        const char *language;
    } looks[] = {{60, "en"}, {80, "en"}, {80, "zh"}, {120, "zh"}, {200, "en"}};

    for (size_t l = 0; l < countof(looks); l++)
        for (size_t i = 0; i < countof(screens); i++) {
            scoped(cleanup_free) char *arguments = mem_printf("--lang %s %s", looks[l].language, screens[i]);
            scoped_str out = run(looks[l].width, arguments);

            take_colours(&out);
            ck_assert_uint_gt(out.length, 0);
            expect_within(&out, looks[l].width, arguments);
        }
}
END_TEST

/* TEXT without what wrapping puts between two parts of a word. */
static char *unwrap(const char *text)
{
    struct str joined = STR_INIT;

    for (; *text; text++)
        if (*text == '\n')
            text += strspn(text + 1, " ");
        else
            str_append_char(&joined, *text);
    str_append(&joined, "");
    return joined.data;
}

START_TEST(names_that_are_alike_tell_apart)
{
    static const char *const ends[] = {"…-node-exporter-1 ", "…-node-exporter-2 "};

    scoped_str groups = run(WIDTH, "findings --rule 5.25 --color never"),
               flat = run(WIDTH, "findings --flat --rule 5.25 --color never"),
               two = run(WIDTH, "findings --flat --rule 5.4 --color never");
    scoped(cleanup_free) char *whole = unwrap(groups.data), *rows = unwrap(flat.data);

    for (size_t i = 9; i < countof(names); i++) {
        ck_assert_msg(strstr(whole, names[i]) != NULL, "%s is not in %s", names[i], groups.data);
        ck_assert_msg(strstr(rows, names[i]) != NULL, "%s is not in %s", names[i], flat.data);
    }
    for (size_t i = 0; i < countof(ends); i++)
        ck_assert_msg(strstr(two.data, ends[i]) != NULL, "%s is not in %s", ends[i], two.data);
}
END_TEST

/* How many findings there are with QUERY. */
static size_t count_of(const char *query)
{
    scoped(cleanup_free) char *path = mem_printf("/v1/findings?limit=100000&%s", query);

    return json_count(json_get(beside_ask(&beside, path), "findings"));
}

START_TEST(totals_are_those_of_the_agent)
{
    scoped_str out = run(200, "findings --color never"), flat = run(0, "findings");
    scoped_str totals = STR_INIT;
    static const char *const severities[] = {"critical", "high", "medium", "low"};
    size_t lines = 0, listed = 0;

    str_printf(&totals, "\n%zu fail (", count_of("status=fail&waived=false"));
    for (size_t i = 0; i < countof(severities); i++) {
        scoped(cleanup_free) char *query = mem_printf("status=fail&waived=false&severity=%s", severities[i]);
        size_t count = count_of(query);

        if (count)
            str_printf(&totals, "%s%zu %s", listed++ ? ", " : "", count, severities[i]);
    }
    str_append(&totals, ")");
    if (count_of("status=error"))
        str_printf(&totals, ", %zu error", count_of("status=error"));
    str_printf(&totals, ", %zu waived\n", count_of("waived=true"));
    ck_assert_uint_eq(count_of("waived=true"), 1);
    ck_assert_msg(strstr(out.data, totals.data) != NULL, "not %s: %s", totals.data, out.data);
    for (const char *at = flat.data; (at = strchr(at, '\n')); at++)
        lines++;
    ck_assert_uint_eq(lines, 1 + count_of("status=fail,error"));
    /* what is equal is told once, with the first five and how to see the rest */
    ck_assert_ptr_nonnull(strstr(out.data, "… 15 more: agentctl findings --rule 5.25\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "(waived by ops@example.org: until the driver is ported)"));
}
END_TEST

START_TEST(rows_for_programs_have_the_same_cells)
{
    static const char *const commands[] = {
        "status",  "findings", "findings --all", "findings --by subject", "rules",
        "history", "diff 1h",  "check",          "explain 5.4 -o tsv",    "--lang zh findings"};

    for (size_t i = 0; i < countof(commands); i++) {
        scoped_str out = run(0, commands[i]);
        size_t wanted = 0, lines = 0;

        for (const char *at = out.data; *at; at += strcspn(at, "\n") + 1, lines++) {
            size_t tabs = 0;

            for (const char *c = at; *c != '\n'; c++) {
                ck_assert_msg((unsigned char)*c >= ' ' || *c == '\t', "%s: %.200s", commands[i], at);
                tabs += *c == '\t';
            }
            wanted = lines ? wanted : tabs;
            ck_assert_msg(tabs == wanted, "%s: %zu tabs, not %zu: %.300s", commands[i], tabs, wanted, at);
        }
        ck_assert_uint_gt(lines, 1);
        ck_assert_uint_gt(wanted, 1);
    }
}
END_TEST

/* Read by another program, CSV has every name as it is, but for the sign that keeps a spreadsheet from running it. */
START_TEST(csv_is_what_others_take_for_it)
{
    static const char reader[] =
        "import csv, sys\n"
        "rows = list(csv.reader(sys.stdin.buffer.read().decode().splitlines(keepends=True), strict=True))\n"
        "assert all(len(row) == len(rows[0]) for row in rows), 'lengths'\n"
        "assert not any(cell[:1] in ('=', '+', '-', '@') and cell for row in rows for cell in row), 'formula'\n"
        "at = rows[0].index('subject')\n"
        "print(*sorted({row[at] for row in rows[1:]}), sep='\\n')\n";
    scoped(cleanup_free) char *command =
        mem_printf("'%s' --socket '%s' findings -o csv --rule 5.25 >'%s/csv' && python3 -c \"$1\" <'%s/csv'",
                   BUILD_DIR "/agentctl", beside.agent_socket, beside.folder, beside.folder);
    const char *argv[] = {"/bin/sh", "-c", command, "sh", reader, NULL};
    scoped_str out = STR_INIT, err = STR_INIT;
    int status = beside_run(&beside, argv, false, &out, &err);

    ck_assert_msg(status == 0, "%s", str_text(&err));
    ck_assert_ptr_nonnull(strstr(out.data, "'=HYPERLINK(\"http://x\",\"y\")\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "'-1+1\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "'@sum, \"quoted\"\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "tab\\x09here\n"));
    ck_assert_ptr_nonnull(strstr(out.data, names[9]));
}
END_TEST

static void expect_ascii(const char *arguments)
{
    scoped_str out = run(WIDTH, arguments);

    for (const char *at = out.data; *at; at++)
        ck_assert_msg((unsigned char)*at < 0x80, "%s: %.80s", arguments, at);
    ck_assert_ptr_null(strchr(out.data, '\033') && strcmp(getenv("TERM"), "dumb") == 0 ? out.data : NULL);
}

START_TEST(plain_terminals_get_ascii)
{
    static const char *const commands[] = {"status", "rules", "findings --kind daemon", "findings --rule 5.4",
                                           "history --rule 1.3"};
    scoped_str out = STR_INIT;

    setenv("LC_ALL", "C", 1);
    for (size_t i = 0; i < countof(commands); i++)
        expect_ascii(commands[i]);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TERM", "dumb", 1);
    for (size_t i = 0; i < countof(commands); i++)
        expect_ascii(commands[i]);
    out = run(WIDTH, "findings");
    ck_assert_ptr_nonnull(strstr(out.data, "... 15 more: agentctl findings --rule 5.25\n"));
    setenv("TERM", "xterm-256color", 1);
}
END_TEST

START_TEST(colours_are_for_what_fails)
{
    scoped_str passing = run(WIDTH, "findings --flat --status pass,not_applicable"),
               failing = run(WIDTH, "findings --flat --rule 5.4"), piped = run(0, "findings --color always"),
               table = run(0, "findings --color always -o table");

    ck_assert_ptr_null(strchr(passing.data, '\033'));
    ck_assert_ptr_nonnull(strstr(failing.data, "\033[1;31mcritical"));
    ck_assert_ptr_null(strchr(piped.data, '\033'));
    ck_assert_ptr_nonnull(strchr(table.data, '\033'));
}
END_TEST

START_TEST(forms_of_output)
{
    scoped_str table = run(0, "findings -o table --rule 5.25"), bare = run(WIDTH, "--no-header rules"),
               rows = run(0, "--no-header rules"), json = run(WIDTH, "-o json findings --rule 5.4"),
               wide = run(WIDTH, "-o wide findings --flat --rule 5.25");

    expect_within(&table, WIDTH, "in a pipe");
    ck_assert_ptr_nonnull(strstr(table.data, "RULE  SEVERITY  TITLE"));
    ck_assert_ptr_null(strstr(bare.data, "SEVERITY"));
    ck_assert_ptr_null(strstr(rows.data, "severity\t"));
    ck_assert_int_eq(strncmp(json.data, "{\"findings\":[", 13), 0);
    ck_assert_ptr_nonnull(strstr(wide.data, "SLUG"));
    ck_assert_ptr_nonnull(strstr(wide.data, names[10]));
    setenv("COLUMNS", "120", 1);
    str_deinit(&table);
    table = run(0, "findings -o table");
    unsetenv("COLUMNS");
    expect_within(&table, 120, "COLUMNS");
}
END_TEST

/* Everything that a person may change or ask about, on one page. */
START_TEST(explain_has_all_about_a_rule)
{
    scoped_str out = run(WIDTH, "explain 5.4 --color never"), zh = run(WIDTH, "--lang zh explain 5.8 --color never"),
               limits = run(WIDTH, "explain engine-version --color never");

    ck_assert_ptr_nonnull(strstr(out.data, "\nslug      container-privileged\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "cis-1.6.0 5.5"));
    ck_assert_ptr_nonnull(strstr(out.data, "\ncontrols  CIS Controls v8 "));
    ck_assert_ptr_nonnull(strstr(out.data, "; NIST SP 800-53 "));
    ck_assert_ptr_nonnull(strstr(out.data, "/rules/container-privileged.json"));
    ck_assert_ptr_nonnull(strstr(out.data, "\nfindings  2 fail (1 waived), "));
    ck_assert_ptr_nonnull(strstr(out.data, "monitoring-prometheus-node-exporter-1: runs with --privileged"));
    ck_assert_ptr_null(strstr(out.data, "proxy-")); /* it passes */
    ck_assert_ptr_nonnull(strstr(out.data, "ops@example.org, no end)\n"));
    ck_assert_ptr_nonnull(strstr(zh.data, "\n短名      container-needed-ports\n"));
    ck_assert_ptr_nonnull(strstr(limits.data, "\nParameters\n  "));
    ck_assert_ptr_nonnull(strstr(limits.data, ", the default\n"));
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    scoped_str section = STR_INIT, subject = STR_INIT, all_pass = STR_INIT;
    scoped_str out = run_to(WIDTH, "rules --section 99", 2, &section),
               none = run_to(0, "findings --subject nobody", 0, &subject),
               passes = run_to(WIDTH, "findings --rule 5.4 --subject -1+1", 0, &all_pass);

    ck_assert_ptr_nonnull(strstr(section.data, "unknown section \"99\"; expected 1, 2, 3, 4, 5, 6, 7"));
    ck_assert_ptr_nonnull(
        strstr(subject.data, "no subject has the name or id \"nobody\"; for part of a name: --subject '*nobody*'"));
    ck_assert_uint_eq(all_pass.length, 0);
    ck_assert_str_eq(passes.data, "no matching findings\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("screens");
    TCase *tests = tcase_create("screens");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, no_line_is_wider_than_the_terminal);
    tcase_add_test(tests, names_that_are_alike_tell_apart);
    tcase_add_test(tests, totals_are_those_of_the_agent);
    tcase_add_test(tests, rows_for_programs_have_the_same_cells);
    tcase_add_test(tests, csv_is_what_others_take_for_it);
    tcase_add_test(tests, plain_terminals_get_ascii);
    tcase_add_test(tests, colours_are_for_what_fails);
    tcase_add_test(tests, forms_of_output);
    tcase_add_test(tests, explain_has_all_about_a_rule);
    tcase_add_test(tests, what_is_not_there_is_named);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one agent and one engine serve them all */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
