/* The agent's own processes are killed: their work is done all the same, by others. And an image that cannot be read,
 * or is removed, does not delay another's verdict. */
#include <check.h>
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "exports_beside.h"

enum { WAIT_MS = 240000 };

static struct beside beside;
static struct fake *fake;
static struct event_base *base;

static void set_up(void)
{
    beside_begin(&beside, 2);
    fake = beside.fake;
    base = beside.base;
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
        fake_run(base, 20, NULL, NULL);
    }
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void start_agent(const char *config)
{
    beside_start_agent(&beside, config);
    await(is_ready, "the agent does not get ready");
}

/* The processes whose parent is PARENT and that have not ended. */
static size_t list_children(pid_t parent, pid_t *ret, size_t max)
{
    DIR *dir = opendir("/proc");
    size_t count = 0;

    for (struct dirent *entry; (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", entry->d_name);
        scoped_str text = STR_INIT;
        int above = 0;
        char state = 'Z';

        if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')'))
            sscanf(strrchr(text.data, ')') + 1, " %c %d", &state, &above);
        if (above == parent && state != 'Z' && state != 'X' && count < max)
            ret[count++] = (pid_t)atoi(entry->d_name);
    }
    closedir(dir);
    return count;
}

/* Has the capability of that number, in effect; false once it has ended. */
static bool has_capability(pid_t pid, unsigned number)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped_str text = STR_INIT;
    const char *set = file_read(path, 65536, &text, NULL) == 0 ? strstr(text.data, "CapEff:\t") : NULL;

    return set && strtoull(set + 8, NULL, 16) >> number & 1;
}

enum {
    AUDIT_CONTROL = 30,
    AUDIT_READ = 37,
    SYS_PTRACE = 19,
    DAC_READ_SEARCH = 2,
    SYS_ADMIN = 21,
    HELPERS = 4,
    CHILDREN_MAX = 32
};

static pid_t launcher, helpers[CHILDREN_MAX];
static size_t helper_count;

static bool is_named(pid_t pid, const char *name)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/comm", (int)pid);
    scoped_str text = STR_INIT;

    return file_read(path, 64, &text, NULL) == 0 && str_starts(text.data, name);
}

/* The helper of each role runs, and the broker, which is not among HELPERS; the launcher is their parent. */
static bool are_all_helpers(void)
{
    pid_t children[CHILDREN_MAX];
    size_t count = list_children(beside.agent, children, CHILDREN_MAX);

    launcher = 0;
    for (size_t i = 0; i < count; i++)
        if (is_named(children[i], "dba-launcher"))
            launcher = children[i];
    count = launcher ? list_children(launcher, children, CHILDREN_MAX) : 0;
    helper_count = 0;
    for (size_t i = 0; i < count; i++)
        if (is_named(children[i], "docker-bench-he"))
            helpers[helper_count++] = children[i];
        else if (!is_named(children[i], "engine-broker"))
            return false;
    return helper_count == HELPERS && count == HELPERS + 1;
}

/* ---- Helpers ---- */

/* Findings that need them: the group of the socket, the rules of the kernel's audit. */
static void print_findings(struct str *text)
{
    static const char *const rules[] = {"docker-group-members", "audit-dockerd"};

    for (size_t i = 0; i < countof(rules); i++) {
        scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=%s", rules[i]);
        const struct json *finding = json_at(json_get(beside_ask(&beside, path), "findings"), 0);

        str_printf(text, "%s %s: %s\n", rules[i], json_text(json_get(finding, "status"), "none"),
                   json_text(json_get(finding, "evidence"), "none"));
    }
}

static char *findings_by_helpers(void)
{
    scoped_str text = STR_INIT;

    print_findings(&text);
    ck_assert_msg(!strstr(text.data, "helper"), "%s", text.data);
    ck_assert_msg(!strstr(text.data, "none: none"), "%s", text.data);
    return str_steal(&text);
}

static int64_t scans_before;

static bool is_scanned(void)
{
    const struct json *fetches = json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches");

    return json_int(json_get(fetches, "group"), -1) > scans_before && json_int(json_get(fetches, "audit"), -1) > 0 &&
           is_ready();
}

static void scan_again(void)
{
    static const char request[] = "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer reply = {0};
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &reply));
    ck_assert_int_eq(reply.status, 202);
}

static void scan(void)
{
    scans_before = json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches/group"), -1);
    scan_again();
    await(is_scanned, "the scan does not end");
    fake_run(base, 200, NULL, NULL);
}

/* One after the other: no finding is lost, and the agent is not restarted. */
START_TEST(killed_helpers_are_started_again)
{
    scoped(cleanup_free) char *before = NULL;
    pid_t agent;

    start_agent("{\"sinks\": []}");
    agent = beside.agent;
    before = findings_by_helpers();
    ck_assert(!has_capability(agent, AUDIT_CONTROL));
    for (unsigned round = 0; round < HELPERS; round++) {
        scoped(cleanup_free) char *after = NULL;

        await(are_all_helpers, "the helpers are not there");
        ck_assert_int_eq(kill(helpers[round], SIGKILL), 0);
        scan();
        after = findings_by_helpers();
        ck_assert_str_eq(after, before);
    }
    ck_assert_int_eq(kill(agent, 0), 0);
}
END_TEST

/* Each of them has got so far that it serves. */
static bool are_helpers_confined(void)
{
    for (size_t i = 0; i < helper_count; i++) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)helpers[i]);
        scoped_str text = STR_INIT;

        if (file_read(path, 65536, &text, NULL) < 0 || !strstr(text.data, "Seccomp:\t2\n"))
            return false;
    }
    return true;
}

/* One right each, of a user without any other, and none that could be had again. */
START_TEST(a_helper_has_one_right)
{
    static const char *const lines[] = {"CapInh:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
                                        "NoNewPrivs:\t1\n", "Seccomp:\t2\n", "Groups:\t \n"};
    uint64_t all = 0;

    start_agent("{\"sinks\": []}");
    await(are_all_helpers, "the helpers are not there");
    await(are_helpers_confined, "the helpers do not begin");
    for (size_t i = 0; i < helper_count; i++) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)helpers[i]);
        scoped_str text = STR_INIT;
        uint64_t sets[3];

        if (has_capability(helpers[i], SYS_ADMIN)) /* layers: the agent's user, whose cache it writes */
            continue;
        ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
        for (size_t k = 0; k < countof(lines); k++)
            ck_assert_msg(strstr(text.data, lines[k]), "%s is not in %s", lines[k], text.data);
        ck_assert_msg(!strstr(text.data, "Uid:\t0"), "%s", text.data);
        for (size_t k = 0; k < countof(sets); k++) {
            const char *at = strstr(text.data, (const char *[]){"CapPrm:\t", "CapEff:\t", "CapBnd:\t"}[k]);

            ck_assert_ptr_nonnull(at);
            sets[k] = strtoull(at + 8, NULL, 16);
            ck_assert_uint_eq(sets[k], sets[0]);
        }
        ck_assert(sets[0] == (UINT64_C(1) << AUDIT_CONTROL | UINT64_C(1) << AUDIT_READ) ||
                  sets[0] == UINT64_C(1) << DAC_READ_SEARCH ||
                  sets[0] == (UINT64_C(1) << SYS_PTRACE | UINT64_C(1) << DAC_READ_SEARCH));
        all |= sets[0];
    }
    ck_assert_uint_eq(all, UINT64_C(1) << AUDIT_CONTROL | UINT64_C(1) << AUDIT_READ | UINT64_C(1) << DAC_READ_SEARCH |
                               UINT64_C(1) << SYS_PTRACE);
}
END_TEST

static bool says_why(void)
{
    const struct json *finding =
        json_at(json_get(beside_ask(&beside, "/v1/findings?rule=docker-group-members"), "findings"), 0);

    return str_equal(json_text(json_get(finding, "status"), ""), "error") &&
           strstr(json_text(json_get(finding, "evidence"), ""), "needs CAP_DAC_READ_SEARCH: the helper files is not "
                                                                "running: it has ended");
}

static bool is_degraded(void)
{
    const struct json *reasons = json_pointer(beside_ask(&beside, "/v1/status"), "/agent/reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        if (str_starts(json_text(json_at(reasons, i), ""), "agent-helpers: the helper files is not running"))
            return true;
    return false;
}

/* The files helper is the one that can read and cannot trace. */
static void kill_files_helper(void)
{
    if (!are_all_helpers())
        return;
    for (size_t i = 0; i < helper_count; i++)
        if (has_capability(helpers[i], DAC_READ_SEARCH) && !has_capability(helpers[i], SYS_PTRACE) &&
            !has_capability(helpers[i], SYS_ADMIN))
            kill(helpers[i], SIGKILL);
}

static bool keeps_dying(void)
{
    kill_files_helper();
    return is_degraded();
}

/* It may be back before it is asked: then it is killed again. */
static bool keeps_dying_and_says_why(void)
{
    if (says_why())
        return true;
    kill_files_helper();
    if (is_degraded())
        scan_again();
    return false;
}

static char *findings_before;

static bool is_as_before(void)
{
    scoped_str text = STR_INIT;

    print_findings(&text);
    return str_equal(str_text(&text), findings_before);
}

/* Each time it is started: its rules say why, others go on, and the agent says so; then all is as it was. */
START_TEST(a_helper_that_keeps_dying)
{
    scoped(cleanup_free) char *before = NULL;

    start_agent("{\"sinks\": []}");
    findings_before = before = findings_by_helpers();
    await(keeps_dying, "the agent is not degraded");
    await(keeps_dying_and_says_why, "its rules do not say why");
    await(is_ready, "it does not become ready again");
    scan();
    await(is_as_before, "its findings are not as before");
    ck_assert_int_gt(json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/helpers/2/restarts"), 0), 3);
}
END_TEST

static int exit_status;

static bool has_ended(void)
{
    return waitpid(beside.agent, &exit_status, WNOHANG) == beside.agent;
}

/* Nobody is left who could start a helper: whoever supervises the agent starts it again. */
START_TEST(an_agent_without_its_launcher_ends)
{
    start_agent("{\"sinks\": []}");
    await(are_all_helpers, "the helpers are not there");
    ck_assert_int_eq(kill(launcher, SIGKILL), 0);
    await(has_ended, "the agent does not end");
    beside.agent = 0;
    ck_assert(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == EXIT_FAILURE);
}
END_TEST

static bool runs(pid_t pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped_str text = STR_INIT;

    return file_read(path, 65536, &text, NULL) == 0 && !strstr(text.data, "State:\tZ");
}

static bool have_helpers_ended(void)
{
    for (size_t i = 0; i < helper_count; i++)
        if (runs(helpers[i]))
            return false;
    return !runs(launcher);
}

START_TEST(helpers_end_with_a_killed_agent)
{
    start_agent("{\"sinks\": []}");
    await(are_all_helpers, "the helpers are not there");
    ck_assert_int_eq(kill(beside.agent, SIGKILL), 0);
    await(has_ended, "the agent does not end");
    beside.agent = 0;
    await(have_helpers_ended, "the helpers do not end");
}
END_TEST

/* ---- Images ---- */

/* Another image, of a layer of its own. DIRECTORY: in the test's own; NULL: from the export, each time anew, since what
 * is found under a digest of that form is not kept. */
static void add_image(unsigned number, const char *directory)
{
    scoped(cleanup_free) char *digest = mem_printf("%s:%064x", directory ? "sha256" : "other", number);
    scoped(cleanup_free) char *path = directory ? mem_printf("%s/overlay2/%s/diff", beside.folder, directory) : NULL;

    fake_add_image(fake, number, digest, path);
}

static void put_file(const char *path, const char *text, mode_t mode)
{
    scoped(cleanup_free) char *full = mem_printf("%s/%s", beside.folder, path);

    for (char *slash = strchr(full + strlen(beside.folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    ck_assert_int_eq(file_replace(full, text, strlen(text), mode, NULL), 0);
}

/* "STATUS: EVIDENCE" of a rule for an image; "none" while there is none. */
static char *finding(const char *rule, unsigned number)
{
    scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=%s&subject=%s", rule, fake_image_id(number));
    const struct json *item = json_at(json_get(beside_ask(&beside, path), "findings"), 0);

    return item ? mem_printf("%s: %s", json_text(json_get(item, "status"), "?"),
                             json_text(json_get(item, "evidence"), "?"))
                : mem_strdup("none");
}

static void expect_finding(const char *rule, unsigned number, const char *status, const char *text)
{
    usec_t end = clock_monotonic() + WAIT_MS * INT64_C(1000);

    for (;;) {
        scoped(cleanup_free) char *found = finding(rule, number);

        if (str_starts(found, status) && strstr(found, text))
            return;
        ck_assert_msg(clock_monotonic() < end, "%s of image %u: %s", rule, number, found);
        fake_run(base, 20, NULL, NULL);
    }
}

#define CONFIG "{\"sinks\": [], \"benchmark\": \"cis-1.6.0\"}"

/* An endless database, a malformed one, a missing layer; and good ones after each. */
START_TEST(an_image_that_cannot_be_read_blocks_no_other)
{
    scoped(cleanup_free) char *path = NULL;
    sqlite3 *db;

    put_file("overlay2/1/diff/var/lib/rpm/x", "", 0644);
    path = mem_printf("%s/overlay2/1/diff/var/lib/rpm/rpmdb.sqlite", beside.folder);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db,
                                  "CREATE VIEW Packages(hnum, blob) AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL "
                                  "SELECT n + 1 FROM r) SELECT n, x'00' FROM r WHERE n < 0",
                                  0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(db);
    put_file("overlay2/1/diff/bin/su", "", 04755);
    put_file("overlay2/2/diff/bin/su", "", 04755);
    put_file("overlay2/3/diff/var/lib/rpm/Packages.db", "what is this?", 0644);
    put_file("overlay2/4/diff/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\n", 0644);
    for (unsigned number = 1; number <= 4; number++) {
        char name[] = {(char)('0' + number), '\0'};

        add_image(number, name);
    }
    add_image(5, "nowhere");
    add_image(6, "2");
    start_agent(CONFIG);
    expect_finding("image-packages", 1, "error", "rpmdb.sqlite");
    expect_finding("image-setuid", 1, "fail", "/bin/su");
    expect_finding("image-setuid", 2, "fail", "/bin/su");
    expect_finding("image-packages", 3, "error", "ndb");
    expect_finding("image-packages", 4, "manual", "");
    expect_finding("image-setuid", 5, "error", "");
    expect_finding("image-setuid", 6, "fail", "/bin/su");
}
END_TEST

/* The process that has an image's export read: a helper's child that has two itself, one that fetches it and one that
 * parses it; PART: that of them, -1: neither. 0: there is none. */
enum { PARTS = 2 };

static pid_t find_worker(int part)
{
    pid_t pids[CHILDREN_MAX], parts[CHILDREN_MAX];

    if (!are_all_helpers())
        return 0;
    for (size_t h = 0; h < helper_count; h++) {
        size_t count = list_children(helpers[h], pids, CHILDREN_MAX);

        for (size_t i = 0; i < count; i++)
            if (list_children(pids[i], parts, CHILDREN_MAX) == PARTS)
                return part >= 0 ? parts[part] : pids[i];
    }
    return 0;
}

/* The image whose export is read and does not come, and how often it was asked for. */
static unsigned hanging;
static size_t asked;

static bool hangs(void)
{
    return exports_requests(fake, hanging) == asked && find_worker(0);
}

static void kill_worker(int part)
{
    pid_t pid;

    await(hangs, "the layers are not read");
    pid = find_worker(part);
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    asked++;
}

/* 0: the worker, 1 and 2: its parts. */
START_TEST(a_killed_walk_begins_again)
{
    add_image(1, NULL);
    exports_hang(fake, 1);
    start_agent(CONFIG);
    await(are_all_helpers, "the helpers are not there");
    hanging = 1, asked = 1;
    await(hangs, "the layers are not read");
    fake_faults_clear(fake);
    exports_serve(fake, 1, 0);
    kill_worker(_i - 1);
    expect_finding("image-setuid", 1, "fail", "/bin/program");
    ck_assert_uint_eq(exports_requests(fake, 1), 2);
}
END_TEST

START_TEST(a_walk_that_is_killed_again_is_an_error)
{
    add_image(1, NULL);
    add_image(2, NULL);
    exports_hang(fake, 1);
    exports_serve(fake, 2, 0);
    start_agent(CONFIG);
    await(are_all_helpers, "the helpers are not there");
    hanging = 1, asked = 1;
    kill_worker(_i - 1);
    kill_worker(_i - 1);
    expect_finding("image-setuid", 1, "error", _i ? "was killed" : "ended early");
    expect_finding("image-setuid", 2, "fail", "/bin/program");
}
END_TEST

/* The image that comes, or goes: what needs no layer is judged. */
static unsigned changing;

static bool is_known(void)
{
    scoped(cleanup_free) char *found = finding("image-healthcheck", changing);

    return !str_equal(found, "none");
}

static bool is_unknown(void)
{
    return !is_known();
}

static void change_images(const char *action, unsigned number)
{
    bool comes = str_equal(action, "pull");

    changing = number;
    fake_event(fake, "image", action, fake_image_id(number), NULL);
    await(comes ? is_known : is_unknown, comes ? "the image is not seen" : "the image does not go");
    fake_run(base, 200, NULL, NULL);
}

/* While one image is walked, others come, go, and come again. */
START_TEST(removed_images_are_not_walked)
{
    add_image(1, NULL);
    exports_hang(fake, 1);
    for (unsigned number = 2; number <= 4; number++)
        exports_serve(fake, number, 0);
    start_agent(CONFIG);
    await(are_all_helpers, "the helpers are not there");
    hanging = 1, asked = 1;
    await(hangs, "the layers are not read");
    for (unsigned number = 2; number <= 4; number++) {
        add_image(number, NULL);
        change_images("pull", number);
    }
    for (int round = 0; round < 3; round++)
        for (unsigned number = 2; number <= 3; number++) {
            fake_remove_image(fake, number);
            change_images("delete", number);
            if (number == 3) {
                add_image(number, NULL);
                change_images("pull", number);
            }
        }
    ck_assert_uint_eq(exports_requests(fake, 2) + exports_requests(fake, 3) + exports_requests(fake, 4), 0);
    kill_worker(-1);
    kill_worker(-1);
    expect_finding("image-setuid", 3, "fail", "/bin/program");
    expect_finding("image-setuid", 4, "fail", "/bin/program");
    ck_assert_uint_eq(exports_requests(fake, 2), 0);
    add_image(2, NULL);
    change_images("pull", 2);
    expect_finding("image-setuid", 2, "fail", "/bin/program");
    fake_run(base, 1000, NULL, NULL);
    ck_assert_uint_eq(exports_requests(fake, 2), 1);
    ck_assert_uint_eq(exports_requests(fake, 3), 1);
    ck_assert_uint_eq(exports_requests(fake, 4), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *tests = tcase_create("workers");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, killed_helpers_are_started_again);
    tcase_add_test(tests, a_helper_has_one_right);
    tcase_add_test(tests, a_helper_that_keeps_dying);
    tcase_add_test(tests, an_agent_without_its_launcher_ends);
    tcase_add_test(tests, helpers_end_with_a_killed_agent);
    tcase_add_test(tests, an_image_that_cannot_be_read_blocks_no_other);
    tcase_add_loop_test(tests, a_killed_walk_begins_again, 0, PARTS + 1);
    tcase_add_loop_test(tests, a_walk_that_is_killed_again_is_an_error, 0, PARTS + 1);
    tcase_add_test(tests, removed_images_are_not_walked);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
