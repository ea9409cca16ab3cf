/* What the agent notifies systemd of: a test's own socket in systemd's place. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { LONG_MS = 240000 };

static struct beside beside;
static int notified = -1; /* systemd's end */
static struct event *arrived;
static struct str all; /* every message so far, each with a newline before and after */

static void collect(void)
{
    char text[4096];
    ssize_t length;

    while ((length = recv(notified, text, sizeof text, 0)) > 0) {
        str_append_n(&all, text, (size_t)length);
        str_append_char(&all, '\n');
    }
}

static void on_arrived(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
    collect();
}

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    beside_begin(&beside, 5);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify.sock", beside.folder);
    notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(notified, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "400000", 1), 0);
    str_append_char(&all, '\n');
    /* whenever the loop runs: the agent waits while the socket's queue is full */
    arrived = event_new(beside.base, notified, EV_READ | EV_PERSIST, on_arrived, NULL);
    event_add(arrived, NULL);
}

static unsigned count(const char *text)
{
    unsigned found = 0;

    for (const char *at = all.data; (at = strstr(at, text)); at += strlen(text))
        found++;
    return found;
}

static void tear_down(void)
{
    beside_stop_agent(&beside);
    event_free(arrived);
    beside_end(&beside);
    collect();
    ck_assert_uint_eq(count("\nSTOPPING=1\n"), 1);
    close(notified);
    str_deinit(&all);
}

/* Until there are that many lines that begin with WORD. */
static void wait_for(const char *word, unsigned times)
{
    scoped(cleanup_free) char *line = mem_printf("\n%s", word);
    usec_t end = clock_monotonic() + LONG_MS * 1000;

    for (collect(); count(line) < times; collect()) {
        ck_assert_msg(clock_monotonic() < end, "no %u of %s in: %s", times, word, all.data);
        fake_run(beside.base, 50, NULL, NULL);
    }
}

/* The last STATUS=, good until the loop runs again. */
static const char *status(void)
{
    const char *last = NULL;

    for (const char *at = all.data; (at = strstr(at, "\nSTATUS=")); at++)
        last = at + 1;
    return last ? last : "";
}

static void wait_status(const char *part)
{
    usec_t end = clock_monotonic() + LONG_MS * 1000;

    for (collect(); !strstr(status(), part); collect()) {
        ck_assert_msg(clock_monotonic() < end, "no %s in: %s", part, all.data);
        fake_run(beside.base, 50, NULL, NULL);
    }
}

/* Until the status line has it among what is degraded. */
static void wait_degraded(const char *slug)
{
    wait_status("; degraded: ");
    wait_status(slug);
    ck_assert_ptr_nonnull(strstr(status(), "; degraded: "));
}

static int64_t failing(void)
{
    return json_int(json_pointer(beside_ask(&beside, "/v1/status"), "/summary/findings/fail"), -1);
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

/* Lets fake engine and agent go on until CONDITION holds. */
#define RUN_UNTIL(condition)                                                                                           \
    for (usec_t end_ = clock_monotonic() + LONG_MS * (usec_t)1000; !(condition);                                       \
         fake_run(beside.base, 50, NULL, NULL))                                                                        \
    ck_assert_msg(clock_monotonic() < end_, "never: " #condition " in: %s", all.data)

/* The score and the counts of /v1/status, within seconds of a change and at most once a second. */
START_TEST(status_line)
{
    scoped(cleanup_free) char *first = NULL, *second = NULL;
    usec_t began;
    int64_t before;
    unsigned lines;

    beside_start_agent(&beside, "{\"sinks\": []}");
    wait_for("READY=1", 1);
    RUN_UNTIL(is_ready());
    beside_await_images(&beside, 1);
    before = failing();
    first = mem_printf("/100, %lld fail, 0 waived, ", (long long)before);
    wait_status(first);
    RUN_UNTIL(!strstr(status(), "degraded"));
    ck_assert_int_eq(failing(), before);

    fake_set_privileged(beside.fake, 3, true);
    fake_event(beside.fake, "container", "update", fake_container_id(3), NULL);
    RUN_UNTIL(failing() != before);
    second = mem_printf("/100, %lld fail, 0 waived, ", (long long)failing());
    ck_assert_str_ne(first, second);
    wait_status(second);

    collect();
    lines = count("\nSTATUS=");
    began = clock_monotonic();
    for (unsigned i = 0; i < 150; i++) {
        fake_set_privileged(beside.fake, 4, i % 2);
        fake_event(beside.fake, "container", "update", fake_container_id(4), NULL);
        fake_run(beside.base, 10, NULL, NULL);
    }
    collect();
    ck_assert_uint_le(count("\nSTATUS=") - lines, (unsigned)((clock_monotonic() - began) / USEC_PER_SEC) + 1);

    fake_stop(beside.fake);
    wait_degraded("agent-engine");
    fake_start(beside.fake);
}
END_TEST

/* A reload says when it begins, by the clock that systemd compares, and when it has ended, whether it was refused or
 * not. */
START_TEST(reload)
{
    scoped(cleanup_free) char *config = mem_printf("%s/agent.json", beside.folder);
    usec_t before;
    const char *at;

    beside_start_agent(&beside, "{\"sinks\": []}");
    wait_for("READY=1", 1);
    before = clock_monotonic();
    kill(beside.agent, SIGHUP);
    wait_for("READY=1", 2);
    at = strstr(all.data, "\nRELOADING=1\nMONOTONIC_USEC=");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_ge(strtoll(strchr(at + 13, '=') + 1, NULL, 10), before);
    ck_assert_ptr_nonnull(strstr(at, "\nREADY=1\n"));

    ck_assert_int_eq(file_replace(config, "{", 1, 0600, NULL), 0);
    kill(beside.agent, SIGHUP);
    wait_for("READY=1", 3);
    wait_degraded("agent-config");
    ck_assert_int_eq(file_replace(config, "{}", 2, 0600, NULL), 0);
    kill(beside.agent, SIGHUP);
    wait_for("READY=1", 4);
    RUN_UNTIL(!strstr(status(), "agent-config"));
}
END_TEST

/* The watchdog is fed while the loop goes on, with an engine or without one, and not while it does not. */
START_TEST(watchdog)
{
    unsigned before;

    beside_start_agent(&beside, "{\"sinks\": []}");
    wait_for("WATCHDOG=1", 3);
    fake_stop(beside.fake);
    collect();
    wait_for("WATCHDOG=1", count("\nWATCHDOG=1") + 10);
    kill(beside.agent, SIGSTOP);
    fake_run(beside.base, 300, NULL, NULL);
    collect();
    before = count("\nWATCHDOG=1");
    fake_run(beside.base, 1500, NULL, NULL);
    collect();
    ck_assert_uint_eq(count("\nWATCHDOG=1"), before);
    kill(beside.agent, SIGCONT);
    wait_for("WATCHDOG=1", before + 1);
    fake_start(beside.fake);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tests = tcase_create("notify");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, status_line);
    tcase_add_test(tests, reload);
    tcase_add_test(tests, watchdog);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
