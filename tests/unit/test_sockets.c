/* Sockets from the role network: what a helper that has been led astray may answer, and what the program itself, with
 * its filter of system calls, makes and refuses. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/launch/user.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/message.h"
#include "network_role.h"
#include "probes/roles/sockets.h"
#include "probes/roles/sockets_internal.h"

enum { HANG_SECONDS = 240 };

static struct event_base *base;
static struct workers *workers;
static char folder[32];

static struct outcome {
    bool done;
    int fd, number;
    struct str why;
} outcome;

static void on_done(int fd, int number, const char *why, void *user)
{
    struct outcome *ret = user;
    scoped_str english = STR_INIT;

    ck_assert(!ret->done);
    ret->done = true;
    ret->fd = fd;
    ret->number = number;
    str_append(&ret->why, message_english(why ? why : "", &english));
}

static void set_up(void)
{
    strcpy(folder, "/tmp/test-sockets-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
    workers = workers_new(base);
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    if (outcome.done && outcome.fd >= 0)
        close(outcome.fd);
    str_deinit(&outcome.why);
    outcome = (struct outcome){.done = false};
    network_role_end();
    workers_free(workers);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

static struct socket_request *begin(enum network_task task, int type, const char *address, struct outcome *ret)
{
    const struct socket_options options = {
        .base = base, .helper = network, .task = task, .address = address, .type = type, .done = on_done, .user = ret};
    struct error error = ERROR_INIT;
    struct socket_request *request = socket_ask(&options, &error);

    ck_assert_msg(request != NULL, "%s", error.text);
    return request;
}

static void run_until_done(void)
{
    usec_t end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC;

    while (!outcome.done) {
        struct timeval tick = {.tv_usec = 5000};

        ck_assert_msg(clock_monotonic() < end, "no outcome");
        event_base_loopexit(base, &tick);
        event_base_dispatch(base);
    }
}

/* The next outcome replaces the one before. */
static void ask(enum network_task task, int type, const char *address)
{
    if (outcome.done && outcome.fd >= 0)
        close(outcome.fd);
    str_clear(&outcome.why);
    outcome.done = false;
    begin(task, type, address, &outcome);
    run_until_done();
}

/* ---- Answers that are none ---- */

static const struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};

static int tcp_socket(bool bound, bool listening)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bound)
        (void)!bind(fd, (const struct sockaddr *)&loopback, sizeof loopback);
    if (listening)
        (void)!listen(fd, 1);
    return fd;
}

/* RET_PEER: the other end's listening socket. */
static int connect_to_peer(int type, int *ret_peer)
{
    int to = type == SOCK_STREAM ? tcp_socket(true, true) : socket(AF_INET, SOCK_DGRAM, 0),
        fd = socket(AF_INET, type, 0);
    struct sockaddr_in address = loopback;
    socklen_t length = sizeof address;

    if (type == SOCK_DGRAM)
        (void)!bind(to, (const struct sockaddr *)&loopback, sizeof loopback);
    getsockname(to, (struct sockaddr *)&address, &length);
    if (connect(fd, (const struct sockaddr *)&address, length) < 0)
        _exit(9);
    *ret_peer = to;
    return fd;
}

static int connected_socket(int type)
{
    int peer; /* open as long as the process */

    return connect_to_peer(type, &peer);
}

static void answer(int fd, const void *data, size_t length, const int *fds, size_t count)
{
    char control[CMSG_SPACE(8 * sizeof(int))] = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        *CMSG_FIRSTHDR(&message) = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, count * sizeof(int));
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) != (ssize_t)length)
        _exit(8);
}

static void good(int fd)
{
    const struct socket_answer text = {.number = 0};
    int fds[] = {connected_socket(SOCK_STREAM)};

    answer(fd, &text, sizeof text, fds, 1);
}

static void good_listener(int fd)
{
    const struct socket_answer text = {.number = 0};
    int fds[] = {tcp_socket(true, true)};

    answer(fd, &text, sizeof text, fds, 1);
}

static void one(int fd, int sent)
{
    const struct socket_answer text = {.number = 0};

    answer(fd, &text, sizeof text, &sent, sent < 0 ? 0 : 1);
}

static void no_descriptor(int fd)
{
    one(fd, -1);
}

static void two_descriptors(int fd)
{
    const struct socket_answer text = {.number = 0};
    int fds[] = {connected_socket(SOCK_STREAM), connected_socket(SOCK_STREAM)};

    answer(fd, &text, sizeof text, fds, 2);
}

static void five_descriptors(int fd)
{
    const struct socket_answer text = {.number = 0};
    int connected = connected_socket(SOCK_STREAM);
    int fds[] = {connected, connected, connected, connected, connected};

    answer(fd, &text, sizeof text, fds, countof(fds));
}

static void a_file(int fd)
{
    one(fd, open("/dev/null", O_RDWR));
}

static void a_socket_of_this_machine(int fd)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0)
        one(fd, fds[0]);
}

static void datagrams(int fd)
{
    one(fd, connected_socket(SOCK_DGRAM));
}

static void reset_meanwhile(int fd)
{
    int peer, sent = connect_to_peer(SOCK_STREAM, &peer);

    close(peer);
    one(fd, sent);
}

static void not_connected(int fd)
{
    one(fd, tcp_socket(false, false));
}

static void not_listening(int fd)
{
    one(fd, tcp_socket(true, false));
}

static void a_short_answer(int fd)
{
    int fds[] = {connected_socket(SOCK_STREAM)};

    answer(fd, "\0\0\0\0", 4, fds, 1);
}

static void an_error_with_a_descriptor(int fd)
{
    const struct socket_answer text = {.number = ENOENT, .text = "no"};
    int fds[] = {connected_socket(SOCK_STREAM)};

    answer(fd, &text, sizeof text, fds, 1);
}

static void a_negative_error(int fd)
{
    const struct socket_answer text = {.number = -5, .text = "no"};

    answer(fd, &text, sizeof text, NULL, 0);
}

static void a_text_without_end(int fd)
{
    struct socket_answer text = {.number = ENOENT};

    memset(text.text, 'x', sizeof text.text);
    answer(fd, &text, sizeof text, NULL, 0);
}

static void a_text_with_controls(int fd)
{
    const struct socket_answer text = {.number = ENOENT, .text = "one\nrecord\x1b[31m and \xe2\x80\x8b"};

    answer(fd, &text, sizeof text, NULL, 0);
}

static void nothing(int fd)
{
    (void)fd;
}

#define PROTOCOL "the helper network has answered what it was not asked for"
static const struct hostile {
    void (*answer)(int fd);
    enum network_task task;
    int number; /* 0: it is taken */
    const char *why;
} hostile[] = {
    {good, NETWORK_CONNECT, 0, ""},
    {good_listener, NETWORK_LISTEN, 0, ""},
    {good, NETWORK_LISTEN, EPROTO, PROTOCOL},
    {good_listener, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {no_descriptor, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {two_descriptors, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {five_descriptors, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {a_file, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {a_file, NETWORK_LISTEN, EPROTO, PROTOCOL},
    {a_socket_of_this_machine, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {datagrams, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {reset_meanwhile, NETWORK_CONNECT, ECONNRESET, "Connection reset by peer"},
    {not_connected, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {not_listening, NETWORK_LISTEN, EPROTO, PROTOCOL},
    {a_short_answer, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {an_error_with_a_descriptor, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {a_negative_error, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {a_text_without_end, NETWORK_CONNECT, EPROTO, PROTOCOL},
    {a_text_with_controls, NETWORK_CONNECT, ENOENT, "one\\x0arecord\\x1b[31m and \\u{200b}"},
    {nothing, NETWORK_CONNECT, EPIPE, "the helper network has ended before it answered"},
};

static void serve_hostile(int fd, const void *argument)
{
    const struct hostile *tested = argument;
    char address[SOCKET_ADDRESS_SIZE];

    if (recv(fd, address, sizeof address, 0) <= 0)
        return;
    tested->answer(fd);
    if (tested->answer != nothing)
        (void)!recv(fd, address, sizeof address, 0); /* until the agent has looked at it */
}

static int start_hostile(const char *name, void *user, int *ret_fd, struct error *error)
{
    const struct helper_task task = {.serve = serve_hostile, .argument = user, .timeout_ms = HANG_SECONDS * 1000};
    const struct helper_task tasks[] = {task, task};
    const struct helper_role served = {.name = name, .tasks = tasks, .count = countof(tasks)};
    int fds[2];
    pid_t pid;

    (void)error;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        _exit(helper_serve(fds[1], getuid(), &served, NULL) < 0 ? 1 : 0);
    }
    close(fds[1]);
    *ret_fd = fds[0];
    return 0;
}

static size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

START_TEST(answers_of_a_hostile_helper)
{
    const struct hostile *tested = &hostile[_i];
    struct helper_options options = network_role_options();
    size_t before;

    options.connect = start_hostile;
    options.user = (void *)(uintptr_t)tested;
    network = helper_new(workers, &options);
    before = count_descriptors();
    ask(tested->task, SOCK_STREAM, "tcp://127.0.0.1:1");
    ck_assert_int_eq(outcome.number, tested->number);
    ck_assert_str_eq(str_text(&outcome.why), tested->why);
    ck_assert_int_eq(outcome.fd >= 0, !tested->number);
    if (outcome.fd >= 0) {
        ck_assert_int_eq(fcntl(outcome.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        ck_assert_int_eq(fcntl(outcome.fd, F_GETFD), FD_CLOEXEC);
    }
    ck_assert_uint_eq(count_descriptors(), before + !tested->number);
}
END_TEST

/* ---- Without one ---- */

START_TEST(no_helper)
{
    const struct socket_options options = {
        .base = base, .address = "tcp://127.0.0.1:1", .type = SOCK_STREAM, .done = on_done, .user = &outcome};
    struct error error = ERROR_INIT;

    ck_assert_ptr_null(socket_ask(&options, &error));
    ck_assert_str_eq(error.text, "needs sockets of the internet: the helper network is not running");
}
END_TEST

START_TEST(a_cancelled_request)
{
    network_role_begin(workers);
    socket_cancel(begin(NETWORK_CONNECT, SOCK_STREAM, "tcp://127.0.0.1:1", &outcome));
    ask(NETWORK_CONNECT, SOCK_STREAM, "tcp://127.0.0.1:1");
    ck_assert_str_eq(str_text(&outcome.why), "Connection refused");
}
END_TEST

/* A receiver that does not answer: its queue is full. */
static int deaf_receiver(struct sockaddr_in *ret)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof *ret;

    *ret = loopback;
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)ret, sizeof *ret), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, &length), 0);
    for (unsigned i = 0; i < 4; i++) { /* they stay until the test ends */
        int other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        (void)!connect(other, (const struct sockaddr *)ret, length);
    }
    return fd;
}

/* Receivers that do not answer hold up no other one. */
START_TEST(many_that_do_not_answer)
{
    enum { COUNT = 40 };
    struct outcome others[COUNT] = {0};
    struct socket_request *requests[COUNT];
    struct sockaddr_in deaf;
    scoped(cleanup_close) int deaf_fd = deaf_receiver(&deaf), fd = tcp_socket(true, true);
    struct sockaddr_in good_address = loopback;
    socklen_t length = sizeof good_address;
    scoped(cleanup_free) char *to_deaf = mem_printf("tcp://127.0.0.1:%u", ntohs(deaf.sin_port)), *to_good = NULL;

    ck_assert_int_ge(deaf_fd, 0);
    getsockname(fd, (struct sockaddr *)&good_address, &length);
    to_good = mem_printf("tcp://127.0.0.1:%u", ntohs(good_address.sin_port));
    network_role_begin(workers);
    for (size_t i = 0; i < COUNT; i++)
        requests[i] = begin(NETWORK_CONNECT, SOCK_STREAM, to_deaf, &others[i]);
    ask(NETWORK_CONNECT, SOCK_STREAM, to_good);
    ck_assert_msg(outcome.fd >= 0, "%s", str_text(&outcome.why));
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert(!others[i].done);
        socket_cancel(requests[i]);
    }
}
END_TEST

/* ---- The program, as the launcher or systemd starts it ---- */

static int start_program(const char *name, void *user, int *ret_fd, struct error *error)
{
    int fds[2];
    pid_t pid;

    (void)error;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    pid = fork();
    if (pid == 0) {
        scoped(cleanup_free) char *self = mem_printf("%d", (int)getpid());

        setenv("LISTEN_PID", self, 1);
        setenv("LISTEN_FDS", "1", 1);
        if (fds[1] == 3)
            fcntl(3, F_SETFD, 0);
        else
            dup2(fds[1], 3);
        execl(BUILD_DIR "/docker-bench-helper", "docker-bench-helper", name, "--config", user, NULL);
        _exit(127);
    }
    close(fds[1]);
    *ret_fd = fds[0];
    return 0;
}

/* The caller frees the path of the configuration, after the helper. */
static char *begin_program(const char *config)
{
    char *path = mem_printf("%s/agent.json", folder);
    struct helper_options options = network_role_options();

    ck_assert_int_eq(file_replace(path, config, strlen(config), 0600, NULL), 0);
    options.connect = start_program;
    options.user = path;
    network = helper_new(workers, &options);
    return path;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;

    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static unsigned peer_port(int fd)
{
    struct sockaddr_in6 address = {0}; /* the port of both families is at the same place */
    socklen_t length = sizeof address;

    ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin6_port);
}

/* A name is resolved within the filter, by files at least; what the configuration names beside addresses need not be
 * visible. */
START_TEST(the_program_connects_and_listens)
{
    scoped(cleanup_close) int tcp = tcp_socket(true, true), udp = socket(AF_INET, SOCK_DGRAM, 0),
                              free_port = tcp_socket(true, false);
    scoped(cleanup_free) char *config = NULL, *path = NULL, *to_tcp = NULL, *to_udp = NULL, *to_none = NULL,
                              *listen_at = NULL;

    ck_assert_int_eq(bind(udp, (const struct sockaddr *)&loopback, sizeof loopback), 0);
    to_tcp = mem_printf("tls://localhost:%u", port_of(tcp));
    to_udp = mem_printf("udp://127.0.0.1:%u", port_of(udp));
    to_none = mem_printf("tcp://nobody.invalid:%u", port_of(tcp));
    listen_at = mem_printf("127.0.0.1:%u", port_of(free_port));
    close(free_port);
    free_port = -1;
    config = mem_printf(
        "{\"rules_dir\": \"/nowhere\", \"metrics\": {\"listen\": \"%s\"}, \"sinks\": [{\"type\": \"syslog\", "
        "\"address\": \"%s\", \"tls\": {\"ca\": \"/nowhere/ca.pem\"}}, {\"type\": \"syslog\", \"address\": \"%s\"}, "
        "{\"type\": \"syslog\", \"address\": \"%s\"}]}",
        listen_at, to_tcp, to_udp, to_none);
    path = begin_program(config);
    ask(NETWORK_CONNECT, SOCK_STREAM, to_tcp);
    ck_assert_msg(outcome.fd >= 0, "%s", str_text(&outcome.why));
    ck_assert_uint_eq(peer_port(outcome.fd), port_of(tcp));
    ask(NETWORK_CONNECT, SOCK_DGRAM, to_udp);
    ck_assert_msg(outcome.fd >= 0, "%s", str_text(&outcome.why));
    ck_assert_uint_eq(peer_port(outcome.fd), port_of(udp));
    ask(NETWORK_LISTEN, SOCK_STREAM, listen_at);
    ck_assert_msg(outcome.fd >= 0, "%s", str_text(&outcome.why));
    ck_assert_uint_eq(port_of(outcome.fd), (unsigned)atoi(strchr(listen_at, ':') + 1));
    ask(NETWORK_CONNECT, SOCK_STREAM, to_none);
    ck_assert_int_lt(outcome.fd, 0);
    ck_assert_msg(str_starts(str_text(&outcome.why), "cannot resolve \"nobody.invalid\": "), "%s",
                  str_text(&outcome.why));
    network_role_end();
}
END_TEST

/* Nothing is connected to but what root has written down, word for word; nor is anything listened on. */
START_TEST(the_program_refuses_what_is_not_configured)
{
    scoped(cleanup_close) int tcp = tcp_socket(true, true);
    scoped(cleanup_free) char *config =
        mem_printf("{\"sinks\": [{\"type\": \"syslog\", \"address\": \"tcp://localhost:%u\"}, {\"type\": \"syslog\", "
                   "\"address\": \"/dev/log\"}]}",
                   port_of(tcp));
    scoped(cleanup_free) char *path = begin_program(config);

    char *others[] = {mem_printf("tcp://127.0.0.1:%u", port_of(tcp)),
                      mem_printf("udp://localhost:%u", port_of(tcp)),
                      mem_printf("tcp://localhost:%u ", port_of(tcp)),
                      mem_printf("localhost:%u", port_of(tcp)),
                      mem_strdup(""),
                      mem_strdup("/dev/log"),
                      mem_strdup("/run/systemd/journal/socket")};

    for (size_t i = 0; i < countof(others); i++) {
        scoped(cleanup_free) char *address = others[i];
        scoped(cleanup_free) char *why = mem_printf("%s is not in the configuration of the helper network", address);

        ask(NETWORK_CONNECT, SOCK_STREAM, address);
        ck_assert_str_eq(str_text(&outcome.why), why);
        ck_assert_int_eq(outcome.number, EACCES);
        ask(NETWORK_LISTEN, SOCK_STREAM, address);
        ck_assert_str_eq(str_text(&outcome.why), why);
    }
    ck_assert_int_eq(poll(&(struct pollfd){.fd = tcp, .events = POLLIN}, 1, 0), 0);
    network_role_end();
}
END_TEST

START_TEST(the_program_says_why_it_has_no_configuration)
{
    scoped(cleanup_free) char *path = begin_program("{\"sinkz\": []}");

    ask(NETWORK_CONNECT, SOCK_STREAM, "tcp://127.0.0.1:1");
    ck_assert_msg(str_starts(str_text(&outcome.why), "the helper network: ") &&
                      strstr(str_text(&outcome.why), "unknown key \"sinkz\""),
                  "%s", str_text(&outcome.why));
    network_role_end();
}
END_TEST

/* ---- The agent itself ---- */

START_TEST(the_agent_makes_none)
{
    static const struct agent_user same = {.becomes = false};
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK};
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        scoped(cleanup_close) int fd = agent_user_become(&same, NULL) < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM, 0);

        if (fd < 0)
            _exit(100);
        for (size_t i = 0; i < countof(families); i++) {
            scoped(cleanup_close) int other = socket(families[i], SOCK_DGRAM, 0);

            if (other >= 0 || errno != EAFNOSUPPORT)
                _exit(1 + (int)i);
        }
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sockets");
    TCase *tests = tcase_create("sockets");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, answers_of_a_hostile_helper, 0, countof(hostile));
    tcase_add_test(tests, no_helper);
    tcase_add_test(tests, a_cancelled_request);
    tcase_add_test(tests, many_that_do_not_answer);
    tcase_add_test(tests, the_program_connects_and_listens);
    tcase_add_test(tests, the_program_refuses_what_is_not_configured);
    tcase_add_test(tests, the_program_says_why_it_has_no_configuration);
    tcase_add_test(tests, the_agent_makes_none);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
