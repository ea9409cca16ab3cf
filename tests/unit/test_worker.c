/* Worker processes: their results, failures and limits, which descriptors and capabilities they keep, and that
 * none outlives its time. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/message.h"
#include "probes/worker/helper_task.h"
#include "probes/worker/worker_part.h"

enum { LIMIT = 1000, MS_MAX = 240000 };

static struct event_base *base;
static struct workers *workers;

struct outcome {
    bool done;
    int number;
    struct str text;
};

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    struct outcome *outcome = user;

    ck_assert(!outcome->done);
    outcome->done = true;
    outcome->number = number;
    if (number)
        str_append(&outcome->text, why);
    else
        str_append_n(&outcome->text, output, length);
}

static void set_up(void)
{
    base = event_base_new();
    workers = workers_new(base);
}

static void run_loop(const bool *done, unsigned ms)
{
    usec_t end = clock_monotonic() + ms * (usec_t)1000;

    while (!*done && clock_monotonic() < end) {
        struct timeval tick = {.tv_usec = 5000};

        event_base_loopexit(base, &tick);
        event_base_dispatch(base);
    }
}

/* Every process that was started has been waited for, moments later at most. */
static void expect_no_children(void)
{
    for (usec_t end = clock_monotonic() + MS_MAX * (usec_t)1000; clock_monotonic() < end;) {
        const bool never = false;
        siginfo_t info;

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
            return;
        run_loop(&never, 5);
    }
    ck_abort_msg("a process was left");
}

static void tear_down(void)
{
    expect_no_children();
    workers_free(workers);
    event_base_free(base);
}

static void run(worker_run *what, const void *argument, unsigned timeout_ms, struct outcome *ret)
{
    struct error error = ERROR_INIT;
    struct worker *worker = worker_start(workers,
                                         &(struct worker_options){.run = what,
                                                                  .argument = argument,
                                                                  .limit = LIMIT,
                                                                  .timeout_ms = timeout_ms,
                                                                  .capabilities = UINT64_C(1) << CAP_DAC_READ_SEARCH,
                                                                  .background = true,
                                                                  .done = on_done,
                                                                  .user = ret},
                                         &error);

    ck_assert_msg(worker != NULL, "%s", error.text);
    run_loop(&ret->done, MS_MAX);
    ck_assert(ret->done);
}

static int say(struct str *output, const void *argument, struct error *error)
{
    (void)error;
    str_append(output, argument);
    return 0;
}

START_TEST(what_it_says_comes_whole)
{
    char text[LIMIT + 1];
    struct outcome outcome = {0};

    run(say, "hello", 0, &outcome);
    ck_assert_int_eq(outcome.number, 0);
    ck_assert_str_eq(outcome.text.data, "hello");
    str_clear(&outcome.text);
    outcome.done = false;
    memset(text, 'x', LIMIT);
    text[LIMIT] = '\0';
    run(say, text, MS_MAX, &outcome);
    ck_assert_uint_eq(outcome.text.length, LIMIT);
    str_deinit(&outcome.text);
}
END_TEST

START_TEST(more_than_it_may_say)
{
    char text[100 * LIMIT + 1];
    struct outcome outcome = {0};

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    run(say, text, 0, &outcome);
    ck_assert_int_eq(outcome.number, EFBIG);
    str_deinit(&outcome.text);
}
END_TEST

static int complain(struct str *output, const void *argument, struct error *error)
{
    str_append(output, "not to be seen");
    return error_set(error, ENODATA, "%s is missing", (const char *)argument);
}

START_TEST(its_error_comes_with_its_number)
{
    struct outcome outcome = {0};
    scoped_str english = STR_INIT;

    run(complain, "everything", 0, &outcome);
    ck_assert_int_eq(outcome.number, ENODATA);
    ck_assert_str_eq(message_english(outcome.text.data, &english), "everything is missing");
    str_deinit(&outcome.text);
}
END_TEST

static int crash(struct str *output, const void *argument, struct error *error)
{
    static const struct rlimit none = {0};

    (void)argument;
    (void)error;
    str_append(output, "half");
    setrlimit(RLIMIT_CORE, &none);
    raise(SIGKILL);
    return 0;
}

START_TEST(one_that_dies_is_an_error)
{
    struct outcome outcome = {0};

    run(crash, NULL, 0, &outcome);
    ck_assert_int_eq(outcome.number, WORKER_DIED);
    str_deinit(&outcome.text);
}
END_TEST

static int hang(struct str *output, const void *argument, struct error *error)
{
    (void)output;
    (void)argument;
    (void)error;
    signal(SIGTERM, SIG_IGN);
    if (fork() == 0) /* and what it started */
        pause();
    pause();
    return 0;
}

START_TEST(one_that_takes_too_long_is_killed_with_its_own)
{
    const bool never = false;
    pid_t pid = -1;
    int status = 0;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);     /* what it started becomes ours */
    for (unsigned ms = 100; pid < 0 && ms < MS_MAX; ms *= 2) { /* on a busy machine it has not started it that soon */
        struct outcome outcome = {0};

        run(hang, NULL, ms, &outcome);
        ck_assert_int_eq(outcome.number, ETIMEDOUT);
        str_deinit(&outcome.text);
        run_loop(&never, 200);
        pid = waitpid(-1, &status, 0);
    }
    ck_assert_int_gt(pid, 0);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(cancelled_it_says_nothing)
{
    struct error error = ERROR_INIT;
    struct outcome outcome = {0};
    const bool never = false;

    worker_cancel(NULL);
    for (unsigned ms = 0; ms < 10; ms += 5) {
        struct worker *worker = worker_start(
            workers, &(struct worker_options){.run = hang, .limit = LIMIT, .done = on_done, .user = &outcome}, &error);

        ck_assert_ptr_nonnull(worker);
        run_loop(&never, ms);
        worker_cancel(worker);
        run_loop(&never, 20);
    }
    ck_assert(!outcome.done);
}
END_TEST

/* The loop that they were of may end before they do. */
START_TEST(what_is_cancelled_last_is_not_waited_for)
{
    struct error error = ERROR_INIT;
    struct outcome outcome = {0};

    for (unsigned i = 0; i < 20; i++)
        worker_cancel(worker_start(
            workers, &(struct worker_options){.run = hang, .limit = LIMIT, .done = on_done, .user = &outcome}, &error));
    workers_free(workers);
    workers = NULL;
    while (wait(NULL) > 0)
        ;
    ck_assert_int_eq(errno, ECHILD);
    ck_assert(!outcome.done);
}
END_TEST

/* Frees them from a stack that shows what is written where the loop's frames were. */
static __attribute__((noinline)) void free_above_marked_stack(void)
{
    volatile unsigned char stack[128 * 1024];
    size_t changed = 0;

    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0xff;
    workers_free(workers);
    for (size_t i = 0; i < sizeof stack; i++)
        changed += stack[i] != 0xff;
    ck_assert_uint_eq(changed, 0);
    workers = workers_new(base);
}

/* libevent calls a signal's event as often as the signal came. */
START_TEST(children_that_end_at_once)
{
    const struct worker_options options = {.run = hang, .limit = LIMIT, .done = on_done};
    const bool never = false;
    siginfo_t info;

    do /* until one is still there when it has been killed */
        worker_cancel(worker_start(workers, &options, NULL));
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0);
    raise(SIGCHLD);
    raise(SIGCHLD);
    run_loop(&never, 20);
    free_above_marked_stack();
}
END_TEST

/* ---- What is kept ---- */

/* "CapPrm CapEff CapBnd CapAmb CapInh" as /proc has them. */
static void append_sets(struct str *out, const char *pid)
{
    static const char *const names[] = {"CapPrm:\t", "CapEff:\t", "CapBnd:\t", "CapAmb:\t", "CapInh:\t"};
    scoped(cleanup_free) char *path = mem_printf("/proc/%s/status", pid);
    scoped_str text = STR_INIT;

    if (file_read(path, 65536, &text, NULL) <
        0) /* no ck_assert in a child, which has not the descriptor it writes to */
        abort();
    for (size_t i = 0; i < countof(names); i++) {
        const char *at = strstr(text.data, names[i]);

        str_printf(out, "%llx ", strtoull(at + strlen(names[i]), NULL, 16));
    }
}

static int tell_power(struct str *output, const void *argument, struct error *error)
{
    unsigned descriptors = 0;

    (void)argument;
    (void)error;
    append_sets(output, "self");
    for (int fd = 3; fd < 1024; fd++)
        descriptors += fcntl(fd, F_GETFD) >= 0;
    str_printf(output, "%d %u %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), descriptors, getpriority(PRIO_PROCESS, 0));
    return 0;
}

/* DESCRIPTORS: beyond the standard ones. */
static char *expected_power(uint64_t capabilities, unsigned descriptors, int priority)
{
    unsigned long long set = capabilities;

    return mem_printf("%llx %llx %llx 0 0 1 %u %d", set, set, set, descriptors, priority);
}

START_TEST(it_keeps_what_its_options_name)
{
    int own = getpriority(PRIO_PROCESS, 0);
    scoped(cleanup_free) char *expected = expected_power(CAPABILITY(CAP_DAC_READ_SEARCH), 1, own < 10 ? 10 : own);
    struct outcome outcome = {0};

    ck_assert_int_eq(geteuid(), 0);
    ck_assert(capability_has(CAP_SETPCAP)); /* as root without a unit, which is where it matters */
    run(tell_power, NULL, 0, &outcome);
    ck_assert_str_eq(outcome.text.data, expected);
    str_deinit(&outcome.text);
}
END_TEST

/* From now on NUMBER fails with EPERM: as under a seccomp filter of a container, or with ENOSYS in an old kernel. */
static void refuse(unsigned number)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){.len = countof(filter), .filter = filter}), 0);
}

/* 0: all there is; 1: without close_range(2); 2: without a /proc that can be read either. */
START_TEST(it_keeps_no_descriptor_of_the_agent)
{
    int own = getpriority(PRIO_PROCESS, 0);
    scoped(cleanup_free) char *expected = expected_power(CAPABILITY(CAP_DAC_READ_SEARCH), 1, own < 10 ? 10 : own);
    struct outcome outcome = {0};

    for (int fd = 100; fd < 900; fd += 50)
        ck_assert_int_eq(dup2(STDIN_FILENO, fd), fd);
    if (_i > 0)
        refuse(SYS_close_range);
    if (_i > 1)
        refuse(SYS_getdents64);
    run(tell_power, NULL, 0, &outcome);
    ck_assert_str_eq(outcome.text.data, expected);
    str_deinit(&outcome.text);
}
END_TEST

/* ---- A part of a worker's work ---- */

static int run_part(worker_run *what, const void *argument, struct str *output, struct error *error)
{
    return part_run(&(struct part_options){.run = what,
                                           .argument = argument,
                                           .limit = LIMIT,
                                           .cpu_seconds = 1,
                                           .memory = 64 << 20,
                                           .capabilities = CAPABILITY(CAP_DAC_READ_SEARCH)},
                    output, error);
}

START_TEST(a_part_gives_what_it_found)
{
    scoped(cleanup_free) char *expected = expected_power(
        CAPABILITY(CAP_DAC_READ_SEARCH), 0, getpriority(PRIO_PROCESS, 0)); /* its output is its standard output */
    char text[LIMIT + 2];
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    ck_assert_int_eq(run_part(say, "hello ", &output, &error), 0);
    ck_assert_int_eq(run_part(say, "again", &output, &error), 0);
    ck_assert_str_eq(output.data, "hello again");
    ck_assert_int_eq(run_part(complain, "a layer", &output, &error), -ENODATA);
    ck_assert_str_eq(error.text, "a layer is missing");
    memset(text, 'x', LIMIT + 1);
    text[LIMIT + 1] = '\0';
    ck_assert_int_eq(run_part(say, text, &output, &error), -EFBIG);
    str_clear(&output);
    ck_assert_int_eq(run_part(tell_power, NULL, &output, &error), 0);
    ck_assert_str_eq(output.data, expected);
}
END_TEST

static int loop_for_ever(struct str *output, const void *argument, struct error *error)
{
    (void)output;
    (void)argument;
    (void)error;
    for (volatile unsigned i = 1; i; i |= 1)
        ;
    return 0;
}

static int crash_by(struct str *output, const void *argument, struct error *error)
{
    (void)error;
    str_append(output, "half");
    signal(*(const int *)argument, SIG_DFL); /* the sanitizer's own handler would say much */
    raise(*(const int *)argument);
    return 0;
}

START_TEST(a_part_that_fails_does_not_take_the_worker_along)
{
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;
    const int segv = SIGSEGV, term = SIGTERM;

    ck_assert_int_eq(run_part(loop_for_ever, NULL, &output, &error), -ETIME);
    ck_assert_str_eq(error.text, "it takes more than 1 s of processor time");
    ck_assert_int_eq(run_part(crash_by, &segv, &output, &error), -ENOTRECOVERABLE);
    ck_assert_str_eq(error.text, "its process ended with signal 11");
    ck_assert_int_eq(run_part(crash_by, &term, &output, &error), -ENOTRECOVERABLE);
    ck_assert_uint_eq(output.length, 0);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
static int take_all_memory(struct str *output, const void *argument, struct error *error)
{
    (void)argument;
    (void)error;
    while (output->length < SIZE_MAX)
        str_append(output, "0123456789");
    return 0;
}

START_TEST(a_part_that_takes_all_memory)
{
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    ck_assert_int_eq(run_part(take_all_memory, NULL, &output, &error), -ENOTRECOVERABLE);
    ck_assert_str_eq(error.text, "its process ran out of memory");
}
END_TEST
#endif

/* Killed as often as its argument says, which is a file with a byte for each. */
static int killed_at_first(struct str *output, const void *argument, struct error *error)
{
    const struct helper_work *work = argument;
    scoped(cleanup_close) int fd = open(work->argument, O_RDWR);
    off_t left;

    (void)error;
    left = lseek(fd, 0, SEEK_END);
    if (left < 0)
        abort();
    if (left && ftruncate(fd, left - 1) == 0)
        raise(SIGKILL);
    str_append(output, "done");
    return 0;
}

/* A file of LENGTH bytes, whose name is put into PATH. */
static void make_file(char *path, off_t length)
{
    int fd;

    strcpy(path, "/tmp/test-worker-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, length), 0);
    close(fd);
}

START_TEST(a_part_that_is_killed_is_started_again)
{
    char path[32];
    const struct helper_work work = {.argument = path};
    struct error error = ERROR_INIT;
    scoped_str output = STR_INIT;

    make_file(path, 1);
    ck_assert_int_eq(run_part(killed_at_first, &work, &output, &error), 0);
    ck_assert_str_eq(output.data, "done");
    ck_assert_int_eq(truncate(path, 10), 0);
    ck_assert_int_eq(run_part(killed_at_first, &work, &output, &error), -EOWNERDEAD);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker");
    TCase *tests = tcase_create("worker");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, what_it_says_comes_whole);
    tcase_add_test(tests, more_than_it_may_say);
    tcase_add_test(tests, its_error_comes_with_its_number);
    tcase_add_test(tests, one_that_dies_is_an_error);
    tcase_add_test(tests, one_that_takes_too_long_is_killed_with_its_own);
    tcase_add_test(tests, cancelled_it_says_nothing);
    tcase_add_test(tests, what_is_cancelled_last_is_not_waited_for);
    tcase_add_test(tests, children_that_end_at_once);
    tcase_add_test(tests, it_keeps_what_its_options_name);
    tcase_add_loop_test(tests, it_keeps_no_descriptor_of_the_agent, 0, 3);
    tcase_add_test(tests, a_part_gives_what_it_found);
    tcase_add_test(tests, a_part_that_fails_does_not_take_the_worker_along);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_test(tests, a_part_that_takes_all_memory);
#endif
    tcase_add_test(tests, a_part_that_is_killed_is_started_again);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
