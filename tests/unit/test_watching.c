/* Watches that another process keeps: they are armed when what was asked for after them is answered, a process that is
 * killed is replaced and misses nothing, and it ends at anything that is no message. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "probes/facts/wire.h"
#include "probes/roles/roles.h"
#include "probes/roles/watching.h"
#include "probes/worker/helper.h"
#include "tests/unit/host_folder.h"

enum { WAIT_MS = 240000 };
#define ID "0123456789abcdef"

static struct event_base *base;
static struct workers *workers;
static struct helper *helper;
static struct watching *watching;
static struct role_context context;
static unsigned changes, armed, records;

static void on_changed(const char *path, void *user)
{
    (void)user;
    ck_assert_str_eq(path, "/etc/watched/file");
    changes++;
}

static void on_armed(void *user)
{
    (void)user;
    armed++;
}

static void on_record(const char *id, void *user)
{
    (void)user;
    ck_assert_str_eq(id, ID);
    records++;
}

/* In the place of a launcher. */
static int start_role(const char *name, void *user, int *ret_fd, struct error *error)
{
    struct helper_task tasks[ROLE_TASKS_MAX];
    const struct helper_role role = {.name = name, .tasks = tasks, .count = role_tasks(ROLE_FILES, &context, tasks)};
    int fds[2];

    (void)user;
    (void)error;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    if (fork() == 0) {
        for (int fd = 3; fd < 1024; fd++) /* a launcher has none of the agent's */
            if (fd != fds[1] && fd != host_root_fd(root))
                close(fd);
        _exit(helper_serve(fds[1], getuid(), &role, NULL) < 0 ? 1 : 0);
    }
    close(fds[1]);
    *ret_fd = fds[0];
    return 0;
}

static void setup(void)
{
    struct helper_options options = {.role = "files", .right = "CAP_DAC_READ_SEARCH", .connect = start_role};

    host_folder_setup();
    base = event_base_new();
    workers = workers_new(base);
    context = (struct role_context){.root = root, .outside = root, .proc = "/proc"};
    options.count = role_tasks(ROLE_FILES, &context, options.tasks);
    helper = helper_new(workers, &options);
    watching = watching_new(
        &(struct watching_options){.base = base, .helper = helper, .task = FILES_WATCH, .record = on_record});
    changes = armed = records = 0;
}

static void teardown(void)
{
    watching_free(watching);
    helper_free(helper);
    workers_free(workers);
    event_base_free(base);
    host_folder_teardown();
}

/* Runs the loop until *COUNT is at least LEAST. */
static void await(const unsigned *count, unsigned least)
{
    usec_t end = clock_monotonic() + WAIT_MS * USEC_PER_SEC / 1000;

    while (*count < least && clock_monotonic() < end) {
        event_base_loopexit(base, &(struct timeval){.tv_usec = 10000});
        event_base_dispatch(base);
    }
    ck_assert_uint_ge(*count, least);
}

static void await_armed(void)
{
    unsigned before = armed;

    watching_after(watching, on_armed, NULL);
    await(&armed, before + 1);
    ck_assert(watching_is_settled(watching));
}

START_TEST(changes_after_the_arming_are_reported)
{
    struct watched *watched, *gone;

    put_text("/etc/watched/file", "1");
    watched = watching_add(watching, "/etc/watched/file", WATCH_PATH, on_changed, NULL);
    gone = watching_add(watching, "/etc/other", WATCH_PATH, on_changed, NULL);
    ck_assert(!watching_is_settled(watching));
    await_armed();
    ck_assert_uint_eq(changes, 0);
    put_text("/etc/watched/file", "2");
    await(&changes, 1);
    watched_free(gone);
    put_text("/etc/other", "x"); /* nobody may be called for it */
    put_text("/etc/watched/file", "3");
    await(&changes, 2);
    await_armed();
    ck_assert_uint_eq(watching_counters(watching)->paths, 1);
    ck_assert_uint_ge(watching_counters(watching)->events, 2);
    watched_free(watched);
}
END_TEST

START_TEST(mounts_and_retries)
{
    const char *const points[] = {"/etc/watched"};
    const struct mount_changes mounts = {.points = points, .count = 1}, elsewhere = {.points = points};
    struct watched *watched = watching_add(watching, "/etc/watched/file", WATCH_TREE, on_changed, NULL);

    put_text("/etc/watched/file", "1");
    await_armed();
    changes = 0;
    watching_retry(watching);
    watching_mounts_changed(watching, &elsewhere);
    await_armed();
    ck_assert_uint_eq(changes, 0);
    watching_mounts_changed(watching, &mounts);
    await(&changes, 1);
    watched_free(watched);
}
END_TEST

static bool keep_none(const char *id, void *user)
{
    (void)id;
    (void)user;
    return false;
}

START_TEST(records_of_containers)
{
    scoped(cleanup_free) char *from = host_place("/d/containers/" ID "/new"),
                              *to = host_place("/d/containers/" ID "/config.v2.json");

    watching_begin_record(watching, "fedcba9876543210", "/d", false); /* there is none */
    watching_begin_record(watching, ID, "/d", false);
    await_armed();
    ck_assert(!watching_has_record(watching, "fedcba9876543210"));
    ck_assert(watching_has_record(watching, ID));
    put_text("/d/containers/" ID "/new", "{}");
    ck_assert_int_eq(rename(from, to), 0);
    await(&records, 1);
    watching_begin_record(watching, ID, "/d", true); /* written so lately that it may have been read before */
    await(&records, 2);
    watching_end_record(watching, ID);
    ck_assert(!watching_has_record(watching, ID));
    watching_begin_record(watching, ID, "/d", false);
    await_armed();
    watching_keep_records(watching, keep_none, NULL);
    ck_assert(!watching_has_record(watching, ID));
    put_text("/d/containers/" ID "/config.v2.json", "{1}");
    await_armed();
    ck_assert_uint_eq(records, 2);
}
END_TEST

/* The child of the helper, which is this process's; 0: it has none, or others besides. */
static pid_t find_only_child(void)
{
    DIR *dir = opendir("/proc");
    unsigned count = 0;
    pid_t found = 0;

    for (struct dirent *entry; (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", entry->d_name);
        scoped(cleanup_free) char *above = NULL;
        scoped_str text = STR_INIT, upper = STR_INIT;
        int parent = 0, grandparent = 0;
        char state;

        if (file_read(path, 4096, &text, NULL) < 0 || !strrchr(text.data, ')') ||
            sscanf(strrchr(text.data, ')') + 1, " %c %d", &state, &parent) != 2)
            continue;
        above = mem_printf("/proc/%d/stat", parent);
        if (file_read(above, 4096, &upper, NULL) == 0 && strrchr(upper.data, ')') &&
            sscanf(strrchr(upper.data, ')') + 1, " %c %d", &state, &grandparent) == 2 && grandparent == getpid())
            found = (pid_t)atoi(entry->d_name), count++;
    }
    closedir(dir);
    return count == 1 ? found : 0;
}

/* The process that runs a loop of its own: of the helper's children the only one that stays. */
static pid_t find_watcher(void)
{
    usec_t end = clock_monotonic() + WAIT_MS * USEC_PER_SEC / 1000;
    pid_t found;

    while (!(found = find_only_child())) {
        ck_assert_int_lt(clock_monotonic(), end);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    return found;
}

START_TEST(a_process_that_is_killed_or_stopped_is_replaced)
{
    static const int signals[] = {SIGKILL, SIGSTOP};
    struct watched *watched;

    put_text("/etc/watched/file", "1");
    put_text("/d/containers/" ID "/config.v2.json", "{}");
    watched = watching_add(watching, "/etc/watched/file", WATCH_PATH, on_changed, NULL);
    watching_begin_record(watching, ID, "/d", false);
    await_armed();
    changes = records = 0;
    ck_assert_int_eq(kill(find_watcher(), signals[_i]), 0);
    put_text("/etc/watched/file", "2");
    if (signals[_i] == SIGSTOP) /* it is missed when it does not answer */
        watching_retry(watching), watching_after(watching, on_armed, NULL);
    await(&changes, 1); /* it changed while nobody watched */
    await(&records, 1);
    ck_assert_uint_eq(watching_restarts(watching), 1);
    await_armed();
    changes = 0;
    put_text("/etc/watched/file", "3");
    await(&changes, 1);
    watched_free(watched);
}
END_TEST

/* What no watching sends. */
static const struct {
    const char *bytes;
    size_t length;
} strange[] = {
    {"\377\377\377\377\377\377\377\377", 8},     {"\0\0\0\0\0\0\0\0", 8}, {"\1\0\0\0\0\0\0\0x", 9},
    {"\10\0\0\0\0\0\0\0\144\0\0\0\0\0\0\0", 16}, /* a kind that there is not */
    {"\10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16},   /* a watch without a path */
    {"\10\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16},   /* the end of none */
    {"\11\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0x", 17},  /* a byte more than a message */
};

START_TEST(the_process_ends_at_what_is_no_message)
{
    struct error error = ERROR_INIT;
    usec_t end = clock_monotonic() + WAIT_MS * USEC_PER_SEC / 1000;
    ssize_t n;
    char byte;
    int fd;

    ck_assert_int_eq(helper_connect(helper, FILES_WATCH, &fd, &error), 0);
    ck_assert_int_eq(send(fd, strange[_i].bytes, strange[_i].length, MSG_NOSIGNAL), (int)strange[_i].length);
    /* It may report its counters before. What is asked for waits for the helper's first word, which the loop reads. */
    while ((n = recv(fd, &byte, 1, MSG_DONTWAIT)) > 0 || (n < 0 && errno == EAGAIN)) {
        ck_assert_int_lt(clock_monotonic(), end);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert(n == 0 || errno == ECONNRESET);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watching");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 600);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, changes_after_the_arming_are_reported);
    tcase_add_test(all, mounts_and_retries);
    tcase_add_test(all, records_of_containers);
    tcase_add_loop_test(all, a_process_that_is_killed_or_stopped_is_replaced, 0, 2);
    tcase_add_loop_test(all, the_process_ends_at_what_is_no_message, 0, (int)countof(strange));
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
