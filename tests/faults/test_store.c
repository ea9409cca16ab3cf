/* The agent and its store: killed at any moment, on a disk that is full or fails, beside a store that is damaged or of
 * somebody else; and what agentctl history and diff say of what was stored. */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/vec.h"

enum { CONTAINERS = 4, READY_S = 120 };

static struct beside beside;
static char config[1024];

static void start(void)
{
    beside_start_agent(&beside, config);
}

static void wait_ready(void)
{
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;

    while (!json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false)) {
        ck_assert_msg(clock_monotonic() < end, "the agent does not get ready");
        fake_run(beside.base, 20, NULL, NULL);
    }
}

static void set_up(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "XYZ-05:30", 1); /* half past five hours east */
    tzset();
    beside_begin(&beside, CONTAINERS);
    fake_set_name(beside.fake, 0, "web");
    snprintf(config, sizeof config, "{\"sinks\": []}");
}

static void tear_down(void)
{
    beside_end(&beside);
}

/* agentctl WORDS…, with NULL at the end; what it printed, which the caller frees. */
static struct str run(int wanted, const char *const *words)
{
    const char *argv[32] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    struct str out = STR_INIT;
    scoped_str err = STR_INIT;
    size_t count = 3;
    int status;

    for (; *words; words++)
        argv[count++] = *words;
    status = beside_run(&beside, argv, false, &out, &err);
    ck_assert_msg(status == wanted, "agentctl %s ended with %d: %s", argv[3], status, str_text(&err));
    str_append(&out, "");
    return out;
}
#define RUN(wanted, ...) run(wanted, (const char *const[]){__VA_ARGS__, NULL})

static size_t lines_of(const char *text)
{
    size_t lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static bool is_privileged_failing(void)
{
    return json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail&subject=web"), "findings")) == 1;
}

static void set_privileged(bool privileged)
{
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;

    fake_set_privileged(beside.fake, 0, privileged);
    fake_event(beside.fake, "container", "update", fake_container_id(0), NULL);
    while (is_privileged_failing() != privileged) {
        ck_assert_msg(clock_monotonic() < end, "the verdict does not come");
        fake_run(beside.base, 10, NULL, NULL);
    }
}

/* ---- history and diff ---- */

static void now_as_local(char *buffer, size_t size)
{
    time_t now;
    struct tm local;

    fake_run(beside.base, 1100, NULL, NULL); /* whole seconds are compared with what happened before and after */
    now = time(NULL);
    localtime_r(&now, &local);
    strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &local);
}

START_TEST(history_names_what_changed)
{
    scoped_str out = STR_INIT;
    char before[32], after[32];

    start();
    wait_ready();
    now_as_local(before, sizeof before);
    set_privileged(true);
    now_as_local(after, sizeof after);
    set_privileged(false);

    out = RUN(0, "history", "--since", before, "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 2);
    ck_assert_ptr_nonnull(strstr(out.data, "\t5.4\tpass\tfail\tcontainer web\t"));
    ck_assert_ptr_nonnull(strstr(out.data, "\t5.4\tfail\tpass\tcontainer web\t"));
    ck_assert_int_ge(strncmp(out.data, before, 19), 0); /* local time */
    str_deinit(&out);
    out = RUN(0, "history", "--since", before, "--until", after, "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 1);
    str_deinit(&out);
    out = RUN(0, "history", "--since", after, "--rule", "container-privileged", "--subject", "w?b", "--severity",
              "critical,high", "--status", "pass", "--kind", "container", "--section", "5");
    ck_assert_uint_eq(lines_of(out.data), 1);
    str_deinit(&out);
    out = RUN(0, "history", "--since", "yesterday", "--kind", "host", "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 0);
    str_deinit(&out);
    out = RUN(0, "--json", "history", "--since", before, "--rule", "5.4");
    ck_assert_uint_eq(lines_of(out.data), 3); /* with the first line of the API */
    ck_assert_int_eq(strncmp(out.data, "{\"hello\":", 9), 0);
}
END_TEST

START_TEST(diff_names_opened_and_closed)
{
    scoped_str out = STR_INIT;
    char before[32], between[32];
    double then, until;
    const char *score;

    fake_set_privileged(beside.fake, 1, true);
    start();
    wait_ready();
    now_as_local(before, sizeof before);
    set_privileged(true);
    now_as_local(between, sizeof between);

    out = RUN(0, "diff", before);
    ck_assert_ptr_nonnull(strstr(out.data, "opened\t5.4\tcritical\tfail\tcontainer\tweb\t"));
    ck_assert_ptr_null(strstr(out.data, "closed\t"));
    ck_assert_ptr_nonnull(strstr(out.data, "open\t5.4\tcritical\tfail\tcontainer\t"));
    str_deinit(&out);

    set_privileged(false);
    out = RUN(0, "diff", between);
    ck_assert_ptr_nonnull(strstr(out.data, "closed\t5.4\tcritical\tpass\tcontainer\tweb\t"));
    ck_assert_ptr_null(strstr(out.data, "opened\t"));
    str_deinit(&out);
    out = RUN(0, "diff", before);
    ck_assert_ptr_null(strstr(out.data, "opened\t"));
    ck_assert_ptr_null(strstr(out.data, "closed\t"));
    str_deinit(&out);
    out = RUN(0, "diff", before, between);
    ck_assert_ptr_nonnull(strstr(out.data, "opened\t5.4\t"));
    str_deinit(&out);

    /* The last failure of the rule goes: it passes, and the score rises by it. */
    now_as_local(between, sizeof between);
    fake_set_privileged(beside.fake, 1, false);
    fake_event(beside.fake, "container", "update", fake_container_id(1), NULL);
    while (json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail"), "findings")))
        fake_run(beside.base, 10, NULL, NULL);
    out = RUN(0, "diff", between);
    score = strstr(out.data, "score\t");
    ck_assert_ptr_nonnull(score);
    ck_assert_int_eq(sscanf(score, "score\t%lf\t%lf", &then, &until), 2);
    ck_assert_double_gt(until, then);
    ck_assert_double_eq_tol(until, json_double(json_get(beside_ask(&beside, "/v1/status"), "score"), -1), 0.06);
}
END_TEST

START_TEST(times_that_are_not)
{
    scoped_str out = RUN(2, "history", "--since", "yesterdy");
    scoped_str other = RUN(2, "diff", "2026-02-30");
    scoped_str word = RUN(2, "history", "--severity", "hgih");
    scoped_str missing = RUN(2, "diff");

    (void)config;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *history = tcase_create("history");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(history, set_up, tear_down);
    tcase_set_timeout(history, 240);
    tcase_add_test(history, history_names_what_changed);
    tcase_add_test(history, diff_names_opened_and_closed);
    tcase_add_test(history, times_that_are_not);
    suite_add_tcase(suite, history);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
