/* The log: one line a call, escaped, and never a wait for a reader that has gone away. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/str.h"

enum { LINES = 5000 };

static int saved = -1;

static void redirect(int fd)
{
    scoped(cleanup_free) char *stream = NULL;
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);
    stream = mem_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1); /* as systemd does */
    saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
}

static void restore(void)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
}

/* All that can be read at once. */
static void drain(int fd, struct str *ret)
{
    char buffer[65536];
    ssize_t n;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        str_append_n(ret, buffer, (size_t)n);
}

static size_t count_lines(const struct str *text, const char *containing)
{
    size_t count = 0;

    for (const char *at = str_text(text); (at = strstr(at, containing)); at++)
        count++;
    return count;
}

/* What LINES calls leave when nobody reads: whole lines, and later how many are missing. */
static void log_to_nobody(int reader, int writer)
{
    scoped_str text = STR_INIT, later = STR_INIT;
    scoped(cleanup_free) char *expected = NULL;
    size_t written;

    redirect(writer);
    for (int i = 0; i < LINES; i++)
        log_warning("line %d %0200d", i, 0);
    restore();
    drain(reader, &text);
    written = count_lines(&text, "<4>docker-bench-agent: line ");
    ck_assert_uint_gt(written, 0);
    ck_assert_uint_lt(written, LINES);
    ck_assert_uint_eq(count_lines(&text, "\n"), written);
    redirect(writer);
    log_info("read again");
    log_info("and again");
    restore();
    drain(reader, &later);
    expected = mem_printf("<4>docker-bench-agent: %zu lines of this log were lost: standard error did not take them\n"
                          "<6>docker-bench-agent: read again\n<6>docker-bench-agent: and again\n",
                          LINES - written);
    ck_assert_str_eq(str_text(&later), expected);
}

START_TEST(a_pipe_that_nobody_reads)
{
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    log_to_nobody(fds[0], fds[1]);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(a_socket_that_nobody_reads)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    log_to_nobody(fds[0], fds[1]);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(a_reader_that_is_gone)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[0]);
    redirect(fds[1]);
    log_error("nobody");
    restore();
    close(fds[1]);
}
END_TEST

START_TEST(a_priority_for_the_journal_alone)
{
    static const char *const streams[] = {NULL, "", "1:2", "nonsense"};

    for (size_t i = 0; i < countof(streams); i++) {
        scoped_str text = STR_INIT;
        int ends[2];

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        redirect(ends[1]);
        if (streams[i])
            setenv("JOURNAL_STREAM", streams[i], 1);
        else
            unsetenv("JOURNAL_STREAM");
        log_error("broken");
        restore();
        drain(ends[0], &text);
        ck_assert_str_eq(str_text(&text), "docker-bench-agent: broken\n");
        close(ends[0]);
        close(ends[1]);
    }
}
END_TEST

START_TEST(one_line_whatever_it_holds)
{
    scoped_str text = STR_INIT;
    static char longest[20000];
    int fds[2];

    memset(longest, 'x', sizeof longest - 1);
    ck_assert_int_eq(pipe(fds), 0);
    redirect(fds[1]);
    log_error("a\nb\033[31m%c", '\r');
    log_debug("not at this level");
    log_error("%s", longest);
    restore();
    drain(fds[0], &text);
    ck_assert_uint_eq(count_lines(&text, "\n"), 2);
    ck_assert_ptr_null(strchr(str_text(&text), '\033'));
    ck_assert_ptr_null(strstr(str_text(&text), "not at this level"));
    ck_assert_uint_le(strlen(strstr(str_text(&text), "xxx")), 4096);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_test(all, a_pipe_that_nobody_reads);
    tcase_add_test(all, a_socket_that_nobody_reads);
    tcase_add_test(all, a_reader_that_is_gone);
    tcase_add_test(all, a_priority_for_the_journal_alone);
    tcase_add_test(all, one_line_whatever_it_holds);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
