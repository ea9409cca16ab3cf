/* Running a scanner: what it prints, how it fails, and that nothing it does keeps the helper process waiting. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "probes/images/scanner.h"
#include "probes/worker/worker_part.h"
#include "tests/parser_probe.h"

#define REPORT                                                                                                         \
    "{\"SchemaVersion\":2,\"Results\":[{\"Vulnerabilities\":[{\"VulnerabilityID\":\"CVE-1\",\"PkgName\":\"a\","        \
    "\"InstalledVersion\":\"1\",\"FixedVersion\":\"2\",\"Severity\":\"CRITICAL\"}]}]}"

/* Runs `sh -c SCRIPT sh IMAGE OPTION VALUE` as a scanner, as a worker does; the last two may be NULL. */
static int run_with(const char *script, const char *option, const char *value, struct scan_facts **ret,
                    struct error *error)
{
    const char *words[] = {"sh", "-c", script, "sh", "{image}", option, value};
    struct string_list command = {.items = words, .count = value ? 7 : option ? 6 : 5};
    struct scanner_request request = {.command = &command, .image = "app:1"};
    scoped_str output = STR_INIT;
    int r = scanner_run(&output, &request, error);

    return r < 0 ? r : scanner_parse(str_text(&output), output.length, ret, error);
}

static int run(const char *script, struct scan_facts **ret, struct error *error)
{
    return run_with(script, NULL, NULL, ret, error);
}

static void expect_report(const char *script)
{
    struct scan_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(run(script, &facts, &error) == 0, "%s: %s", script, error.text);
    ck_assert_uint_eq(facts->counts[4], 1);
    ck_assert_uint_eq(facts->worst.count, 1);
    facts_free(&facts->facts);
}

static void expect_error(const char *script, int number, const char *text)
{
    struct scan_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(run(script, &facts, &error), -number);
    ck_assert_msg(strstr(error.text, text) != NULL, "%s: %s", script, error.text);
}

START_TEST(a_report)
{
    expect_report("[ \"$1\" = app:1 ] && echo '" REPORT "'");
}
END_TEST

/* A status counts where the scanner was asked for it; otherwise it failed, however well its report reads. */
START_TEST(statuses)
{
    static const struct {
        const char *end, *option, *value, *error; /* ERROR NULL: a report */
    } cases[] = {
        {"exit 1", "--exit-code", "1", NULL},
        {"exit 7", "--exit-code=7", NULL, NULL},
        {"exit 3", "--exit-on-eol", "3", NULL},
        {"exit 2", "--fail-on", "high", NULL},
        {"exit 0", "--exit-code", "1", NULL},
        {"exit 1", NULL, NULL, "ended with status 1"},
        {"exit 2", NULL, NULL, "ended with status 2"},
        {"exit 137", NULL, NULL, "ended with status 137"},
        {"exit 2", "--exit-code", "1", "ended with status 2"},
        {"exit 137", "--fail-on", "high", "ended with status 137"},
        {"kill -9 $$", "--exit-code", "9", "ended with signal 9"},
        {"exit 1", "--exit-code", "", "ended with status 1"},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        scoped(cleanup_free) char *script = mem_printf("echo '%s'; echo it broke >&2; %s", REPORT, cases[i].end);
        struct scan_facts *facts = NULL;
        struct error error = ERROR_INIT;
        int r = run_with(script, cases[i].option, cases[i].value, &facts, &error);

        if (cases[i].error)
            ck_assert_msg(r == -EIO && strstr(error.text, cases[i].error) && strstr(error.text, "it broke"),
                          "%s %s: %s", cases[i].end, cases[i].option, error.text);
        else
            ck_assert_msg(r == 0 && facts->counts[4] == 1, "%s %s: %s", cases[i].end, cases[i].option, error.text);
        if (facts)
            facts_free(&facts->facts);
    }
}
END_TEST

/* The status of findings beside a report without any is a failure: Trivy's own are 1, whatever --exit-code is. */
START_TEST(statuses_without_findings)
{
    static const struct {
        const char *report, *option, *value;
        bool failed;
    } cases[] = {
        {"{\"SchemaVersion\":2}", "--exit-code", "1", true},
        {"{\"SchemaVersion\":2,\"Results\":[]}", "--exit-code", "1", true},
        {"{\"SchemaVersion\":2,\"Results\":[{\"Vulnerabilities\":null}]}", "--exit-code", "1", true},
        {"{\"matches\":[]}", "--fail-on", "low", true},
        {"{\"SchemaVersion\":2,\"Results\":[{\"Secrets\":[{\"RuleID\":\"x\"}]}]}", "--exit-code", "1", false},
        {"{\"SchemaVersion\":2,\"Metadata\":{\"OS\":{\"EOSL\":true}}}", "--exit-on-eol", "1", false},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        scoped(cleanup_free) char *script = mem_printf("echo '%s'; exit 1", cases[i].report);
        struct scan_facts *facts = NULL;
        struct error error = ERROR_INIT;
        int r = run_with(script, cases[i].option, cases[i].value, &facts, &error);

        ck_assert_msg(cases[i].failed ? r == -EIO && strstr(error.text, "status 1") : r == 0, "%s: %d %s",
                      cases[i].report, r, error.text);
        if (facts)
            facts_free(&facts->facts);
    }
}
END_TEST

START_TEST(much_on_standard_error)
{
    expect_report("head -c 5000000 /dev/zero >&2; echo '" REPORT "'; head -c 5000000 /dev/zero >&2");
}
END_TEST

START_TEST(no_report)
{
    expect_error("exit 0", EIO, "status 0");
    expect_error("echo cannot open the database >&2; exit 3", EIO, "status 3: cannot open the database");
    expect_error("kill -9 $$", EIO, "signal 9");
    expect_error("echo '{}'", EBADMSG, "neither Trivy's nor Grype's");
    expect_error("echo '{\"SchemaVersion\":2,\"Results\":\"x\"}'", EBADMSG, "Results is no list");
    expect_error("echo '{\"SchemaVersion\":2,\"Results\":[{\"Vulnerabilities\":{}}]}'", EBADMSG,
                 "Vulnerabilities is no list");
    expect_error("echo 'not found: {'", EINVAL, "the scanner's report");
    expect_error("yes | head -c 3000000 >&2; printf 'the \\033[1mend' >&2; exit 1", EIO, "the \\x1b[1mend");
}
END_TEST

START_TEST(no_scanner)
{
    const char *words[] = {"/nonexistent/scanner", "{image}"};
    struct string_list command = {.items = words, .count = 2};
    struct scanner_request request = {.command = &command, .image = "app:1"};
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    ck_assert_int_eq(scanner_run(&output, &request, &error), -ENOENT);
    ck_assert_str_eq(error.text, "/nonexistent/scanner cannot be run");
}
END_TEST

START_TEST(more_than_a_report)
{
    expect_error("cat /dev/zero", EFBIG, "too long");
}
END_TEST

/* A process that it leaves running holds its standard output: the report is complete all the same. */
START_TEST(it_leaves_something_behind)
{
    char path[] = "/tmp/test-scanner-XXXXXX";
    scoped(cleanup_free) char *script = NULL;
    scoped_str pid = STR_INIT;
    usec_t begin = clock_monotonic();
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    script = mem_printf("sleep 300 & echo $! >%s; echo '%s'", path, REPORT);
    expect_report(script);
    ck_assert_int_lt(clock_monotonic() - begin, 250 * USEC_PER_SEC);
    ck_assert_int_eq(file_read(path, 100, &pid, NULL), 0);
    ck_assert_int_eq(kill((pid_t)atoi(pid.data), SIGKILL), 0);
    close(fd);
    unlink(path);
}
END_TEST

int __real_json_parse(const char *text, size_t length, const struct json_limits *limits, struct json_doc **ret,
                      struct error *error);
int __wrap_json_parse(const char *text, size_t length, const struct json_limits *limits, struct json_doc **ret,
                      struct error *error);

int __wrap_json_parse(const char *text, size_t length, const struct json_limits *limits, struct json_doc **ret,
                      struct error *error)
{
    parser_probe(0, 0);
    return __real_json_parse(text, length, limits, ret, error);
}

START_TEST(the_parser_has_nothing)
{
    parser_probe_begin();
    expect_report("echo '" REPORT "'");
    ck_assert_uint_eq(probed->calls[0], 1);
    parser_probe_end(1);
}
END_TEST

/* The scanner has the capabilities of its worker; the process that reads its report has none. */
START_TEST(capabilities)
{
    char path[] = "/tmp/test-scanner-XXXXXX";
    scoped(cleanup_free) char *script = NULL;
    const char *words[] = {"sh", "-c", NULL};
    struct string_list command = {.items = words, .count = 3};
    struct scanner_request request = {.command = &command, .image = "app:1"};
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT, sets = STR_INIT;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    script = mem_printf("grep ^Cap /proc/self/status >%s; until grep -q '^CapPrm:.0*$' /proc/$PPID/status; do sleep "
                        "0.05; done; echo '%s'",
                        path, REPORT);
    words[2] = script;
    ck_assert_msg(part_run(&(struct part_options){.run = scanner_run,
                                                  .argument = &request,
                                                  .limit = 1 << 20,
                                                  .cpu_seconds = 60,
                                                  .memory = 256 << 20,
                                                  .capabilities = SCANNER_CAPABILITIES},
                           &output, &error) == 0,
                  "%s", error.text);
    ck_assert_int_eq(file_read(path, 4096, &sets, NULL), 0);
    ck_assert_str_eq(sets.data, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000006\nCapEff:\t0000000000000006\n"
                                "CapBnd:\t0000000000000006\nCapAmb:\t0000000000000000\n");
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(it_closes_its_output_and_goes_on)
{
    expect_report("echo '" REPORT "'; exec >&- 2>&-; sleep 0.2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanner");
    TCase *tests = tcase_create("scanner");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, a_report);
    tcase_add_test(tests, statuses);
    tcase_add_test(tests, statuses_without_findings);
    tcase_add_test(tests, much_on_standard_error);
    tcase_add_test(tests, no_report);
    tcase_add_test(tests, no_scanner);
    tcase_add_test(tests, more_than_a_report);
    tcase_add_test(tests, it_leaves_something_behind);
    tcase_add_test(tests, capabilities);
    tcase_add_test(tests, the_parser_has_nothing);
    tcase_add_test(tests, it_closes_its_output_and_goes_on);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
