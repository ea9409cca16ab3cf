/* Helper processes: what they say, how they fail, that they end when they must and leave nothing behind. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/clock.h"
#include "common/memory.h"
#include "probes/worker/helper.h"

enum { LIMIT = 1000, MS_MAX = 20000 };

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
    for (unsigned i = 0; i < 400; i++) {
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

    run(complain, "everything", 0, &outcome);
    ck_assert_int_eq(outcome.number, ENODATA);
    ck_assert_str_eq(outcome.text.data, "everything is missing");
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
    ck_assert_int_eq(outcome.number, EIO);
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

static int tell_power(struct str *output, const void *argument, struct error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    unsigned descriptors = 0;

    (void)argument;
    (void)error;
    syscall(SYS_capget, &header, data);
    for (int fd = 3; fd < 1024; fd++)
        descriptors += fcntl(fd, F_GETFD) >= 0;
    str_printf(output, "%x %x %x %d %u %d", data[0].permitted, data[1].permitted, data[0].inheritable,
               prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), descriptors, getpriority(PRIO_PROCESS, 0));
    return 0;
}

START_TEST(it_keeps_what_it_was_told_to)
{
    int own = getpriority(PRIO_PROCESS, 0);
    scoped(cleanup_free) char *wanted = mem_printf("%x 0 0 1 1 %d", 1U << CAP_DAC_READ_SEARCH, own < 10 ? 10 : own);
    struct outcome outcome = {0};

    ck_assert_int_eq(geteuid(), 0);
    run(tell_power, NULL, 0, &outcome);
    ck_assert_str_eq(outcome.text.data, wanted);
    str_deinit(&outcome.text);
}
END_TEST

/* ---- Through a helper ---- */

static void ask(struct helper *helper, unsigned timeout_ms, struct outcome *ret)
{
    struct error error = ERROR_INIT;

    *ret = (struct outcome){0};
    ck_assert_msg(
        worker_start(workers,
                     &(struct worker_options){
                         .helper = helper, .limit = LIMIT, .timeout_ms = timeout_ms, .done = on_done, .user = ret},
                     &error) != NULL,
        "%s", error.text);
    run_loop(&ret->done, MS_MAX);
    ck_assert(ret->done);
}

START_TEST(a_helper_has_its_work_done)
{
    scoped(cleanup_free) char *wanted =
        mem_printf("%x 0 0 1 1 %d", 1U << CAP_DAC_READ_SEARCH, getpriority(PRIO_PROCESS, 0));
    struct error error = ERROR_INIT;
    struct helper *helper = helper_new(&(struct worker_options){.run = tell_power,
                                                                .timeout_ms = MS_MAX,
                                                                .capabilities = CAPABILITY(CAP_DAC_READ_SEARCH)},
                                       &error);
    struct outcome outcome;

    ck_assert_msg(helper != NULL, "%s", error.text);
    for (int i = 0; i < 5; i++) {
        ask(helper, MS_MAX, &outcome);
        ck_assert_int_eq(outcome.number, 0);
        ck_assert_str_eq(outcome.text.data, wanted);
        str_deinit(&outcome.text);
    }
    helper_free(helper);
}
END_TEST

START_TEST(a_helper_keeps_what_the_agent_gave_up)
{
    scoped(cleanup_free) char *wanted = mem_printf("%x 0 0 1 1 %d", 1U << CAP_SYS_NICE, getpriority(PRIO_PROCESS, 0));
    struct error error = ERROR_INIT;
    struct helper *helper = helper_new(
        &(struct worker_options){.run = tell_power, .timeout_ms = MS_MAX, .capabilities = CAPABILITY(CAP_SYS_NICE)},
        &error);
    struct outcome outcome;

    ck_assert(capability_has(CAP_SYS_NICE));
    ck_assert_int_eq(capability_keep(~CAPABILITY(CAP_SYS_NICE)), 0);
    ck_assert(!capability_has(CAP_SYS_NICE));
    ck_assert(capability_has(CAP_DAC_READ_SEARCH));
    ask(helper, MS_MAX, &outcome);
    ck_assert_str_eq(str_text(&outcome.text), wanted);
    str_deinit(&outcome.text);
    helper_free(helper);
}
END_TEST

static int wait_for_nothing(struct str *output, const void *argument, struct error *error)
{
    (void)output;
    (void)argument;
    (void)error;
    pause();
    return 0;
}

START_TEST(a_helper_whose_work_hangs)
{
    struct error error = ERROR_INIT;
    struct helper *helper = helper_new(&(struct worker_options){.run = wait_for_nothing, .timeout_ms = 100}, &error);
    struct outcome outcome;
    const bool never = false;

    ask(helper, 100, &outcome);
    ck_assert_int_eq(outcome.number, ETIMEDOUT);
    str_deinit(&outcome.text);
    run_loop(&never, 1500); /* its own time-out ends it */
    ask(helper, 100, &outcome);
    ck_assert_int_eq(outcome.number, ETIMEDOUT);
    str_deinit(&outcome.text);
    helper_free(helper);
}
END_TEST

static int tell_parent(struct str *output, const void *argument, struct error *error)
{
    (void)argument;
    (void)error;
    str_printf(output, "%d", (int)getppid());
    return 0;
}

START_TEST(a_helper_that_was_killed_is_an_error)
{
    struct error error = ERROR_INIT;
    struct helper *helper = helper_new(&(struct worker_options){.run = tell_parent, .timeout_ms = MS_MAX}, &error);
    struct outcome outcome;
    const bool never = false;

    ask(helper, MS_MAX, &outcome);
    ck_assert_int_eq(kill((pid_t)atoi(outcome.text.data), SIGKILL), 0);
    str_deinit(&outcome.text);
    run_loop(&never, 100);
    ck_assert_ptr_null(worker_start(
        workers, &(struct worker_options){.helper = helper, .limit = LIMIT, .done = on_done, .user = &outcome},
        &error));
    ck_assert_str_eq(error.text, "its helper process has ended");
    helper_free(helper);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker");
    TCase *tests = tcase_create("worker");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_it_says_comes_whole);
    tcase_add_test(tests, more_than_it_may_say);
    tcase_add_test(tests, its_error_comes_with_its_number);
    tcase_add_test(tests, one_that_dies_is_an_error);
    tcase_add_test(tests, one_that_takes_too_long_is_killed_with_its_own);
    tcase_add_test(tests, cancelled_it_says_nothing);
    tcase_add_test(tests, what_is_cancelled_last_is_not_waited_for);
    tcase_add_test(tests, it_keeps_what_it_was_told_to);
    tcase_add_test(tests, a_helper_has_its_work_done);
    tcase_add_test(tests, a_helper_keeps_what_the_agent_gave_up);
    tcase_add_test(tests, a_helper_whose_work_hangs);
    tcase_add_test(tests, a_helper_that_was_killed_is_an_error);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
