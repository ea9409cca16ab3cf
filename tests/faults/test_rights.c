/* Rights that are missing, and helpers that stop or answer nonsense: what takes that right is an error that names it,
 * and everything else is as it was. */
#include <check.h>
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
#include "exports_beside.h"
#include "helpers_beside.h"

enum { WAIT_MS = 180000, CONTAINERS = 3 };

#define REPORT                                                                                                         \
    "{\"SchemaVersion\":2,\"Results\":[{\"Vulnerabilities\":[{\"VulnerabilityID\":\"CVE-1\",\"PkgName\":\"a\","        \
    "\"InstalledVersion\":\"1\",\"FixedVersion\":\"2\",\"Severity\":\"HIGH\"}]}]}"

static struct beside beside;
static char *config;        /* with a scanner, and a benchmark that has rules about what lies in layers */
static char *scanner_waits; /* for as long as there is this file */

/* ---- Images, whose layers and scans are read once each ---- */

enum { IMAGES = 3, EXPORTED = 2 /* the one of them whose layer is read from an export */ };

static void put_file(const char *path, const char *text, mode_t mode)
{
    ck_assert_int_eq(file_replace(path, text, strlen(text), mode, NULL), 0);
}

static void make_layer(unsigned number)
{
    scoped(cleanup_free) char *make = mem_printf("mkdir -p %s/overlay2/%u/diff", beside.folder, number);
    scoped(cleanup_free) char *program = mem_printf("%s/overlay2/%u/diff/program", beside.folder, number);

    ck_assert_int_eq(system(make), 0);
    put_file(program, "", 04755);
}

/* Pulled anew: what is found under a digest of that form is not kept. */
static void add_image(unsigned number)
{
    scoped(cleanup_free) char *digest = mem_printf("other:%064x", number);
    scoped(cleanup_free) char *path = mem_printf("%s/overlay2/%u/diff", beside.folder, number);

    fake_add_image(beside.fake, number, digest, number == EXPORTED ? NULL : path);
    fake_event(beside.fake, "image", "pull", fake_image_id(number), NULL);
}

static void add_images(void)
{
    for (unsigned number = 1; number <= IMAGES; number++)
        add_image(number);
}

static size_t count_findings(const char *rule)
{
    scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=%s", rule);

    return json_count(json_get(beside_ask(&beside, path), "findings"));
}

/* The one of the containers is always there. */
static bool are_images_judged(void)
{
    return count_findings("image-setuid") == 1 + IMAGES && count_findings("image-scanned") == 1 + IMAGES;
}

static bool are_images_gone(void)
{
    return count_findings("image-setuid") == 1 && count_findings("image-scanned") == 1;
}

static void set_up(void)
{
    scoped(cleanup_free) char *scanner = NULL, *script = NULL;

    beside_begin(&beside, CONTAINERS);
    fake_set_running(beside.fake, getpid());
    scanner = mem_printf("%s/scanner", beside.folder);
    scanner_waits = mem_printf("%s/scanner-waits", beside.folder);
    script = mem_printf("#!/bin/sh\nwhile [ -e %s ]; do sleep 0.1; done\necho '%s'\n", scanner_waits, REPORT);
    put_file(scanner, script, 0755);
    config = mem_printf(
        "{\"sinks\": [], \"benchmark\": \"cis-1.6.0\", \"scanner\": {\"command\": [\"%s\", \"{image}\"]}}", scanner);
    for (unsigned number = 1; number <= IMAGES; number++)
        make_layer(number);
    exports_serve(beside.fake, EXPORTED, 0);
    add_images();
}

static void tear_down(void)
{
    beside_end(&beside);
    free(scanner_waits);
    free(config);
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

/* The first finding of NOW that neither has the status that it has in BEFORE nor is an error whose evidence holds WHY;
 * NULL: there is none. RET_COUNT: how many are such errors. */
static const char *find_unexplained(const struct map *before, const struct map *now, const char *why, size_t *ret_count)
{
    const char *key, *found = NULL;
    size_t at = 0;
    void *value;

    *ret_count = 0;
    while (map_next(now, &at, &key, &value)) {
        const char *was = map_get(before, key), *is = value;

        if (str_starts(is, "error ") && strstr(is, why))
            ++*ret_count;
        else if (!was || !is_same_status(was, is))
            found = found ? found : key;
    }
    return found;
}

/* Every finding comes to have the status that it has in BEFORE, or to be an error whose evidence holds WHY.
 * IS_NEEDED: there are some; else there are as many findings as before. A file that cannot be seen any more is
 * a subject less, whose rule has such an error. */
static void await_errors(const struct map *before, const char *what, const char *why, bool is_needed)
{
    usec_t end = clock_monotonic() + WAIT_MS * INT64_C(1000);

    for (;;) {
        scoped(cleanup_map) struct map *now = explained();
        size_t errors;
        const char *key = find_unexplained(before, now, why, &errors);

        if (!key && (is_needed ? errors > 0 : map_count(now) == map_count(before))) {
            printf("figure: %s: %zu of %zu findings are an error that says so\n", what, errors, map_count(now));
            return;
        }
        ck_assert_msg(clock_monotonic() < end,
                      "%s: %zu of %zu findings are an error, %zu were there; %s: was %s, is %s", what, errors,
                      map_count(now), map_count(before), key ? key : "all others",
                      key && map_get(before, key) ? (const char *)map_get(before, key) : "nothing",
                      key ? (const char *)map_get(now, key) : "as before");
        fake_run(beside.base, 200, NULL, NULL);
    }
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

static void begin_agent(void)
{
    beside_start_agent(&beside, config);
    await(is_scanned, "the first scan does not end");
    await(are_images_judged, "the images are not judged");
}

static void start_agent(void)
{
    begin_agent();
    await(is_ready, "the agent does not get ready");
    settle();
}

static void restart_agent(void)
{
    scoped(cleanup_free) char *state = mem_printf("rm -rf %s/state", beside.folder);

    beside_stop_agent(&beside);
    ck_assert_int_eq(system(state), 0);
    begin_agent();
    settle();
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
        scoped(cleanup_free) char *what = mem_printf("without %s", rights[i].name);

        beside.without = UINT64_C(1) << rights[i].capability;
        restart_agent();
        await_errors(before, what, rights[i].name, rights[i].is_needed);
    }
}
END_TEST

/* ---- Helpers ---- */

static const char *const roles[] = {"audit", "files", "processes", "layers", "scanner"};

static bool are_restarted(void)
{
    for (size_t i = 0; i < countof(roles); i++)
        if (helpers_restarts(&beside, roles[i]) < 1)
            return false;
    return true;
}

static bool is_seen_to_be_privileged(void)
{
    return json_count(json_get(beside_ask(&beside, "/v1/findings?rule=5.4&status=fail"), "findings")) == 1;
}

static void remove_images(void)
{
    for (unsigned number = 1; number <= IMAGES; number++) {
        fake_remove_image(beside.fake, number);
        fake_event(beside.fake, "image", "delete", fake_image_id(number), NULL);
    }
    await(are_images_gone, "the images do not go");
}

static bool does_scanner_work(void)
{
    return helpers_has_task(&beside, "scanner");
}

static size_t exports_before;

static bool is_export_read(void)
{
    return exports_requests(beside.fake, EXPORTED) > exports_before;
}

/* An image is being scanned, and the layers of another one walked. */
static void begin_work(void)
{
    enum { DRIP = 4 }; /* some seconds */

    put_file(scanner_waits, "", 0644);
    add_image(1);
    await(does_scanner_work, "the scanner does not work");
    fake_faults_clear(beside.fake);
    exports_serve(beside.fake, EXPORTED, DRIP);
    exports_before = exports_requests(beside.fake, EXPORTED);
    add_image(EXPORTED);
    await(is_export_read, "the layers are not read");
}

/* All at once, in the midst of their work: what the engine announces is judged meanwhile, what was begun comes to its
 * end, others come in their places, and all is as it was. */
START_TEST(helpers_that_are_stopped_are_replaced)
{
    scoped(cleanup_map) struct map *before = NULL;
    pid_t stopped[countof(roles)];
    struct pace pace;

    start_agent();
    before = explained();
    remove_images();
    pace_begin(&pace, &beside, "helpers stopped");
    begin_work();
    for (size_t i = 0; i < countof(roles); i++) {
        stopped[i] = helpers_find(&beside, roles[i]);
        ck_assert_int_gt(stopped[i], 0);
        ck_assert_int_eq(kill(stopped[i], SIGSTOP), 0);
    }
    scan();
    add_image(IMAGES);
    ck_assert_int_eq(unlink(scanner_waits), 0);
    fake_set_privileged(beside.fake, 1, true);
    fake_event(beside.fake, "container", "start", fake_container_id(1), NULL);
    await(is_seen_to_be_privileged, "an event is not judged while helpers are stopped");
    fake_set_privileged(beside.fake, 1, false);
    fake_event(beside.fake, "container", "start", fake_container_id(1), NULL);
    await(are_restarted, "helpers that are stopped are not replaced");
    await(is_ready, "the agent does not get ready");
    await(are_images_judged, "the images are not judged");
    pace_end(&pace, &beside);
    await_as_before(before);
    aftermath_check(&beside);
}
END_TEST

/* ---- Helpers that misbehave ---- */

static struct misbehaving misbehaving;

static void set_up_misbehaving(void)
{
    set_up();
    misbehaving_begin(&misbehaving, &beside);
}

static void tear_down_misbehaving(void)
{
    tear_down();
    misbehaving_end(&misbehaving);
}

static const char *role_of_nonsense;

static bool is_helper_there(void)
{
    return helpers_find(&beside, role_of_nonsense) > 0;
}

static bool is_nonsense_seen(void)
{
    scoped(cleanup_free) char *text =
        mem_printf("the helper %s is not running: it said what it was not asked for", role_of_nonsense);
    const struct json *reasons = json_pointer(beside_ask(&beside, "/v1/status"), "/agent/reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        if (strstr(json_text(json_at(reasons, i), ""), text))
            return true;
    return false;
}

/* A helper of each role that talks nonsense from one start on: its rules say so, others do not; then all is as it was.
 */
START_TEST(a_helper_that_answers_nonsense_is_named)
{
    scoped(cleanup_map) struct map *before = NULL;

    start_agent();
    before = explained();
    for (size_t i = 0; i < countof(roles); i++) {
        scoped(cleanup_free) char *why = mem_printf("the helper %s is not running", roles[i]);
        pid_t helper;

        role_of_nonsense = roles[i];
        remove_images();
        misbehaving_set(&misbehaving, HELPER_TALKS_NONSENSE, roles[i]);
        await(is_helper_there, "there is no helper");
        helper = helpers_find(&beside, role_of_nonsense);
        ck_assert_int_gt(helper, 0);
        ck_assert_int_eq(kill(helper, SIGKILL), 0);
        await(is_nonsense_seen, "nonsense is believed");
        add_images();
        scan();
        await(are_images_judged, "the images are not judged");
        settle();
        await_errors(before, roles[i], why, true);
        misbehaving_set(&misbehaving, HELPER_TALKS_NONSENSE, NULL);
        await(is_ready, "the agent does not get ready again");
    }
    await_as_before(before);
}
END_TEST

/* One that never begins: the first scan ends all the same, its rules say why, and it is waited for no longer. */
START_TEST(a_helper_that_never_begins_is_named)
{
    scoped(cleanup_map) struct map *before = NULL;

    start_agent();
    before = explained();
    for (size_t i = 0; i < countof(roles); i++) {
        scoped(cleanup_free) char *why = mem_printf("the helper %s is not running", roles[i]);

        misbehaving_set(&misbehaving, HELPER_NEVER_BEGINS, roles[i]);
        restart_agent();
        await_errors(before, roles[i], why, true);
    }
}
END_TEST

static pid_t killed;

static bool is_another_held(void)
{
    pid_t pid = helpers_find(&beside, role_of_nonsense);

    return pid > 0 && pid != killed && helpers_is_stopped(pid);
}

static bool is_scanned_again(void)
{
    return json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches/audit"), 0) > 1;
}

static int64_t last_number(void)
{
    return json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), -1);
}

/* One that is killed again and again as it starts, but is back soon: whoever needs it waits, and nothing is reported.
 */
START_TEST(a_helper_that_is_killed_as_it_starts_is_waited_for)
{
    enum { KILLS = 2 };
    int64_t number;

    start_agent();
    number = last_number();
    role_of_nonsense = "audit";
    misbehaving_set(&misbehaving, HELPER_IS_HELD, role_of_nonsense);
    killed = helpers_find(&beside, role_of_nonsense);
    ck_assert_int_gt(killed, 0);
    ck_assert_int_eq(kill(killed, SIGKILL), 0);
    scan();
    for (unsigned i = 0; i < KILLS; i++) {
        await(is_another_held, "no other helper is started");
        killed = helpers_find(&beside, role_of_nonsense);
        ck_assert_int_eq(kill(killed, SIGKILL), 0);
    }
    await(is_another_held, "no other helper is started");
    ck_assert_int_eq(kill(helpers_find(&beside, role_of_nonsense), SIGCONT), 0);
    await(is_scanned_again, "the rules of the audit are not read again");
    settle();
    ck_assert_int_eq(last_number(), number + 1); /* that a scan was asked for */
    ck_assert_int_eq(helpers_restarts(&beside, role_of_nonsense), 1 + KILLS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rights");
    TCase *rights = tcase_create("rights"), *stopped = tcase_create("stopped"), *nonsense = tcase_create("nonsense"),
          *starting = tcase_create("starting");
    TCase *cases[] = {rights, stopped, nonsense, starting};
    SRunner *runner;
    int failed;

    tcase_add_test(rights, a_right_that_is_missing_is_named);
    tcase_add_test(stopped, helpers_that_are_stopped_are_replaced);
    tcase_add_test(nonsense, a_helper_that_answers_nonsense_is_named);
    tcase_add_test(nonsense, a_helper_that_never_begins_is_named);
    tcase_add_test(starting, a_helper_that_is_killed_as_it_starts_is_waited_for);
    tcase_add_checked_fixture(rights, set_up, tear_down);
    tcase_add_checked_fixture(stopped, set_up, tear_down);
    tcase_add_checked_fixture(nonsense, set_up_misbehaving, tear_down_misbehaving);
    tcase_add_checked_fixture(starting, set_up_misbehaving, tear_down_misbehaving);
    for (size_t i = 0; i < countof(cases); i++) {
        tcase_set_timeout(cases[i], 600);
        suite_add_tcase(suite, cases[i]);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
