/* Helpers, both sides: requests and their answers, the rights of a task, what ends a helper, and what the agent does
 * about one that ended, does not begin, stalls or says what it was not asked for. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/clock.h"
#include "common/memory.h"
#include "probes/worker/handed.h"
#include "probes/worker/helper.h"
#include "probes/worker/helper_frames.h"

enum { LIMIT = 1000, MS_MAX = 240000, PATIENCE_MS = 1000 };

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

static void run_loop(const bool *done, unsigned ms)
{
    usec_t end = clock_monotonic() + ms * (usec_t)1000;

    while (!*done && clock_monotonic() < end) {
        struct timeval tick = {.tv_usec = 5000};

        event_base_loopexit(base, &tick);
        event_base_dispatch(base);
    }
}

/* ---- The role under test ---- */

/* In the place of a launcher: how the processes of the role behave, the first, the second and so on. */
static struct fake_role {
    struct helper_task tasks[HELPER_TASKS_MAX];
    size_t count;
    void (*instead)(int fd); /* of serving; NULL: it serves */
    unsigned instead_for;    /* the first so many processes do that */
    unsigned started;
    bool refused; /* nobody starts it */
    pid_t pid;    /* of the last one */
} role;

static struct {
    unsigned away, back;
    struct str why;
} told;

static unsigned patience_ms; /* with a helper; 0: the usual one */

static bool is_handed_over(int fd)
{
    for (size_t i = 0; i < role.count; i++)
        if (role.tasks[i].descriptor && *role.tasks[i].descriptor == fd)
            return true;
    return false;
}

static int start_role(const char *name, void *user, int *ret_fd, struct error *error)
{
    const struct helper_role served = {.name = name, .tasks = role.tasks, .count = role.count};
    int fds[2];

    (void)user;
    if (role.refused)
        return error_set(error, ECONNREFUSED, "nobody starts it");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    role.started++;
    if (role.pid) /* as the launcher does */
        kill(role.pid, SIGKILL);
    role.pid = fork();
    ck_assert_int_ge(role.pid, 0);
    if (role.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 1024; fd++) /* a launcher has none of the agent's */
            if (fd != fds[1] && !is_handed_over(fd))
                close(fd);
        if (role.instead && role.started <= role.instead_for)
            role.instead(fds[1]);
        else
            _exit(helper_serve(fds[1], getuid(), &served, NULL) < 0 ? 1 : 0);
        _exit(0);
    }
    close(fds[1]);
    *ret_fd = fds[0];
    return 0;
}

static void on_changed(const char *name, const char *why, void *user)
{
    (void)user;
    ck_assert_str_eq(name, "tested");
    told.away += why != NULL;
    told.back += !why;
    if (why) {
        str_clear(&told.why);
        str_append(&told.why, why);
    }
    event_base_loopbreak(base); /* before anything else happens */
}

static struct helper *make_helper(const struct helper_task *tasks, size_t count)
{
    struct helper_options options = {.role = "tested",
                                     .right = "CAP_TESTED",
                                     .connect = start_role,
                                     .changed = on_changed,
                                     .count = count,
                                     .patience_ms = patience_ms};

    memcpy(options.tasks, tasks, count * sizeof *tasks);
    memcpy(role.tasks, tasks, count * sizeof *tasks);
    role.count = count;
    return helper_new(workers, &options);
}

static void set_up(void)
{
    role = (struct fake_role){.count = 0};
    told.away = told.back = 0;
    base = event_base_new();
    workers = workers_new(base);
}

static void tear_down(void)
{
    str_deinit(&told.why);
    workers_free(workers);
    event_base_free(base);
    while (waitpid(-1, NULL, 0) > 0) /* each ends with its connection */
        ;
    ck_assert_int_eq(errno, ECHILD);
}

static struct worker *ask(struct helper *helper, unsigned task, const char *message, struct outcome *ret)
{
    struct error error = ERROR_INIT;
    struct worker *worker;

    *ret = (struct outcome){0};
    worker = helper_ask(helper,
                        &(struct helper_request){.task = task,
                                                 .message = message,
                                                 .length = message ? strlen(message) : 0,
                                                 .limit = LIMIT,
                                                 .done = on_done,
                                                 .user = ret},
                        &error);
    if (!worker) {
        ret->number = error.number;
        str_append(&ret->text, error.text);
    }
    return worker;
}

static bool is_answered(struct helper *helper, unsigned task, const char *text)
{
    struct outcome outcome;
    bool is_right;

    if (ask(helper, task, NULL, &outcome))
        run_loop(&outcome.done, MS_MAX);
    is_right = outcome.done && outcome.number == 0 && str_equal(str_text(&outcome.text), text);
    str_deinit(&outcome.text);
    return is_right;
}

static void expect_answer(struct helper *helper, unsigned task, const char *text)
{
    struct outcome outcome;

    ck_assert_msg(ask(helper, task, NULL, &outcome) != NULL, "%s", str_text(&outcome.text));
    run_loop(&outcome.done, MS_MAX);
    ck_assert_msg(outcome.done && outcome.number == 0, "%s", str_text(&outcome.text));
    ck_assert_str_eq(str_text(&outcome.text), text);
    str_deinit(&outcome.text);
}

/* Runs the loop until *COUNT is at least EXPECTED. */
static void await(const unsigned *count, unsigned expected)
{
    usec_t end = clock_monotonic() + MS_MAX * (usec_t)1000;

    while (*count < expected && clock_monotonic() < end) {
        event_base_loopexit(base, &(struct timeval){.tv_usec = 5000});
        event_base_dispatch(base);
    }
    ck_assert_uint_ge(*count, expected);
}

/* For what is about a helper that does not answer in time: SCENARIO, which returns false where others did not either,
 * as on a busy machine. It is then tried with more patience. */
static void with_patience(bool (*scenario)(void))
{
    patience_ms = PATIENCE_MS;
    while (!scenario()) {
        ck_assert_uint_lt(patience_ms, 60000);
        patience_ms *= 4;
        tear_down();
        set_up();
    }
}

/* ---- Tasks ---- */

static int echo(struct str *output, const void *argument, struct error *error)
{
    const struct helper_work *work = argument;

    if (work->message[work->length] || strlen(work->message) != work->length)
        return error_set(error, EPROTO, "the message does not end with its NUL");
    str_printf(output, "%s%s", (const char *)work->argument, work->message);
    return 0;
}

static int refuse(struct str *output, const void *argument, struct error *error)
{
    (void)argument;
    str_append(output, "half");
    return error_set(error, EPERM, "refused by whom it was asked");
}

static int wait_for_nothing(struct str *output, const void *argument, struct error *error)
{
    (void)output;
    (void)argument;
    (void)error;
    pause();
    return 0;
}

/* "CapPrm CapEff CapAmb" of its process, whether no_new_privs is set, and how many descriptors it has. */
static int tell_power(struct str *output, const void *argument, struct error *error)
{
    static const char *const names[] = {"CapPrm:\t", "CapEff:\t", "CapAmb:\t"};
    scoped_str text = STR_INIT;
    unsigned descriptors = 0;

    (void)argument;
    for (int fd = 3; fd < 1024; fd++)
        descriptors += fcntl(fd, F_GETFD) >= 0;
    if (file_read("/proc/self/status", 65536, &text, error) < 0)
        return -EIO;
    for (size_t i = 0; i < countof(names); i++)
        str_printf(output, "%llx ", strtoull(strstr(text.data, names[i]) + strlen(names[i]), NULL, 16));
    str_printf(output, "%d %u", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), descriptors);
    return 0;
}

/* TEXT, which may hold messages, reads EXPECTED. */
static void expect_text(const char *text, const char *expected)
{
    scoped_str english = STR_INIT;

    ck_assert_str_eq(message_english(text, &english), expected);
}

START_TEST(a_task_gets_its_message)
{
    static const size_t lengths[] = {1, HELPER_INLINE_MAX, HELPER_INLINE_MAX + 1, 100000, HELPER_MESSAGE_MAX};
    const struct helper_task tasks[] = {{.run = echo, .argument = "zero", .timeout_ms = MS_MAX},
                                        {.run = echo, .argument = "one ", .timeout_ms = MS_MAX},
                                        {.run = refuse, .timeout_ms = MS_MAX}};
    struct helper *helper = make_helper(tasks, countof(tasks));
    char *longest = mem_alloc(HELPER_MESSAGE_MAX + 1);
    struct error error = ERROR_INIT;
    struct outcome outcome;

    memset(longest, 'm', HELPER_MESSAGE_MAX + 1);
    expect_answer(helper, 0, "zero");
    ck_assert_ptr_null(helper_ask(
        helper, &(struct helper_request){.message = longest, .length = HELPER_MESSAGE_MAX + 1, .done = on_done},
        &error));
    ck_assert_int_eq(error.number, EMSGSIZE);
    for (size_t i = 0; i < countof(lengths); i++) {
        outcome = (struct outcome){0};
        ck_assert_ptr_nonnull(helper_ask(helper,
                                         &(struct helper_request){.task = 1,
                                                                  .message = longest,
                                                                  .length = lengths[i],
                                                                  .limit = HELPER_MESSAGE_MAX + 10,
                                                                  .done = on_done,
                                                                  .user = &outcome},
                                         &error));
        run_loop(&outcome.done, MS_MAX);
        ck_assert_uint_eq(outcome.text.length, lengths[i] + strlen("one "));
        ck_assert(str_starts(outcome.text.data, "one m"));
        str_deinit(&outcome.text);
    }
    free(longest);
    ck_assert_ptr_nonnull(ask(helper, 2, NULL, &outcome));
    run_loop(&outcome.done, MS_MAX);
    ck_assert_int_eq(outcome.number, EPERM);
    expect_text(outcome.text.data, "refused by whom it was asked");
    str_deinit(&outcome.text);
    ck_assert_uint_eq(helper_restarts(helper), 0);
    helper_free(helper);
}
END_TEST

START_TEST(a_task_keeps_its_own_capabilities)
{
    const struct helper_task tasks[] = {
        {.run = tell_power, .timeout_ms = MS_MAX, .capabilities = CAPABILITY(CAP_SYS_NICE)},
        {.run = tell_power, .timeout_ms = MS_MAX, .capabilities = CAPABILITY(CAP_DAC_READ_SEARCH)},
        {.run = tell_power, .timeout_ms = MS_MAX}};
    struct helper *helper = make_helper(tasks, countof(tasks));

    for (size_t i = 0; i < countof(tasks); i++) {
        unsigned long long set = tasks[i].capabilities;
        scoped(cleanup_free) char *expected = mem_printf("%llx %llx 0 1 1", set, set);

        expect_answer(helper, (unsigned)i, expected);
    }
    helper_free(helper);
}
END_TEST

/* ---- A descriptor that is handed over ---- */

static void hand_over(int fd, const void *argument)
{
    const int *file = argument;
    struct error error = ERROR_INIT;

    error_set(&error, EPERM, "needs CAP_TESTED");
    handed_send(fd, *file, &error);
}

static void end_without_a_word(int fd, const void *argument)
{
    (void)fd;
    (void)argument;
}

struct receipt {
    bool done;
    int fd, number;
    char why[ERROR_TEXT_SIZE];
};

static void on_handed(int fd, const struct error *why, void *user)
{
    struct receipt *receipt = user;

    *receipt = (struct receipt){.done = true, .fd = fd, .number = why ? why->number : 0};
    snprintf(receipt->why, sizeof receipt->why, "%s", why ? why->text : "");
}

START_TEST(a_descriptor_is_handed_over)
{
    static const int none = -1;
    const bool never = false;
    int pipe_fds[2];
    struct receipt receipt = {0};
    struct helper *helper;
    char byte = 0;

    ck_assert_int_eq(pipe(pipe_fds), 0);
    helper = make_helper(
        (const struct helper_task[]){
            {.serve = hand_over, .argument = &pipe_fds[0], .descriptor = &pipe_fds[0], .timeout_ms = MS_MAX},
            {.serve = hand_over, .argument = &none, .timeout_ms = MS_MAX},
            {.serve = end_without_a_word, .timeout_ms = MS_MAX}},
        3);
    ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
    close(pipe_fds[0]); /* the helper has it; what comes is another number for the same pipe */
    ck_assert_ptr_nonnull(handed_ask(base, helper, 0, on_handed, &receipt, NULL));
    run_loop(&receipt.done, MS_MAX);
    ck_assert_msg(receipt.fd >= 0, "%s", receipt.why);
    ck_assert_int_eq(read(receipt.fd, &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_ne(fcntl(receipt.fd, F_GETFD) & FD_CLOEXEC, 0);
    close(receipt.fd);
    close(pipe_fds[1]);

    receipt.done = false;
    ck_assert_ptr_nonnull(handed_ask(base, helper, 1, on_handed, &receipt, NULL));
    run_loop(&receipt.done, MS_MAX);
    ck_assert_int_eq(receipt.fd, -1);
    ck_assert_int_eq(receipt.number, EPERM);
    ck_assert_str_eq(receipt.why, "needs CAP_TESTED");

    receipt.done = false;
    ck_assert_ptr_nonnull(handed_ask(base, helper, 2, on_handed, &receipt, NULL));
    run_loop(&receipt.done, MS_MAX);
    ck_assert_int_eq(receipt.number, WORKER_DIED);

    handed_cancel(handed_ask(base, helper, 1, on_handed, NULL, NULL)); /* or NULL would be written to */
    run_loop(&never, 50);
    helper_free(helper);
}
END_TEST

/* More than it takes at once, of which some hang: the others are answered. */
START_TEST(requests_wait_for_each_other)
{
    enum { COUNT = 100 };
    const struct helper_task tasks[] = {{.run = echo, .argument = "well", .timeout_ms = MS_MAX},
                                        {.run = wait_for_nothing, .timeout_ms = MS_MAX}};
    struct helper *helper = make_helper(tasks, countof(tasks));
    struct outcome outcomes[COUNT] = {0}, hanging[HELPER_AT_ONCE - 1] = {0};
    struct worker *waiting[HELPER_AT_ONCE - 1];

    for (size_t i = 0; i < countof(hanging); i++)
        waiting[i] = ask(helper, 1, NULL, &hanging[i]);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_ptr_nonnull(ask(helper, 0, "!", &outcomes[i]));
    for (size_t i = 0; i < COUNT; i++) {
        run_loop(&outcomes[i].done, MS_MAX);
        ck_assert_str_eq(str_text(&outcomes[i].text), "well!");
        str_deinit(&outcomes[i].text);
    }
    for (size_t i = 0; i < countof(hanging); i++) {
        ck_assert(!hanging[i].done);
        worker_cancel(waiting[i]); /* whose process ends, too */
    }
    for (size_t i = 0; i < HELPER_AT_ONCE; i++)
        expect_answer(helper, 0, "well");
    ck_assert_uint_eq(helper_restarts(helper), 0);
    helper_free(helper);
}
END_TEST

START_TEST(a_task_that_hangs)
{
    const struct helper_task tasks[] = {{.run = wait_for_nothing, .timeout_ms = 100},
                                        {.run = echo, .argument = "well", .timeout_ms = MS_MAX}};
    struct helper *helper = make_helper(tasks, countof(tasks));
    struct outcome outcome;

    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(ask(helper, 0, NULL, &outcome));
        run_loop(&outcome.done, MS_MAX);
        ck_assert_int_eq(outcome.number, ETIMEDOUT);
        str_deinit(&outcome.text);
        expect_answer(helper, 1, "well");
    }
    ck_assert_uint_eq(helper_restarts(helper), 0);
    helper_free(helper);
}
END_TEST

static int note_and_wait(struct str *output, const void *argument, struct error *error)
{
    const struct helper_work *work = argument;
    FILE *file = fopen(work->argument, "w");

    (void)output;
    (void)error;
    if (fork() == 0) /* what it has started ends too */
        pause();
    fprintf(file, "%d\n", (int)getpgrp());
    fclose(file);
    pause();
    return 0;
}

START_TEST(a_task_ends_with_who_asked_for_it)
{
    char path[] = "/tmp/test-helper-XXXXXX";
    const struct helper_task task = {.run = note_and_wait, .argument = path, .timeout_ms = 10 * MS_MAX};
    const bool never = false;
    struct helper *helper;
    struct outcome outcome;
    struct worker *worker;
    scoped_str text = STR_INIT;
    pid_t group;

    close(mkstemp(path));
    helper = make_helper(&task, 1);
    worker = ask(helper, 0, NULL, &outcome);
    ck_assert_ptr_nonnull(worker);
    for (usec_t end = clock_monotonic() + MS_MAX * (usec_t)1000;
         (file_read(path, 32, &text, NULL) < 0 || !str_ends(str_text(&text), "\n")) && clock_monotonic() < end;)
        run_loop(&never, 10);
    group = (pid_t)atoi(str_text(&text));
    ck_assert_int_gt(group, 1);
    ck_assert_int_eq(kill(-group, 0), 0);
    worker_cancel(worker);
    for (usec_t end = clock_monotonic() + MS_MAX * (usec_t)1000; kill(-group, 0) == 0 && clock_monotonic() < end;)
        run_loop(&never, 10);
    ck_assert_int_lt(kill(-group, 0), 0);
    helper_free(helper);
    unlink(path);
}
END_TEST

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

START_TEST(a_task_that_is_killed_is_done_again)
{
    char path[] = "/tmp/test-helper-XXXXXX";
    const struct helper_task task = {.run = killed_at_first, .argument = path, .timeout_ms = MS_MAX};
    struct helper *helper;
    struct outcome outcome;

    close(mkstemp(path));
    ck_assert_int_eq(truncate(path, 1), 0);
    helper = make_helper(&task, 1);
    expect_answer(helper, 0, "done");
    ck_assert_int_eq(truncate(path, 10), 0);
    ck_assert_ptr_nonnull(ask(helper, 0, NULL, &outcome));
    run_loop(&outcome.done, MS_MAX);
    ck_assert_int_eq(outcome.number, WORKER_DIED);
    str_deinit(&outcome.text);
    helper_free(helper);
    unlink(path);
}
END_TEST

/* ---- A helper that ends ---- */

/* The next request is answered, the first times at once; nobody is told. */
START_TEST(a_helper_that_is_killed_is_started_again)
{
    enum { ROUNDS = 3 };
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    struct helper *helper = make_helper(&task, 1);

    for (unsigned round = 0; round < ROUNDS; round++) {
        expect_answer(helper, 0, "well");
        ck_assert_int_eq(kill(role.pid, SIGKILL), 0);
        expect_answer(helper, 0, "well");
    }
    ck_assert_uint_eq(helper_restarts(helper), ROUNDS);
    ck_assert_uint_eq(role.started, 1 + ROUNDS);
    ck_assert_uint_eq(told.away + told.back, 0);
    helper_free(helper);
}
END_TEST

/* Its request is made once more, of the next one. */
START_TEST(a_helper_that_is_killed_at_its_work)
{
    const struct helper_task task = {.run = wait_for_nothing, .timeout_ms = MS_MAX};
    const bool never = false;
    struct helper *helper = make_helper(&task, 1);
    struct outcome outcome;
    pid_t first = role.pid;

    ck_assert_ptr_nonnull(ask(helper, 0, NULL, &outcome));
    while (helper_is_silent(helper)) /* until it has taken the request */
        run_loop(&never, 10);
    ck_assert_int_eq(kill(first, SIGKILL), 0);
    await(&role.started, 2);
    while (helper_is_silent(helper))
        run_loop(&never, 10);
    ck_assert(!outcome.done);
    ck_assert_int_eq(kill(role.pid, SIGKILL), 0);
    run_loop(&outcome.done, MS_MAX);
    ck_assert_int_eq(outcome.number, WORKER_DIED);
    str_deinit(&outcome.text);
    helper_free(helper);
}
END_TEST

static void end_at_once(int fd)
{
    close(fd);
}

/* Ever more slowly; meanwhile each request fails at once and says why; then it is back, and that is said as well. */
START_TEST(one_that_keeps_ending_is_away)
{
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    struct helper *helper;
    struct outcome outcome;

    role.instead = end_at_once;
    role.instead_for = 4;
    helper = make_helper(&task, 1);
    ck_assert_ptr_null(helper_why_not(helper));
    await(&told.away, 1);
    ck_assert_uint_eq(role.started, 4);
    expect_text(told.why.data, "it has ended before it could begin");
    ck_assert_ptr_null(ask(helper, 0, NULL, &outcome));
    ck_assert_int_eq(outcome.number, WORKER_DIED);
    expect_text(outcome.text.data,
                "needs CAP_TESTED: the helper tested is not running: it has ended before it could begin");
    str_deinit(&outcome.text);
    await(&told.back, 1);
    ck_assert_uint_eq(told.away, 1);
    ck_assert_ptr_null(helper_why_not(helper));
    expect_text(helper_last_error(helper), "it has ended before it could begin");
    expect_answer(helper, 0, "well");
    ck_assert_uint_eq(helper_restarts(helper), 4);
    helper_free(helper);
}
END_TEST

/* Not before it could have been sent something. */
static void end_soon(int fd)
{
    usleep(50000);
    close(fd);
}

/* What is asked for meanwhile waits for the one that begins, as long as that is soon. */
START_TEST(one_that_ends_before_it_begins_is_waited_for)
{
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    struct helper *helper;

    role.instead = end_soon;
    role.instead_for = 3;
    helper = make_helper(&task, 1);
    expect_answer(helper, 0, "well");
    ck_assert_uint_eq(role.started, 4);
    ck_assert_uint_eq(told.away, 0);
    helper_free(helper);
}
END_TEST

START_TEST(one_that_nobody_starts)
{
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    struct helper_options options = {.role = "tested", .right = "CAP_TESTED", .tasks = {task}, .count = 1};
    struct helper *helper = helper_new(workers, &options);
    struct outcome outcome;

    ck_assert_ptr_null(ask(helper, 0, NULL, &outcome));
    ck_assert_int_eq(outcome.number, EPERM);
    ck_assert_str_eq(outcome.text.data, "needs CAP_TESTED: the helper tested is not running: only root can start it");
    str_deinit(&outcome.text);
    helper_free(helper);
    role.refused = true;
    helper = make_helper(&task, 1);
    await(&told.away, 1);
    expect_text(helper_why_not(helper), "nobody starts it");
    role.refused = false;
    await(&told.back, 1);
    expect_answer(helper, 0, "well");
    helper_free(helper);
}
END_TEST

/* ---- A helper that stalls, or says what it was not asked for ---- */

static void say(int fd, enum helper_frame_kind kind, uint32_t id)
{
    const struct helper_frame frame = {.kind = kind, .id = id};

    if (send(fd, &frame, sizeof frame, MSG_NOSIGNAL) < 0)
        _exit(1);
}

/* Until it is hung up on; what comes is not even taken. */
static void say_nothing(int fd)
{
    struct pollfd poll_fd = {.fd = fd};

    while (!(poll(&poll_fd, 1, -1) > 0 && poll_fd.revents))
        ;
}

static void say_hello_alone(int fd)
{
    say(fd, HELPER_HELLO, HELPER_VERSION);
    say_nothing(fd);
}

static void be_another_version(int fd)
{
    say(fd, HELPER_HELLO, HELPER_VERSION + 1);
    say_nothing(fd);
}

static void say_hello_twice(int fd)
{
    say(fd, HELPER_HELLO, HELPER_VERSION);
    say(fd, HELPER_HELLO, HELPER_VERSION);
    say_nothing(fd);
}

static void take_what_was_not_asked(int fd)
{
    say(fd, HELPER_HELLO, HELPER_VERSION);
    say(fd, HELPER_TAKEN, 77);
    say_nothing(fd);
}

static void be_done_with_nothing(int fd)
{
    say(fd, HELPER_HELLO, HELPER_VERSION);
    say(fd, HELPER_DONE, 0);
    say_nothing(fd);
}

static void take_before_hello(int fd)
{
    say(fd, HELPER_TAKEN, 1);
    say_nothing(fd);
}

static void be_done_before_it_takes(int fd)
{
    say(fd, HELPER_HELLO, HELPER_VERSION);
    say(fd, HELPER_DONE, 1);
    say_nothing(fd);
}

static void say_too_little(int fd)
{
    if (send(fd, "h", 1, MSG_NOSIGNAL) < 0)
        _exit(1);
    say_nothing(fd);
}

static void say_too_much(int fd)
{
    static const struct helper_frame frames[3] = {{.kind = HELPER_HELLO, .id = HELPER_VERSION}};

    if (send(fd, frames, sizeof frames, MSG_NOSIGNAL) < 0)
        _exit(1);
    say_nothing(fd);
}

static void (*stalling)(int fd);

static bool stalls(void)
{
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    scoped(cleanup_free) char *why = mem_printf("it has answered nothing for %u s", patience_ms / 1000);
    struct helper *helper;
    bool is_right;

    role.instead = stalling;
    role.instead_for = 1;
    helper = make_helper(&task, 1);
    is_right = is_answered(helper, 0, "well") && helper_restarts(helper) == 1;
    ck_assert_uint_eq(role.started, helper_restarts(helper) + 1);
    expect_text(helper_last_error(helper), why);
    helper_free(helper);
    return is_right;
}

/* The next one answers. */
START_TEST(one_that_stalls_is_given_up)
{
    static void (*const all[])(int fd) = {say_nothing, say_hello_alone};

    stalling = all[_i];
    with_patience(stalls);
}
END_TEST

/* As above. */
START_TEST(one_that_talks_nonsense_is_given_up)
{
    static void (*const all[])(int fd) = {be_another_version,   say_hello_twice,   take_what_was_not_asked,
                                          be_done_with_nothing, take_before_hello, be_done_before_it_takes,
                                          say_too_little,       say_too_much};
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    struct helper *helper;

    role.instead = all[_i];
    role.instead_for = 1;
    helper = make_helper(&task, 1);
    expect_answer(helper, 0, "well");
    ck_assert_uint_eq(role.started, 2);
    ck_assert_uint_eq(helper_restarts(helper), 1);
    expect_text(helper_last_error(helper), "it said what it was not asked for");
    helper_free(helper);
}
END_TEST

static bool is_stopped(void)
{
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    struct helper *helper = make_helper(&task, 1);
    bool is_right = is_answered(helper, 0, "well") && helper_restarts(helper) == 0;

    ck_assert_int_eq(kill(role.pid, SIGSTOP), 0);
    is_right = is_answered(helper, 0, "well") && helper_restarts(helper) == 1 && is_right;
    helper_free(helper);
    return is_right;
}

START_TEST(one_that_is_stopped_is_given_up)
{
    with_patience(is_stopped);
}
END_TEST

static bool stalls_again(void)
{
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    scoped(cleanup_free) char *why = mem_printf(
        "needs CAP_TESTED: the helper tested is not running: it has answered nothing for %u s", patience_ms / 1000);
    struct helper *helper;
    struct outcome outcome;
    bool is_right;

    role.instead = say_nothing;
    role.instead_for = 2;
    helper = make_helper(&task, 1);
    ck_assert_ptr_nonnull(ask(helper, 0, NULL, &outcome));
    await(&told.away, 1);
    ck_assert_uint_eq(role.started, 2);
    run_loop(&outcome.done, MS_MAX);
    ck_assert_int_eq(outcome.number, WORKER_DIED);
    expect_text(outcome.text.data, why);
    str_deinit(&outcome.text);
    await(&told.back, 1);
    is_right = is_answered(helper, 0, "well");
    helper_free(helper);
    return is_right;
}

/* One that never begins has been waited for by then. */
START_TEST(one_that_stalls_again_before_it_begins_is_away)
{
    with_patience(stalls_again);
}
END_TEST

static int stop_oneself(struct str *output, const void *argument, struct error *error)
{
    (void)output;
    (void)argument;
    (void)error;
    raise(SIGSTOP);
    return 0;
}

static bool is_full(void)
{
    const struct helper_task tasks[] = {{.run = stop_oneself, .timeout_ms = patience_ms / 5},
                                        {.run = echo, .argument = "well", .timeout_ms = MS_MAX}};
    struct helper *helper = make_helper(tasks, 2);
    struct outcome outcomes[HELPER_AT_ONCE];
    bool is_right = true;

    for (size_t i = 0; i < HELPER_AT_ONCE; i++)
        ck_assert_ptr_nonnull(ask(helper, 0, NULL, &outcomes[i]));
    for (size_t i = 0; i < HELPER_AT_ONCE; i++) {
        run_loop(&outcomes[i].done, MS_MAX);
        is_right = is_right && outcomes[i].number == ETIMEDOUT;
        str_deinit(&outcomes[i].text);
    }
    is_right = is_right && helper_restarts(helper) == 0;
    is_right = is_answered(helper, 1, "well") && helper_restarts(helper) == 1 && is_right;
    helper_free(helper);
    return is_right;
}

/* Processes that do not end, not even when their time is over (on a busy machine it has to begin before), take the
 * places of others: another helper has none. */
START_TEST(one_that_is_full_of_what_does_not_end_is_given_up)
{
    with_patience(is_full);
}
END_TEST

/* ---- The helper's side ---- */

/* A helper, asked without the agent's side. Returns the socket. */
static int serve(const struct helper_task *task)
{
    struct error error = ERROR_INIT;
    int fd = -1;

    role.tasks[0] = *task;
    role.count = 1;
    ck_assert_int_eq(start_role("tested", NULL, &fd, &error), 0);
    return fd;
}

static void send_raw(int fd, const void *data, size_t length, const int *fds, size_t fd_count)
{
    union helper_control control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd_count) {
        control.header.cmsg_len = CMSG_LEN(fd_count * sizeof *fds);
        memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof *fds);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof *fds);
    }
    ck_assert_int_eq(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)length);
}

/* Whoever gets hold of the agent gets nothing but the tasks: any other packet ends the helper, with an error. */
START_TEST(a_helper_ends_on_any_other_packet)
{
    enum { HEAD = sizeof(struct helper_frame) };
    static const struct {
        struct helper_frame frame;
        size_t length, descriptors;
    } packets[] = {
        {{HELPER_REQUEST, 1, 0, 0, 0}, HEAD, 0}, /* no pipe */
        {{HELPER_REQUEST, 1, 1, 0, 0}, HEAD, 1}, /* no such task */
        {{HELPER_REQUEST, 1, UINT32_MAX, 0, 0}, HEAD, 1},
        {{'x', 1, 0, 0, 0}, HEAD, 1},
        {{HELPER_HELLO, 1, 0, 0, 0}, HEAD, 1},
        {{HELPER_REQUEST, 1, 0, 0, 0}, HEAD - 1, 1},
        {{HELPER_REQUEST, 1, 0, 0, 1}, HEAD, 1}, /* shorter than it says */
        {{HELPER_REQUEST, 1, 0, 0, 0}, HEAD + 1, 1},
        {{HELPER_REQUEST, 1, 0, 0, UINT32_MAX}, HEAD, 1},
        {{HELPER_REQUEST, 1, 0, 0, 0}, HEAD, 2},
        {{HELPER_LONG_REQUEST, 1, 0, 0, 0}, HEAD, 1},
        {{HELPER_LONG_REQUEST, 1, 0, 0, 4}, HEAD + 4, 2},
        {{HELPER_REQUEST, 1, 0, 0, HELPER_INLINE_MAX + 1}, 8192, 1},
        {{0, 0, 0, 0, 0}, 1, 0},
    };
    const struct helper_task task = {.run = echo, .argument = "well", .timeout_ms = MS_MAX};
    scoped(cleanup_close) int fd = serve(&task);
    struct {
        struct helper_frame frame;
        char rest[8192];
    } packet = {.frame = packets[_i].frame};
    struct helper_frame hello;
    int pipes[2], status = 0;

    ck_assert_int_lt(_i, (int)countof(packets));
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(recv(fd, &hello, sizeof hello, 0), (ssize_t)sizeof hello);
    send_raw(fd, &packet, packets[_i].length, (const int[]){pipes[1], pipes[1]}, packets[_i].descriptors);
    ck_assert_int_eq(waitpid(role.pid, &status, 0), role.pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(pipes[0]);
    close(pipes[1]);
}
END_TEST

/* More than the agent ever has under way. */
START_TEST(a_helper_ends_on_too_many_requests)
{
    const struct helper_task task = {.run = wait_for_nothing, .timeout_ms = MS_MAX};
    scoped(cleanup_close) int fd = serve(&task);
    int pipes[2], status = 0;

    ck_assert_int_eq(pipe(pipes), 0);
    for (uint32_t id = 1; id <= HELPER_AT_ONCE + 1; id++) {
        const struct helper_frame frame = {.kind = HELPER_REQUEST, .id = id};

        send_raw(fd, &frame, sizeof frame, &pipes[1], 1);
    }
    ck_assert_int_eq(waitpid(role.pid, &status, 0), role.pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(pipes[0]);
    close(pipes[1]);
}
END_TEST

static pid_t listen_as(uid_t uid, struct sockaddr_un *ret)
{
    const struct helper_role served = {.name = "tested", .tasks = role.tasks, .count = 0};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    pid_t pid;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret->sun_path, sizeof ret->sun_path, "/tmp/test-helper-%d.sock", (int)getpid());
    unlink(ret->sun_path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)ret, sizeof *ret), 0);
    ck_assert_int_eq(chmod(ret->sun_path, 0666) + listen(fd, 8), 0);
    pid = fork();
    if (pid == 0)
        _exit(setresuid(1234, 1234, 1234) < 0 || helper_serve(fd, uid, &served, NULL) < 0 ? 1 : 0);
    close(fd);
    return pid;
}

/* What a process of that user hears first: 'h', or 0 where it is hung up on. */
static int hear_as(uid_t uid, const struct sockaddr_un *address)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct helper_frame hello = {.kind = 0};

        if (setresuid(uid, uid, uid) < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
            _exit(1);
        _exit(recv(fd, &hello, sizeof hello, 0) == (ssize_t)sizeof hello ? (int)hello.kind : 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(only_the_agent_is_served)
{
    struct sockaddr_un address;
    int status = 0;
    pid_t pid = listen_as(4321, &address);

    ck_assert_int_eq(hear_as(5555, &address), 0);
    ck_assert_int_eq(hear_as(65534, &address), 0);
    ck_assert_int_eq(hear_as((uid_t[]){4321, 0, 1234}[_i], &address), HELPER_HELLO);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid); /* the one connection that it served has ended */
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unlink(address.sun_path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("helper");
    TCase *tests = tcase_create("helper");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, a_task_gets_its_message);
    tcase_add_test(tests, a_task_keeps_its_own_capabilities);
    tcase_add_test(tests, a_descriptor_is_handed_over);
    tcase_add_test(tests, requests_wait_for_each_other);
    tcase_add_test(tests, a_task_that_hangs);
    tcase_add_test(tests, a_task_ends_with_who_asked_for_it);
    tcase_add_test(tests, a_task_that_is_killed_is_done_again);
    tcase_add_test(tests, a_helper_that_is_killed_is_started_again);
    tcase_add_test(tests, a_helper_that_is_killed_at_its_work);
    tcase_add_test(tests, one_that_keeps_ending_is_away);
    tcase_add_test(tests, one_that_ends_before_it_begins_is_waited_for);
    tcase_add_test(tests, one_that_nobody_starts);
    tcase_add_loop_test(tests, one_that_stalls_is_given_up, 0, 2);
    tcase_add_loop_test(tests, one_that_talks_nonsense_is_given_up, 0, 8);
    tcase_add_test(tests, one_that_is_stopped_is_given_up);
    tcase_add_test(tests, one_that_stalls_again_before_it_begins_is_away);
    tcase_add_test(tests, one_that_is_full_of_what_does_not_end_is_given_up);
    tcase_add_loop_test(tests, a_helper_ends_on_any_other_packet, 0, 14);
    tcase_add_test(tests, a_helper_ends_on_too_many_requests);
    tcase_add_loop_test(tests, only_the_agent_is_served, 0, 3);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
