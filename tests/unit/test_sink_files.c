/* Sinks that write to files: what becomes of one that is rotated, and of a disk that is full. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json_in.h"
#include "sink_fixture.h"

static char *path, *rotated;
static struct sink *sink;

static void set_up(void)
{
    sink_fixture_set_up();
    path = mem_printf("%s/findings.log", folder);
    rotated = mem_printf("%s/findings.log.1", folder);
    sink = open_sink(SINK_FILE, path);
}

static void tear_down(void)
{
    free(path);
    free(rotated);
    sink_fixture_tear_down();
}

/* One record is stored, and in the file. */
static void write_one(size_t length)
{
    uint64_t sent = status_of(sink).sent;

    append(1, length, SEVERITY_LOW);
    run_until(status_of(sink).sent == sent + 1);
}

/* The seq of each line: "1 2 3 ". Every line is whole. */
static const char *lines(const char *file, struct str *ret)
{
    scoped_str text = STR_INIT;

    str_clear(ret);
    ck_assert_int_eq(file_read(file, 1024 * 1024, &text, NULL), 0);
    for (const char *at = str_text(&text), *end; *at; at = end + 1) {
        struct json_doc *doc = NULL;

        end = strchr(at, '\n');
        ck_assert_msg(end && json_parse(at, (size_t)(end - at), NULL, &doc, NULL) == 0, "%s", at);
        str_printf(ret, "%lld ", (long long)json_int(json_get(json_root(doc), "seq"), 0));
        json_doc_free(doc);
    }
    return str_text(ret);
}

#define ck_assert_lines(file, expected)                                                                                \
    do {                                                                                                               \
        scoped_str lines_text = STR_INIT;                                                                              \
                                                                                                                       \
        ck_assert_str_eq(lines(file, &lines_text), expected);                                                          \
    } while (0)

START_TEST(renamed_and_created)
{
    struct stat st;

    write_one(10);
    ck_assert_int_eq(rename(path, rotated), 0);
    ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600)), 0);
    write_one(10);
    write_one(10);
    ck_assert_lines(rotated, "1 ");
    ck_assert_lines(path, "2 3 ");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600); /* logrotate's own */
}
END_TEST

START_TEST(renamed)
{
    write_one(10);
    ck_assert_int_eq(rename(path, rotated), 0);
    write_one(10);
    ck_assert_lines(rotated, "1 ");
    ck_assert_lines(path, "2 ");
}
END_TEST

START_TEST(removed)
{
    write_one(10);
    ck_assert_int_eq(unlink(path), 0);
    write_one(10);
    ck_assert_lines(path, "2 ");
}
END_TEST

/* logrotate's copytruncate. */
START_TEST(copied_and_truncated)
{
    write_one(1000);
    ck_assert_int_eq(truncate(path, 0), 0);
    write_one(10);
    ck_assert_lines(path, "2 ");
}
END_TEST

/* This process has FILE open. */
static bool holds(const char *file)
{
    for (int fd = 0; fd < 1024; fd++) {
        scoped(cleanup_free) char *link = mem_printf("/proc/self/fd/%d", fd);
        char target[256] = "";

        if (readlink(link, target, sizeof target - 1) > 0 && strcmp(target, file) == 0)
            return true;
    }
    return false;
}

/* As at SIGHUP: the old file is let go although there is no record yet that would go to the new one. */
START_TEST(reopened)
{
    write_one(10);
    ck_assert_int_eq(rename(path, rotated), 0);
    ck_assert(holds(rotated));
    sink_reopen(sink);
    ck_assert(!holds(rotated));
    ck_assert_int_eq(access(path, F_OK), -1);
    write_one(10);
    ck_assert_lines(rotated, "1 ");
    ck_assert_lines(path, "2 ");
}
END_TEST

START_TEST(folder_away_for_a_while)
{
    scoped(cleanup_free) char *elsewhere = mem_printf("%s-away", folder);
    scoped(cleanup_free) char *expected = mem_printf("%s: No such file or directory", path);

    write_one(10);
    ck_assert_int_eq(rename(folder, elsewhere), 0);
    append(1, 10, SEVERITY_LOW);
    run_until(status_of(sink).last_error);
    ck_assert_str_eq(status_of(sink).last_error, expected);
    ck_assert_uint_eq(status_of(sink).sent, 1);
    ck_assert_int_eq(rename(elsewhere, folder), 0);
    run_until(status_of(sink).sent == 2);
    ck_assert_ptr_null(status_of(sink).last_error);
    ck_assert_lines(path, "1 2 ");
}
END_TEST

/* A limit on the size of files takes the beginning of a record, as a full disk does. */
START_TEST(no_half_line_on_a_full_disk)
{
    struct rlimit limit, full;
    struct stat st;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    write_one(1000);
    ck_assert_int_eq(stat(path, &st), 0);
    full = limit;
    full.rlim_cur = (rlim_t)st.st_size * 5 / 2; /* two records, and the half of a third */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    append(4, 1000, SEVERITY_LOW);
    run_until(status_of(sink).last_error);
    ck_assert_ptr_nonnull(strstr(status_of(sink).last_error, path));
    run_until(status_of(sink).sent == 2 && status_of(sink).pending == 3);
    ck_assert_lines(path, "1 2 ");
    ck_assert_int_eq(rename(path, rotated), 0);
    run_until(status_of(sink).sent == 4);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    run_until(status_of(sink).sent == 5);
    ck_assert_lines(rotated, "1 2 ");
    ck_assert_lines(path, "3 4 5 ");
}
END_TEST

/* What is written is not written again, what came while there was no agent is. */
START_TEST(goes_on_after_a_restart)
{
    write_one(10);
    write_one(10);
    close_store();
    open_store();
    append(1, 10, SEVERITY_LOW);
    sink = open_sink(SINK_FILE, path);
    append(1, 10, SEVERITY_LOW);
    run_until(status_of(sink).sent == 2);
    ck_assert_lines(path, "1 2 3 4 ");
}
END_TEST

/* The agent was killed within a record, the only one (_i) or not. */
START_TEST(half_a_line_from_before)
{
    scoped(cleanup_close) int fd = -1;

    if (!_i)
        write_one(10);
    close_store();
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(fd, "{\"kind\":\"find", 13), 13);
    open_store();
    sink = open_sink(SINK_FILE, path);
    write_one(10);
    write_one(10);
    ck_assert_lines(path, _i ? "1 2 " : "1 2 3 ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sink files");
    TCase *tests = tcase_create("sink files");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, renamed_and_created);
    tcase_add_test(tests, renamed);
    tcase_add_test(tests, removed);
    tcase_add_test(tests, copied_and_truncated);
    tcase_add_test(tests, reopened);
    tcase_add_test(tests, folder_away_for_a_while);
    tcase_add_test(tests, no_half_line_on_a_full_disk);
    tcase_add_test(tests, goes_on_after_a_restart);
    tcase_add_loop_test(tests, half_a_line_from_before, 0, 2);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
