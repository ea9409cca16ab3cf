/* The agent that root starts becomes another user, without any right: its files are that user's, others' stay as they
 * are, it sees all that root's agent sees, and what it cannot read any more is said. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { WAIT_MS = 240000 };
#define USER "daemon" /* every system has it */

static struct beside beside;
static uid_t uid;
static gid_t gid;

static void set_up(void)
{
    const struct passwd *user = getpwnam(USER);

    ck_assert_ptr_nonnull(user);
    uid = user->pw_uid;
    gid = user->pw_gid;
    beside_begin(&beside, 2);
    beside.user = USER;
    ck_assert_int_eq(chmod(beside.folder, 0755), 0);
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
        fake_run(beside.base, 20, NULL, NULL);
    }
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void start(const char *user, const char *config)
{
    beside.user = user;
    beside_start_agent(&beside, config);
    await(is_ready, "the agent does not get ready");
}

static void stop(void)
{
    beside_stop_agent(&beside);
}

static struct stat stat_of(const char *name)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", beside.folder, name);
    struct stat st;

    ck_assert_msg(lstat(path, &st) == 0, "%s", path);
    return st;
}

/* The store and the sinks make their files soon after the agent is ready, or before. */
static bool has_files(void)
{
    scoped(cleanup_free) char *store = mem_printf("%s/state/agent.db", beside.folder);

    return access(store, F_OK) == 0;
}

static bool has_records(void)
{
    scoped(cleanup_free) char *path = mem_printf("%s/records", beside.folder);
    struct stat st;

    return stat(path, &st) == 0 && st.st_size > 0;
}

static bool is_the_users(const char *name)
{
    struct stat st = stat_of(name);

    return st.st_uid == uid && st.st_gid == gid;
}

/* The lines of /proc/PID/status that say what the process may; false: it has ended. */
static bool has_no_right(pid_t pid)
{
    static const char *const sets[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t", "CapAmb:\t"};
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped(cleanup_free) char *ids =
        mem_printf("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", (unsigned)uid, (unsigned)uid, (unsigned)uid,
                   (unsigned)uid, (unsigned)gid, (unsigned)gid, (unsigned)gid, (unsigned)gid);
    scoped_str text = STR_INIT;

    if (file_read(path, 65536, &text, NULL) < 0)
        return false;
    ck_assert_msg(strstr(text.data, ids), "%s", text.data);
    for (size_t i = 0; i < countof(sets); i++)
        ck_assert_msg(strtoull(strstr(text.data, sets[i]) + strlen(sets[i]), NULL, 16) == 0, "%s", text.data);
    ck_assert_msg(strstr(text.data, "NoNewPrivs:\t1\n") && strstr(text.data, "Seccomp:\t2\n"), "%s", text.data);
    return true;
}

static pid_t parent_of(const char *pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", pid);
    scoped_str text = STR_INIT;
    int above = 0;
    char state = 0;

    if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')'))
        sscanf(strrchr(text.data, ')') + 1, " %c %d", &state, &above);
    return state == 'Z' ? 0 : above;
}

static bool is_the_launcher(const char *pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%s/comm", pid);
    scoped_str text = STR_INIT;

    return file_read(path, 64, &text, NULL) == 0 && str_equal(text.data, "dba-launcher\n");
}

/* The agent and every process that it has forked but the launcher, which is from before. */
START_TEST(it_has_no_right)
{
    unsigned children = 0;
    DIR *dir;

    start(USER, "{\"sinks\": []}");
    ck_assert(has_no_right(beside.agent));
    dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));)
        if (parent_of(entry->d_name) == beside.agent && !is_the_launcher(entry->d_name))
            children += has_no_right((pid_t)atoi(entry->d_name));
    closedir(dir);
    ck_assert_uint_ge(children, 1); /* that of the store, at least */
}
END_TEST

START_TEST(what_it_writes_is_its_own)
{
    scoped(cleanup_free) char *config =
        mem_printf("{\"sinks\": [{\"type\": \"file\", \"address\": \"%s/records\"}]}", beside.folder);
    struct stat socket;

    start(USER, config);
    await(has_files, "there is no store");
    await(has_records, "there are no records");
    ck_assert(is_the_users("state"));
    ck_assert_int_eq(stat_of("state").st_mode & 07777, 0700);
    ck_assert(is_the_users("state/agent.db"));
    ck_assert(is_the_users("records"));
    socket = stat_of("agent.sock");
    ck_assert_uint_eq(socket.st_uid, 0);
    ck_assert_int_eq(socket.st_mode & 07777, 0660);
    ck_assert_uint_eq(stat_of("").st_uid, 0); /* the folder is not the agent's */
}
END_TEST

static int64_t last_seq(void)
{
    return json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/last_seq"), -1);
}

static bool has_reason(const char *start)
{
    const struct json *reasons = json_pointer(beside_ask(&beside, "/v1/status"), "/agent/reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        if (str_starts(json_text(json_at(reasons, i), ""), start))
            return true;
    return false;
}

static bool is_without_store(void)
{
    return has_reason("agent-store: ");
}

/* An agent that root was before hands its state on; nobody else's folder is taken. */
START_TEST(state_of_root_is_taken_over)
{
    scoped(cleanup_free) char *foreign = mem_printf("%s/state/somebody", beside.folder);
    int64_t seq;

    start("root", "{\"sinks\": []}");
    seq = last_seq();
    stop();
    ck_assert_uint_eq(stat_of("state/agent.db").st_uid, 0);
    ck_assert_int_eq(file_replace(foreign, "x", 1, 0644, NULL), 0);
    beside.user = USER;
    beside_start_agent(&beside, "{\"sinks\": []}");
    await(is_without_store, "the agent does not say that it cannot write its state");
    stop();
    ck_assert_uint_eq(stat_of("state").st_uid, 0);
    ck_assert_uint_eq(stat_of("state/somebody").st_uid, 0);
    ck_assert_uint_eq(stat_of("state/agent.db").st_uid, 0);
    ck_assert_int_eq(unlink(foreign), 0);
    start(USER, "{\"sinks\": []}");
    ck_assert(is_the_users("state") && is_the_users("state/agent.db"));
    ck_assert_int_ge(last_seq(), seq);
}
END_TEST

static bool is_refused(void)
{
    return has_reason("agent-config: the user " USER " has to be able to read this: cannot read the configuration");
}

static bool is_accepted(void)
{
    return !is_refused();
}

/* The file is root's, mode 0600. */
START_TEST(a_reload_reads_as_the_user)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);

    start(USER, "{\"sinks\": []}");
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    await(is_refused, "the reload is not refused");
    ck_assert_int_eq(chown(config, uid, gid), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
    await(is_accepted, "the reload is refused");
}
END_TEST

/* Findings whose inputs take the rights of role files and role processes. */
START_TEST(it_sees_what_root_sees)
{
    static const char *const rules[] = {"docker-group-members", "daemon-json-owner"};
    char *statuses[countof(rules)] = {NULL};

    for (unsigned as_user = 0; as_user < 2; as_user++) {
        start(as_user ? USER : "root", "{\"sinks\": []}");
        for (size_t i = 0; i < countof(rules); i++) {
            scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=%s", rules[i]);
            const struct json *finding = json_at(json_get(beside_ask(&beside, path), "findings"), 0);
            const char *status = json_text(json_get(finding, "status"), "none");

            if (as_user)
                ck_assert_msg(str_equal(statuses[i], status), "%s: %s, and %s for root: %s", rules[i], status,
                              statuses[i], json_text(json_get(finding, "evidence"), ""));
            else
                statuses[i] = mem_strdup(status);
        }
        stop();
    }
    for (size_t i = 0; i < countof(rules); i++)
        free(statuses[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("user");
    TCase *tests = tcase_create("user");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 600);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, it_has_no_right);
    tcase_add_test(tests, what_it_writes_is_its_own);
    tcase_add_test(tests, state_of_root_is_taken_over);
    tcase_add_test(tests, a_reload_reads_as_the_user);
    tcase_add_test(tests, it_sees_what_root_sees);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
