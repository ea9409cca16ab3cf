/* Long answers in turns: evhttp and its clients in this process, the loop run one turn at a time. */
#include <check.h>
#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/api/server_turns.h"
#include "common/str.h"

enum { CLIENTS = 50, TURNS_MAX = 1000 };

static char path[64];
static struct event_base *base;
static struct evhttp *http;
static struct turns *turns;
static unsigned long_answers, short_answers;
static int clients[CLIENTS];

static void reply(struct evhttp_request *request)
{
    struct evbuffer *body = evbuffer_new();

    evbuffer_add_printf(body, "fine\n");
    evhttp_send_reply(request, 200, NULL, body);
    evbuffer_free(body);
}

static void answer(struct evhttp_request *request, void *user)
{
    ck_assert_ptr_eq(user, turns);
    long_answers++;
    reply(request);
}

static void on_request(struct evhttp_request *request, void *user)
{
    turns_forget(turns, request, NULL);
    if (strcmp(evhttp_request_get_uri(request), "/short") != 0) {
        turns_take(turns, request, answer, user);
        return;
    }
    short_answers++;
    reply(request);
}

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof path, "/tmp/test-server-turns-%d", (int)getpid());
    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 2 * CLIENTS), 0);
    base = event_base_new();
    turns = turns_new(base);
    http = evhttp_new(base);
    evhttp_set_gencb(http, on_request, turns);
    ck_assert_int_eq(evhttp_accept_socket(http, fd), 0);
    long_answers = short_answers = 0;
}

static void tear_down(void)
{
    turns_free(turns);
    evhttp_free(http);
    event_base_free(base);
    unlink(path);
}

static int ask(const char *what)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[64];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0),
        n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", what);

    memcpy(address.sun_path, path, strlen(path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    return fd;
}

static void ask_all(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = ask("/long");
}

static void run_a_turn(void)
{
    ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
}

static bool is_answered(int fd)
{
    char text[256];
    ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);

    return n > 12 && memcmp(text, "HTTP/1.1 200", 12) == 0;
}

static void run_until_answered(unsigned count)
{
    for (unsigned i = 0; i < TURNS_MAX && long_answers < count; i++)
        run_a_turn();
    ck_assert_uint_eq(long_answers, count);
    for (unsigned i = 0; i < 5; i++) /* what was written goes out, and no answer comes after the last one */
        run_a_turn();
    ck_assert_uint_eq(long_answers, count);
}

static void close_all(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

START_TEST(one_long_answer_a_turn)
{
    unsigned before;
    int other;

    ask_all();
    other = ask("/short");
    for (unsigned i = 0; i < TURNS_MAX && !short_answers; i++) {
        before = long_answers;
        run_a_turn();
        ck_assert_uint_le(long_answers - before, 1);
    }
    ck_assert_uint_eq(short_answers, 1);
    ck_assert_uint_le(long_answers, 5);
    run_until_answered(CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++)
        ck_assert(is_answered(clients[i]));
    ck_assert(is_answered(other));
    close(other);
    close_all();
}
END_TEST

START_TEST(a_short_request_meets_one_long_answer_at_most)
{
    unsigned before;
    int other;

    ask_all();
    while (long_answers < CLIENTS / 2)
        run_a_turn();
    for (unsigned late = 0; late < 5; late++) { /* at any distance from the last long answer */
        before = long_answers;
        other = ask("/short");
        for (unsigned i = 0; i < TURNS_MAX && !is_answered(other); i++)
            run_a_turn();
        ck_assert_uint_le(long_answers - before, 1);
        close(other);
        for (unsigned i = 0; i < late; i++)
            run_a_turn();
    }
    ck_assert_uint_lt(long_answers, CLIENTS);
    close_all();
}
END_TEST

/* Those who have said that they send nothing more are answered like the others. */
START_TEST(who_has_shut_down_sending_is_answered)
{
    ask_all();
    for (unsigned i = 0; i < CLIENTS; i++)
        shutdown(clients[i], SHUT_WR);
    run_until_answered(CLIENTS);
    for (unsigned i = 1; i < CLIENTS; i++) /* the first one is answered at once, which is evhttp's own matter */
        ck_assert_msg(is_answered(clients[i]), "%u", i);
    close_all();
}
END_TEST

/* On the way into the queue, or in it. */
START_TEST(who_has_gone_costs_nothing)
{
    unsigned asked = 0;

    ask_all();
    while (!long_answers) /* all are read in the turn in which the first one is */
        run_a_turn();
    close_all();
    for (unsigned i = 0; i < TURNS_MAX && long_answers < CLIENTS; i++)
        run_a_turn();
    ck_assert_uint_le(long_answers, CLIENTS);
    asked = long_answers;
    clients[0] = ask("/long");
    run_until_answered(asked + 1);
    ck_assert(is_answered(clients[0]));
    close(clients[0]);
}
END_TEST

/* Nothing of them is left, nor touched again: the sanitizers see it. */
START_TEST(those_that_wait_are_forgotten)
{
    unsigned answered;

    ask_all();
    while (!long_answers)
        run_a_turn();
    answered = long_answers;
    if (_i == 0) { /* their listener ends */
        turns_forget(turns, NULL, turns);
        evhttp_free(http);
        http = evhttp_new(base);
        for (unsigned i = 0; i < 10; i++)
            run_a_turn();
        ck_assert_uint_eq(long_answers, answered);
    }
    close_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_turns");
    TCase *tests = tcase_create("turns");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, one_long_answer_a_turn);
    tcase_add_test(tests, a_short_request_meets_one_long_answer_at_most);
    tcase_add_test(tests, who_has_shut_down_sending_is_answered);
    tcase_add_test(tests, who_has_gone_costs_nothing);
    tcase_add_loop_test(tests, those_that_wait_are_forgotten, 0, 2);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
