/* Sinks over TLS: a real rsyslogd, and receivers whose certificates are not valid. */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "agent/sinks/tls.h"
#include "certificates.h"
#include "common/file.h"

/* ---- A receiver, and what it has received ---- */

static struct identity authority, server, client;
static char *output, *address;
static unsigned port;
static pid_t rsyslogd;

/* rsyslogd with imtcp over TLS; what it has received is in OUTPUT. Clients need a certificate if REQUIRED. */
static void start_rsyslogd(bool required)
{
    scoped(cleanup_free) char *config = mem_printf("%s/rsyslog.conf", folder);
    scoped(cleanup_free) char *pid_file = mem_printf("%s/rsyslog.pid", folder);
    scoped(cleanup_free) char *text =
        mem_printf("global(DefaultNetstreamDriverCAFile=\"%s\" DefaultNetstreamDriverCertFile=\"%s\""
                   " DefaultNetstreamDriverKeyFile=\"%s\")\n"
                   "module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\""
                   " StreamDriver.AuthMode=\"%s\")\n"
                   "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"%u\" ruleset=\"agent\")\n"
                   "template(name=\"message\" type=\"string\" string=\"%%msg%%\\n\")\n"
                   "ruleset(name=\"agent\") { action(type=\"omfile\" file=\"%s\" template=\"message\") }\n",
                   authority.certificate_path, server.certificate_path, server.key_path,
                   required ? "x509/certvalid" : "anon", port, output);

    ck_assert_int_eq(file_replace(config, text, strlen(text), 0600, NULL), 0);
    rsyslogd = fork();
    ck_assert_int_ge(rsyslogd, 0);
    if (rsyslogd == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(null, 2);
        execl("/usr/sbin/rsyslogd", "rsyslogd", "-n", "-f", config, "-i", pid_file, NULL);
        _exit(127);
    }
}

static void stop_rsyslogd(void)
{
    if (!rsyslogd)
        return;
    kill(rsyslogd, SIGTERM);
    waitpid(rsyslogd, NULL, 0);
    rsyslogd = 0;
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    sink_fixture_set_up();
    authority = make_identity("authority", NULL, NULL, -HOUR, HOUR);
    server = make_identity("server", &authority, "DNS:siem.example,IP:127.0.0.1", -HOUR, HOUR);
    client = make_identity("client", &authority, "DNS:host.example", -HOUR, HOUR);
    port = 0;
    close(network_receiver(SOCK_STREAM, "127.0.0.1", &port));
    output = mem_printf("%s/received", folder);
    address = mem_printf("tls://127.0.0.1:%u", port);
}

static void tear_down(void)
{
    stop_rsyslogd();
    identity_deinit(&authority);
    identity_deinit(&server);
    identity_deinit(&client);
    free(output);
    free(address);
    sink_fixture_tear_down();
}

static struct sink *open_tls_sink(struct sink_tls tls)
{
    struct sink_config config = sink_config_default(SINK_SYSLOG_TLS);

    config.address = address;
    config.tls = tls;
    configure_sinks(&config, 1);
    return sink_list.items[0];
}

/* How many have been received; none is missing before the last. */
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

/* Also while rsyslogd is stopped and started again, with records under way. */
START_TEST(to_rsyslogd)
{
    struct sink *sink;

    start_rsyslogd(_i);
    sink = open_tls_sink((struct sink_tls){.ca = authority.certificate_path,
                                           .cert = _i ? client.certificate_path : NULL,
                                           .key = _i ? client.key_path : NULL,
                                           .name = _i ? "siem.example" : NULL});
    append(300, 300, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 300);
    ck_assert_ptr_null(status_of(sink).last_error);
    run_until(received() == 300);
    stop_rsyslogd();
    append(2000, 300, SEVERITY_HIGH);
    run_until(status_of(sink).last_error);
    start_rsyslogd(_i);
    run_until(status_of(sink).sent == 2300);
    run_until(received() == 2300);
}
END_TEST

/* The agent shows no certificate although it must: nothing that was sent meanwhile is taken for received. */
START_TEST(a_receiver_that_refuses_the_agent)
{
    struct sink *sink;

    start_rsyslogd(true);
    sink = open_tls_sink((struct sink_tls){.ca = authority.certificate_path});
    append(20, 300, SEVERITY_HIGH);
    run_until(status_of(sink).last_error && !strstr(status_of(sink).last_error, "Connection refused"));
    run_loop(1000);
    ck_assert_uint_eq(status_of(sink).sent, 0);
    sink = open_tls_sink(
        (struct sink_tls){.ca = authority.certificate_path, .cert = client.certificate_path, .key = client.key_path});
    run_until(status_of(sink).sent == 20);
    run_until(received() == 20);
}
END_TEST

/* ---- Certificates that are not valid: a server of OpenSSL's, which shows any ---- */

struct row {
    const char *name; /* asked for; NULL: the address */
    const char *what; /* of the certificate */
    const char *expected;
};

static const struct row rows[] = {
    {"other.example", NULL, "the certificate is not valid for \"other.example\": hostname mismatch"},
    {NULL, "name", "the certificate is not valid for \"127.0.0.1\": IP address mismatch"},
    {NULL, "expired", "the certificate is not valid for \"127.0.0.1\": certificate has expired"},
    {NULL, "early", "the certificate is not valid for \"127.0.0.1\": certificate is not yet valid"},
    {NULL, "authority", "the certificate is not valid for \"127.0.0.1\": unable to get local issuer certificate"},
    {NULL, "itself", "the certificate is not valid for \"127.0.0.1\": self-signed certificate"},
    {NULL, "plain", "TLS handshake: wrong version number"},
};

static struct identity make_wrong(const char *what)
{
    static const char name[] = "IP:127.0.0.1";
    struct identity other, identity;

    if (str_equal(what, "name"))
        return make_identity("wrong", &authority, "DNS:siem.example", -HOUR, HOUR);
    if (str_equal(what, "expired"))
        return make_identity("wrong", &authority, name, -2 * HOUR, -HOUR);
    if (str_equal(what, "early"))
        return make_identity("wrong", &authority, name, HOUR, 2 * HOUR);
    if (str_equal(what, "itself"))
        return make_identity("wrong", NULL, name, -HOUR, HOUR);
    if (!str_equal(what, "authority"))
        return make_identity("wrong", &authority, name, -HOUR, HOUR);
    other = make_identity("other", NULL, NULL, -HOUR, HOUR);
    identity = make_identity("wrong", &other, name, -HOUR, HOUR);
    identity_deinit(&other);
    return identity;
}

static void serve(int listener, const struct identity *identity, bool plain)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    SSL_CTX_use_certificate_file(context, identity->certificate_path, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, identity->key_path, SSL_FILETYPE_PEM);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        SSL *ssl = SSL_new(context);
        char byte;

        if (plain) {
            if (write(fd, "220 mail.example\r\n", 18) < 0)
                _exit(1);
            sleep(1);
        } else {
            SSL_set_fd(ssl, fd);
            if (SSL_accept(ssl) == 1)
                SSL_read(ssl, &byte, 1);
        }
        SSL_free(ssl);
        close(fd);
    }
}

START_TEST(a_certificate_that_is_not_valid)
{
    const struct row *row = &rows[_i];
    struct identity identity = make_wrong(row->what);
    int listener = network_receiver(SOCK_STREAM, "127.0.0.1", &port);
    scoped(cleanup_free) char *expected = mem_printf("%s: %s", address, row->expected);
    pid_t pid = fork();
    struct sink *sink;

    if (pid == 0)
        serve(listener, &identity, str_equal(row->what, "plain"));
    close(listener);
    sink = open_tls_sink((struct sink_tls){.ca = authority.certificate_path, .name = row->name});
    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).last_error);
    ck_assert_str_eq(status_of(sink).last_error, expected);
    ck_assert_uint_eq(status_of(sink).sent, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    identity_deinit(&identity);
}
END_TEST

/* ---- The end of a connection ---- */

static unsigned count_records(const char *text)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, " seq=\"")); at++)
        count++;
    return count;
}

/* How many records come on the next connection, until nothing more than LEAST comes for a second; it then ends, in
 * ORDER or not. */
static unsigned receive_records(int listener, SSL_CTX *context, bool order, unsigned least)
{
    int fd = accept(listener, NULL, NULL);
    struct timeval patience = {.tv_sec = 1};
    SSL *ssl = SSL_new(context);
    scoped_str text = STR_INIT;
    char buffer[4096];
    int n;

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1)
        _exit(1);
    while (count_records(str_text(&text)) < least && (n = SSL_read(ssl, buffer, sizeof buffer)) > 0)
        str_append_n(&text, buffer, (size_t)n);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while ((n = SSL_read(ssl, buffer, sizeof buffer)) > 0)
        str_append_n(&text, buffer, (size_t)n);
    if (order)
        SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    return count_records(str_text(&text));
}

/* What came first goes to a file before the second connection is taken. */
static void receive_twice(int listener, bool order)
{
    scoped(cleanup_free) char *first = mem_printf("%s.first", output);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    scoped(cleanup_free) char *text = NULL;
    unsigned count;

    SSL_CTX_use_certificate_file(context, server.certificate_path, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, server.key_path, SSL_FILETYPE_PEM);
    count = receive_records(listener, context, order, 5);
    if (file_replace(first, "", 0, 0600, NULL) < 0)
        _exit(2);
    text = mem_printf("%u %u", count, receive_records(listener, context, order, order ? 1 : 6));
    _exit(file_replace(output, text, strlen(text), 0600, NULL) < 0 ? 1 : 0);
}

/* What a receiver that ends without close_notify may not have taken in comes again; one that ends in order has it. */
START_TEST(an_end_of_the_connection)
{
    int listener = network_receiver(SOCK_STREAM, "127.0.0.1", &port);
    scoped(cleanup_free) char *first = mem_printf("%s.first", output);
    scoped_str text = STR_INIT;
    pid_t pid = fork();
    struct sink *sink;

    if (pid == 0)
        receive_twice(listener, _i);
    sink = open_tls_sink((struct sink_tls){.ca = authority.certificate_path});
    append(5, 10, SEVERITY_HIGH);
    run_until(status_of(sink).sent == 5);
    run_until(access(first, F_OK) == 0);
    run_loop(500); /* the end of the first connection is seen */
    append(1, 10, SEVERITY_HIGH);
    run_until(file_read(output, 100, &text, NULL) == 0);
    ck_assert_str_eq(text.data, _i ? "5 1" : "5 6");
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    close(listener);
}
END_TEST

/* ---- A receiver that sends, which none should ---- */

enum { SENT = 128 * 1024 };

static void send_much(int fd, const struct identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *ssl = SSL_new(context);
    char block[4096] = "";

    SSL_use_certificate_file(ssl, identity->certificate_path, SSL_FILETYPE_PEM);
    SSL_use_PrivateKey_file(ssl, identity->key_path, SSL_FILETYPE_PEM);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1)
        _exit(1);
    for (int i = 0; i < SENT; i += (int)sizeof block)
        if (SSL_write(ssl, block, sizeof block) <= 0)
            _exit(1);
    for (;;)
        pause();
}

static int waiting_bytes(int fd)
{
    int bytes = 0;

    ck_assert_int_eq(ioctl(fd, FIONREAD, &bytes), 0);
    return bytes;
}

/* The loop has others to serve: what is ignored is read a part at a time. */
START_TEST(a_receiver_that_sends_much)
{
    struct sink_tls settings = {.ca = authority.certificate_path};
    struct tls_context *context = NULL;
    struct error error = ERROR_INIT;
    struct tls *tls = NULL;
    int fds[2], r;
    bool accepted;
    short events;
    pid_t pid;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid = fork();
    if (pid == 0)
        send_much(fds[1], &server);
    evutil_make_socket_nonblocking(fds[0]);
    ck_assert_int_eq(tls_context_update(&context, &settings, &error), 0);
    ck_assert_int_eq(tls_new(context, "siem.example", fds[0], &tls, &error), 0);
    while ((r = tls_handshake(tls, &events, &error)) == -EAGAIN)
        run_loop(10);
    ck_assert_msg(r == 0, "%s", error.text);
    while (waiting_bytes(fds[0]) < SENT)
        run_loop(10);
    ck_assert_int_eq(tls_check(tls, &accepted, &error), 0);
    ck_assert_int_gt(waiting_bytes(fds[0]), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(tls_check(tls, &accepted, &error), 0);
    ck_assert_int_eq(waiting_bytes(fds[0]), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    tls_free(tls);
    tls_context_free(context);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(files_that_are_of_no_use)
{
    scoped(cleanup_free) char *none = mem_printf("%s/none.pem", folder);
    int listener = network_receiver(SOCK_STREAM, "127.0.0.1", &port);
    struct sink *sink = open_tls_sink((struct sink_tls){.ca = none});

    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).last_error);
    ck_assert_msg(strstr(status_of(sink).last_error, "none.pem: ") && strstr(status_of(sink).last_error, "tls.ca"),
                  "%s", status_of(sink).last_error);
    sink = open_tls_sink(
        (struct sink_tls){.ca = authority.certificate_path, .cert = client.certificate_path, .key = server.key_path});
    run_until(status_of(sink).last_error && !strstr(status_of(sink).last_error, "none.pem"));
    ck_assert_msg(strstr(status_of(sink).last_error, "tls.key: "), "%s", status_of(sink).last_error);
    close(listener);
}
END_TEST

/* As when certificates are renewed: what is there at the next attempt is read. */
START_TEST(a_file_that_is_replaced)
{
    struct identity other = make_identity("other", NULL, NULL, -HOUR, HOUR);
    struct sink *sink;

    start_rsyslogd(false);
    sink = open_tls_sink((struct sink_tls){.ca = other.certificate_path});
    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).last_error && strstr(status_of(sink).last_error, "self-signed certificate in"));
    ck_assert_int_eq(rename(authority.certificate_path, other.certificate_path), 0);
    run_until(status_of(sink).sent == 1);
    identity_deinit(&other);
}
END_TEST

/* The system's CAs are asked when there are no others. */
START_TEST(an_unknown_authority)
{
    struct sink *sink;

    start_rsyslogd(false);
    sink = open_tls_sink((struct sink_tls){0});
    append(1, 10, SEVERITY_HIGH);
    run_until(status_of(sink).last_error && strstr(status_of(sink).last_error, "self-signed certificate in"));
    ck_assert_uint_eq(status_of(sink).sent, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sinks over TLS");
    TCase *tests = tcase_create("TLS");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, to_rsyslogd, 0, 2);
    tcase_add_test(tests, a_receiver_that_refuses_the_agent);
    tcase_add_loop_test(tests, a_certificate_that_is_not_valid, 0, (int)countof(rows));
    tcase_add_loop_test(tests, an_end_of_the_connection, 0, 2);
    tcase_add_test(tests, a_receiver_that_sends_much);
    tcase_add_test(tests, files_that_are_of_no_use);
    tcase_add_test(tests, a_file_that_is_replaced);
    tcase_add_test(tests, an_unknown_authority);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
