/* Caps and patience of the query API, on a real socket: evhttp in this process, clients in forked ones. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/api/server_clients.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/str.h"

/* PATIENCE_S: of the tests that are about it; in the others nobody runs out of it. */
enum { PATIENCE_S = 1, LONG_PATIENCE_S = 900, HANG_MS = 240000, NOBODY = 65534, LARGE = 6 * 1024 * 1024 };

static char path[64];
static struct event_base *base;
static struct evhttp *http;
static struct room *room;
static struct clients *clients;
static unsigned failed_accepts;

/* Before the C library's, to count: libevent takes this one. */
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    int r = (int)syscall(SYS_accept4, fd, address, length, flags);

    failed_accepts += r < 0 && errno == EMFILE;
    return r;
}

static void on_request(struct evhttp_request *request, void *user)
{
    static const char block[64 * 1024];
    struct evbuffer *body = evbuffer_new();
    struct bufferevent *stream = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));

    (void)user;
    clients_served(clients, stream, false);
    if (!str_equal(evhttp_request_get_uri(request), "/large")) {
        evbuffer_add_printf(body, "fine\n");
        evhttp_send_reply(request, 200, NULL, body);
    } else if (clients_make_room(clients, stream, LARGE, false)) {
        for (unsigned i = 0; i < LARGE / sizeof block; i++)
            evbuffer_add_reference(body, block, sizeof block, NULL, NULL);
        evhttp_send_reply(request, 200, NULL, body);
    } else {
        evhttp_send_reply(request, 503, NULL, body);
    }
    evbuffer_free(body);
}

/* Such as an event on a descriptor that is closed. */
static void on_warning(int severity, const char *text)
{
    ck_assert_msg(severity < EVENT_LOG_WARN, "%s", text);
}

static void set_up_with(unsigned patience)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    signal(SIGPIPE, SIG_IGN); /* as the agent does */
    event_set_log_callback(on_warning);
    snprintf(path, sizeof path, "/tmp/test-server-clients-%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(listen(fd, 512), 0);
    base = event_base_new();
    http = evhttp_new(base);
    evhttp_set_gencb(http, on_request, NULL);
    room = room_new();
    clients = clients_new(base, http, evhttp_accept_socket_with_handle(http, fd), room, patience);
}

static void set_up(void)
{
    set_up_with(LONG_PATIENCE_S);
}

static void set_up_impatient(void)
{
    set_up_with(PATIENCE_S);
}

static void tear_down(void)
{
    evhttp_free(http);
    clients_free(clients);
    room_free(room);
    event_base_free(base);
    unlink(path);
}

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        _exit(100);
    return fd;
}

static bool is_answered(int fd, const char *request, int wait_ms)
{
    char answer[256];
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    return send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
           poll(&readable, 1, wait_ms) == 1 && read(fd, answer, sizeof answer) > 12 &&
           memcmp(answer, "HTTP/1.1 200", 12) == 0;
}

static bool is_hung_up(int fd, int wait_ms)
{
    char byte;
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    return poll(&readable, 1, wait_ms) == 1 && read(fd, &byte, 1) <= 0;
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
    int status;

    (void)fd;
    (void)what;
    if (waitpid(*(pid_t *)user, &status, WNOHANG) <= 0)
        return;
    *(pid_t *)user = 0;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the client ended with status %x", status);
    event_base_loopbreak(base);
}

/* Runs CLIENT, which returns 0 when all was well, in a process of its own while this one serves. */
static void serve(int (*client)(void))
{
    struct timeval often = {.tv_usec = 20000};
    pid_t pid = fork();
    struct event *look;

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(client());
    look = event_new(base, -1, EV_PERSIST, on_look, &pid);
    event_add(look, &often);
    event_base_dispatch(base);
    event_free(look);
    ck_assert_int_eq(pid, 0);
}

static const char whole[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

static int never_finishes(void)
{
    int slow = connect_client(), other = connect_client();

    for (unsigned i = 0; i < 20; i++) { /* a byte now and then does not buy time */
        if (send(slow, "G", 1, MSG_NOSIGNAL) < 0)
            break;
        usleep(100000);
    }
    if (!is_hung_up(slow, HANG_MS))
        return 1;
    close(other);
    return is_answered(connect_client(), whole, HANG_MS) ? 0 : 2;
}

START_TEST(a_request_that_never_ends_is_hung_up)
{
    serve(never_finishes);
}
END_TEST

/* Twice as long as the patience, a request every quarter of it. RET_LATE: one of them came too late for that. */
static bool goes_on_asking(bool *ret_late)
{
    usec_t last = clock_monotonic();
    int fd = connect_client();
    bool is_served = true;

    *ret_late = false;
    for (unsigned i = 0; i < 8 && is_served; i++) {
        is_served = is_answered(fd, whole, HANG_MS);
        *ret_late = *ret_late || clock_monotonic() - last > PATIENCE_S * USEC_PER_SEC * 3 / 4;
        last = clock_monotonic();
        usleep(PATIENCE_S * 250000);
    }
    close(fd);
    return is_served;
}

static int stays_busy(void)
{
    bool is_late = true;

    for (unsigned tries = 0; tries < 50 && is_late; tries++)
        if (goes_on_asking(&is_late))
            return 0;
    return 1;
}

START_TEST(who_goes_on_asking_stays)
{
    serve(stays_busy);
}
END_TEST

static bool is_served_soon(void)
{
    usec_t end = clock_monotonic() + HANG_MS * (usec_t)1000;
    bool is_served;

    do {
        int fd = connect_client();

        usleep(20000);
        is_served = is_answered(fd, whole, HANG_MS);
        close(fd);
    } while (!is_served && clock_monotonic() < end);
    return is_served;
}

static int one_user_too_many(void)
{
    int fds[CLIENTS_OF_A_USER_MAX + 1];
    pid_t other;
    int status;

    if (setuid(NOBODY) < 0)
        return 3;
    for (size_t i = 0; i < CLIENTS_OF_A_USER_MAX; i++)
        fds[i] = connect_client();
    if (!is_answered(fds[0], whole, HANG_MS))
        return 1;
    fds[CLIENTS_OF_A_USER_MAX] = connect_client();
    if (!is_hung_up(fds[CLIENTS_OF_A_USER_MAX], HANG_MS))
        return 2;
    close(fds[0]); /* makes room again, when that is seen */
    other = fork();
    if (other == 0)
        _exit(is_served_soon() ? 0 : 4);
    return waitpid(other, &status, 0) == other && WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}

START_TEST(a_user_has_so_many)
{
    serve(one_user_too_many);
}
END_TEST

static int too_many(void)
{
    int fds[CLIENTS_MAX], late;

    for (size_t i = 0; i < CLIENTS_MAX; i++)
        fds[i] = connect_client();
    if (!is_answered(fds[CLIENTS_MAX - 1], whole, HANG_MS))
        return 1;
    late = connect_client(); /* waits in the kernel's queue */
    if (is_answered(late, whole, 300))
        return 2;
    for (size_t i = 0; i < 8; i++)
        close(fds[i]);
    return is_answered(late, "", HANG_MS) ? 0 : 3;
}

START_TEST(nothing_is_accepted_beyond_the_cap)
{
    serve(too_many);
}
END_TEST

/* ---- Out of descriptors ---- */

enum { FREE = 12, CROWD = 40 };

static size_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder's own */
}

static void limit_descriptors(rlim_t soft)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft ? soft : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static bool is_refused(int fd)
{
    char answer[512] = "";
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    return poll(&readable, 1, HANG_MS) == 1 && read(fd, answer, sizeof answer - 1) > 12 &&
           memcmp(answer, "HTTP/1.1 503", 12) == 0 && strstr(answer, "\"code\":\"unavailable\"") &&
           is_hung_up(fd, HANG_MS);
}

static int crowd(void)
{
    int fds[CROWD];

    limit_descriptors(0);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < CROWD; i++)
            fds[i] = connect_client();
        if (!is_answered(fds[0], whole, HANG_MS) || !is_refused(fds[CROWD - 1]))
            return 1;
        usleep(500000); /* in which the old loop turned 100,000 times */
        for (size_t i = 0; i < CROWD; i++)
            close(fds[i]);
        if (!is_answered(connect_client(), whole, HANG_MS)) /* accepted when there are descriptors again */
            return 2;
    }
    return 0;
}

static unsigned count_lines(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

START_TEST(nobody_is_accepted_without_descriptors)
{
    FILE *log = tmpfile();
    int standard_error = dup(STDERR_FILENO);
    usec_t begun = clock_monotonic(), took;
    char text[8192] = "";

    ck_assert_ptr_nonnull(log);
    fflush(stderr);
    dup2(fileno(log), STDERR_FILENO);
    limit_descriptors(open_descriptors() + FREE);
    serve(crowd);
    took = clock_monotonic() - begun;
    limit_descriptors(0);
    dup2(standard_error, STDERR_FILENO);
    rewind(log);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, log), 0);
    fclose(log);
    ck_assert_msg(failed_accepts >= 3, "%u failed accepts", failed_accepts);
    ck_assert_msg(failed_accepts < 30 + took / USEC_PER_SEC, "%u failed accepts", failed_accepts); /* one a second */
    ck_assert_msg(count_lines(text, "\n") < 10, "%s", text);
    ck_assert_uint_eq(count_lines(text, "no connection can be accepted (Too many open files)"), 3);
    ck_assert_uint_eq(count_lines(text, "connections are accepted again"), 3);
    ck_assert_uint_eq(count_lines(text, "Error from accept"), 0);
}
END_TEST

static const char large[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";

/* The status of the next answer; 0: none comes. */
static int status_of(int fd, const char *request)
{
    char answer[256] = "";
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 || poll(&readable, 1, HANG_MS) != 1 ||
        recv(fd, answer, 12, MSG_PEEK) < 12)
        return 0;
    return atoi(answer + 9);
}

/* One of the same user waits until the answer that nobody reads is slow; that one's connection is closed then. */
static int one_user_reads_nothing(void)
{
    int slow, second, other, status;
    usec_t begun;

    for (;;) {
        slow = connect_client(), second = connect_client(), other = connect_client();
        begun = clock_monotonic();
        if (status_of(slow, large) != 200 || status_of(second, large) != 200)
            return 1;
        status = status_of(other, large);
        if (clock_monotonic() - begun < ROOM_SLOW_S * USEC_PER_SEC)
            break;
        if (status == 503) /* it may have been slow already when that one asked */
            break;
        close(slow), close(second), close(other);
        usleep(200000);
    }
    if (status != 503)
        return 2;
    close(other);
    other = connect_client();
    if (!is_answered(other, whole, HANG_MS))
        return 3;
    sleep(ROOM_SLOW_S + 1);
    close(other);
    other = connect_client();
    if (status_of(other, large) != 200)
        return 4;
    for (char buffer[65536]; read(slow, buffer, sizeof buffer) > 0;)
        continue;
    return 0;
}

/* Another one does not. */
static int a_user_reads_nothing(void)
{
    int slow, second, other = connect_client();

    if (seteuid(NOBODY) < 0)
        return 1;
    slow = connect_client();
    second = connect_client();
    if (seteuid(0) < 0 || status_of(slow, large) != 200 || status_of(second, large) != 200)
        return 2;
    return status_of(other, large) == 200 ? 0 : 3;
}

START_TEST(answers_that_are_not_read_make_room)
{
    serve(one_user_reads_nothing);
    ck_assert_uint_eq(room_counts(room)->refused, 1);
}
END_TEST

START_TEST(a_user_makes_room_for_another_at_once)
{
    serve(a_user_reads_nothing);
    ck_assert_uint_eq(room_counts(room)->refused, 0);
    ck_assert_uint_eq(room_counts(room)->closed, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_clients");
    TCase *all = tcase_create("server_clients"), *impatient = tcase_create("patience");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 600);
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(impatient, 600);
    tcase_add_checked_fixture(impatient, set_up_impatient, tear_down);
    tcase_add_test(impatient, a_request_that_never_ends_is_hung_up);
    tcase_add_test(impatient, who_goes_on_asking_stays);
    tcase_add_test(all, a_user_has_so_many);
    tcase_add_test(all, nothing_is_accepted_beyond_the_cap);
    tcase_add_test(all, nobody_is_accepted_without_descriptors);
    tcase_add_test(all, answers_that_are_not_read_make_room);
    tcase_add_test(all, a_user_makes_room_for_another_at_once);
    suite_add_tcase(suite, impatient);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
