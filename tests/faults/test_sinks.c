/* The agent's sinks against real receivers: rsyslogd that stops reading, files that logrotate takes away, and a reload
 * of some of them. */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { CONTAINERS = 20, FLOOD_CONTAINERS = 200, HANG_SECONDS = 120 };

static struct beside beside;
static struct json_doc *answer;

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
}

static void tear_down(void)
{
    json_doc_free(take(answer));
    beside_end(&beside);
}

/* Lets fake engine and agent go on until CONDITION holds. */
#define run_until(condition)                                                                                           \
    do {                                                                                                               \
        usec_t run_until_end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;                                        \
                                                                                                                       \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(clock_monotonic() < run_until_end, "never: %s", #condition);                                 \
            fake_run(beside.base, 20, NULL, NULL);                                                                     \
        }                                                                                                              \
    } while (0)

/* What the status says of the sinks; good until the next call. */
static const struct json *sinks(void)
{
    json_doc_free(answer);
    answer = beside_get(&beside, "/v1/status", NULL);
    return answer ? json_get(json_root(answer), "sinks") : NULL;
}

static int64_t counter(size_t sink, const char *key)
{
    return json_int(json_get(json_at(sinks(), sink), key), -1);
}

static bool is_ready(void)
{
    long status = 0;

    json_doc_free(beside_get(&beside, "/healthz", &status));
    return status == 200;
}

/* The agent has nothing more to send. */
static bool is_settled(size_t sink)
{
    int64_t sent = counter(sink, "sent");

    fake_run(beside.base, 300, NULL, NULL);
    return sent >= 0 && counter(sink, "sent") == sent && counter(sink, "pending") == 0;
}

static void toggle_privileged(size_t count, bool privileged)
{
    for (size_t i = 0; i < count; i++) {
        fake_set_privileged(beside.fake, i, privileged);
        fake_event(beside.fake, "container", "update", fake_container_id(i), NULL);
    }
}

static size_t count_failed(void)
{
    struct json_doc *doc = beside_get(&beside, "/v1/findings?rule=5.4&status=fail", NULL);
    size_t count = doc ? json_count(json_get(json_root(doc), "findings")) : SIZE_MAX;

    json_doc_free(doc);
    return count;
}

static void reload(const char *config)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.json", beside.folder);

    ck_assert_int_eq(file_replace(path, config, strlen(config), 0600, NULL), 0);
    ck_assert_int_eq(kill(beside.agent, SIGHUP), 0);
}

static size_t count_lines(const char *path)
{
    scoped_str text = STR_INIT;
    size_t count = 0;

    if (file_read(path, 64 * 1024 * 1024, &text, NULL) == 0)
        for (const char *at = str_text(&text); (at = strchr(at, '\n')); at++)
            count++;
    return count;
}

static unsigned free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    scoped(cleanup_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof name;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    getsockname(fd, (struct sockaddr *)&name, &length);
    return ntohs(name.sin_port);
}

/* rsyslogd with imtcp on PORT; each record becomes a line of OUTPUT. */
static pid_t start_rsyslogd(unsigned port, const char *output)
{
    scoped(cleanup_free) char *config = mem_printf("%s/rsyslog.conf", beside.folder);
    scoped(cleanup_free) char *pid_file = mem_printf("%s/rsyslog.pid", beside.folder);
    scoped(cleanup_free) char *text = mem_printf(
        "module(load=\"imtcp\")\n"
        "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"%u\" ruleset=\"agent\")\n"
        "template(name=\"parsed\" type=\"string\" string=\"%%APP-NAME%%|%%PROCID%%|%%STRUCTURED-DATA%%|%%msg%%\\n\")\n"
        "ruleset(name=\"agent\") { action(type=\"omfile\" file=\"%s\" template=\"parsed\") }\n",
        port, output);
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    scoped(cleanup_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t pid;

    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-f", config, "-i", pid_file, NULL);
        _exit(127);
    }
    run_until(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    return pid;
}

/* Far more records come than its connection holds while it is stopped: all of them arrive, each as it was sent, in
 * order. Records of JSON, which are large. */
START_TEST(rsyslogd_stops_reading)
{
    unsigned port = free_port();
    scoped(cleanup_free) char *output = mem_printf("%s/syslog.out", beside.folder);
    scoped(cleanup_free) char *begin = NULL;
    scoped(cleanup_free) char *config =
        mem_printf("{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\", \"format\": \"json\", "
                   "\"min_severity\": \"critical\"}]}",
                   port);
    pid_t rsyslogd = start_rsyslogd(port, output);
    scoped_str text = STR_INIT;
    bool privileged = false;
    int64_t number = 0;

    fake_set_containers(beside.fake, FLOOD_CONTAINERS);
    ck_assert_int_eq(kill(rsyslogd, SIGSTOP), 0);
    beside_start_agent(&beside, config);
    run_until(is_ready());
    while (counter(0, "pending") < 5000) {
        privileged = !privileged;
        toggle_privileged(FLOOD_CONTAINERS, privileged);
        run_until(count_failed() == (privileged ? FLOOD_CONTAINERS : 0));
    }
    ck_assert_int_eq(kill(rsyslogd, SIGCONT), 0);
    run_until(is_settled(0));
    run_until((int64_t)count_lines(output) >= counter(0, "sent"));
    ck_assert_int_eq((int64_t)count_lines(output), counter(0, "sent"));
    ck_assert_int_eq(counter(0, "dropped"), 0);
    ck_assert_int_eq(kill(rsyslogd, SIGTERM), 0);
    ck_assert_int_eq(waitpid(rsyslogd, NULL, 0), rsyslogd);

    ck_assert_int_eq(file_read(output, 64 * 1024 * 1024, &text, NULL), 0);
    begin = mem_printf("docker-bench-agent|%d|-| @cee: ", (int)beside.agent);
    for (const char *at = str_text(&text), *end; *at; at = end + 1) {
        struct json_doc *doc = NULL;
        struct error error = ERROR_INIT;

        end = strchr(at, '\n');
        ck_assert_msg(strncmp(at, begin, strlen(begin)) == 0, "%.*s", (int)(end - at), at);
        at += strlen(begin);
        ck_assert_msg(json_parse(at, (size_t)(end - at), NULL, &doc, &error) == 0, "%s: %.*s", error.text,
                      (int)(end - at), at);
        ck_assert_int_eq(json_int(json_get(json_root(doc), "number"), 0), ++number);
        json_doc_free(doc);
    }
}
END_TEST

/* The agent is killed twice while its receiver is away: all that it should have comes, in order, each number once. */
START_TEST(killed_while_rsyslogd_is_away)
{
    unsigned port = free_port();
    scoped(cleanup_free) char *output = mem_printf("%s/syslog.out", beside.folder);
    scoped(cleanup_free) char *config = mem_printf(
        "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\", \"format\": \"json\"}]}", port);
    scoped_str text = STR_INIT;
    bool privileged = false;
    int64_t number = 0, expected;
    pid_t rsyslogd;

    fake_set_containers(beside.fake, FLOOD_CONTAINERS);
    beside_start_agent(&beside, config);
    run_until(is_ready());
    for (int i = 1; i <= 2; i++) {
        while (counter(0, "pending") < 2000 * i) {
            privileged = !privileged;
            toggle_privileged(FLOOD_CONTAINERS, privileged);
            run_until(count_failed() == (privileged ? FLOOD_CONTAINERS : 0));
        }
        ck_assert_int_eq(kill(beside.agent, SIGKILL), 0);
        ck_assert_int_eq(waitpid(beside.agent, NULL, 0), beside.agent);
        beside_start_agent(&beside, config);
        run_until(is_ready());
        run_until(counter(0, "pending") >= 2000 * i);
    }
    expected = counter(0, "pending");
    rsyslogd = start_rsyslogd(port, output);
    run_until(counter(0, "sent") >= expected && is_settled(0));
    run_until((int64_t)count_lines(output) >= counter(0, "sent"));
    ck_assert_int_eq(kill(rsyslogd, SIGTERM), 0);
    ck_assert_int_eq(waitpid(rsyslogd, NULL, 0), rsyslogd);

    ck_assert_int_eq(file_read(output, 64 * 1024 * 1024, &text, NULL), 0);
    for (const char *at = str_text(&text), *end; *at; at = end + 1) {
        struct json_doc *doc = NULL;

        end = strchr(at, '\n');
        at = strstr(at, "@cee: ");
        ck_assert_ptr_nonnull(at);
        at += strlen("@cee: ");
        ck_assert_int_eq(json_parse(at, (size_t)(end - at), NULL, &doc, NULL), 0);
        ck_assert_int_eq(json_int(json_get(json_root(doc), "number"), -1), number + 1);
        number++;
        json_doc_free(doc);
    }
    ck_assert_int_ge(number, expected);
}
END_TEST

/* With create and with copytruncate, and without a signal in either case. */
START_TEST(logrotate_takes_the_file)
{
    scoped(cleanup_free) char *log = mem_printf("%s/findings.log", beside.folder), *old = mem_printf("%s.1", log);
    scoped(cleanup_free) char *config = mem_printf("{\"sinks\": [{\"type\": \"file\", \"address\": \"%s\"}]}", log);
    scoped(cleanup_free) char *rotation = mem_printf("%s/logrotate.conf", beside.folder);
    scoped(cleanup_free) char *state = mem_printf("%s/logrotate.state", beside.folder);
    scoped(cleanup_free) char *text =
        mem_printf("%s {\n rotate 3\n nocompress\n %s\n}\n", log, _i ? "copytruncate" : "create 0640 root root");
    const char *const logrotate[] = {"/usr/sbin/logrotate", "-f", "-s", state, rotation, NULL};
    scoped_str out = STR_INIT, err = STR_INIT, found = STR_INIT;
    size_t before;
    struct json_doc *doc = NULL;

    ck_assert_int_eq(file_replace(rotation, text, strlen(text), 0600, NULL), 0);
    beside_start_agent(&beside, config);
    run_until(is_ready());
    run_until(is_settled(0));
    before = (size_t)counter(0, "sent");
    ck_assert_uint_eq(count_lines(log), before);
    ck_assert_msg(beside_run(&beside, logrotate, false, &out, &err) == 0, "%s", str_text(&err));
    ck_assert_uint_eq(count_lines(old), before);
    ck_assert_uint_eq(count_lines(log), 0);

    toggle_privileged(1, true);
    run_until(counter(0, "sent") > (int64_t)before);
    run_until(is_settled(0));
    ck_assert_uint_eq(count_lines(log), (size_t)counter(0, "sent") - before);
    ck_assert_uint_eq(count_lines(old), before);
    ck_assert_int_eq(file_read(log, 1024 * 1024, &found, NULL), 0);
    ck_assert_int_eq(json_parse(str_text(&found), strcspn(found.data, "\n"), NULL, &doc, NULL), 0);
    ck_assert_ptr_nonnull(json_string(json_get(json_root(doc), "rule")));
    json_doc_free(doc);
}
END_TEST

/* One changes, one comes, one goes; one whose receiver is away keeps what waits for it. */
START_TEST(a_reload_leaves_the_other_sinks)
{
    unsigned port = free_port();
    scoped(cleanup_free) char *log = mem_printf("%s/findings.log", beside.folder), *moved = mem_printf("%s.1", log);
    scoped(cleanup_free) char *first =
        mem_printf("{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\"},"
                   " {\"type\": \"file\", \"address\": \"%s\"}, {\"type\": \"file\", \"address\": \"%s.gone\"}]}",
                   port, log, log);
    scoped(cleanup_free) char *second = mem_printf(
        "{\"sinks\": [{\"type\": \"file\", \"address\": \"%s.new\"},"
        " {\"type\": \"file\", \"address\": \"%s\", \"statuses\": [\"manual\"]},"
        " {\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\"}, {\"type\": \"journald\", \"address\": \"%s\"}]}",
        log, log, port, beside.folder);
    int64_t pending, sent, now;

    beside_start_agent(&beside, first);
    run_until(is_ready());
    run_until(is_settled(1));
    pending = counter(0, "pending");
    sent = counter(1, "sent");
    ck_assert_int_gt(pending, 100);
    ck_assert_int_eq(counter(0, "sent"), 0);
    ck_assert_int_eq((int64_t)count_lines(log), sent);

    reload(second);
    run_until(json_count(sinks()) == 4);
    run_until(is_settled(1));
    now = counter(2, "pending");
    ck_assert_msg(now >= pending && now < pending + 50, "%lld wait, %lld before", (long long)now, (long long)pending);
    ck_assert_int_eq(counter(2, "dropped"), 0);
    now = counter(1, "sent");
    ck_assert_msg(now >= sent && now < sent + 50, "%lld sent, %lld before", (long long)now, (long long)sent);

    /* Its new statuses are in force, and SIGHUP opens what has been moved away, even of a file that is refused. */
    sent = now;
    toggle_privileged(5, true);
    run_until(counter(0, "sent") >= 5);
    ck_assert_int_eq(counter(1, "sent"), sent);
    ck_assert_int_eq(rename(log, moved), 0);
    reload("{\"sinkz\": []}");
    run_until(counter(1, "sent") == sent + 1); /* the agent's own: degraded */
    ck_assert_uint_eq(count_lines(log), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks of the agent");
    TCase *tests = tcase_create("sinks of the agent");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 280);
    tcase_add_test(tests, rsyslogd_stops_reading);
    tcase_add_test(tests, killed_while_rsyslogd_is_away);
    tcase_add_loop_test(tests, logrotate_takes_the_file, 0, 2);
    tcase_add_test(tests, a_reload_leaves_the_other_sinks);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
