/* agentctl on a terminal and off it, beside an agent whose containers have hostile names: what is printed holds no
 * escape but our own colours, keeps to the terminal's width, and says so when it is not everything. */
#include <check.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"

enum { CONTAINERS = 1200, COLUMNS = 100, WAIT_S = 600 };

static struct beside beside;

/* Not whether it is ready: a sink whose receiver is away for a minute is a reason not to be. */
static bool is_scanned(void)
{
    return json_type(json_pointer(beside_ask(&beside, "/v1/status"), "/scan/duration_ms")) == JSON_NUMBER;
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void await(bool (*condition)(void), const char *what)
{
    usec_t end = clock_monotonic() + WAIT_S * USEC_PER_SEC;

    while (!condition()) {
        ck_assert_msg(clock_monotonic() < end, "%s", what);
        fake_run(beside.base, 50, NULL, NULL);
    }
}

static void set_up(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    beside_begin(&beside, CONTAINERS);
    fake_set_name(beside.fake, 0, "\\u001b[2J\\u001b]0;owned\\u0007\\n\\u202egnp.exe\\u009b31m\\u200b");
    fake_set_name(beside.fake, 1,
                  "\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d\\u6587\\u4e2d");
    fake_set_privileged(beside.fake, 0, true);
    fake_set_privileged(beside.fake, 1, true);
    beside_start_agent(&beside, "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://a-name-that-is-unknown-"
                                "and-longer-than-a-line-of-a-terminal-should-be.invalid:514\"}]}");
    await(is_scanned, "the first scan does not end");
    beside_await_images(&beside, 1);
}

static void tear_down(void)
{
    beside_end(&beside);
}

/* agentctl ARGUMENTS…, whose status must be WANTED; the caller frees what it printed. */
static struct str run(bool terminal, int wanted, const char *arguments)
{
    scoped(cleanup_free) char *words = mem_strdup(arguments);
    const char *argv[16] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    struct str out = STR_INIT;
    scoped_str err = STR_INIT;
    size_t count = 3;
    char *rest = words;
    int status;

    for (char *word; (word = strsep(&rest, " "));)
        argv[count++] = word;
    ck_assert_uint_lt(count, 16);
    status = beside_run(&beside, argv, terminal, &out, &err);
    ck_assert_msg(status == wanted, "agentctl %s ended with %d: %s", arguments, status, str_text(&err));
    str_append(&out, "");
    return out;
}

/* Takes our own colours (ESC [ digits ; m) away; anything else below a blank but newlines fails, and so do C1 controls,
 * direction marks and what has no width. */
static void take_colours(struct str *text, bool terminal)
{
    scoped_str plain = STR_INIT, again = STR_INIT;

    for (const char *at = text->data; *at; at++) {
        if (terminal && *at == '\033') {
            size_t n = at[1] == '[' ? 2 + strspn(at + 2, "0123456789;") : 0;

            ck_assert_msg(n && at[n] == 'm' && n < 8, "an escape of somebody else: %.40s", at + 1);
            at += n;
        } else if (!(terminal && *at == '\r' && at[1] == '\n')) {
            str_append_char(&plain, *at);
        }
    }
    str_append(&plain, "");
    str_clear(text);
    for (const char *at = plain.data; *at;) {
        size_t length = strcspn(at, terminal ? "\n" : "\n\t"); /* tabs separate cells */

        str_clear(&again);
        text_escape(&again, at, length, 0);
        ck_assert_msg(again.length == length && memcmp(again.data, at, length) == 0, "not escaped: %s", again.data);
        ck_assert_msg(!terminal || text_columns(again.data) <= COLUMNS, "%zu columns: %s", text_columns(again.data),
                      again.data);
        str_append_n(text, at, length);
        str_append_char(text, '\n');
        at += length + (at[length] != '\0');
    }
}

START_TEST(every_command_on_a_terminal)
{
    static const char *const commands[] = {"status",
                                           "findings --rule 5.4",
                                           "explain 5.4",
                                           "rules",
                                           "findings --all --limit 300",
                                           "check --fail-on critical",
                                           "--lang zh status",
                                           "--lang zh explain 5.4"};

    for (size_t i = 0; i < countof(commands); i++)
        for (int terminal = 0; terminal < 2; terminal++) {
            scoped_str out = run(terminal, strstr(commands[i], "check") ? 1 : 0, commands[i]);

            ck_assert_msg((strchr(out.data, '\033') != NULL) == terminal, "%s: colours", commands[i]);
            take_colours(&out, terminal);
        }
}
END_TEST

START_TEST(status_has_a_line_for_each_sink)
{
    scoped_str out = run(false, 0, "status");

    ck_assert_ptr_nonnull(strstr(out.data, "\nsink tcp://a-name-that-is-unknown-"));
    ck_assert_ptr_nonnull(strstr(out.data, "\tdropped\t0\n"));
    str_deinit(&out);
    out = run(true, 0, "status");
    ck_assert_ptr_nonnull(strstr(out.data, "\nsink       syslog "));
    ck_assert_ptr_nonnull(strstr(out.data, " waiting, 0 lost"));
}
END_TEST

START_TEST(resend_by_type_or_address)
{
    scoped_str out = run(false, 0, "resend syslog"), unknown = run(false, 4, "resend tcp://nobody:1");
    scoped_str missing = run(false, 2, "resend");

    ck_assert_str_eq(out.data, "all that is open is sent again\n");
    ck_assert_str_eq(unknown.data, "");
    ck_assert_str_eq(missing.data, "");
}
END_TEST

START_TEST(no_colour_when_not_wanted)
{
    scoped_str out = run(true, 0, "--no-color status");

    ck_assert_ptr_null(strchr(out.data, '\033'));
    setenv("NO_COLOR", "1", 1); /* no-color.org */
    str_deinit(&out);
    out = run(true, 0, "status");
    ck_assert_ptr_null(strchr(out.data, '\033'));
    unsetenv("NO_COLOR");
}
END_TEST

START_TEST(a_name_that_is_escaped_in_full)
{
    scoped_str out = run(false, 0, "findings --rule 5.4");

    ck_assert_ptr_nonnull(strstr(out.data, "\\x1b[2J\\x1b]0;owned\\x07\\x0a\\u{202e}gnp.exe\\u{009b}31m\\u{200b}"));
}
END_TEST

/* What it prints within so many seconds; the last line may be a part of one. */
static struct str watch_for(const char *seconds)
{
    const char *argv[] = {"/usr/bin/timeout",
                          "--foreground",
                          seconds,
                          BUILD_DIR "/agentctl",
                          "--socket",
                          beside.agent_socket,
                          "watch",
                          "--since",
                          "0",
                          "--rule",
                          "5.4",
                          NULL};
    struct str out = STR_INIT;
    scoped_str err = STR_INIT;
    char *end;

    ck_assert_int_eq(beside_run(&beside, argv, true, &out, &err), 124);
    ck_assert_ptr_nonnull(
        strstr(str_text(&err), "watching failures, errors and recoveries since transition 0; Ctrl-C"));
    end = strrchr(str_text(&out), '\n');
    if (!end)
        str_clear(&out);
    else
        end[1] = '\0', out.length = (size_t)(end + 1 - out.data);
    return out;
}

START_TEST(watch_on_a_terminal)
{
    static const char *const seconds[] = {"5", "20", "100"};
    scoped_str out = STR_INIT;

    for (size_t i = 0; i < countof(seconds) && !strstr(str_text(&out), "privileged"); i++) {
        str_deinit(&out);
        out = watch_for(seconds[i]);
    }
    ck_assert_ptr_nonnull(strstr(str_text(&out), "\033["));
    take_colours(&out, true);
    ck_assert_ptr_nonnull(strstr(out.data, " at the agent's start"));
    ck_assert_ptr_nonnull(strstr(out.data, "5.4 critical\n          runs with --privileged\n"));
}
END_TEST

START_TEST(explain_says_that_there_are_more)
{
    scoped_str out = run(false, 0, "explain 5.25"), few = run(false, 0, "explain 2.1");

    ck_assert_ptr_nonnull(strstr(out.data, "More: agentctl findings --all --rule 5.25"));
    ck_assert_ptr_null(strstr(few.data, "More:"));
}
END_TEST

START_TEST(findings_of_every_page)
{
    scoped_str out = run(false, 0, "findings --rule 5.25 --all"),
               json = run(false, 0, "--json findings --rule 5.25 --all");
    size_t lines = 0, pages = 0;

    for (const char *at = out.data; (at = strchr(at, '\n')); at++)
        lines++;
    for (const char *at = json.data; (at = strstr(at, "\"last_seq\"")); at++)
        pages++;
    ck_assert_uint_eq(lines, 1 + CONTAINERS);
    ck_assert_uint_eq(pages, 1); /* joined to one document */
}
END_TEST

static struct str read_file(const char *path, mode_t *ret_mode)
{
    struct str text = STR_INIT;
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    *ret_mode = st.st_mode & 07777;
    ck_assert_int_eq(file_read(path, 1024 * 1024, &text, NULL), 0);
    return text;
}

static bool has_no_sink(void)
{
    const struct json *sinks = json_get(beside_ask(&beside, "/v1/status"), "sinks");

    return sinks && !json_count(sinks);
}

/* As node_exporter's textfile collector wants it: whole, readable, without a trace of how it was written. */
START_TEST(metrics_into_a_file)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.prom", beside.folder);
    scoped(cleanup_free) char *arguments = mem_printf("metrics --textfile %s", path);
    scoped(cleanup_free) char *nowhere = mem_printf("metrics --textfile %s/none/agent.prom", beside.folder);
    scoped(cleanup_free) char *pattern = mem_printf("%s.*", path);
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);
    scoped_str printed = STR_INIT, out = STR_INIT, text = STR_INIT, refused = STR_INIT, rest = STR_INIT;
    glob_t others;
    mode_t mode;

    /* without the sink whose receiver is away */
    ck_assert_int_eq(file_replace(config, "{\"sinks\": []}", 13, 0600, NULL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    await(has_no_sink, "the sink does not go");
    await(is_ready, "the agent does not get ready");
    printed = run(false, 0, "metrics");
    out = run(false, 0, arguments);
    ck_assert_ptr_nonnull(strstr(printed.data, "\ndocker_bench_agent_findings{rule=\"container-privileged\",severity="
                                               "\"critical\",status=\"fail\"} 2\n"));
    ck_assert_ptr_null(strstr(printed.data, "owned"));
    ck_assert_uint_eq(out.length, 0);
    text = read_file(path, &mode);
    ck_assert_uint_eq(mode, 0644);
    ck_assert_ptr_nonnull(strstr(text.data, "\ndocker_bench_agent_ready 1\n"));
    rest = run(false, 0, arguments); /* in place of the one there is */
    refused = run(false, 5, nowhere);
    ck_assert_int_eq(glob(pattern, 0, NULL, &others), GLOB_NOMATCH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl");
    TCase *tests = tcase_create("ctl");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, every_command_on_a_terminal);
    tcase_add_test(tests, status_has_a_line_for_each_sink);
    tcase_add_test(tests, resend_by_type_or_address);
    tcase_add_test(tests, no_colour_when_not_wanted);
    tcase_add_test(tests, a_name_that_is_escaped_in_full);
    tcase_add_test(tests, watch_on_a_terminal);
    tcase_add_test(tests, explain_says_that_there_are_more);
    tcase_add_test(tests, findings_of_every_page);
    tcase_add_test(tests, metrics_into_a_file);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one agent and one engine serve them all */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
