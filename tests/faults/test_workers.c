/* The agent's own processes are killed under it: what they were to do is done all the same, by others. */
#include <check.h>
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { WAIT_MS = 120000 };

static struct beside beside;
static struct fake *fake;
static struct event_base *base;
static struct json_doc *answer;

/* What the agent answers; NULL when it does not. Good until the next call. */
static const struct json *ask(const char *path)
{
    json_doc_free(answer);
    answer = beside_get(&beside, path, NULL);
    return answer ? json_root(answer) : NULL;
}

static void set_up(void)
{
    beside_begin(&beside, 2);
    fake = beside.fake;
    base = beside.base;
}

static void tear_down(void)
{
    json_doc_free(take(answer));
    beside_end(&beside);
}

static void await(bool (*condition)(void), const char *what)
{
    usec_t end = clock_monotonic() + WAIT_MS * INT64_C(1000);

    while (!condition()) {
        ck_assert_msg(clock_monotonic() < end, "%s", what);
        fake_run(base, 20, NULL, NULL);
    }
}

static bool is_ready(void)
{
    return json_bool(json_get(ask("/healthz"), "ready"), false);
}

static void start_agent(const char *config)
{
    beside_start_agent(&beside, config);
    await(is_ready, "the agent does not get ready");
}

/* The processes whose parent is PARENT and that have not ended. */
static size_t list_children(pid_t parent, pid_t *ret, size_t max)
{
    DIR *dir = opendir("/proc");
    size_t count = 0;

    for (struct dirent *entry; (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", entry->d_name);
        scoped_str text = STR_INIT;
        int above = 0;
        char state = 'Z';

        if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')'))
            sscanf(strrchr(text.data, ')') + 1, " %c %d", &state, &above);
        if (above == parent && state != 'Z' && state != 'X' && count < max)
            ret[count++] = (pid_t)atoi(entry->d_name);
    }
    closedir(dir);
    return count;
}

static pid_t helpers[8];

static bool are_two_helpers(void)
{
    return list_children(beside.agent, helpers, 8) == 2;
}

/* Has the capability of that number, in effect. */
static bool has_capability(pid_t pid, unsigned number)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)pid);
    scoped_str text = STR_INIT;

    ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
    return strtoull(strstr(text.data, "CapEff:\t") + 8, NULL, 16) >> number & 1;
}

/* ---- Helpers ---- */

/* What is found out by way of them: the group of the socket, the rules of the kernel's audit. */
static char *findings_by_helpers(void)
{
    static const char *const rules[] = {"docker-group-members", "audit-dockerd"};
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < countof(rules); i++) {
        scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=%s", rules[i]);
        const struct json *finding = json_at(json_get(ask(path), "findings"), 0);

        str_printf(&text, "%s %s: %s\n", rules[i], json_text(json_get(finding, "status"), "none"),
                   json_text(json_get(finding, "evidence"), "none"));
    }
    ck_assert_msg(!strstr(text.data, "helper process"), "%s", text.data);
    ck_assert_msg(!strstr(text.data, "none: none"), "%s", text.data);
    return str_steal(&text);
}

static int64_t scans_before;

static bool is_scanned(void)
{
    return json_int(json_pointer(ask("/v1/status"), "/counters/fetches/group"), -1) > scans_before &&
           json_int(json_pointer(answer ? json_root(answer) : NULL, "/counters/fetches/audit"), -1) > 0 && is_ready();
}

static void scan(void)
{
    static const char request[] = "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer reply = {0};
    scoped_str pending = STR_INIT;

    scans_before = json_int(json_pointer(ask("/v1/status"), "/counters/fetches/group"), -1);
    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &reply));
    ck_assert_int_eq(reply.status, 202);
    await(is_scanned, "the scan does not end");
    fake_run(base, 200, NULL, NULL);
}

/* One after the other, several times: no finding is lost, and the agent goes on as the process it was. */
START_TEST(killed_helpers_are_made_again)
{
    enum { ROUNDS = 4, AUDIT_CONTROL = 30 };
    scoped(cleanup_free) char *before = NULL;
    pid_t agent;

    start_agent("{\"sinks\": []}");
    agent = beside.agent;
    before = findings_by_helpers();
    ck_assert(!has_capability(agent, AUDIT_CONTROL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        scoped(cleanup_free) char *after = NULL;

        await(are_two_helpers, "there are not two helpers");
        for (size_t i = 0; i < 2; i++)
            ck_assert(has_capability(helpers[i], AUDIT_CONTROL));
        ck_assert_int_eq(kill(helpers[round % 2], SIGKILL), 0);
        scan();
        after = findings_by_helpers();
        ck_assert_str_eq(after, before);
    }
    ck_assert_int_eq(kill(agent, 0), 0);
}
END_TEST

static bool is_alone(void)
{
    pid_t pids[8];

    return list_children(beside.agent, pids, 8) == 0;
}

/* All at once: nothing is left that could make others, and the agent, whom nobody would start again, begins anew. */
START_TEST(an_agent_without_helpers_starts_anew)
{
    scoped(cleanup_free) char *before = NULL, *after = NULL;

    start_agent("{\"sinks\": []}");
    before = findings_by_helpers();
    await(are_two_helpers, "there are not two helpers");
    ck_assert_int_eq(kill(helpers[0], SIGKILL) + kill(helpers[1], SIGKILL), 0);
    await(is_alone, "the helpers do not end");
    await(are_two_helpers, "the helpers are not made again");
    await(is_ready, "the agent does not get ready again");
    after = findings_by_helpers();
    ck_assert_str_eq(after, before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *tests = tcase_create("workers");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 250);
    tcase_add_test(tests, killed_helpers_are_made_again);
    tcase_add_test(tests, an_agent_without_helpers_starts_anew);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
