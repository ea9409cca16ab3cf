/* Memory that runs out at any place: the agent goes on, or ends with a message and a status; no process of it ever ends
 * by a signal. Places are chains of callers (preload/faults.c), of which the test takes some; MEMORY_EVERY=1 takes all
 * of them, and MEMORY_FROM=N begins with the N-th. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

#ifdef PRELOAD_FAULTS

enum { CONTAINERS = 3, HANG_S = 240, RUNS = 16, PARTS = 4 };

static struct beside beside;

static bool ask(const char *path, struct http_answer *ret)
{
    scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    scoped(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    scoped_str pending = STR_INIT;

    memcpy(address.sun_path, beside.agent_socket, strlen(beside.agent_socket));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return false;
    beside_say(&beside, fd, request, strlen(request));
    return beside_answer(&beside, fd, &pending, ret) && ret->status == 200;
}

static bool has_ended(int *ret_status)
{
    if (waitpid(beside.agent, ret_status, WNOHANG) != beside.agent)
        return false;
    beside.agent = 0;
    return true;
}

/* It does neither what is awaited nor end: that is a fault of its own. */
static void hang(int *ret_status)
{
    kill(beside.agent, SIGKILL);
    ck_assert_int_eq(waitpid(beside.agent, ret_status, 0), beside.agent);
    beside.agent = 0;
}

/* Until the first scan is complete, or it has ended. */
static bool is_scanned(int *ret_status)
{
    usec_t end = clock_monotonic() + HANG_S * USEC_PER_SEC;

    while (!has_ended(ret_status)) {
        scoped(http_answer_deinit) struct http_answer answer = {0};

        if (clock_monotonic() > end) {
            hang(ret_status);
            return false;
        }
        if (ask("/v1/status", &answer) && strstr(answer.body.data, "\"duration_ms\":") &&
            !strstr(answer.body.data, "\"duration_ms\":null"))
            return true;
        fake_run(beside.base, 20, NULL, NULL);
    }
    return false;
}

static void use_it(void)
{
    static const char *const paths[] = {"/v1/findings?limit=5", "/v1/events?limit=5", "/v1/rules/5.4", "/metrics"};

    for (size_t i = 0; i < countof(paths); i++) {
        scoped(http_answer_deinit) struct http_answer answer = {0};

        ask(paths[i], &answer);
    }
}

static void stop(int *ret_status)
{
    usec_t end = clock_monotonic() + HANG_S * USEC_PER_SEC;

    kill(beside.agent, SIGTERM);
    while (!has_ended(ret_status)) {
        if (clock_monotonic() > end) {
            hang(ret_status);
            return;
        }
        fake_run(beside.base, 5, NULL, NULL);
    }
}

/* Start, full scan, a few questions and the end, with one allocation that fails. False: not as it should, which is
 * printed. */
static bool run(unsigned long place)
{
    scoped(cleanup_free) char *crash = mem_printf("%s/crash", beside.folder);
    scoped(cleanup_free) char *places = mem_printf("%s/places", beside.folder);
    scoped(cleanup_free) char *log = mem_printf("%s/log", beside.folder);
    scoped(cleanup_free) char *once = mem_printf("%s/once", beside.folder);
    scoped(cleanup_free) char *command =
        mem_printf("rm -rf %s/state %s %s && mkdir %s && chmod 777 %s && chmod 711 %s", beside.folder,
                   beside.agent_socket, once, once, once, beside.folder);
    scoped(cleanup_free) char *number = mem_printf("%lu", place);
    scoped_str said = STR_INIT, where = STR_INIT;
    int status = 0;

    ck_assert_int_eq(system(command), 0);
    setenv("FAULT_CRASH", crash, 1);
    setenv("FAULT_PLACES", places, 1);
    setenv("FAULT_ONCE", once, 1);
    setenv("FAULT_ALLOCATION", number, 1);
    setenv("LD_PRELOAD", PRELOAD_FAULTS, 1);
    beside.log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    beside_start_agent(&beside, "{\"sinks\": []}");
    unsetenv("LD_PRELOAD");
    close(beside.log);
    if (is_scanned(&status)) {
        use_it();
        if (beside.agent && !has_ended(&status))
            stop(&status);
    }
    file_read(log, 1 << 20, &said, NULL);
    if (WIFEXITED(status) && access(crash, F_OK) < 0 &&
        (WEXITSTATUS(status) == 0 || strstr(str_text(&said), "docker-bench-agent: ")))
        return true;
    file_read(crash, 1 << 20, &where, NULL);
    fprintf(stderr, "place %lu: status %x: %s%s\n", place, (unsigned)status, str_text(&said), str_text(&where));
    unlink(crash);
    return false;
}

static unsigned long read_places(void)
{
    scoped(cleanup_free) char *path = mem_printf("%s/places", beside.folder);
    scoped_str text = STR_INIT;

    ck_assert_int_eq(file_read(path, 64, &text, NULL), 0);
    return strtoul(text.data, NULL, 10);
}

static unsigned long number_from(const char *name, unsigned long usual)
{
    const char *text = getenv(name);

    return text ? strtoul(text, NULL, 10) : usual;
}

/* In parts, as check counts a test's microseconds in 31 bits: 35 minutes. */
START_TEST(memory_runs_out_at_any_place)
{
    unsigned long count, every, from, runs = 0, wrong = 0;

    beside_begin(&beside, CONTAINERS);
    ck_assert(run(0));
    count = read_places();
    ck_assert_uint_gt(count, 300);
    every = number_from("MEMORY_EVERY", count / RUNS);
    from = number_from("MEMORY_FROM", 1) + every * (unsigned long)_i;
    for (unsigned long place = from; place <= count; place += every * PARTS, runs++)
        wrong += !run(place);
    printf("figure: %lu of %lu places, %lu of them wrong\n", runs, count, wrong);
    ck_assert_uint_eq(wrong, 0);
    beside_end(&beside);
}
END_TEST

#endif

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tests = tcase_create("memory");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 36000);
#ifdef PRELOAD_FAULTS /* not under sanitizers, which allocate themselves */
    tcase_add_loop_test(tests, memory_runs_out_at_any_place, 0, PARTS);
#endif
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
