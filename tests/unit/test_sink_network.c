/* Sinks over TCP and UDP: a receiver that does not keep up, names that change, connections that end. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>

#include "common/file.h"
#include "common/message.h"
#include "sink_fixture.h"

/* ---- What a receiver over TCP gets, taken apart by the octet counts of RFC 6587 ---- */

struct receiver {
    int listener, fd;
    unsigned port;
    struct str bytes;  /* of records that have not come as a whole */
    size_t count;      /* of those that have */
    uint64_t last_seq; /* the highest of them: each is one above the one before, or was there already */
    size_t repeated;   /* of them: seq was there already */
};

static struct receiver receiver_begin(const char *address, unsigned port)
{
    struct receiver receiver = {.fd = -1, .port = port};

    receiver.listener = network_receiver(SOCK_STREAM, address, &receiver.port);
    fcntl(receiver.listener, F_SETFL, O_NONBLOCK);
    return receiver;
}

static void receiver_hang_up(struct receiver *receiver)
{
    close(receiver->fd);
    receiver->fd = -1;
    str_clear(&receiver->bytes);
}

static void receiver_end(struct receiver *receiver)
{
    if (receiver->fd >= 0)
        close(receiver->fd);
    close(receiver->listener);
    str_deinit(&receiver->bytes);
}

/* Each is a count, a blank and a message, with its seq in the front and at the end; none is missing. */
static void take_apart(struct receiver *receiver)
{
    const char *at = str_text(&receiver->bytes), *end = at + receiver->bytes.length;

    for (;;) {
        char *message = NULL;
        size_t length = strtoul(at, &message, 10);
        scoped(cleanup_free) char *number = NULL;
        const char *seq;
        uint64_t value;

        if (message == end || length > (size_t)(end - message - 1))
            break;
        ck_assert_msg(message > at && *message == ' ', "no count: %.80s", at);
        ck_assert_msg(strncmp(++message, "<27>1 ", 6) == 0, "no message: %.80s", at);
        seq = memmem(message, length, " seq=\"", 6);
        ck_assert_msg(seq != NULL, "no seq: %.80s", at);
        value = strtoul(seq + 6, NULL, 10);
        ck_assert_uint_le(value, receiver->last_seq + 1);
        number = mem_printf("e %llu", (unsigned long long)value);
        ck_assert_msg(memcmp(message + length - strlen(number), number, strlen(number)) == 0, "another end: %.*s",
                      (int)length, message);
        receiver->repeated += value <= receiver->last_seq;
        receiver->last_seq = value > receiver->last_seq ? value : receiver->last_seq;
        receiver->count++;
        at = message + length;
    }
    memmove(receiver->bytes.data, at, (size_t)(end - at) + 1);
    receiver->bytes.length = (size_t)(end - at);
}

/* Takes what has come; true: there was something. */
static bool receive(struct receiver *receiver)
{
    char buffer[65536];
    ssize_t n;

    if (receiver->fd < 0)
        receiver->fd = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC);
    n = receiver->fd < 0 ? -1 : recv(receiver->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n <= 0)
        return false;
    str_append_n(&receiver->bytes, buffer, (size_t)n);
    take_apart(receiver);
    return true;
}

/* Takes what the kernel has, without running the loop. */
static void receive_all(struct receiver *receiver)
{
    struct pollfd pollfd = {.events = POLLIN};

    do
        pollfd.fd = receiver->fd;
    while (receive(receiver) || poll(&pollfd, 1, 500) > 0);
}

/* 12,000 records while the receiver has the beginning of one and does not read on: it gets all of them. */
START_TEST(a_slow_receiver)
{
    enum { COUNT = 12000 };
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);

    append(1, 700, SEVERITY_HIGH);
    run_until(receive(&receiver));
    for (size_t i = 1; i < COUNT; i += 37)
        append(i + 37 < COUNT ? 37 : COUNT - i, 1 + i * 7919 % 900, SEVERITY_HIGH);
    run_until(status_of(sink).pending > COUNT - 1000);
    ck_assert_uint_eq(status_of(sink).dropped, 0);
    ck_assert_ptr_null(status_of(sink).last_error);

    receive_all(&receiver);
    ck_assert_uint_lt(receiver.count, 1000);
    run_until((receive(&receiver), status_of(sink).sent == COUNT));
    receive_all(&receiver);
    ck_assert_uint_eq(receiver.bytes.length, 0);
    ck_assert_uint_eq(receiver.count, COUNT);
    ck_assert_uint_eq(receiver.last_seq, COUNT);
    receiver_end(&receiver);
}
END_TEST

/* It goes away with the beginning of a record: the next connection begins with what has not arrived. */
START_TEST(a_connection_that_ends_within_a_record)
{
    enum { COUNT = 2000 };
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);
    size_t before;

    append(1, 700, SEVERITY_HIGH);
    run_until(receive(&receiver));
    append(COUNT - 1, 700, SEVERITY_HIGH);
    run_until(status_of(sink).pending > 0);
    do { /* until the kernel has taken a part of one */
        run_loop(300);
        receive_all(&receiver);
    } while (!receiver.bytes.length && receiver.count < COUNT);
    ck_assert_uint_gt(receiver.bytes.length, 0);
    before = receiver.count;
    receiver_hang_up(&receiver);
    run_until((receive(&receiver), status_of(sink).sent == COUNT));
    receive_all(&receiver);
    ck_assert_uint_eq(receiver.bytes.length, 0);
    ck_assert_uint_eq(receiver.last_seq, COUNT);
    ck_assert_uint_eq(receiver.count, COUNT + receiver.repeated);
    ck_assert_uint_le(receiver.repeated, before);
    receiver_end(&receiver);
}
END_TEST

/* It has accepted a connection and acknowledged what it has room for, reads none of it, and resets the connection. */
START_TEST(a_receiver_that_reads_nothing_and_resets)
{
    enum { COUNT = 500 };
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);

    append(COUNT, 700, SEVERITY_HIGH);
    run_until((receiver.fd = accept4(receiver.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    run_until(status_of(sink).sent > 0 && status_of(sink).pending < COUNT);
    run_loop(300);
    ck_assert_uint_lt(status_of(sink).sent, COUNT);
    receiver_hang_up(&receiver); /* which resets it, as there is something unread */
    run_until((receive(&receiver), status_of(sink).sent == COUNT));
    receive_all(&receiver);
    ck_assert_uint_eq(receiver.count, COUNT);
    ck_assert_uint_eq(receiver.repeated, 0);
    ck_assert_uint_eq(receiver.last_seq, COUNT);
    receiver_end(&receiver);
}
END_TEST

/* As that, and the agent is started anew twice meanwhile: what is lost with the connections before is sent again, too.
 */
START_TEST(restarts_while_nothing_is_read)
{
    enum { COUNT = 900 };
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);

    for (int i = 0; i < 3; i++) {
        if (i) {
            close_store();
            open_store();
            sink = open_sink(SINK_SYSLOG_TCP, address);
        }
        append(COUNT / 3, 700, SEVERITY_HIGH);
        run_until(status_of(sink).sent > 0 && status_of(sink).pending > 0);
        run_loop(100);
    }
    while ((receiver.fd = accept4(receiver.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        receiver_hang_up(&receiver);
    run_until((receive(&receiver), receiver.last_seq == COUNT));
    run_until(status_of(sink).pending == 0);
    receiver_end(&receiver);
}
END_TEST

/* What was confirmed before a restart is not sent again, what was not is, and what was stored meanwhile follows. */
START_TEST(a_restart_while_the_receiver_is_away)
{
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);

    append(10, 100, SEVERITY_HIGH);
    run_until((receive(&receiver), status_of(sink).sent == 10));
    receive_all(&receiver);
    receiver_hang_up(&receiver);
    close(receiver.listener);
    append(50, 100, SEVERITY_HIGH);
    run_until(status_of(sink).last_error);
    close_store();
    open_store();
    append(5, 100, SEVERITY_HIGH);
    sink = open_sink(SINK_SYSLOG_TCP, address);
    run_until(status_of(sink).last_error);
    ck_assert_uint_eq(status_of(sink).pending, 55);
    receiver.listener = network_receiver(SOCK_STREAM, "127.0.0.1", &receiver.port);
    fcntl(receiver.listener, F_SETFL, O_NONBLOCK);
    run_until((receive(&receiver), status_of(sink).sent == 55));
    receive_all(&receiver);
    ck_assert_uint_eq(receiver.last_seq, 65);
    ck_assert_uint_eq(receiver.count, 65);
    receiver_end(&receiver);
}
END_TEST

/* ---- Names: /etc/hosts is a file of the test's own ---- */

static void set_hosts(const char *text)
{
    scoped(cleanup_free) char *path = mem_printf("%s/hosts", folder);
    scoped(cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void set_up(void)
{
    scoped(cleanup_free) char *hosts = NULL, *nsswitch = NULL;

    sink_fixture_set_up();
    hosts = mem_printf("%s/hosts", folder);
    nsswitch = mem_printf("%s/nsswitch.conf", folder);
    set_hosts("127.0.0.1 localhost\n");
    ck_assert_int_eq(file_replace(nsswitch, "hosts: files\n", 13, 0644, NULL), 0);
    ck_assert_msg(unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare: %m");
    ck_assert_msg(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private: %m");
    ck_assert_msg(mount(hosts, "/etc/hosts", NULL, MS_BIND, NULL) == 0, "/etc/hosts: %m");
    ck_assert_msg(mount(nsswitch, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) == 0, "/etc/nsswitch.conf: %m");
}

/* One made after the start is found at the next attempt. */
START_TEST(a_name_that_comes_late)
{
    unsigned port = 0;
    scoped(cleanup_close) int fd = network_receiver(_i ? SOCK_DGRAM : SOCK_STREAM, "127.0.0.1", &port);
    scoped(cleanup_free) char *address = mem_printf("%s://siem.example:%u", _i ? "udp" : "tcp", port);
    scoped(cleanup_free) char *why =
        mem_printf("%s: cannot resolve \"siem.example\": Name or service not known", address);
    scoped_str english = STR_INIT;
    struct sink *sink = open_sink(_i ? SINK_SYSLOG_UDP : SINK_SYSLOG_TCP, address);

    append(1, 10, SEVERITY_HIGH);
    ck_assert_int_ge(fd, 0);
    run_until(status_of(sink).last_error);
    ck_assert_str_eq(message_english(status_of(sink).last_error, &english), why);
    ck_assert_uint_eq(status_of(sink).sent, 0);
    set_hosts("127.0.0.1 siem.example\n");
    run_until(status_of(sink).sent == 1);
    ck_assert_ptr_null(status_of(sink).last_error);
}
END_TEST

/* The host moves: what is sent after the connection is refused goes where the name leads then. */
START_TEST(a_name_that_moves)
{
    unsigned port = 0;
    int type = _i ? SOCK_DGRAM : SOCK_STREAM, old = network_receiver(type, "127.0.0.1", &port);
    scoped(cleanup_close) int new = network_receiver(type, "127.0.0.2", &port);
    scoped(cleanup_free) char *address = mem_printf("%s://siem.example:%u", _i ? "udp" : "tcp", port);
    struct sink *sink = open_sink(_i ? SINK_SYSLOG_UDP : SINK_SYSLOG_TCP, address);
    struct pollfd pollfd = {.fd = new, .events = POLLIN};

    set_hosts("127.0.0.1 siem.example\n");
    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 1);
    close(old); /* with the connection that waits in it */
    set_hosts("127.0.0.2 siem.example\n");
    while (poll(&pollfd, 1, 0) == 0) {
        ck_assert_uint_lt(last_seq, 1000);
        append(1, 10, SEVERITY_HIGH);
        run_loop(50);
    }
}
END_TEST

/* Over UDP a record is no longer than what every receiver should take. */
START_TEST(a_datagram_has_its_own_limit)
{
    unsigned port = 0;
    scoped(cleanup_close) int fd = network_receiver(SOCK_DGRAM, "127.0.0.1", &port);
    scoped(cleanup_free) char *address = mem_printf("udp://127.0.0.1:%u", port);
    struct sink *sink = open_sink(SINK_SYSLOG_UDP, address);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    char record[8192];
    ssize_t n;

    append(1, 5000, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 1);
    ck_assert_int_eq(poll(&pollfd, 1, HANG_SECONDS * 1000), 1);
    n = recv(fd, record, sizeof record - 1, 0);
    ck_assert_int_gt(n, 0);
    record[n] = '\0';
    ck_assert_int_le(n, 2048);
    ck_assert_ptr_nonnull(strstr(record, " cut=\"evidence\" sha256=\""));
}
END_TEST

/* One that answers is found, whichever is the first. */
START_TEST(a_name_with_two_addresses)
{
    struct receiver receiver = receiver_begin(_i ? "127.0.0.2" : "127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://siem.example:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);

    set_hosts("127.0.0.1 siem.example\n127.0.0.2 siem.example\n");
    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 1);
    ck_assert_ptr_null(status_of(sink).last_error);
    run_until(receive(&receiver));
    ck_assert_uint_eq(receiver.count, 1);
    receiver_end(&receiver);
}
END_TEST

START_TEST(freed_before_the_name_is_known)
{
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, "tcp://siem.example:1");

    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).stuck_since); /* it has the record */
    configure_sinks(NULL, 0);
    run_loop(100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sink network");
    TCase *streams = tcase_create("streams"), *names = tcase_create("names");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(streams, sink_fixture_set_up, sink_fixture_tear_down);
    tcase_set_timeout(streams, 600);
    tcase_add_test(streams, a_slow_receiver);
    tcase_add_test(streams, a_connection_that_ends_within_a_record);
    tcase_add_test(streams, a_receiver_that_reads_nothing_and_resets);
    tcase_add_test(streams, restarts_while_nothing_is_read);
    tcase_add_test(streams, a_restart_while_the_receiver_is_away);
    tcase_add_test(streams, a_datagram_has_its_own_limit);
    suite_add_tcase(suite, streams);
    tcase_add_checked_fixture(names, set_up, sink_fixture_tear_down);
    tcase_set_timeout(names, 600);
    tcase_add_loop_test(names, a_name_that_comes_late, 0, 2);
    tcase_add_loop_test(names, a_name_that_moves, 0, 2);
    tcase_add_loop_test(names, a_name_with_two_addresses, 0, 2);
    tcase_add_test(names, freed_before_the_name_is_known);
    suite_add_tcase(suite, names);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
