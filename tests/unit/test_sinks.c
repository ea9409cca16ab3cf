/* Sinks: records that cannot be forged, and receivers that are full, absent or late. */
#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/evaluator/transition.h"
#include "agent/sinks/sink.h"
#include "common/memory.h"

static struct event_base *base;
static char folder[] = "/tmp/test-sinks-XXXXXX";

static void set_up(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

static void run_loop(unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
}

static struct transition *make(const char *name, const char *evidence, enum severity severity)
{
    struct transition *t = mem_alloc(sizeof *t);

    t->references = 1;
    t->seq = 42;
    t->at = INT64_C(1795514400) * USEC_PER_SEC;
    t->rule = mem_strdup("5.4");
    t->slug = mem_strdup("container-privileged");
    t->title = mem_strdup("Containers are not privileged");
    t->section = mem_strdup("5");
    t->subject_kind = mem_strdup("container");
    t->subject_id = mem_strdup("0123456789ab");
    t->subject_name = mem_strdup(name);
    t->evidence = mem_strdup(evidence);
    t->cause = mem_strdup("docker:container/start");
    t->remedy = mem_strdup("docker rm -f x");
    t->status = mem_strdup("fail");
    t->previous = mem_strdup("pass");
    t->severity = severity;
    t->status_value = VERDICT_FAIL;
    t->previous_value = VERDICT_PASS;
    t->json = mem_strdup("{\"seq\":42}");
    t->json_length = strlen(t->json);
    return t;
}

static const char hostile[] = "x\" rule=\"1.1\"] \n<5>forged: \x1b[31m\xe2\x80\xae\xff\\";

START_TEST(text_is_one_line)
{
    scoped_str out = STR_INIT;
    struct transition *t = make(hostile, hostile, SEVERITY_CRITICAL);

    format_text(&out, t, 3, 77);
    ck_assert_int_eq(strncmp(out.data, "<26>", 4), 0);
    ck_assert_ptr_nonnull(strstr(out.data, " docker-bench-agent[77]: seq=42 rule=5.4 "));
    ck_assert_ptr_null(strpbrk(out.data, "\n\x1b\xff"));
    ck_assert_ptr_null(strstr(out.data, "\xe2\x80\xae"));
    ck_assert_ptr_nonnull(strstr(out.data, "name=\"x\\\" rule=\\\"1.1\\\"] "));
    transition_unref(t);
}
END_TEST

START_TEST(long_fields_are_cut)
{
    scoped_str out = STR_INIT;
    scoped(cleanup_free) char *big = mem_alloc(100001);
    struct transition *t;

    memset(big, '"', 100000);
    t = make(big, big, SEVERITY_LOW);
    format_text(&out, t, 3, 77);
    ck_assert_uint_lt(out.length, 7800);
    str_clear(&out);
    format_rfc5424(&out, t, 3, 77, "host");
    ck_assert_uint_lt(out.length, 7800);
    str_clear(&out);
    format_journald(&out, t);
    ck_assert_uint_lt(out.length, 20000);
    transition_unref(t);
}
END_TEST

START_TEST(structured_data_stays_closed)
{
    scoped_str out = STR_INIT;
    struct transition *t = make(hostile, "e", SEVERITY_HIGH);
    const char *end;

    format_rfc5424(&out, t, 16, 77, "host");
    ck_assert_ptr_nonnull(strstr(out.data,
                                 "<131>1 2026-11-24T10:00:00.000000Z host docker-bench-agent 77 container-privileged "
                                 "[docker-bench-agent@32473 seq=\"42\""));
    ck_assert_ptr_nonnull(strstr(out.data, "name=\"x\\\" rule=\\\"1.1\\\"\\] "));
    for (end = out.data; (end = strchr(end, ']')) && end[-1] == '\\'; end++)
        continue;
    ck_assert_ptr_nonnull(end); /* the first unescaped bracket ends the element */
    ck_assert_int_eq(strncmp(end, "] 5.4 fail container", 20), 0);
    transition_unref(t);
}
END_TEST

START_TEST(journal_fields)
{
    scoped_str out = STR_INIT;
    struct transition *t = make("a\nDBA_STATUS=pass", "e", SEVERITY_HIGH);

    format_journald(&out, t);
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "PRIORITY=3\n", 11));
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "DBA_STATUS=fail\n", 16));
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "DBA_SUBJECT_NAME\n\x11\0\0\0\0\0\0\0a\nDBA_STATUS=pass\n", 42));
    transition_unref(t);
}
END_TEST

static int receiver(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static size_t drain(int fd)
{
    char buffer[65536];
    size_t count = 0;

    while (recv(fd, buffer, sizeof buffer, 0) > 0)
        count++;
    return count;
}

static struct sink *open_sink(enum sink_type type, enum sink_format format, const char *address)
{
    struct sink_config config = {
        .type = type, .format = format, .address = address, .facility = 3, .statuses = 1u << VERDICT_FAIL};
    struct sink *sink = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(sink_new(base, &config, &sink, &error) == 0, "%s", error.text);
    return sink;
}

START_TEST(a_full_receiver_does_not_block)
{
    scoped(cleanup_free) char *path = mem_printf("%s/log", folder);
    scoped(cleanup_close) int fd = receiver(path);
    struct sink *sink = open_sink(SINK_SYSLOG, FORMAT_TEXT, path);
    struct transition *t = make("n", "e", SEVERITY_HIGH);
    struct sink_status status;
    size_t received = 0;

    for (int i = 0; i < 1000; i++)
        sink_send(sink, t);
    sink_status(sink, &status);
    ck_assert_uint_gt(status.pending, 900);
    for (int i = 0; i < 400 && received < 1000; i++) {
        received += drain(fd);
        run_loop(2);
    }
    received += drain(fd);
    ck_assert_uint_eq(received, 1000);
    sink_status(sink, &status);
    ck_assert_uint_eq(status.sent, 1000);
    ck_assert_uint_eq(status.pending + status.dropped, 0);
    sink_free(sink);
    transition_unref(t);
}
END_TEST

START_TEST(an_absent_receiver_comes_later)
{
    scoped(cleanup_free) char *path = mem_printf("%s/late", folder);
    scoped(cleanup_close) int fd = -1;
    struct sink *sink = open_sink(SINK_JOURNALD, FORMAT_TEXT, path);
    struct transition *t = make("n", "e", SEVERITY_HIGH);
    struct sink_status status;

    sink_send(sink, t);
    sink_status(sink, &status);
    ck_assert_uint_eq(status.pending, 1);
    ck_assert_ptr_nonnull(status.last_error);
    fd = receiver(path);
    run_loop(300);
    ck_assert_uint_eq(drain(fd), 1);
    sink_status(sink, &status);
    ck_assert_ptr_null(status.last_error);
    sink_free(sink);
    transition_unref(t);
}
END_TEST

START_TEST(the_least_severe_goes_first)
{
    scoped(cleanup_free) char *path = mem_printf("%s/nobody", folder);
    struct sink *sink = open_sink(SINK_SYSLOG, FORMAT_TEXT, path);
    struct transition *low = make("low", "e", SEVERITY_LOW), *high = make("high", "e", SEVERITY_CRITICAL);
    scoped(cleanup_close) int fd = -1;
    struct sink_status status;
    char buffer[65536];
    size_t high_count = 0;
    ssize_t n;

    for (int i = 0; i < 100; i++)
        sink_send(sink, high);
    for (int i = 0; i < 6000; i++)
        sink_send(sink, low);
    sink_status(sink, &status);
    ck_assert_uint_le(status.pending, 4096);
    ck_assert_uint_eq(status.pending + status.dropped, 6100);
    fd = receiver(path);
    for (int i = 0; i < 4000 && status.pending; i++) {
        while ((n = recv(fd, buffer, sizeof buffer - 1, 0)) > 0) {
            buffer[n] = '\0';
            high_count += strstr(buffer, "name=high") != NULL;
        }
        run_loop(1);
        sink_status(sink, &status);
    }
    while ((n = recv(fd, buffer, sizeof buffer - 1, 0)) > 0) {
        buffer[n] = '\0';
        high_count += strstr(buffer, "name=high") != NULL;
    }
    ck_assert_uint_eq(high_count, 100);
    sink_free(sink);
    transition_unref(low);
    transition_unref(high);
}
END_TEST

START_TEST(tcp_counts_octets)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    scoped(cleanup_close) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
    scoped(cleanup_free) char *text = NULL;
    struct sink *sink;
    struct transition *t = make("n", "e", SEVERITY_HIGH);
    char buffer[65536], *space;
    ssize_t n;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &length);
    text = mem_printf("tcp://127.0.0.1:%u", ntohs(address.sin_port));
    sink = open_sink(SINK_SYSLOG, FORMAT_RFC5424, text);
    sink_send(sink, t);
    run_loop(100);
    fd = accept(listener, NULL, NULL);
    n = recv(fd, buffer, sizeof buffer - 1, 0);
    ck_assert_int_gt((int)n, 0);
    buffer[n] = '\0';
    ck_assert_int_eq((int)strtol(buffer, &space, 10), (int)(buffer + n - space - 1));
    sink_free(sink);
    transition_unref(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks");
    TCase *tests = tcase_create("sinks");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, text_is_one_line);
    tcase_add_test(tests, long_fields_are_cut);
    tcase_add_test(tests, structured_data_stays_closed);
    tcase_add_test(tests, journal_fields);
    tcase_add_test(tests, a_full_receiver_does_not_block);
    tcase_add_test(tests, an_absent_receiver_comes_later);
    tcase_add_test(tests, the_least_severe_goes_first);
    tcase_add_test(tests, tcp_counts_octets);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
