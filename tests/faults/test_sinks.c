/* The agent's sinks against real receivers: rsyslogd that stops reading, files that logrotate takes away, and a reload
 * of some of them. */
#include "sinks_beside.h"

enum { CONTAINERS = 20, FLOOD_CONTAINERS = 200 };

#define FAILED     "\"status\":\"fail\""
#define PRIVILEGED "\"rule\":\"5.4\"" /* which only fails where it is sent */

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
}

static void tear_down(void)
{
    json_doc_free(take(answer));
    beside_end(&beside);
}

/* rsyslogd with imtcp on PORT; each record becomes a line of OUTPUT. */
static pid_t start_rsyslogd(unsigned port, const char *output)
{
    scoped(cleanup_free) char *text = mem_printf(
        "module(load=\"imtcp\")\n"
        "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"%u\" ruleset=\"agent\")\n"
        "template(name=\"parsed\" type=\"string\" string=\"%%APP-NAME%%|%%PROCID%%|%%STRUCTURED-DATA%%|%%msg%%\\n\")\n"
        "ruleset(name=\"agent\") { action(type=\"omfile\" file=\"%s\" template=\"parsed\") }\n",
        port, output);

    return run_rsyslogd(text, port);
}

/* Far more records come than its connection holds while it is stopped: all of them arrive, each as it was sent, in
 * order. Records of JSON, which are large. */
START_TEST(rsyslogd_stops_reading)
{
    unsigned port = free_port();
    scoped(cleanup_free) char *output = mem_printf("%s/syslog.out", beside.folder);
    scoped(cleanup_free) char *begin = NULL;
    scoped(cleanup_free) char *config =
        mem_printf("{\"heartbeat\": 0, \"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\", "
                   "\"format\": \"json\", \"min_severity\": \"critical\"}]}",
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
    run_until((int64_t)count_lines(output) == counter(0, "sent"));
    ck_assert_int_eq(counter(0, "dropped"), 0);
    end_process(&rsyslogd, SIGTERM);

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

/* With create and with copytruncate, and without a signal in either case. */
START_TEST(logrotate_takes_the_file)
{
    scoped(cleanup_free) char *log = mem_printf("%s/findings.log", beside.folder), *old = mem_printf("%s.1", log);
    scoped(cleanup_free) char *config =
        mem_printf("{\"heartbeat\": 0, \"sinks\": [{\"type\": \"file\", \"address\": \"%s\"}]}", log);
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
    beside_await_images(&beside, 1);
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
    scoped(cleanup_free) char *added = mem_printf("%s.new", log);
    scoped(cleanup_free) char *first =
        mem_printf("{\"heartbeat\": 0, \"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\"},"
                   " {\"type\": \"file\", \"address\": \"%s\"}, {\"type\": \"file\", \"address\": \"%s.gone\"}]}",
                   port, log, log);
    scoped(cleanup_free) char *second = mem_printf(
        "{\"heartbeat\": 0, \"sinks\": [{\"type\": \"file\", \"address\": \"%s\"},"
        " {\"type\": \"file\", \"address\": \"%s\", \"statuses\": [\"manual\"]},"
        " {\"type\": \"syslog\", \"address\": \"tcp://127.0.0.1:%u\"}, {\"type\": \"journald\", \"address\": \"%s\"}]}",
        added, log, port, beside.folder);
    int64_t pending, sent, now;
    size_t failed;

    beside_start_agent(&beside, first);
    run_until(is_ready());
    beside_await_images(&beside, 1);
    run_until(is_settled(1));
    pending = counter(0, "pending");
    sent = counter(1, "sent");
    ck_assert_int_gt(pending, 100);
    ck_assert_int_eq(counter(0, "sent"), 0);
    run_until((int64_t)count_lines(log) == counter(1, "sent"));

    reload(second);
    run_until(json_count(sinks()) == 4);
    run_until(is_settled(1));
    now = counter(2, "pending");
    ck_assert_msg(now >= pending && now < pending + 50, "%lld wait, %lld before", (long long)now, (long long)pending);
    ck_assert_int_eq(counter(2, "dropped"), 0);
    now = counter(1, "sent");
    ck_assert_msg(now >= sent && now < sent + 50, "%lld sent, %lld before", (long long)now, (long long)sent);

    /* Its new statuses are in force, and SIGHUP opens what has been moved away, even of a file that is refused. What
     * the agent says of itself comes in any case: of the receiver that is away, too. */
    failed = count_parts(log, FAILED);
    toggle_privileged(5, true);
    run_until(count_parts(added, PRIVILEGED) >= 5);
    run_until(is_settled(1));
    ck_assert_uint_eq(count_parts(log, FAILED), failed);
    ck_assert_int_eq(rename(log, moved), 0);
    reload("{\"sinkz\": []}");
    run_until(count_parts(log, "\"slug\":\"agent-config\"") == 1);
    ck_assert_uint_eq(count_parts(log, FAILED), 0);
    ck_assert_uint_eq(count_parts(log, "\"kind\":\"agent\",\"number\":"), count_lines(log));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks of the agent");
    TCase *tests = tcase_create("sinks of the agent");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, rsyslogd_stops_reading);
    tcase_add_loop_test(tests, logrotate_takes_the_file, 0, 2);
    tcase_add_test(tests, a_reload_leaves_the_other_sinks);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
