/* Sinks: receivers that are full, absent or late. */
#include "agent/sinks/formats.h"
#include "agent/sinks/kinds.h"
#include "sink_fixture.h"

/* The record of a finding; the caller calls free_record(). */
static struct record make_record(const char *name, const char *evidence, enum severity severity)
{
    const struct store_item item = {
        .number = 7, .seq = 42, .json = finding_json(name, evidence, severity, 42), .kind = ITEM_TRANSITION};
    struct record record;

    ck_assert_int_eq(record_read(&item, &sink_origin, 0, &record), 0);
    free((char *)item.json);
    return record;
}

static void free_record(struct record *record)
{
    record_deinit(record);
}

START_TEST(a_full_receiver_does_not_block)
{
    enum { COUNT = 1000 };
    scoped(cleanup_free) char *path = mem_printf("%s/log", folder);
    scoped(cleanup_close) int fd = local_receiver(path);
    struct sink *sink = open_sink(SINK_SYSLOG_LOCAL, path);
    size_t received = 0;

    append(COUNT, 10, SEVERITY_HIGH);
    run_until(status_of(sink).pending > COUNT - 100);
    ck_assert_ptr_null(status_of(sink).last_error);
    run_until((received += drain(fd), status_of(sink).sent == COUNT));
    ck_assert_uint_eq(received + drain(fd), COUNT);
    run_until(status_of(sink).pending == 0);
    ck_assert_uint_eq(status_of(sink).dropped, 0);
    ck_assert_int_eq(status_of(sink).stuck_since, 0);
}
END_TEST

START_TEST(an_absent_receiver_comes_later)
{
    scoped(cleanup_free) char *path = mem_printf("%s/late", folder);
    scoped(cleanup_close) int fd = -1;
    struct sink *sink = open_sink(SINK_JOURNALD, path);

    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).last_error);
    ck_assert_int_gt(status_of(sink).stuck_since, 0);
    fd = local_receiver(path);
    run_until(status_of(sink).sent == 1);
    ck_assert_uint_eq(drain(fd), 1);
    ck_assert_ptr_null(status_of(sink).last_error);
}
END_TEST

/* One whose receiver is away, and one whose receiver reads nothing, leave the third alone. */
START_TEST(sinks_do_not_wait_for_each_other)
{
    scoped(cleanup_free) char *away = mem_printf("%s/away/log", folder), *full = mem_printf("%s/full", folder);
    scoped(cleanup_free) char *log = mem_printf("%s/findings.log", folder);
    scoped(cleanup_close) int fd = local_receiver(full);
    struct sink_config configs[] = {sink_config_default(SINK_FILE), sink_config_default(SINK_SYSLOG_LOCAL),
                                    sink_config_default(SINK_FILE)};

    ck_assert_int_ge(fd, 0);
    configs[0].address = away;
    configs[1].address = full;
    configs[2].address = log;
    configure_sinks(configs, 3);
    append(1000, 100, SEVERITY_HIGH);
    run_until(status_of(sink_list.items[2]).sent == 1000);
    ck_assert_uint_eq(status_of(sink_list.items[0]).sent, 0);
    run_until(status_of(sink_list.items[0]).last_error);
    ck_assert_uint_lt(status_of(sink_list.items[1]).sent, 1000);
}
END_TEST

static void on_trouble(const char *why, void *user)
{
    struct str *reported = user;

    str_clear(reported);
    str_append(reported, why ? why : "none");
}

/* One that has delivered nothing for a minute is reported, once, and once more when it delivers again. */
START_TEST(a_sink_that_is_stuck)
{
    scoped(cleanup_free) char *path = mem_printf("%s/late", folder), *expected = NULL;
    scoped(cleanup_close) int fd = -1;
    scoped_str trouble = STR_INIT, english = STR_INIT;
    struct sink *sink;
    struct sink_status status;

    sink_list.trouble = on_trouble;
    sink_list.user = &trouble;
    sink = open_sink(SINK_SYSLOG_LOCAL, path);
    ck_assert(!evtimer_pending(sink_list.check, NULL));
    append(3, 10, SEVERITY_HIGH);
    run_until(status_of(sink).last_error && status_of(sink).pending == 3);
    ck_assert(evtimer_pending(sink_list.check, NULL));
    status = status_of(sink);
    ck_assert_str_eq(sink_state(&status, status.stuck_since + 59 * USEC_PER_SEC), "retrying");
    sink_list_check(&sink_list, status.stuck_since + 59 * USEC_PER_SEC);
    ck_assert_uint_eq(trouble.length, 0);
    ck_assert_str_eq(sink_state(&status, status.stuck_since + 60 * USEC_PER_SEC), "stuck");
    sink_list_check(&sink_list, status.stuck_since + 60 * USEC_PER_SEC);
    expected = mem_printf("%s: No such file or directory, nothing delivered for over 60 s, 3 waiting", path);
    ck_assert_str_eq(message_english(str_text(&trouble), &english), expected);
    fd = local_receiver(path);
    run_until(strcmp(str_text(&trouble), "none") == 0);
    ck_assert_uint_eq(status_of(sink).sent, 3);
    ck_assert(!evtimer_pending(sink_list.check, NULL));
    sink_list.trouble = NULL;
}
END_TEST

/* The store has room for a part of what waits: the sink is reported at once, and until its receiver knows. */
START_TEST(a_sink_that_has_lost_records)
{
    enum { COUNT = 3000 };
    scoped(cleanup_free) char *path = mem_printf("%s/late", folder);
    scoped(cleanup_close) int fd = -1;
    scoped_str trouble = STR_INIT, english = STR_INIT;
    struct sink *sink;

    close_store();
    open_bounded_store(512 * 1024);
    sink_list.trouble = on_trouble;
    sink_list.user = &trouble;
    sink = open_sink(SINK_SYSLOG_LOCAL, path);
    for (int i = 0; i < COUNT / 100; i++)
        append(100, 300, SEVERITY_HIGH);
    run_until(status_of(sink).dropped > COUNT / 4);
    ck_assert_uint_eq(status_of(sink).unreported, status_of(sink).dropped);
    sink_list_check(&sink_list, clock_monotonic());
    ck_assert_msg(strstr(message_english(str_text(&trouble), &english), " records are lost, ") != NULL, "%s",
                  english.data);
    fd = local_receiver(path);
    run_until((drain(fd), strcmp(str_text(&trouble), "none") == 0));
    ck_assert_uint_eq(status_of(sink).pending, 0);
    ck_assert_uint_eq(status_of(sink).unreported, 0);
    ck_assert_uint_gt(status_of(sink).dropped, 0);
    ck_assert_uint_lt(status_of(sink).sent, COUNT);
    sink_list.trouble = NULL;
}
END_TEST

/* What is sent and not confirmed is sent again, as a whole, after the connection has ended. */
START_TEST(what_is_under_way)
{
    struct packets packets;
    size_t count;

    packets_init(&packets);
    for (uint64_t number = 1; number <= 5; number++) {
        struct str bytes = STR_INIT;

        str_printf(&bytes, "%llu", (unsigned long long)number);
        packets_add(&packets, number, &bytes);
        ck_assert_uint_eq(bytes.length, 0);
    }
    ck_assert_uint_eq(packets.last, 5);
    ck_assert(!packets_are_unconfirmed(&packets));
    for (uint64_t end = 10; end <= 30; end += 10)
        packets_sent(&packets, end);
    packets.next->sent = 1;
    ck_assert(packets_are_unconfirmed(&packets));
    ck_assert_uint_eq(packets_confirm(&packets, 9, &count), 0);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(packets_confirm(&packets, 25, &count), 2);
    ck_assert_uint_eq(count, 2);
    packets_rewind(&packets, true);
    ck_assert_uint_eq(packets.next->number, 3);
    ck_assert_uint_eq(TAILQ_NEXT(packets.next, link)->sent, 0);
    ck_assert_uint_eq(packets_confirm(&packets, UINT64_MAX, &count), 0);
    ck_assert_uint_eq(packets.bytes, 3);
    packets_deinit(&packets);
}
END_TEST

static void confirm_four(struct packets *packets)
{
    size_t count;

    packets_init(packets);
    packets->keep = 2;
    packets->unread_max = 3;
    for (uint64_t number = 1; number <= 4; number++) {
        struct str bytes = STR_INIT;

        str_printf(&bytes, "%llu", (unsigned long long)number);
        packets_add(packets, number, &bytes);
        packets_sent(packets, number);
    }
    ck_assert_uint_eq(packets_confirm(packets, UINT64_MAX, &count), 4);
}

/* The store keeps what may be unread. */
START_TEST(what_is_released)
{
    struct packets packets;

    confirm_four(&packets);
    ck_assert_uint_eq(packets.released, 1);
    ck_assert_uint_eq(packets.kept_bytes, 3);
    ck_assert_uint_eq(packets_unreleased(&packets), 3);
    packets_release(&packets, 3);
    ck_assert_uint_eq(packets.released, 3);
    ck_assert_uint_eq(packets.kept_bytes, 2);
    ck_assert_uint_eq(packets_unreleased(&packets), 1);
    packets_rewind(&packets, true);
    ck_assert_uint_eq(packets.released, 3);
    ck_assert_uint_eq(packets.next->number, 3);
    packets_deinit(&packets);

    confirm_four(&packets);
    packets_rewind(&packets, false);
    ck_assert_uint_eq(packets.released, 4);
    ck_assert_uint_eq(packets_unreleased(&packets), 0);
    packets_deinit(&packets);
}
END_TEST

/* The last of what was confirmed is sent again when it may be unread, and counted once. */
START_TEST(what_is_kept)
{
    struct packets packets;
    size_t count;

    packets_init(&packets);
    packets.keep = 2;
    for (uint64_t number = 1; number <= 4; number++) {
        struct str bytes = STR_INIT;

        str_printf(&bytes, "%llu", (unsigned long long)number);
        packets_add(&packets, number, &bytes);
        packets_sent(&packets, number);
    }
    ck_assert_uint_eq(packets_confirm(&packets, 3, &count), 3);
    ck_assert_uint_eq(packets.kept_bytes, 2);
    packets_rewind(&packets, true);
    ck_assert_uint_eq(packets.next->number, 2);
    ck_assert_uint_eq(packets.bytes, 3);
    ck_assert_uint_eq(packets.kept_bytes, 0);
    for (uint64_t end = 1; end <= 3; end++)
        packets_sent(&packets, end);
    ck_assert_uint_eq(packets_confirm(&packets, 2, &count), 3);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(packets_confirm(&packets, 3, &count), 4);
    ck_assert_uint_eq(count, 1);
    packets_rewind(&packets, false);
    ck_assert(TAILQ_EMPTY(&packets.list));
    packets_deinit(&packets);
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
            struct record t = make_record("n", "e", SEVERITY_HIGH);
            scoped_str out = STR_INIT;

            ck_assert_ptr_nonnull(sink_formats[format]);
            if (words->formats & 1u << format)
                sink_functions[kind].format(&out, &t, &settings);
            ck_assert(!(words->formats & 1u << format) || out.length);
            free_record(&t);
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
    scoped(cleanup_close) int fd = -1;
    char buffer[4096];
    ssize_t n;

    configs[0].address = a;
    configs[1].address = b;
    configs[2].address = a;
    configure_sinks(configs, 2);
    append(2, 10, SEVERITY_LOW);
    run_until(status_of(sink_list.items[0]).pending == 2 && status_of(sink_list.items[0]).last_error);

    /* One has changed, one has gone, one is new and of another kind at the same place; their order is another. */
    configs[1] = configs[0];
    configs[0] = configs[2];
    configs[1].min_severity = SEVERITY_MEDIUM;
    configs[1].format = FORMAT_RFC5424;
    configs[1].facility = 16;
    configs[2] = sink_config_default(SINK_SYSLOG_LOCAL);
    configs[2].address = c;
    configure_sinks(configs, 3);
    ck_assert_uint_eq(sink_list.count, 3);
    ck_assert_str_eq(status_of(sink_list.items[0]).type, "journald");
    ck_assert_str_eq(status_of(sink_list.items[1]).address, a);
    ck_assert_uint_eq(status_of(sink_list.items[1]).pending, 2);
    ck_assert_ptr_nonnull(status_of(sink_list.items[1]).last_error);
    ck_assert_str_eq(status_of(sink_list.items[2]).address, c);

    append(1, 10, SEVERITY_LOW); /* below the least severity of the second now */
    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink_list.items[1]).pending == 3);
    run_until(status_of(sink_list.items[2]).pending == 4); /* what came before it too */
    fd = local_receiver(a);
    run_until(status_of(sink_list.items[1]).sent == 3);
    for (int i = 0; i < 2; i++)
        ck_assert_int_gt((int)recv(fd, buffer, sizeof buffer, 0), 0);
    do /* the journal's have come to the same socket */
        n = recv(fd, buffer, sizeof buffer, 0);
    while (n > 0 && strncmp(buffer, "<131>1 ", 7) != 0);
    ck_assert_int_gt((int)n, 0);
    configure_sinks(configs, 0);
    ck_assert_uint_eq(sink_list.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks");
    TCase *tests = tcase_create("sinks");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, sink_fixture_set_up, sink_fixture_tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, a_full_receiver_does_not_block);
    tcase_add_test(tests, an_absent_receiver_comes_later);
    tcase_add_test(tests, sinks_do_not_wait_for_each_other);
    tcase_add_test(tests, a_sink_that_is_stuck);
    tcase_add_test(tests, a_sink_that_has_lost_records);
    tcase_add_test(tests, what_is_under_way);
    tcase_add_test(tests, what_is_released);
    tcase_add_test(tests, what_is_kept);
    tcase_add_test(tests, every_kind_is_complete);
    tcase_add_test(tests, another_configuration);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
