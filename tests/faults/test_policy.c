/* Policy of several files, in a whole agent: what conf.d says counts, agentctl waive writes it, and a file that is
 * wrong leaves everything as it was. */
#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { CONTAINERS = 4, READY_S = 240 };

static struct beside beside;
static char *config;

static void put(const char *name, const char *text)
{
    scoped(cleanup_free) char *path = mem_printf("%s/conf.d/%s", beside.folder, name);

    ck_assert_int_eq(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static const struct json *status(void)
{
    return beside_ask(&beside, "/v1/status");
}

static bool is_scanned(void)
{
    return json_int(json_path(status(), "scan", "duration_ms", NULL), -1) >= 0;
}

static bool is_degraded(void)
{
    return str_equal(json_text(json_path(status(), "agent", "state", NULL), ""), "degraded");
}

/* Waivers that the configuration in force has. */
static size_t count_waivers(void)
{
    return json_count(json_get(status(), "waivers"));
}

static bool has_two_waivers(void)
{
    return count_waivers() == 2;
}

static bool has_one_waiver(void)
{
    return count_waivers() == 1;
}

static void wait_until(bool (*is_so)(void))
{
    usec_t end = clock_monotonic() + READY_S * USEC_PER_SEC;

    while (!is_so()) {
        ck_assert_msg(clock_monotonic() < end, "it does not get so");
        fake_run(beside.base, 20, NULL, NULL);
    }
}

/* The finding of rule 5.4 and a container of that name; NULL: there is none. */
static const struct json *finding_of(const char *name)
{
    scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=5.4&subject=%s", name);

    return json_at(json_get(beside_ask(&beside, path), "findings"), 0);
}

static void set_up(void)
{
    scoped(cleanup_free) char *folder = NULL;

    setenv("LC_ALL", "C.UTF-8", 1);
    beside_begin(&beside, CONTAINERS);
    for (size_t i = 0; i < CONTAINERS; i++) {
        scoped(cleanup_free) char *name = mem_printf("c%zu", i);

        fake_set_name(beside.fake, i, name);
        fake_set_privileged(beside.fake, i, true);
    }
    config = mem_printf("%s/agent.json", beside.folder);
    folder = mem_printf("%s/conf.d", beside.folder);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    put("10-policy.json", "{\"sinks\": [], \"exclude\": [\"name:c2\", \"name:none\"], \"profile\": [\"level1\"]}");
    put("20-exceptions.json", "{\"waivers\": [{\"rule\": [\"5.4\", \"section:4\"], \"subject\": \"name:c1\",\n"
                              "\"reason\": \"is known\", \"by\": \"ops\", \"expires\": \"2199-01-01\"}]}");
    beside_start_agent(&beside, "{\"profile\": \"default\"}");
    wait_until(is_scanned);
}

static void tear_down(void)
{
    beside_end(&beside);
    free(take(config));
}

static bool is_as_begun(void)
{
    return count_waivers() == 1 && !is_degraded();
}

/* One agent serves all tests: what the one before has left in conf.d goes. */
static void begin(void)
{
    static const char *const left[] = {"15-broken.json", "30-more.json", "waivers.json"};

    for (size_t i = 0; i < countof(left); i++) {
        scoped(cleanup_free) char *path = mem_printf("%s/conf.d/%s", beside.folder, left[i]);

        unlink(path);
    }
    if (!is_as_begun())
        ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    wait_until(is_as_begun);
}

START_TEST(what_conf_d_says_counts)
{
    const struct json *exclude, *waived, *excluded;

    ck_assert_str_eq(json_text(json_at(json_get(status(), "profile"), 0), ""), "level1");
    ck_assert_int_gt(json_int(json_get(status(), "rules_outside_profile"), -1), 0);
    exclude = json_get(status(), "exclude");
    ck_assert_uint_eq(json_count(exclude), 2);
    ck_assert_int_eq(json_int(json_get(json_at(exclude, 0), "matches"), -1), 1);
    ck_assert_int_eq(json_int(json_get(json_at(exclude, 1), "matches"), -1), 0);
    ck_assert(str_ends(json_text(json_get(json_at(exclude, 0), "file"), ""), "/conf.d/10-policy.json"));
    excluded = json_get(status(), "excluded");
    ck_assert_int_eq(json_int(json_get(status(), "excluded_count"), -1), 1);
    ck_assert_str_eq(json_text(json_get(json_at(excluded, 0), "name"), ""), "c2");
    ck_assert_str_eq(json_text(json_get(json_at(excluded, 0), "reason"), ""), "name:c2");
    ck_assert_ptr_null(finding_of("c2"));
    ck_assert_int_eq(json_type(json_get(finding_of("c0"), "waived")), JSON_NULL);
    waived = json_get(finding_of("c1"), "waived");
    ck_assert_str_eq(json_text(json_get(waived, "reason"), ""), "is known");
    ck_assert_str_eq(json_text(json_get(waived, "by"), ""), "ops");
    ck_assert(str_starts(json_text(json_get(waived, "expires"), ""), "2199-01-01"));
}
END_TEST

/* agentctl config: each value with its file. */
START_TEST(the_configuration_in_force)
{
    const char *const table[] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "config", NULL};
    const char *const text[] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "config", "--show", NULL};
    scoped_str out = STR_INIT, err = STR_INIT;

    ck_assert_int_eq(beside_run(&beside, table, false, &out, &err), 0);
    ck_assert_msg(strstr(str_text(&out), "\nprofile\t[\"level1\"]\t") != NULL, "%s", str_text(&out));
    ck_assert_ptr_nonnull(strstr(str_text(&out), "\nwaivers[0].by\tops\t"));
    ck_assert_ptr_nonnull(strstr(str_text(&out), "/conf.d/20-exceptions.json:2"));
    str_clear(&out);
    ck_assert_int_eq(beside_run(&beside, text, false, &out, &err), 0);
    ck_assert_ptr_nonnull(strstr(str_text(&out), "\n    \"profile\": [\"level1\"], // "));
}
END_TEST

/* All failures of a rule waived count as passed; without waivers they do not. */
START_TEST(score_with_and_without_waivers)
{
    double score, without;

    put("30-more.json", "{\"waivers\": [{\"rule\": \"*\", \"reason\": \"r\", \"by\": \"b\"}]}");
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    wait_until(has_two_waivers);
    wait_until(is_scanned);
    score = json_double(json_get(status(), "score"), -1);
    without = json_double(json_get(status(), "score_without_waivers"), -1);
    ck_assert_double_eq(score, 100);
    ck_assert(without > 0 && without < score);
}
END_TEST

/* ---- agentctl waive ---- */

static int waive(const char *const *words, struct str *ret_out, struct str *ret_err)
{
    const char *arguments[20] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "waive", "--config", config};
    size_t count = 6;

    while (*words && count + 1 < countof(arguments))
        arguments[count++] = *words++;
    return beside_run(&beside, arguments, false, ret_out, ret_err);
}

#define WAIVE(...) waive((const char *const[]){__VA_ARGS__, NULL}, &out, &err)

static char *read_waivers(void)
{
    scoped(cleanup_free) char *path = mem_printf("%s/conf.d/waivers.json", beside.folder);
    scoped_str text = STR_INIT;

    return file_read(path, 1 << 20, &text, NULL) == 0 ? str_steal(&text) : mem_strdup("");
}

START_TEST(waived_and_taken_back)
{
    scoped_str out = STR_INIT, err = STR_INIT;
    scoped(cleanup_free) char *before = NULL, *after = NULL;

    ck_assert_int_eq(WAIVE("5.4,5.5", "name:c0", "--until", "2199-01-31", "--reason", "a\nb \"c\"", "--by", "x"), 0);
    ck_assert_ptr_nonnull(strstr(str_text(&out), "waived: 5.4,5.5 name:c0: "));
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    wait_until(has_two_waivers);
    ck_assert_str_eq(json_text(json_path(finding_of("c0"), "waived", "reason", NULL), ""), "a\nb \"c\"");
    str_clear(&out);
    ck_assert_int_eq(WAIVE("--list"), 0);
    ck_assert_ptr_nonnull(strstr(str_text(&out), "\n5.4, section:4\tname:c1\t2199-01-01\t"));
    ck_assert_ptr_nonnull(strstr(str_text(&out), "\n5.4, 5.5\tname:c0\t2199-01-31\t1\tx\ta\\x0ab \"c\"\t"));

    before = read_waivers();
    str_clear(&err);
    ck_assert_int_eq(WAIVE("5.444", "name:c0", "--until", "never", "--reason", "r"), 2);
    ck_assert_ptr_nonnull(strstr(str_text(&err), "/conf.d/waivers.json:"));
    ck_assert_ptr_nonnull(strstr(str_text(&err), "unknown rule \"5.444\""));
    ck_assert_int_eq(WAIVE("5.4", "nam:c0", "--until", "never", "--reason", "r"), 2);
    ck_assert_int_eq(WAIVE("5.4", "name:c0", "--until", "2020-01-01", "--reason", "r"), 2);
    ck_assert_int_eq(WAIVE("5.4", "name:c0", "--until", "never"), 2);
    ck_assert_int_eq(WAIVE("5.4"), 2);
    ck_assert_int_eq(WAIVE("--remove", "5.4", "name:c0"), 2);
    after = read_waivers();
    ck_assert_str_eq(before, after);

    ck_assert_int_eq(WAIVE("--remove", "5.4, 5.5", "name:c0"), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    wait_until(has_one_waiver);
    ck_assert_int_eq(json_type(json_get(finding_of("c0"), "waived")), JSON_NULL);
}
END_TEST

static const char *const by_hand[] = {
    "// mine\n{\"waivers\": []}",
    "{\"waivers\": [], \"language\": \"zh\"}",
    "{\"waivers\": [{\"rule\": \"5.4\", \"reason\": \"r\", \"by\": \"b\", \"note\": \"n\"}]}",
    "{\"waivers\": [{\"rule\": 5, \"reason\": \"r\", \"by\": \"b\"}]}",
    "[]",
    "{",
};

/* What it cannot keep it does not touch. */
START_TEST(a_file_edited_by_hand)
{
    for (size_t i = 0; i < countof(by_hand); i++) {
        scoped_str out = STR_INIT, err = STR_INIT;
        scoped(cleanup_free) char *after = NULL;

        put("waivers.json", by_hand[i]);
        ck_assert_int_ne(WAIVE("5.4", "name:c0", "--until", "never", "--reason", "r"), 0);
        ck_assert_msg(strstr(str_text(&err), "was edited by hand") != NULL, "%s", str_text(&err));
        after = read_waivers();
        ck_assert_str_eq(after, by_hand[i]);
    }
}
END_TEST

/* ---- A file that is wrong ---- */

START_TEST(a_broken_file_keeps_the_old_ones)
{
    const char *reason;

    put("15-broken.json", "{\"exclude\": [\"c2\"],\n\"waiver\": []}");
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    wait_until(is_degraded);
    reason = json_text(json_at(json_path(status(), "agent", "reasons", NULL), 0), "");
    ck_assert_msg(strstr(reason, "/conf.d/15-broken.json:") && strstr(reason, "and 1 more"), "%s", reason);
    ck_assert_uint_eq(count_waivers(), 1);
    ck_assert_ptr_null(finding_of("c2"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tests = tcase_create("policy");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_checked_fixture(tests, begin, NULL);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, what_conf_d_says_counts);
    tcase_add_test(tests, the_configuration_in_force);
    tcase_add_test(tests, score_with_and_without_waivers);
    tcase_add_test(tests, waived_and_taken_back);
    tcase_add_test(tests, a_file_edited_by_hand);
    tcase_add_test(tests, a_broken_file_keeps_the_old_ones);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one agent and one engine serve them all */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
