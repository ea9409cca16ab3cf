/* Rights that are missing, and helpers that stop or answer nonsense: what takes that right is an error that names it,
 * and everything else is as it was. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/vec.h"

enum { WAIT_MS = 180000, CONTAINERS = 3 };

static struct beside beside;

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
    fake_set_running(beside.fake, getpid());
}

static void tear_down(void)
{
    beside_end(&beside);
}

static void await(bool (*condition)(void), const char *what)
{
    usec_t end = clock_monotonic() + WAIT_MS * INT64_C(1000);

    while (!condition()) {
        ck_assert_msg(clock_monotonic() < end, "%s", what);
        fake_run(beside.base, 50, NULL, NULL);
    }
}

static bool is_scanned(void)
{
    return json_type(json_pointer(beside_ask(&beside, "/v1/status"), "/scan/duration_ms")) == JSON_NUMBER;
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void settle(void)
{
    for (int64_t before = -1, now = 0; before != now;) {
        before = now;
        fake_run(beside.base, 1000, NULL, NULL);
        now = json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), 0);
    }
}

static void scan(void)
{
    static const char request[] = "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer reply = {0};
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &reply));
}

/* "STATUS EVIDENCE" by rule and subject. */
static struct map *explained(void)
{
    struct map *map = map_new(free);
    const struct json *list = json_get(beside_ask(&beside, "/v1/findings?limit=10000"), "findings");

    ck_assert_uint_gt(json_count(list), 100);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *finding = json_at(list, i);
        scoped(cleanup_free) char *key = mem_printf("%s %s", json_text(json_get(finding, "slug"), ""),
                                                    json_text(json_path(finding, "subject", "id", NULL), ""));

        map_set(map, key,
                mem_printf("%s %s", json_text(json_get(finding, "status"), ""),
                           json_text(json_get(finding, "evidence"), "")));
    }
    return map;
}

static bool is_same_status(const char *a, const char *b)
{
    size_t length = strcspn(a, " ");

    return strncmp(a, b, length + 1) == 0;
}

/* Every finding of NOW has the status that it has in BEFORE, or is an error whose evidence holds WHY. How many are. A
 * file that cannot be seen any more is a subject less, whose rule has such an error. */
static size_t count_errors(const struct map *before, const struct map *now, const char *what, const char *why)
{
    size_t at = 0, count = 0;
    const char *key;
    void *value;

    while (map_next(now, &at, &key, &value)) {
        const char *was = map_get(before, key), *is = value;

        if (str_starts(is, "error ") && strstr(is, why))
            count++;
        else
            ck_assert_msg(was && is_same_status(was, is), "%s: %s: was %s, is %s", what, key, was ? was : "nothing",
                          is);
    }
    return count;
}

/* The first of A that has another status, or none, in B; NULL: there is none. */
static const char *find_other(const struct map *a, const struct map *b)
{
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(a, &at, &key, &value))
        if (!map_get(b, key) || !is_same_status(value, map_get(b, key)))
            return key;
    return NULL;
}

/* All findings come to be what they were: what did not answer is left in peace for a while. */
static void await_as_before(const struct map *before)
{
    usec_t end = clock_monotonic() + WAIT_MS * INT64_C(1000);

    for (;;) {
        scoped(cleanup_map) struct map *now = NULL;
        const char *key;

        scan();
        settle();
        now = explained();
        key = find_other(now, before);
        key = key ? key : find_other(before, now);
        if (!key)
            return;
        ck_assert_msg(clock_monotonic() < end, "%s: was %s, is %s", key,
                      map_get(before, key) ? (const char *)map_get(before, key) : "nothing",
                      map_get(now, key) ? (const char *)map_get(now, key) : "nothing");
    }
}

static void start_agent(void)
{
    beside_start_agent(&beside, "{\"sinks\": []}");
    await(is_scanned, "the first scan does not end");
    settle();
}

static void restart_agent(void)
{
    scoped(cleanup_free) char *state = mem_printf("rm -rf %s/state", beside.folder);

    beside_stop_agent(&beside);
    ck_assert_int_eq(system(state), 0);
    start_agent();
}

/* Each right that the unit gives, and each that it does not: those of the list name the right, any other one is not
 * missed. */
START_TEST(a_right_that_is_missing_is_named)
{
    static const struct {
        unsigned capability;
        const char *name;
        bool is_needed;
    } rights[] = {{CAP_AUDIT_CONTROL, "CAP_AUDIT_CONTROL", true}, {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", true},
                  {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", true},       {CAP_AUDIT_READ, "CAP_AUDIT_READ", false},
                  {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false},        {CAP_NET_ADMIN, "CAP_NET_ADMIN", false}};
    scoped(cleanup_map) struct map *before = NULL;

    start_agent();
    before = explained();
    for (size_t i = 0; i < countof(rights); i++) {
        scoped(cleanup_map) struct map *now = NULL;
        size_t errors;

        beside.without = UINT64_C(1) << rights[i].capability;
        restart_agent();
        now = explained();
        errors = count_errors(before, now, rights[i].name, rights[i].name);
        printf("figure: without %s %zu of %zu findings are an error that names it\n", rights[i].name, errors,
               map_count(now));
        ck_assert_msg(!rights[i].is_needed || errors, "%s is not missed", rights[i].name);
        ck_assert(rights[i].is_needed || map_count(now) == map_count(before));
    }
}
END_TEST

/* ---- Helpers ---- */

static const char *const roles[] = {"audit", "files", "processes"};

/* The process that is ROLE's; 0: there is none. */
static pid_t find_helper(const char *role)
{
    DIR *dir = opendir("/proc");
    pid_t found = 0;

    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/cmdline", entry->d_name);
        scoped_str text = STR_INIT;
        bool is_ours = false, is_helper;

        if (file_read(path, 65536, &text, NULL) < 0 || !text.length)
            continue;
        is_helper = str_equal(text.data, "docker-bench-helper") && str_equal(text.data + strlen(text.data) + 1, role);
        for (const char *at = text.data; is_helper && at < text.data + text.length; at += strlen(at) + 1)
            is_ours = is_ours || str_starts(at, beside.folder);
        found = is_ours ? (pid_t)atoi(entry->d_name) : 0;
    }
    closedir(dir);
    return found;
}

static int64_t restarts(const char *role)
{
    const struct json *helpers = json_get(beside_ask(&beside, "/v1/status"), "helpers");

    for (size_t i = 0; i < json_count(helpers); i++)
        if (str_equal(json_text(json_get(json_at(helpers, i), "role"), ""), role))
            return json_int(json_get(json_at(helpers, i), "restarts"), 0);
    return -1;
}

static bool are_restarted(void)
{
    for (size_t i = 0; i < countof(roles); i++)
        if (restarts(roles[i]) < 1)
            return false;
    return true;
}

static bool is_seen_to_be_privileged(void)
{
    return json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail"), "findings")) == 1;
}

/* All at once: what the engine announces is judged meanwhile, others come in their places, and all is as it was. */
START_TEST(helpers_that_are_stopped_are_replaced)
{
    scoped(cleanup_map) struct map *before = NULL;
    pid_t stopped[countof(roles)];
    struct pace pace;

    start_agent();
    before = explained();
    pace_begin(&pace, &beside, "helpers stopped");
    for (size_t i = 0; i < countof(roles); i++) {
        stopped[i] = find_helper(roles[i]);
        ck_assert_int_gt(stopped[i], 0);
        ck_assert_int_eq(kill(stopped[i], SIGSTOP), 0);
    }
    scan();
    fake_set_privileged(beside.fake, 1, true);
    fake_event(beside.fake, "container", "start", fake_container_id(1), NULL);
    await(is_seen_to_be_privileged, "an event is not judged while helpers are stopped");
    fake_set_privileged(beside.fake, 1, false);
    fake_event(beside.fake, "container", "start", fake_container_id(1), NULL);
    await(are_restarted, "helpers that are stopped are not replaced");
    await(is_ready, "the agent does not get ready");
    pace_end(&pace, &beside);
    await_as_before(before);
    aftermath_check(&beside);
}
END_TEST

/* ---- Nonsense ---- */

static const char *role_of_nonsense;

static bool is_helper_there(void)
{
    return find_helper(role_of_nonsense) > 0;
}

static bool is_nonsense_seen(void)
{
    scoped(cleanup_free) char *text = mem_printf("the helper %s is not running", role_of_nonsense);
    const struct json *reasons = json_pointer(beside_ask(&beside, "/v1/status"), "/agent/reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        if (strstr(json_text(json_at(reasons, i), ""), text))
            return true;
    return false;
}

/* The file that says whose helper talks nonsense, or ends; HOST is to be kept for as long as the agent runs. */
static char *replace_helpers(char **ret_host)
{
    char *flag = mem_printf("%s/nonsense", beside.folder);
    scoped(cleanup_free) char *real = mem_printf("%s/real-helper", BUILD_DIR);
    scoped(cleanup_free) char *prepare =
        mem_printf("cp -f %s/docker-bench-helper %s && chmod 755 %s", BUILD_DIR, real, beside.folder);

    *ret_host =
        mem_printf("mount --make-rprivate / && mount --bind %s %s/docker-bench-helper", NONSENSE_HELPER, BUILD_DIR);
    ck_assert_int_eq(system(prepare), 0);
    setenv("NONSENSE_ROLE", flag, 1);
    setenv("NONSENSE_HELPER", real, 1);
    beside.host = *ret_host;
    return flag;
}

/* A helper of each role that talks nonsense from one start on: its rules say so, others do not; then all is as it was.
 */
START_TEST(a_helper_that_answers_nonsense_is_named)
{
    scoped(cleanup_free) char *host = NULL, *flag = replace_helpers(&host);
    scoped(cleanup_map) struct map *before = NULL;

    start_agent();
    before = explained();
    for (size_t i = 0; i < countof(roles); i++) {
        scoped(cleanup_free) char *why = mem_printf("the helper %s is not running", roles[i]);
        scoped(cleanup_map) struct map *now = NULL;

        role_of_nonsense = roles[i];
        ck_assert_int_eq(file_replace(flag, roles[i], strlen(roles[i]), 0644, NULL), 0);
        await(is_helper_there, "there is no helper");
        ck_assert_int_eq(kill(find_helper(role_of_nonsense), SIGKILL), 0);
        await(is_nonsense_seen, "nonsense is believed");
        scan();
        settle();
        now = explained();
        ck_assert_msg(count_errors(before, now, roles[i], why) > 0, "%s is not missed", roles[i]);
        ck_assert_int_eq(unlink(flag), 0);
        await(is_ready, "the agent does not get ready again");
    }
    await_as_before(before);
}
END_TEST

/* One that never begins: the first scan ends all the same, its rules say why, and it is waited for no longer. */
START_TEST(a_helper_that_never_begins_is_named)
{
    scoped(cleanup_free) char *host = NULL, *flag = replace_helpers(&host);
    scoped(cleanup_map) struct map *before = NULL;

    start_agent();
    before = explained();
    for (size_t i = 0; i < countof(roles); i++) {
        scoped(cleanup_free) char *word = mem_printf("-%s", roles[i]);
        scoped(cleanup_free) char *why = mem_printf("the helper %s is not running", roles[i]);
        scoped(cleanup_map) struct map *now = NULL;

        ck_assert_int_eq(file_replace(flag, word, strlen(word), 0644, NULL), 0);
        restart_agent();
        now = explained();
        ck_assert_msg(count_errors(before, now, roles[i], why) > 0, "%s is not missed", roles[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rights");
    TCase *rights = tcase_create("rights"), *stopped = tcase_create("stopped"), *nonsense = tcase_create("nonsense");
    TCase *cases[] = {rights, stopped, nonsense};
    SRunner *runner;
    int failed;

    tcase_add_test(rights, a_right_that_is_missing_is_named);
    tcase_add_test(stopped, helpers_that_are_stopped_are_replaced);
    tcase_add_test(nonsense, a_helper_that_answers_nonsense_is_named);
    tcase_add_test(nonsense, a_helper_that_never_begins_is_named);
    for (size_t i = 0; i < countof(cases); i++) {
        tcase_add_checked_fixture(cases[i], set_up, tear_down);
        tcase_set_timeout(cases[i], 240);
        suite_add_tcase(suite, cases[i]);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
