/* The agent itself against an engine that floods it, is exchanged under its hands, or has 10,000 containers. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { READY_MS = 240000 };

static struct beside beside;
static struct fake *fake;
static struct event_base *base;

static int64_t counter(const char *pointer)
{
    return json_int(json_pointer(beside_ask(&beside, "/v1/status"), pointer), -1);
}

static void start_agent(void)
{
    beside_start_agent(&beside, "{\"sinks\": []}");
}

/* Lets fake engine and agent go on until CONDITION holds. */
#define RUN_UNTIL(condition)                                                                                           \
    for (usec_t end_ = clock_monotonic() + READY_MS * (usec_t)1000; !(condition); fake_run(base, 10, NULL, NULL))      \
    ck_assert_msg(clock_monotonic() < end_, "never: " #condition)

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static void wait_ready(void)
{
    RUN_UNTIL(is_ready());
}

/* How often the input was fetched; NULL: all of them together. */
static int64_t fetches(const char *input)
{
    const struct json *all = json_pointer(beside_ask(&beside, "/v1/status"), "/counters/fetches");
    int64_t sum = 0;

    for (size_t i = 0; i < json_count(all); i++) {
        const char *name;
        int64_t count = json_int(json_member(all, i, &name, NULL), 0);

        sum += !input || strcmp(name, input) == 0 ? count : 0;
    }
    return sum;
}

/* What has begun has come to its end. */
static void settle(void)
{
    for (int64_t before = -1, now = 0; before != now;
         before = now, now = fetches(NULL) + counter("/counters/evaluations") + counter("/last_seq"))
        fake_run(base, 500, NULL, NULL);
}

/* Nothing is under way, what is read of images in the background included. */
static void wait_at_rest(void)
{
    wait_ready();
    beside_await_images(&beside, 1);
    settle();
}

static int64_t events(void)
{
    return counter("/counters/events/docker");
}

static void set_up(void)
{
    beside_begin(&beside, 10);
    fake = beside.fake;
    base = beside.base;
}

static void tear_down(void)
{
    beside_end(&beside);
}

static long resident_kb(void)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)beside.agent);
    scoped_str text = STR_INIT;
    const char *at;

    ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
    at = strstr(text.data, "VmRSS:");
    return at ? strtol(at + 6, NULL, 10) : -1;
}

static size_t findings(const char *query)
{
    return json_count(json_get(beside_ask(&beside, query), "findings"));
}

/* 5,000 events a second for three seconds: none is lost, and what they led to is known right after. On a machine that
 * is late with them that is a possible hole, and those of the last moments are asked for again: once, or every two
 * seconds for as long as it is late. */
START_TEST(flood)
{
    enum { PER_10_MS = 50, ROUNDS = 300, IN_TIME_S = 5, HOLE_S = 2 };
    int64_t before, took;
    usec_t began;

    start_agent();
    wait_ready();
    before = events();
    began = clock_monotonic();
    for (unsigned round = 0; round < ROUNDS; round++) {
        usec_t until = clock_monotonic() + 10000;

        for (unsigned i = 0; i < PER_10_MS; i++)
            fake_event(fake, "container", "pause", fake_container_id(i % 10), NULL);
        fake_run(base, (unsigned)(until > clock_monotonic() ? (until - clock_monotonic()) / 1000 : 1), NULL, NULL);
    }
    fake_set_privileged(fake, 3, true);
    fake_event(fake, "container", "start", fake_container_id(3), NULL);
    RUN_UNTIL(findings("/v1/findings?rule=5.4&status=fail"));
    RUN_UNTIL(events() - before >= PER_10_MS * ROUNDS + 1);
    took = (clock_monotonic() - began) / USEC_PER_SEC;
    ck_assert_int_le(counter("/counters/events/gaps"), took < IN_TIME_S ? 1 : took / HOLE_S);
}
END_TEST

static bool has_stream_again(void *user)
{
    return fake_streams(fake) == 1 && fake_requests(fake, "/events") >= *(size_t *)user;
}

static void exchange(const char *path, struct str *ret_body)
{
    scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    scoped(http_answer_deinit) struct http_answer got = {0};
    scoped_str pending = STR_INIT;
    int fd = beside_dial(&beside);

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &got));
    str_append(ret_body, str_text(&got.body));
    close(fd);
}

/* A proxy before the engine cuts idle streams: nothing is reported of that, nor asked for anew. Without any event it
 * cannot be known that nothing was missed: everything is asked for, and still nothing reported. What did happen while
 * the stream was away is found. */
START_TEST(a_proxy_cuts_the_idle_stream)
{
    size_t requests = 2; /* the ring, and the stream */
    scoped(cleanup_free) char *path = NULL;
    scoped_str text = STR_INIT;
    int64_t before, known;

    start_agent();
    wait_at_rest();
    before = counter("/last_seq");
    for (unsigned round = 0; round < 3; round++) {
        fake_reset_requests(fake);
        fake_close_streams(fake);
        if (round == 2) {
            fake_set_privileged(fake, 3, true);
            fake_event(fake, "container", "start", fake_container_id(3), NULL);
        }
        ck_assert(fake_run(base, READY_MS, has_stream_again, &requests));
        if (round == 0)
            RUN_UNTIL(fake_requests(fake, "/containers/c") >= 10);
        if (round == 2)
            RUN_UNTIL(findings("/v1/findings?rule=5.4&status=fail"));
        settle();
        ck_assert(is_ready());
        if (round < 2)
            ck_assert_int_eq(counter("/last_seq") - before, 0);
        if (round > 0)
            ck_assert_uint_le(fake_requests(fake, "/containers/c"), 2);
        known = events();
        fake_event(fake, "container", "top", fake_container_id(1), NULL); /* judges nothing */
        RUN_UNTIL(events() > known);
    }
    ck_assert_uint_eq(findings("/v1/findings?rule=5.4&status=fail"), 1);
    beside_await_stored(&beside);
    path = mem_printf("/v1/events?since=%" PRId64, before);
    exchange(path, &text);
    ck_assert_ptr_nonnull(strstr(str_text(&text), fake_container_id(3)));
    ck_assert_ptr_null(strstr(str_text(&text), "agent-e"));
}
END_TEST

static size_t agent_descriptors(void)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/fd", (int)beside.agent);
    DIR *folder = opendir(path);
    size_t count = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

static unsigned count_lines(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

/* How often the log in the file PATH has PART. */
static unsigned logged(const char *path, const char *part)
{
    scoped_str log = STR_INIT;

    ck_assert_int_eq(file_read(path, 1 << 20, &log, NULL), 0);
    return count_lines(str_text(&log), part);
}

static long health(void)
{
    long status = 0;

    json_doc_free(beside_get(&beside, "/healthz", &status));
    return status;
}

/* More clients than the agent has descriptors for: it says so once, and when it is over; who waits is answered. */
START_TEST(out_of_descriptors)
{
    enum { FREE = 20, CROWD = 60 };
    scoped(cleanup_free) char *path = mem_printf("%s/log", beside.folder);
    struct rlimit limit;
    int fds[CROWD];

    beside.log = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    start_agent();
    wait_at_rest();
    ck_assert_int_eq(prlimit(beside.agent, RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = agent_descriptors() + FREE;
    ck_assert_int_eq(prlimit(beside.agent, RLIMIT_NOFILE, &limit, NULL), 0);
    for (size_t i = 0; i < CROWD; i++)
        fds[i] = beside_dial(&beside);
    RUN_UNTIL(logged(path, "no connection can be accepted"));
    fake_run(base, 3000, NULL, NULL);
    ck_assert_int_eq(health(), 503);
    ck_assert_uint_lt(logged(path, "\n"), 15);
    ck_assert_uint_eq(logged(path, "no connection can be accepted"), 1);
    for (size_t i = 0; i < CROWD; i++)
        close(fds[i]);
    RUN_UNTIL(health() == 200);
    RUN_UNTIL(logged(path, "connections are accepted again"));
    ck_assert_uint_eq(logged(path, "no connection can be accepted"), 1);
    ck_assert_uint_eq(logged(path, "connections are accepted again"), 1);
    ck_assert_uint_eq(logged(path, "Error from accept"), 0);
    close(beside.log);
}
END_TEST

/* What containers have mounted concerns nobody; what lies over a watched path has each input that reads it fetched
 * once, however many watches it has. */
START_TEST(mounts_of_containers_and_others)
{
    static const char *const of_containers[] = {
        "mount -t tmpfs merged /var/lib/docker/root/overlay2/x/merged",
        "mount -t tmpfs shm /var/lib/docker/root/containers/x/mounts/shm",
        "touch /run/docker/netns/x && mount --bind /proc/self/ns/net /run/docker/netns/x",
        "mount -t tmpfs task /run/containerd/io.containerd.runtime.v2.task/moby/x/rootfs",
        "mount -t tmpfs other /srv",
        "umount /var/lib/docker/root/overlay2/x/merged /run/docker/netns/x /srv",
    };
    int64_t all, mounts, daemons, files;

    beside.host = "mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs lib /var/lib && "
                  "mount -t tmpfs run /run && mkdir -p /var/lib/docker/root/overlay2/x/merged /run/docker/netns "
                  "/var/lib/docker/root/containers/x/mounts/shm "
                  "/run/containerd/io.containerd.runtime.v2.task/moby/x/rootfs";
    start_agent();
    wait_at_rest();
    all = fetches(NULL);
    for (size_t i = 0; i < sizeof of_containers / sizeof of_containers[0]; i++) {
        beside_on_host(&beside, of_containers[i]);
        fake_run(base, 300, NULL, NULL);
        ck_assert_msg(fetches(NULL) == all, "%s", of_containers[i]);
    }
    mounts = fetches("mounts");
    beside_on_host(&beside, "mount -t tmpfs data /var/lib/docker");
    RUN_UNTIL(fetches("mounts") > mounts);
    settle();
    ck_assert_int_eq(fetches("mounts"), mounts + 1);
    daemons = fetches("daemon");
    files = fetches("files");
    beside_on_host(&beside, "mount --bind /etc /etc");
    RUN_UNTIL(fetches("daemon") > daemons && fetches("files") > files);
    settle();
    ck_assert_int_eq(fetches("mounts"), mounts + 1);
    ck_assert_int_gt(fetches("daemon"), daemons);
    ck_assert_int_le(fetches("daemon"), daemons + 2);
    ck_assert_int_gt(fetches("files"), files);
    ck_assert_int_le(fetches("files"), 2 * files);
    /* who mounts the data root's file system elsewhere shares it */
    mounts = fetches("mounts");
    beside_on_host(&beside, "mkdir -p /var/lib/docker/root && mount -t tmpfs own /var/lib/docker/root");
    RUN_UNTIL(fetches("mounts") > mounts);
    settle();
    mounts = fetches("mounts");
    beside_on_host(&beside, "mount --bind /var/lib/docker/root /srv");
    RUN_UNTIL(fetches("mounts") > mounts);
    settle();
    ck_assert_int_eq(fetches("mounts"), mounts + 1);
    beside_on_host(&beside, "umount /srv");
    RUN_UNTIL(fetches("mounts") > mounts + 1);
    settle();
    ck_assert_int_eq(fetches("mounts"), mounts + 2);
    beside_on_host(&beside, "mount -t tmpfs other /srv");
    settle();
    ck_assert_int_eq(fetches("mounts"), mounts + 2);
}
END_TEST

/* Health checks of 150 containers: three events each, one record asked for each, and no finding. They come no faster
 * than the agent takes them: what is late is told once more, and asked for. */
START_TEST(health_checks)
{
    enum { CHECKS = 1500, AT_ONCE = 50 };
    int64_t known;
    long before;

    fake_set_containers(fake, 150);
    start_agent();
    wait_ready();
    before = resident_kb();
    known = events();
    for (size_t i = 0; i < CHECKS; i++) {
        scoped(cleanup_free) char *attributes = mem_printf("\"execID\":\"%s\"", fake_exec_id(i));

        fake_event(fake, "container", "exec_create: /bin/true", fake_container_id(i % 150), attributes);
        fake_event(fake, "container", "exec_start: /bin/true", fake_container_id(i % 150), attributes);
        fake_event(fake, "container", "exec_die", fake_container_id(i % 150), attributes);
        fake_run(base, 1, NULL, NULL);
        if ((i + 1) % AT_ONCE == 0)
            RUN_UNTIL(events() - known >= (int64_t)(i + 1) * 3);
    }
    settle();
    ck_assert_uint_eq(findings("/v1/findings?kind=exec"), 0);
    ck_assert_uint_le(fake_requests(fake, "/exec/"), CHECKS);
    printf("health checks: %ld KB more resident\n", resident_kb() - before);
}
END_TEST

/* The same socket, another engine: everything old is closed, everything new is judged. */
START_TEST(another_engine_at_the_same_socket)
{
    start_agent();
    wait_ready();
    ck_assert_uint_eq(findings("/v1/findings?rule=5.4"), 10);
    fake_stop(fake);
    fake_run(base, 300, NULL, NULL);
    fake_set_generation(fake, 7);
    fake_set_engine_id(fake, "TWO");
    fake_set_containers(fake, 4);
    fake_forget_events(fake);
    fake_start(fake);
    RUN_UNTIL(findings("/v1/findings?rule=5.4") == 4);
    fake_set_generation(fake, 0);
}
END_TEST

START_TEST(restless_and_vanishing)
{
    int64_t known;

    fake_set_restless(fake, true);
    fake_fault(fake, &(struct fake_fault){.path = "/containers/c", .status = "404 Not Found", .times = 5});
    fake_fault(fake, &(struct fake_fault){.path = "/images/sha256", .status = "404 Not Found", .times = 2});
    start_agent();
    wait_ready();
    fake_reset_requests(fake);
    known = events();
    for (unsigned i = 0; i < 20; i++)
        fake_event(fake, "container", "update", fake_container_id(9), NULL);
    RUN_UNTIL(events() - known >= 20);
    settle();
    ck_assert_uint_le(fake_requests(fake, "/containers/"), 21);
    ck_assert_uint_le(findings("/v1/findings?rule=5.4"), 10);
    ck_assert_uint_ge(findings("/v1/findings?rule=5.4"), 5);
}
END_TEST

/* dockerd tells that it read its configuration again before it switches debugging on. */
START_TEST(reload_that_ends_after_its_event)
{
    start_agent();
    wait_ready();
    ck_assert_uint_eq(findings("/v1/findings?rule=2.2&status=fail"), 0);
    fake_reset_requests(fake);
    fake_event(fake, "daemon", "reload", "ONE", NULL);
    RUN_UNTIL(fake_requests(fake, "/info"));
    fake_run(base, 20, NULL, NULL);
    fake_set_debug(fake, true);
    RUN_UNTIL(findings("/v1/findings?rule=2.2&status=fail"));
    ck_assert_uint_eq(findings("/v1/findings?rule=2.2&status=fail"), 1);
}
END_TEST

/* What an event leads to must not depend on how many containers there are: counted in fetches and evaluations. */
START_TEST(ten_thousand_containers)
{
    static const size_t counts[] = {10, 1000, 10000};
    enum { EVENTS = 500, SCAN_S = 900 };
    int64_t least = 0;

    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        int64_t fetches, evaluations;

        fake_set_containers(fake, counts[c]);
        if (!c)
            start_agent();
        else
            fake_forget_events(fake), fake_close_all(fake); /* as one that was restarted */
        for (usec_t end = clock_monotonic() + SCAN_S * USEC_PER_SEC; counter("/scan/subjects") < (int64_t)counts[c];) {
            ck_assert_msg(clock_monotonic() < end, "%zu containers are not scanned", counts[c]);
            fake_run(base, 200, NULL, NULL);
        }
        wait_at_rest();
        evaluations = counter("/counters/evaluations");
        fetches = counter("/counters/fetches/container");
        for (size_t i = 0; i < EVENTS; i++) { /* one after the other: what comes together is read once */
            int64_t before = counter("/counters/evaluations");

            fake_set_privileged(fake, i % 10, i / 10 % 2 == 0); /* another each time */
            fake_event(fake, "container", "update", fake_container_id(i % 10), NULL);
            for (usec_t end = clock_monotonic() + READY_MS * (usec_t)1000;
                 counter("/counters/evaluations") == before;) {
                ck_assert_msg(clock_monotonic() < end, "event %zu leads to nothing", i);
                fake_run(base, 2, NULL, NULL);
            }
        }
        wait_ready();
        evaluations = counter("/counters/evaluations") - evaluations;
        fetches = counter("/counters/fetches/container") - fetches;
        printf("%zu containers: scan %" PRId64 " ms, %ld KB resident, %" PRId64 " fetches and %" PRId64
               " evaluations for %d events\n",
               counts[c], counter("/scan/duration_ms"), resident_kb(), fetches, evaluations, EVENTS);
        fflush(stdout);
        if (!c)
            least = evaluations;
        ck_assert_int_le(fetches, EVENTS);
        ck_assert_int_gt(evaluations, 0);
        ck_assert_msg(evaluations <= least + least / 10,
                      "%" PRId64 " evaluations for what took %" PRId64 " with 10 containers", evaluations, least);
    }
}
END_TEST

static size_t snapshots_in(const char *path)
{
    static const char end[] = "\"kind\":\"snapshot_end\"";
    scoped_str text = STR_INIT;
    size_t count = 0;

    ck_assert_int_eq(file_read(path, (size_t)1 << 30, &text, NULL), 0);
    for (const char *at = text.data; (at = strstr(at, end)); at += strlen(end))
        count++;
    return count;
}

/* Tens of thousands of records for one sink: no more than about a thousand wait for it at a time, and the agent goes on
 * answering meanwhile. SNAPSHOT_CONTAINERS=10000 for a longer run by hand. */
START_TEST(a_snapshot_of_many_containers)
{
    enum { USUAL = 1000, MOST = 1000 + 200 + 50 };
    const char *text = getenv("SNAPSHOT_CONTAINERS");
    const size_t count = text ? (size_t)atoi(text) : USUAL;
    scoped(cleanup_free) char *path = mem_printf("%s/records", beside.folder);
    scoped(cleanup_free) char *config =
        mem_printf("{\"sinks\": [{\"type\": \"file\", \"address\": \"%s\", \"start_at\": \"end\"}]}", path);
    const char *resend[] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "resend", "file", NULL};
    scoped_str out = STR_INIT, err = STR_INIT;
    usec_t end = clock_monotonic() + READY_MS * 5000, began, slowest = 0;
    size_t answers = 0;
    int64_t most = 0;

    fake_set_containers(fake, count);
    beside_start_agent(&beside, config);
    while (counter("/scan/subjects") < (int64_t)count || counter("/sinks/0/pending") != 0 || !snapshots_in(path)) {
        ck_assert(clock_monotonic() < end);
        fake_run(base, 500, NULL, NULL);
    }
    ck_assert_int_eq(beside_run(&beside, resend, false, &out, &err), 0);
    began = clock_monotonic();
    while (answers++ % 50 || snapshots_in(path) < 2) {
        usec_t asked = clock_monotonic();
        int64_t pending = counter("/sinks/0/pending");

        ck_assert_int_ge(pending, 0);
        ck_assert_int_le(pending, MOST);
        ck_assert(asked < end);
        most = pending > most ? pending : most;
        slowest = clock_monotonic() - asked > slowest ? clock_monotonic() - asked : slowest;
        fake_run(base, 5, NULL, NULL);
    }
    printf(
        "%zu containers: a snapshot in %lld ms, %lld records at most waited, the slowest of %zu answers took %lld ms\n",
        count, (long long)(clock_monotonic() - began) / 1000, (long long)most, answers, (long long)slowest / 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent");
    TCase *tests = tcase_create("agent");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 800);
    tcase_add_test(tests, flood);
    tcase_add_test(tests, a_proxy_cuts_the_idle_stream);
    tcase_add_test(tests, out_of_descriptors);
    tcase_add_test(tests, mounts_of_containers_and_others);
    tcase_add_test(tests, health_checks);
    tcase_add_test(tests, another_engine_at_the_same_socket);
    tcase_add_test(tests, restless_and_vanishing);
    tcase_add_test(tests, reload_that_ends_after_its_event);
    suite_add_tcase(suite, tests);
    tests = tcase_create("scale");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 2000);
    tcase_add_test(tests, ten_thousand_containers);
    suite_add_tcase(suite, tests);
    tests = tcase_create("snapshot");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 2000);
    tcase_add_test(tests, a_snapshot_of_many_containers);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
