/* Sinks over TCP and UDP: a receiver that does not keep up, names that change, connections that end. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>

#include "common/file.h"
#include "sink_fixture.h"

/* ---- What a receiver over TCP gets, taken apart by the octet counts of RFC 6587 ---- */

struct receiver {
    int listener, fd;
    unsigned port;
    struct str bytes;  /* of records that have not come as a whole */
    size_t count;      /* of those that have */
    uint64_t last_seq; /* of the last of them */
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

/* Each is a count, a blank and a message, with its number in the front and at the end; the number only grows. */
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
        ck_assert_uint_gt(value, receiver->last_seq);
        number = mem_printf("e %llu", (unsigned long long)value);
        ck_assert_msg(memcmp(message + length - strlen(number), number, strlen(number)) == 0, "another end: %.*s",
                      (int)length, message);
        receiver->last_seq = value;
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

/* How long the evidence of the SEQth record is: LEAST and up to SPREAD more. */
struct lengths {
    size_t least, spread;
};
static const struct lengths equal = {700, 0}, different = {1, 900}, large = {900, 0}, small = {1, 0};

static void send_numbered(struct sink *sink, uint64_t seq, const struct lengths *lengths)
{
    send_one(sink, seq, lengths->least + seq * 7919 % (lengths->spread + 1), SEVERITY_HIGH);
}

/* Sends until the kernel has taken a part of a record and no more: returns the seq of the next. */
static uint64_t fill(struct sink *sink, const struct lengths *lengths, uint64_t seq)
{
    run_until(status_of(sink).pending == 0);
    for (unsigned refused = 0; refused < 100; seq++) {
        send_numbered(sink, seq, lengths);
        run_loop(0);
        refused = status_of(sink).pending ? refused + 1 : 0;
    }
    return seq;
}

/* More than 4,096 records while the receiver has the beginning of one and does not read on. */
START_TEST(a_slow_receiver)
{
    static const struct {
        const struct lengths *before, *after;
    } rows[] = {{&equal, &equal}, {&different, &different}, {&large, &small}};
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);
    uint64_t seq, last;

    send_numbered(sink, 1, rows[_i].before);
    run_until(receive(&receiver));
    last = fill(sink, rows[_i].before, 2) + 6000;
    for (seq = last - 6000; seq < last; seq++)
        send_numbered(sink, seq, rows[_i].after);
    ck_assert_uint_gt(status_of(sink).dropped, 1000);

    receive_all(&receiver);
    ck_assert_uint_gt(receiver.bytes.length, 0); /* it did end within a record */
    run_until((receive(&receiver), status_of(sink).pending == 0));
    receive_all(&receiver);
    ck_assert_uint_eq(receiver.bytes.length, 0);
    ck_assert_uint_eq(receiver.count, status_of(sink).sent);
    ck_assert_uint_eq(receiver.count + status_of(sink).dropped, last - 1);
    ck_assert_uint_eq(receiver.last_seq, last - 1);
    sink_free(sink);
    receiver_end(&receiver);
}
END_TEST

/* It goes away with the beginning of a record: the next connection begins with that record. */
START_TEST(a_connection_that_ends_within_a_record)
{
    struct receiver receiver = receiver_begin("127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://127.0.0.1:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);
    uint64_t last;

    send_numbered(sink, 1, &different);
    run_until(receive(&receiver));
    last = fill(sink, &different, 2);
    receive_all(&receiver);
    ck_assert_uint_gt(receiver.bytes.length, 0);
    receiver_hang_up(&receiver);
    run_until((receive(&receiver), status_of(sink).pending == 0));
    receive_all(&receiver);
    ck_assert_uint_eq(receiver.bytes.length, 0);
    ck_assert_uint_eq(receiver.count, last - 1); /* all of them, and none of them twice: SEQ grows */
    ck_assert_uint_eq(status_of(sink).sent, last - 1);
    sink_free(sink);
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
    struct sink *sink = open_sink(_i ? SINK_SYSLOG_UDP : SINK_SYSLOG_TCP, address);

    send_one(sink, 1, 10, SEVERITY_HIGH);
    ck_assert_ptr_null(status_of(sink).last_error); /* nothing has waited for the answer */
    run_until(status_of(sink).last_error);
    ck_assert_str_eq(status_of(sink).last_error, why);
    ck_assert_uint_eq(status_of(sink).pending, 1);
    set_hosts("127.0.0.1 siem.example\n");
    run_until(status_of(sink).sent == 1);
    ck_assert_ptr_null(status_of(sink).last_error);
    sink_free(sink);
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
    send_one(sink, 1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 1);
    close(old); /* with the connection that waits in it */
    set_hosts("127.0.0.2 siem.example\n");
    for (uint64_t seq = 2; poll(&pollfd, 1, 0) == 0; seq++) {
        ck_assert_uint_lt(seq, 1000);
        send_one(sink, seq, 10, SEVERITY_HIGH);
        run_loop(50);
    }
    sink_free(sink);
}
END_TEST

/* One that answers is found, whichever is the first. */
START_TEST(a_name_with_two_addresses)
{
    struct receiver receiver = receiver_begin(_i ? "127.0.0.2" : "127.0.0.1", 0);
    scoped(cleanup_free) char *address = mem_printf("tcp://siem.example:%u", receiver.port);
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, address);

    set_hosts("127.0.0.1 siem.example\n127.0.0.2 siem.example\n");
    send_one(sink, 1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 1);
    ck_assert_ptr_null(status_of(sink).last_error);
    run_until(receive(&receiver));
    ck_assert_uint_eq(receiver.count, 1);
    sink_free(sink);
    receiver_end(&receiver);
}
END_TEST

START_TEST(freed_before_the_name_is_known)
{
    struct sink *sink = open_sink(SINK_SYSLOG_TCP, "tcp://siem.example:1");

    send_one(sink, 1, 10, SEVERITY_HIGH);
    ck_assert_uint_eq(status_of(sink).pending, 1);
    sink_free(sink);
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
    tcase_set_timeout(streams, 250);
    tcase_add_loop_test(streams, a_slow_receiver, 0, 3);
    tcase_add_test(streams, a_connection_that_ends_within_a_record);
    suite_add_tcase(suite, streams);
    tcase_add_checked_fixture(names, set_up, sink_fixture_tear_down);
    tcase_set_timeout(names, 150);
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
