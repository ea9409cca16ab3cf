/* The agent's own processes are killed: their work is done all the same, by others. And an image that cannot be read,
 * or is removed, does not delay another's verdict. */
#include <archive.h>
#include <archive_entry.h>
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

enum { WAIT_MS = 120000 };

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

enum { AUDIT_CONTROL = 30, CHILDREN_MAX = 32 };

static pid_t helpers[CHILDREN_MAX];

static bool are_two_helpers(void)
{
    size_t all = list_children(beside.agent, helpers, CHILDREN_MAX), count = 0;

    for (size_t i = 0; i < all; i++)
        if (has_capability(helpers[i], AUDIT_CONTROL))
            helpers[count++] = helpers[i];
    return count == 2;
}

/* ---- Helpers ---- */

/* Findings that need them: the group of the socket, the rules of the kernel's audit. */
static char *findings_by_helpers(void)
{
    static const char *const rules[] = {"docker-group-members", "audit-dockerd"};
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < countof(rules); i++) {
        scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=%s", rules[i]);
        const struct json *finding = json_at(json_get(beside_ask(&beside, path), "findings"), 0);

        str_printf(&text, "%s %s: %s\n", rules[i], json_text(json_get(finding, "status"), "none"),
                   json_text(json_get(finding, "evidence"), "none"));
    }
    ck_assert_msg(!strstr(text.data, "helper process"), "%s", text.data);
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

static void scan(void)
{
    static const char request[] = "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer reply = {0};
    scoped_str pending = STR_INIT;

    scans_before = json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches/group"), -1);
    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &reply));
    ck_assert_int_eq(reply.status, 202);
    await(is_scanned, "the scan does not end");
    fake_run(base, 200, NULL, NULL);
}

/* One after the other, several times: no finding is lost, and the agent is not restarted. */
START_TEST(killed_helpers_are_made_again)
{
    enum { ROUNDS = 4 };
    scoped(cleanup_free) char *before = NULL;
    pid_t agent;

    start_agent("{\"sinks\": []}");
    agent = beside.agent;
    before = findings_by_helpers();
    ck_assert(!has_capability(agent, AUDIT_CONTROL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        scoped(cleanup_free) char *after = NULL;

        await(are_two_helpers, "there are not two helpers");
        ck_assert_int_eq(kill(helpers[round % 2], SIGKILL), 0);
        scan();
        after = findings_by_helpers();
        ck_assert_str_eq(after, before);
    }
    ck_assert_int_eq(kill(agent, 0), 0);
}
END_TEST

static pid_t killed[2];

/* The agent waits meanwhile: it must not learn of the first one's end while the second one can make a successor. */
static void kill_both_helpers(void)
{
    await(are_two_helpers, "there are not two helpers");
    memcpy(killed, helpers, sizeof killed);
    ck_assert_int_eq(kill(beside.agent, SIGSTOP), 0);
    ck_assert_int_eq(kill(killed[0], SIGKILL) + kill(killed[1], SIGKILL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGCONT), 0);
}

static bool are_two_others(void)
{
    if (!are_two_helpers())
        return false;
    for (size_t i = 0; i < 2; i++)
        if (helpers[i] == killed[0] || helpers[i] == killed[1])
            return false;
    return true;
}

/* Both at once: nothing is left that could make others, and the agent, which nobody supervises, executes itself again.
 */
START_TEST(an_agent_without_helpers_starts_anew)
{
    scoped(cleanup_free) char *before = NULL, *after = NULL;

    start_agent("{\"sinks\": []}");
    before = findings_by_helpers();
    kill_both_helpers();
    await(are_two_others, "the helpers are not made again");
    await(is_ready, "the agent does not get ready again");
    after = findings_by_helpers();
    ck_assert_str_eq(after, before);
}
END_TEST

static int exit_status;

static bool has_ended(void)
{
    return waitpid(beside.agent, &exit_status, WNOHANG) == beside.agent;
}

/* A service manager starts it again, with all that its unit gives it. */
START_TEST(a_supervised_agent_without_helpers_ends)
{
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "/nonexistent", 1), 0);
    start_agent("{\"sinks\": []}");
    kill_both_helpers();
    await(has_ended, "the agent does not end");
    beside.agent = 0;
    ck_assert(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == EXIT_FAILURE);
}
END_TEST

/* ---- Images ---- */

static la_ssize_t on_write(struct archive *archive, void *user, const void *data, size_t length)
{
    (void)archive;
    str_append_n(user, data, length);
    return (la_ssize_t)length;
}

static struct archive *begin_tar(struct str *out)
{
    struct archive *tar = archive_write_new();

    archive_write_set_format_ustar(tar);
    archive_write_set_bytes_per_block(tar, 0);
    ck_assert_int_eq(archive_write_open(tar, out, NULL, on_write, NULL), ARCHIVE_OK);
    return tar;
}

static void add(struct archive *tar, const char *path, mode_t mode, const void *data, size_t length)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, (la_int64_t)length);
    ck_assert_int_eq(archive_write_header(tar, entry), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_data(tar, data, length), (la_ssize_t)length);
    archive_entry_free(entry);
}

static void end_tar(struct archive *tar)
{
    ck_assert_int_eq(archive_write_close(tar), ARCHIVE_OK);
    archive_write_free(tar);
}

static char *export_path(unsigned number)
{
    return mem_printf("/images/%s/get", fake_image_id(number));
}

/* The export of an image whose one layer holds a setuid program. */
static void serve_export(unsigned number)
{
    static const char manifest[] = "[{\"Layers\":[\"a/layer.tar\"]}]";
    scoped(cleanup_free) char *path = export_path(number);
    scoped_str layer = STR_INIT, body = STR_INIT, reply = STR_INIT;
    struct archive *tar = begin_tar(&layer);

    add(tar, "bin/program", S_IFREG | 04755, "x", 1);
    end_tar(tar);
    tar = begin_tar(&body);
    add(tar, "a/layer.tar", S_IFREG | 0644, layer.data, layer.length);
    add(tar, "manifest.json", S_IFREG | 0644, manifest, strlen(manifest));
    end_tar(tar);
    str_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body.length);
    str_append_n(&reply, body.data, body.length);
    fake_fault(fake, &(struct fake_fault){.path = path, .reply = reply.data, .length = reply.length});
}

static void hang_export(unsigned number)
{
    scoped(cleanup_free) char *path = export_path(number);

    fake_fault(fake, &(struct fake_fault){.path = path, .hangs = true});
}

static size_t exports(unsigned number)
{
    scoped(cleanup_free) char *path = export_path(number);

    return fake_requests(fake, path);
}

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

/* The process that walks an image: a helper's child that has one itself; PART: that one. 0: there is none. */
static pid_t find_worker(bool part)
{
    pid_t above[CHILDREN_MAX], pids[CHILDREN_MAX], parts[CHILDREN_MAX];
    size_t helper_count = list_children(beside.agent, above, CHILDREN_MAX);

    for (size_t h = 0; h < helper_count; h++) {
        size_t count = list_children(above[h], pids, CHILDREN_MAX);

        for (size_t i = 0; i < count; i++)
            if (list_children(pids[i], parts, CHILDREN_MAX) == 1)
                return part ? parts[0] : pids[i];
    }
    return 0;
}

/* The image whose export is read and does not come, and how often it was asked for. */
static unsigned hanging;
static size_t asked;

static bool hangs(void)
{
    return exports(hanging) == asked && find_worker(true);
}

static void kill_worker(bool part)
{
    await(hangs, "the layers are not read");
    ck_assert_int_eq(kill(find_worker(part), SIGKILL), 0);
    asked++;
}

/* 0: the worker, 1: the part of it that reads. */
START_TEST(a_killed_walk_begins_again)
{
    add_image(1, NULL);
    hang_export(1);
    start_agent(CONFIG);
    await(are_two_helpers, "there are not two helpers");
    hanging = 1, asked = 1;
    await(hangs, "the layers are not read");
    fake_faults_clear(fake);
    serve_export(1);
    kill_worker(_i);
    expect_finding("image-setuid", 1, "fail", "/bin/program");
    ck_assert_uint_eq(exports(1), 2);
}
END_TEST

START_TEST(a_walk_that_is_killed_again_is_an_error)
{
    add_image(1, NULL);
    add_image(2, NULL);
    hang_export(1);
    serve_export(2);
    start_agent(CONFIG);
    await(are_two_helpers, "there are not two helpers");
    hanging = 1, asked = 1;
    kill_worker(_i);
    kill_worker(_i);
    expect_finding("image-setuid", 1, "error", _i ? "was killed" : "ended early");
    expect_finding("image-setuid", 2, "fail", "/bin/program");
}
END_TEST

static int64_t images_listed;

static bool are_listed(void)
{
    return json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches/images"), -1) >= images_listed;
}

static void change_images(const char *action, unsigned number)
{
    images_listed = json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches/images"), -1) + 1;
    fake_event(fake, "image", action, fake_image_id(number), NULL);
    await(are_listed, "the images are not listed again");
    fake_run(base, 200, NULL, NULL);
}

/* While one image is walked, others come, go, and come again. */
START_TEST(removed_images_are_not_walked)
{
    add_image(1, NULL);
    hang_export(1);
    for (unsigned number = 2; number <= 4; number++)
        serve_export(number);
    start_agent(CONFIG);
    await(are_two_helpers, "there are not two helpers");
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
    ck_assert_uint_eq(exports(2) + exports(3) + exports(4), 0);
    kill_worker(false);
    kill_worker(false);
    expect_finding("image-setuid", 3, "fail", "/bin/program");
    expect_finding("image-setuid", 4, "fail", "/bin/program");
    ck_assert_uint_eq(exports(2), 0);
    add_image(2, NULL);
    change_images("pull", 2);
    expect_finding("image-setuid", 2, "fail", "/bin/program");
    fake_run(base, 1000, NULL, NULL);
    ck_assert_uint_eq(exports(2), 1);
    ck_assert_uint_eq(exports(3), 1);
    ck_assert_uint_eq(exports(4), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *tests = tcase_create("workers");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 250);
    tcase_add_test(tests, killed_helpers_are_made_again);
    tcase_add_test(tests, an_agent_without_helpers_starts_anew);
    tcase_add_test(tests, a_supervised_agent_without_helpers_ends);
    tcase_add_test(tests, an_image_that_cannot_be_read_blocks_no_other);
    tcase_add_loop_test(tests, a_killed_walk_begins_again, 0, 2);
    tcase_add_loop_test(tests, a_walk_that_is_killed_again_is_an_error, 0, 2);
    tcase_add_test(tests, removed_images_are_not_walked);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
