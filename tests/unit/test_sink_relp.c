/* Sinks over RELP: a receiver that answers as the test says, and a real rsyslogd (imrelp) that is killed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent/sinks/relp.h"
#include "certificates.h"
#include "common/file.h"

/* ---- A receiver that answers as the test says ---- */

struct receiver {
    int listener, fd;
    unsigned port;
    char *address;
    struct str bytes; /* of a frame that has not come as a whole */
    bool opens;       /* the opening is answered; with OPENING instead, if that is set */
    const char *opening;
    unsigned next;          /* transaction number of this connection that comes next */
    unsigned answered;      /* up to which the records were answered */
    bool answers;           /* each record, as it comes */
    uint64_t last_seq;      /* the highest: each is one above the one before, or was there already */
    size_t count, repeated; /* records, and those whose seq was there already */
    bool closed;            /* "close" has come */
};

static struct receiver receiver;

static void receiver_begin(void)
{
    receiver = (struct receiver){.fd = -1, .opens = true};
    receiver.listener = network_receiver(SOCK_STREAM, "127.0.0.1", &receiver.port);
    fcntl(receiver.listener, F_SETFL, O_NONBLOCK);
    receiver.address = mem_printf("relp://127.0.0.1:%u", receiver.port);
}

static void receiver_hang_up(void)
{
    if (receiver.fd >= 0)
        close(receiver.fd);
    receiver.fd = -1;
    str_clear(&receiver.bytes);
}

static void receiver_end(void)
{
    receiver_hang_up();
    close(receiver.listener);
    str_deinit(&receiver.bytes);
    free(receiver.address);
}

static void say(const char *text)
{
    ck_assert_int_eq(send(receiver.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void answer_with(unsigned txnr, const char *data)
{
    scoped(cleanup_free) char *text = mem_printf("%u rsp %zu %s\n", txnr, strlen(data), data);

    say(text);
}

/* All that came up to TXNR. */
static void answer_up_to(unsigned txnr)
{
    while (receiver.answered < txnr)
        answer_with(++receiver.answered, "200 OK");
}

/* Its seq is in the front and at the end, and none is missing. */
static void take_record(const char *message, size_t length)
{
    const char *seq = memmem(message, length, " seq=\"", 6);
    uint64_t value = seq ? strtoul(seq + 6, NULL, 10) : 0;
    scoped(cleanup_free) char *end = mem_printf("e %llu", (unsigned long long)value);

    ck_assert_msg(strncmp(message, "<27>1 ", 6) == 0 && value, "no message: %.80s", message);
    ck_assert_uint_le(value, receiver.last_seq + 1);
    ck_assert_msg(memcmp(message + length - strlen(end), end, strlen(end)) == 0, "another end: %.*s", (int)length,
                  message);
    receiver.repeated += value <= receiver.last_seq;
    receiver.last_seq = value > receiver.last_seq ? value : receiver.last_seq;
    receiver.count++;
}

static void take_frame(unsigned txnr, const char *command, const char *data, size_t length)
{
    ck_assert_uint_eq(txnr, receiver.next);
    ck_assert(!receiver.closed);
    receiver.next++;
    if (strncmp(command, "open ", 5) == 0) {
        ck_assert_uint_eq(txnr, 1);
        if (receiver.opens)
            answer_with(1, receiver.opening ? receiver.opening : "200 OK\nrelp_version=0\ncommands=syslog");
    } else if (strncmp(command, "syslog ", 7) == 0) {
        take_record(data, length);
        if (receiver.answers)
            answer_up_to(txnr);
    } else {
        ck_assert_msg(strncmp(command, "close ", 6) == 0, "%.40s", command);
        receiver.closed = true;
    }
}

static void take_apart(void)
{
    const char *at = str_text(&receiver.bytes), *end = at + receiver.bytes.length;

    for (;;) {
        char command[64], *data;
        unsigned txnr;
        int begin = 0;
        size_t length;

        if (!memchr(at, '\n', (size_t)(end - at)) || sscanf(at, "%u %40[a-z] %n", &txnr, command, &begin) != 2)
            break;
        length = strtoul(at + begin, &data, 10);
        data += *data == ' ';
        if ((size_t)(end - data) <= length)
            break;
        ck_assert_int_eq(data[length], '\n');
        strcat(command, " ");
        take_frame(txnr, command, data, length);
        at = data + length + 1;
    }
    if (receiver.bytes.data)
        memmove(receiver.bytes.data, at, (size_t)(end - at) + 1);
    receiver.bytes.length = (size_t)(end - at);
}

/* Takes what has come; true: there was something. */
static bool receive(void)
{
    char buffer[65536];
    ssize_t n;

    if (receiver.fd < 0) {
        receiver.fd = accept4(receiver.listener, NULL, NULL, SOCK_CLOEXEC);
        receiver.next = receiver.answered = 1;
        receiver.closed = false;
    }
    n = receiver.fd < 0 ? -1 : recv(receiver.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0)
        receiver_hang_up();
    if (n <= 0)
        return false;
    str_append_n(&receiver.bytes, buffer, (size_t)n);
    take_apart();
    return true;
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    sink_fixture_set_up();
    receiver_begin();
}

static void tear_down(void)
{
    receiver_end();
    sink_fixture_tear_down();
}

/* No more than the window is sent without an answer, and nothing counts that has none. */
START_TEST(answers_that_come_late)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    append(1000, 300, SEVERITY_HIGH);
    run_until((receive(), receiver.count == RELP_WINDOW));
    run_loop(200);
    ck_assert(!receive());
    ck_assert_uint_eq(status_of(sink).sent, 0);
    answer_up_to(65);
    run_until((receive(), receiver.count == RELP_WINDOW + 64));
    run_until(status_of(sink).sent == 64);
    ck_assert_ptr_null(status_of(sink).last_error);
    for (unsigned txnr = receiver.next - 1; txnr > 66; txnr--)
        answer_with(txnr, "200 OK");
    run_loop(200);
    ck_assert_uint_eq(status_of(sink).sent, 64);
    answer_with(66, "200 OK");
    receiver.answered = receiver.next - 1;
    receiver.answers = true;
    run_until((receive(), status_of(sink).sent == 1000));
    ck_assert_uint_eq(receiver.count, 1000);
    run_until(status_of(sink).pending == 0);
}
END_TEST

/* The session is never opened: nothing is sent. */
START_TEST(an_opening_without_an_answer)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    receiver.opens = false;
    append(10, 300, SEVERITY_HIGH);
    run_until(receive());
    run_loop(300);
    ck_assert(!receive());
    ck_assert_uint_eq(receiver.next, 2);
    ck_assert_uint_ne(status_of(sink).stuck_since, 0);
    answer_with(1, "200 OK\nrelp_version=0\ncommands=syslog");
    receiver.answers = true;
    run_until((receive(), status_of(sink).sent == 10));
}
END_TEST

static const struct row {
    const char *answer; /* to the record with the number 12, after those before were acknowledged */
    const char *why;
} rows[] = {
    {"13 rsp 6 200 OK\n99 rsp 6 200 OK\n", "it is to nothing that awaits one"},
    {"12 rsp 7 500 no!\n", "RELP: the receiver answers 500 no!"},
    {"0 serverclose 0\n", "RELP: the receiver has closed the session"},
    {"220 mail.example ESMTP\r\n", "not a frame"},
    {"12 rsp 999999999 ", "not a frame"},
    {"12 rs", "the receiver has closed the connection"}, /* followed by its end */
};

/* The connection ends; what was acknowledged does not come again, everything else does, with the same numbers. */
START_TEST(answers_that_end_a_session)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    append(50, 300, SEVERITY_HIGH);
    run_until((receive(), receiver.count == 50));
    answer_up_to(11);
    say(rows[_i].answer);
    if (_i == countof(rows) - 1)
        shutdown(receiver.fd, SHUT_WR);
    run_until(status_of(sink).last_error);
    ck_assert_msg(strstr(status_of(sink).last_error, rows[_i].why), "%s", status_of(sink).last_error);
    ck_assert_uint_eq(status_of(sink).sent, 10);
    receiver_hang_up();
    receiver.answers = true;
    run_until((receive(), status_of(sink).sent == 50));
    ck_assert_ptr_null(status_of(sink).last_error);
    ck_assert_uint_eq(receiver.last_seq, 50);
    ck_assert_uint_eq(receiver.repeated, 40);
}
END_TEST

START_TEST(a_receiver_that_is_none_for_syslog)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    receiver.opening = "200 OK\nrelp_version=0\ncommands=eventlog";
    append(10, 300, SEVERITY_HIGH);
    run_until((receive(), status_of(sink).last_error));
    ck_assert_msg(strstr(status_of(sink).last_error, "does not accept syslog"), "%s", status_of(sink).last_error);
    ck_assert_uint_eq(receiver.count, 0);
}
END_TEST

/* It does not read on within a record, and then goes away: the record comes again as a whole. */
START_TEST(a_connection_that_ends_within_a_record)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    append(1, 300, SEVERITY_HIGH);
    run_until((receive(), receiver.count == 1));
    append(2000, 900, SEVERITY_HIGH);
    run_loop(300); /* until the kernel takes no more */
    answer_up_to(2);
    run_loop(300);
    receive();
    ck_assert_uint_lt(receiver.count, 2001);
    receiver_hang_up();
    receiver.answers = true;
    run_until((receive(), status_of(sink).sent == 2001));
    ck_assert_uint_eq(receiver.last_seq, 2001);
}
END_TEST

/* Without a record under way nothing is missing, and nobody is troubled; the next one goes to a new session. */
START_TEST(a_session_that_ends_while_it_is_idle)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    receiver.answers = true;
    for (size_t i = 1; i <= 3; i++) {
        append(1, 300, SEVERITY_HIGH);
        run_until((receive(), status_of(sink).sent == i));
        say("0 serverclose 0\n");
        run_until((receive(), receiver.fd < 0));
        ck_assert_ptr_null(status_of(sink).last_error);
    }
    ck_assert_uint_eq(receiver.count, 3);
}
END_TEST

START_TEST(the_end_of_the_sink)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    receiver.answers = true;
    append(5, 300, SEVERITY_HIGH);
    run_until((receive(), status_of(sink).sent == 5));
    configure_sinks(NULL, 0);
    run_until((receive(), receiver.closed));
}
END_TEST

/* What has no answer when the agent ends comes again after its next start. */
START_TEST(a_restart_with_records_under_way)
{
    struct sink *sink = open_sink(SINK_SYSLOG_RELP, receiver.address);

    append(50, 300, SEVERITY_HIGH);
    run_until((receive(), receiver.count == 50));
    answer_up_to(21);
    run_until(status_of(sink).sent == 20);
    close_store();
    receiver_hang_up();
    open_store();
    receiver.answers = true;
    sink = open_sink(SINK_SYSLOG_RELP, receiver.address);
    run_until((receive(), status_of(sink).sent == 30));
    ck_assert_uint_eq(receiver.last_seq, 50);
    ck_assert_uint_eq(receiver.repeated, 30);
}
END_TEST

/* ---- rsyslogd ---- */

static struct identity authority, server, client;
static char *output, *address;
static unsigned port;
static pid_t rsyslogd;

/* With imrelp, whose answer comes when the file has the record: the ruleset has no queue in between. */
static void start_rsyslogd(bool encrypted)
{
    scoped(cleanup_free) char *config = mem_printf("%s/rsyslog.conf", folder);
    scoped(cleanup_free) char *pid_file = mem_printf("%s/rsyslog.pid", folder);
    scoped(cleanup_free) char *tls =
        mem_printf("tls=\"on\" tls.caCert=\"%s\" tls.myCert=\"%s\" tls.myPrivKey=\"%s\" tls.authMode=\"certvalid\"",
                   authority.certificate_path, server.certificate_path, server.key_path);
    scoped(cleanup_free) char *text =
        mem_printf("module(load=\"imrelp\" tls.tlslib=\"openssl\")\n"
                   "input(type=\"imrelp\" address=\"127.0.0.1\" port=\"%u\" ruleset=\"agent\" %s)\n"
                   "template(name=\"message\" type=\"string\" string=\"%%msg%%\\n\")\n"
                   "ruleset(name=\"agent\" queue.type=\"Direct\")"
                   " { action(type=\"omfile\" file=\"%s\" template=\"message\") }\n",
                   port, encrypted ? tls : "", output);

    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    unlink(pid_file);
    rsyslogd = fork();
    ck_assert_int_ge(rsyslogd, 0);
    if (rsyslogd == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(null, 2);
        execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-f", config, "-i", pid_file, NULL);
        _exit(127);
    }
}

static void kill_rsyslogd(void)
{
    if (!rsyslogd)
        return;
    kill(rsyslogd, SIGKILL);
    waitpid(rsyslogd, NULL, 0);
    rsyslogd = 0;
}

static void set_up_rsyslogd(void)
{
    signal(SIGPIPE, SIG_IGN);
    sink_fixture_set_up();
    authority = make_identity("authority", NULL, NULL, -HOUR, HOUR);
    server = make_identity("server", &authority, "DNS:siem.example,IP:127.0.0.1", -HOUR, HOUR);
    client = make_identity("client", &authority, "DNS:host.example", -HOUR, HOUR);
    port = 0;
    close(network_receiver(SOCK_STREAM, "127.0.0.1", &port));
    output = mem_printf("%s/received", folder);
}

static void tear_down_rsyslogd(void)
{
    kill_rsyslogd();
    identity_deinit(&authority);
    identity_deinit(&server);
    identity_deinit(&client);
    free(output);
    free(address);
    sink_fixture_tear_down();
}

static struct sink *open_relp_sink(bool encrypted, bool with_certificate)
{
    struct sink_config config = sink_config_default(encrypted ? SINK_SYSLOG_RELPS : SINK_SYSLOG_RELP);

    if (!address)
        address = mem_printf("%s://127.0.0.1:%u", encrypted ? "relps" : "relp", port);
    config.address = address;
    config.tls = (struct sink_tls){.ca = authority.certificate_path};
    if (with_certificate)
        config.tls = (struct sink_tls){
            .ca = authority.certificate_path, .cert = client.certificate_path, .key = client.key_path};
    configure_sinks(&config, 1);
    return sink_list.items[0];
}

/* The last that has been received; none is missing before it. A line that was cut by a kill comes again. */
static uint64_t received(void)
{
    scoped_str text = STR_INIT;
    uint64_t last = 0;

    if (file_read(output, 64 * 1024 * 1024, &text, NULL) < 0)
        return 0;
    for (const char *at = str_text(&text), *end; (end = strchr(at, '\n')); at = end + 1) {
        const char *number = memrchr(at, ' ', (size_t)(end - at));
        uint64_t seq = number ? strtoul(number + 1, NULL, 10) : 0;

        ck_assert_msg(seq && seq <= last + 1, "%llu after %llu", (unsigned long long)seq, (unsigned long long)last);
        last = seq > last ? seq : last;
    }
    return last;
}

/* Whatever it has acknowledged is in its file at each kill, and in the end all of it is. */
START_TEST(rsyslogd_that_is_killed)
{
    enum { COUNT = 6000, KILLS = 5 };
    struct sink *sink;

    start_rsyslogd(_i);
    sink = open_relp_sink(_i, _i);
    append(1, 300, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 1);
    ck_assert_uint_eq(received(), 1);
    for (size_t kills = 0; kills < KILLS; kills++) {
        uint64_t before = status_of(sink).sent;

        append(COUNT / KILLS, 300, SEVERITY_HIGH);
        run_until(status_of(sink).sent > before);
        kill_rsyslogd();
        run_until(status_of(sink).last_error);
        ck_assert_uint_ge(received(), status_of(sink).sent);
        start_rsyslogd(_i);
        run_until(status_of(sink).sent > before + COUNT / KILLS / 2);
    }
    run_until(status_of(sink).sent == COUNT + 1);
    ck_assert_ptr_null(status_of(sink).last_error);
    ck_assert_uint_eq(received(), COUNT + 1);
}
END_TEST

/* The agent shows no certificate although it must. */
START_TEST(rsyslogd_that_refuses_the_agent)
{
    struct sink *sink;

    start_rsyslogd(true);
    sink = open_relp_sink(true, false);
    append(20, 300, SEVERITY_HIGH);
    run_until(status_of(sink).last_error && !strstr(status_of(sink).last_error, "Connection refused"));
    run_loop(500);
    ck_assert_uint_eq(status_of(sink).sent, 0);
    sink = open_relp_sink(true, true);
    run_until(status_of(sink).sent == 20);
    ck_assert_uint_eq(received(), 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks over RELP");
    TCase *sessions = tcase_create("sessions"), *real = tcase_create("rsyslogd");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(sessions, set_up, tear_down);
    tcase_set_timeout(sessions, 600);
    tcase_add_test(sessions, answers_that_come_late);
    tcase_add_test(sessions, an_opening_without_an_answer);
    tcase_add_loop_test(sessions, answers_that_end_a_session, 0, (int)countof(rows));
    tcase_add_test(sessions, a_receiver_that_is_none_for_syslog);
    tcase_add_test(sessions, a_connection_that_ends_within_a_record);
    tcase_add_test(sessions, a_session_that_ends_while_it_is_idle);
    tcase_add_test(sessions, the_end_of_the_sink);
    tcase_add_test(sessions, a_restart_with_records_under_way);
    suite_add_tcase(suite, sessions);
    tcase_add_checked_fixture(real, set_up_rsyslogd, tear_down_rsyslogd);
    tcase_set_timeout(real, 600);
    tcase_add_loop_test(real, rsyslogd_that_is_killed, 0, 2);
    tcase_add_test(real, rsyslogd_that_refuses_the_agent);
    suite_add_tcase(suite, real);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
