/* Many execs, at a whole agent: what they cost, and that nothing is forgotten or invented over them.
 * EXECS_EVENTS=97000 makes the churn as large as that (the gate: 3,000). */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { READY_MS = 240000, EVENTS = 3000, CONTAINERS = 40, PRIVILEGED = 1000000 };

static struct beside beside;
static struct fake *fake;

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
    fake = beside.fake;
}

static void tear_down(void)
{
    beside_end(&beside);
}

static int64_t number(const char *pointer)
{
    return json_int(json_pointer(beside_ask(&beside, "/v1/status"), pointer), -1);
}

static void wait_ready(void)
{
    usec_t end = clock_monotonic() + READY_MS * 1000;

    while (!json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false)) {
        ck_assert_msg(clock_monotonic() < end, "the agent does not get ready");
        fake_run(beside.base, 50, NULL, NULL);
    }
}

static void settle(void)
{
    for (int64_t before = -1, now = 0; before != now;) {
        before = now;
        fake_run(beside.base, 700, NULL, NULL);
        now = number("/counters/evaluations") + number("/counters/fetches/container") + number("/last_seq");
    }
}

static void start_exec(size_t exec, size_t container, const char *command)
{
    scoped(cleanup_free) char *attributes = mem_printf("\"execID\":\"%s\"", fake_exec_id(exec));
    scoped(cleanup_free) char *create = mem_printf("exec_create: %s", command);
    scoped(cleanup_free) char *start = mem_printf("exec_start: %s", command);

    fake_event(fake, "container", create, fake_container_id(container), attributes);
    fake_event(fake, "container", start, fake_container_id(container), attributes);
}

static int64_t looks(void)
{
    return number("/counters/fetches/processes");
}

/* Starts COMMAND 29 times a second in container 0, for three seconds. How often its processes were looked at, and in
 * what time; RET_LAST: how often altogether before the last start. */
static int64_t start_many(const char *command, size_t first, usec_t *ret_took, int64_t *ret_last)
{
    enum { COUNT = 3 * 29 };
    usec_t began = clock_monotonic();
    int64_t before = looks(), count;

    for (size_t i = 0; i < COUNT; i++) {
        if (i + 1 == COUNT)
            *ret_last = looks();
        start_exec((first + i) * 10000, 0, command);
        fake_run(beside.base, 34, NULL, NULL);
    }
    count = looks() - before;
    *ret_took = clock_monotonic() - began;
    return count;
}

static bool has_looked(void *user)
{
    return looks() > *(int64_t *)user;
}

/* None is due any more: there is one a second at most. */
static void wait_unlooked(void)
{
    for (int64_t before = -1; before != looks();) {
        before = looks();
        fake_run(beside.base, 1500, NULL, NULL);
    }
}

/* However much is started in a container, its processes are looked at once a second, and once more after the last
 * start; for what its health check starts, twice a minute. */
START_TEST(looks_at_processes_are_bounded)
{
    static const char config[] = "{\"sinks\": [], \"intervals\": {\"top\": \"1h\"}}"; /* which looks at them as well */
    int64_t count, last;
    usec_t took;

    fake_set_containers(fake, 1);
    fake_set_running(fake, getpid());
    fake_set_health(fake, "test -e /ok");
    beside_start_agent(&beside, config);
    wait_ready();
    settle();
    count = start_many("sh ", 1, &took, &last);
    ck_assert_int_le(count, took / USEC_PER_SEC + 2);
    ck_assert(fake_run(beside.base, READY_MS, has_looked, &last));
    settle();
    wait_unlooked();
    count = start_many("/bin/sh -c test -e /ok", 200, &took, &last);
    ck_assert_int_le(count, took / (30 * USEC_PER_SEC) + 1);
}
END_TEST

static void write_config(const char *text)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", beside.folder);

    ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, NULL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
}

/* Events, privileged execs with and without equals, containers that come, go and change, cut streams, reloads and
 * another agent's eyes at the end. */
START_TEST(churn_ends_as_a_fresh_scan)
{
    static const char *const configs[] = {"{\"sinks\": []}",
                                          "{\"sinks\": [], \"rules\": {\"5.4\": {\"enabled\": false}}}"};
    size_t events = getenv("EXECS_EVENTS") ? strtoul(getenv("EXECS_EVENTS"), NULL, 10) : EVENTS, execs = 0;
    struct pace pace;

    fake_set_execs_differ(fake, true);
    beside_start_agent(&beside, configs[0]);
    wait_ready();
    pace_begin(&pace, &beside, "churn");
    for (size_t i = 0; i < events; i++) {
        size_t container = (i * 7 + i / 10) % CONTAINERS;

        if (i % 10 == 0) {
            start_exec(PRIVILEGED + container + execs++ * 10000 * 101, container, "true");
        } else if (i % 10 == 3) {
            fake_set_privileged(fake, container, i / 10 % 2);
            fake_event(fake, "container", "start", fake_container_id(container), NULL);
        } else {
            fake_event(fake, "container", i % 2 ? "pause" : "unpause", fake_container_id(container), NULL);
        }
        if (i % 97 == 0) {
            fake_set_containers(fake, CONTAINERS - 5 + i % 10);
            fake_event(fake, "container", i % 2 ? "create" : "destroy", fake_container_id(CONTAINERS - 5 + i % 10),
                       NULL);
        }
        if (i % 500 == 250)
            fake_close_streams(fake);
        if (i % 900 == 450)
            write_config(configs[i / 900 % 2]);
        if (i % 20 == 0)
            fake_run(beside.base, 4, NULL, NULL);
    }
    write_config(configs[0]);
    settle();
    wait_ready();
    settle();
    pace_end(&pace, &beside);
    ck_assert_uint_gt(aftermath_check(&beside), 100);
    printf("figure: %zu events, %zu execs, %lld findings of execs\n", events, execs,
           (long long)number("/execs/findings"));
    ck_assert_int_le(number("/execs/findings"), 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execs");
    TCase *tests = tcase_create("execs");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, looks_at_processes_are_bounded);
    tcase_add_test(tests, churn_ends_as_a_fresh_scan);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
