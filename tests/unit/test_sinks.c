/* Sinks: records that cannot be forged, and receivers that are full, absent or late. */
#include "agent/sinks/formats.h"
#include "agent/sinks/kinds.h"
#include "agent/sinks/sink_list.h"
#include "sink_fixture.h"

static const struct format_settings text = {.format = FORMAT_TEXT, .facility = 3, .pid = 77, .hostname = "host"};
static const struct format_settings rfc5424 = {.format = FORMAT_RFC5424, .facility = 16, .pid = 77, .hostname = "host"};

static const char hostile[] = "x\" rule=\"1.1\"] \n<5>forged: \x1b[31m\xe2\x80\xae\xff\\";

START_TEST(text_is_one_line)
{
    scoped_str out = STR_INIT;
    struct transition *t = make(hostile, hostile, SEVERITY_CRITICAL);

    format_syslog(&out, t, &text);
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
    format_syslog(&out, t, &text);
    ck_assert_uint_lt(out.length, 7800);
    str_clear(&out);
    format_syslog(&out, t, &rfc5424);
    ck_assert_uint_lt(out.length, 7800);
    str_clear(&out);
    format_journal(&out, t, &text);
    ck_assert_uint_lt(out.length, 20000);
    transition_unref(t);
}
END_TEST

START_TEST(structured_data_stays_closed)
{
    scoped_str out = STR_INIT;
    struct transition *t = make(hostile, "e", SEVERITY_HIGH);
    const char *end;

    format_syslog(&out, t, &rfc5424);
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

    format_journal(&out, t, &text);
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "PRIORITY=3\n", 11));
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "DBA_STATUS=fail\n", 16));
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "DBA_SUBJECT_NAME\n\x11\0\0\0\0\0\0\0a\nDBA_STATUS=pass\n", 42));
    transition_unref(t);
}
END_TEST

START_TEST(a_full_receiver_does_not_block)
{
    scoped(cleanup_free) char *path = mem_printf("%s/log", folder);
    scoped(cleanup_close) int fd = local_receiver(path);
    struct sink *sink = open_sink(SINK_SYSLOG_LOCAL, path);
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
    struct sink *sink = open_sink(SINK_JOURNALD, path);
    struct transition *t = make("n", "e", SEVERITY_HIGH);
    struct sink_status status;

    sink_send(sink, t);
    sink_status(sink, &status);
    ck_assert_uint_eq(status.pending, 1);
    ck_assert_ptr_nonnull(status.last_error);
    fd = local_receiver(path);
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
    struct sink *sink = open_sink(SINK_SYSLOG_LOCAL, path);
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
    fd = local_receiver(path);
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

/* Neither one that is partly sent nor, for less severe ones, a severer one. */
START_TEST(what_the_queue_keeps)
{
    struct record_queue queue;
    struct record *first;

    queue_init(&queue);
    for (unsigned i = 0; i < 5000; i++) {
        struct str bytes = STR_INIT;

        str_printf(&bytes, "%u", i);
        queue_push(&queue, SEVERITY_LOW, &bytes);
        if (i == 0)
            queue_first(&queue)->sent = 1;
    }
    first = queue_first(&queue);
    ck_assert_str_eq(first->bytes.data, "0");
    ck_assert_str_eq(TAILQ_NEXT(first, link)->bytes.data, "905"); /* 4,095 more */
    ck_assert_uint_eq(queue.dropped, 904);
    queue_rewind(&queue);
    ck_assert_uint_eq(first->sent, 0);
    for (unsigned i = 0; i < 5000; i++) {
        struct str bytes = STR_INIT;

        str_printf(&bytes, "high %u", i);
        queue_push(&queue, SEVERITY_HIGH, &bytes);
        str_printf(&bytes, "medium %u", i);
        queue_push(&queue, SEVERITY_MEDIUM, &bytes);
    }
    ck_assert_uint_eq(queue.count, 4096);
    ck_assert_uint_eq(queue.dropped, 15000 - 4096);
    while (queue.count) {
        ck_assert_int_eq(queue_first(&queue)->severity, SEVERITY_HIGH);
        queue_pop(&queue);
    }
    ck_assert_uint_eq(queue.bytes, 0);
    queue_deinit(&queue);
}
END_TEST

START_TEST(every_kind_is_complete)
{
    for (enum sink_kind kind = 0; kind < SINK_KIND_COUNT; kind++) {
        const struct sink_kind_words *words = &sink_kinds[kind];

        ck_assert_ptr_nonnull(words->type);
        ck_assert_uint_ne(words->formats & 1u << words->format, 0);
        ck_assert_ptr_nonnull(sink_functions[kind].open);
        ck_assert_ptr_nonnull(sink_functions[kind].format);
        ck_assert_ptr_nonnull(sink_functions[kind].write);
        for (enum sink_format format = 0; format < FORMAT_COUNT; format++) {
            const struct format_settings settings = {.format = format};
            struct transition *t = make("n", "e", SEVERITY_HIGH);
            scoped_str out = STR_INIT;

            ck_assert_ptr_nonnull(sink_formats[format]);
            if (words->formats & 1u << format)
                sink_functions[kind].format(&out, t, &settings);
            ck_assert(!(words->formats & 1u << format) || out.length);
            transition_unref(t);
        }
    }
}
END_TEST

/* What a reload leaves of each sink. */
START_TEST(another_configuration)
{
    scoped(cleanup_free) char *a = mem_printf("%s/a", folder), *b = mem_printf("%s/b", folder);
    scoped(cleanup_free) char *c = mem_printf("%s/c", folder);
    struct sink_config configs[] = {sink_config_default(SINK_SYSLOG_LOCAL), sink_config_default(SINK_SYSLOG_LOCAL),
                                    sink_config_default(SINK_JOURNALD)};
    struct transition *t = make("n", "e", SEVERITY_LOW);
    struct sink_list list = {0};
    scoped(cleanup_close) int fd = -1;
    char buffer[4096];
    ssize_t n;

    configs[0].address = a;
    configs[1].address = b;
    configs[2].address = a;
    sink_list_configure(&list, base, workers, configs, 2);
    sink_list_send(&list, t);
    sink_list_send(&list, t);

    /* One has changed, one has gone, one is new and of another kind at the same place; their order is another. */
    configs[1] = configs[0];
    configs[0] = configs[2];
    configs[1].min_severity = SEVERITY_MEDIUM;
    configs[1].format = FORMAT_RFC5424;
    configs[1].facility = 16;
    configs[2] = sink_config_default(SINK_SYSLOG_LOCAL);
    configs[2].address = c;
    sink_list_configure(&list, base, workers, configs, 3);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(status_of(list.items[0]).type, "journald");
    ck_assert_uint_eq(status_of(list.items[0]).pending, 0);
    ck_assert_str_eq(status_of(list.items[1]).address, a);
    ck_assert_uint_eq(status_of(list.items[1]).pending, 2);
    ck_assert_ptr_nonnull(status_of(list.items[1]).last_error);
    ck_assert_str_eq(status_of(list.items[2]).address, c);

    sink_list_send(&list, t); /* below the least severity of the second now */
    t->severity = SEVERITY_HIGH;
    sink_list_send(&list, t);
    ck_assert_uint_eq(status_of(list.items[1]).pending, 3);
    ck_assert_uint_eq(status_of(list.items[2]).pending, 2);
    fd = local_receiver(a);
    run_until(status_of(list.items[1]).sent == 3);
    for (int i = 0; i < 2; i++)
        ck_assert_int_gt((int)recv(fd, buffer, sizeof buffer, 0), 0);
    do /* the journal's have come to the same socket */
        n = recv(fd, buffer, sizeof buffer, 0);
    while (n > 0 && strncmp(buffer, "<131>1 ", 7) != 0);
    ck_assert_int_gt((int)n, 0);
    sink_list_configure(&list, base, workers, configs, 0);
    ck_assert_uint_eq(list.count, 0);
    sink_list_deinit(&list);
    transition_unref(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks");
    TCase *tests = tcase_create("sinks");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, sink_fixture_set_up, sink_fixture_tear_down);
    tcase_set_timeout(tests, 150);
    tcase_add_test(tests, text_is_one_line);
    tcase_add_test(tests, long_fields_are_cut);
    tcase_add_test(tests, structured_data_stays_closed);
    tcase_add_test(tests, journal_fields);
    tcase_add_test(tests, a_full_receiver_does_not_block);
    tcase_add_test(tests, an_absent_receiver_comes_later);
    tcase_add_test(tests, the_least_severe_goes_first);
    tcase_add_test(tests, what_the_queue_keeps);
    tcase_add_test(tests, every_kind_is_complete);
    tcase_add_test(tests, another_configuration);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
