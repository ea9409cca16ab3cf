/* agentctl when it is somebody else who answers on the socket: it comes to an end, says why, and lets nothing through
 * to a terminal that is not text. */
#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "../hostile_bytes.h"
#include "beside.h"
#include "common/memory.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define HELLO                                                                                                          \
    "{\"hello\":{\"last_seq\":5,\"oldest_seq\":1,\"oldest_time\":\"2026-01-01T00:00:00Z\",\"stream\":\"x\"}}\n"
#define LINE                                                                                                           \
    "{\"rule\":\"5.4\",\"slug\":\"x\",\"subject\":{\"kind\":\"container\",\"id\":\"a\",\"name\":\"b\"},\"seq\":3}\n"
#define REFUSED "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"

static struct beside beside;
static struct evconnlistener *listener;

/* What is answered to every request: FIRST, whose %zu is the number of the request, and MORE again and again until the
 * client goes. */
static struct {
    const char *first, *more;
    const char *list[4]; /* for the first requests in place of FIRST, which NULL ends */
    size_t requests, sent;
    struct str asked; /* the first line of each request */
} answer;

static struct bufferevent *open_streams[16];

static void end_stream(struct bufferevent *stream)
{
    for (size_t i = 0; i < countof(open_streams); i++)
        if (open_streams[i] == stream)
            open_streams[i] = NULL;
    bufferevent_free(stream);
}

static void on_drained(struct bufferevent *stream, void *user)
{
    (void)user;
    for (unsigned i = 0; answer.more && i < 1000; i++) {
        bufferevent_write(stream, answer.more, strlen(answer.more));
        answer.sent += strlen(answer.more);
    }
    if (!answer.more)
        end_stream(stream);
}

static void on_end(struct bufferevent *stream, short what, void *user)
{
    (void)what;
    (void)user;
    end_stream(stream);
}

static void on_request(struct bufferevent *stream, void *user)
{
    struct evbuffer *input = bufferevent_get_input(stream);

    (void)user;
    if (evbuffer_search(input, "\r\n\r\n", 4, NULL).pos < 0)
        return;
    str_append_n(&answer.asked, evbuffer_pullup(input, -1),
                 (size_t)evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_CRLF_STRICT).pos);
    str_append_char(&answer.asked, '\n');
    evbuffer_drain(input, evbuffer_get_length(input));
    if (answer.requests < countof(answer.list) && answer.list[answer.requests])
        answer.first = answer.list[answer.requests];
    answer.requests++;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    evbuffer_add_printf(bufferevent_get_output(stream), answer.first, answer.requests);
#pragma GCC diagnostic pop
    bufferevent_setcb(stream, NULL, on_drained, on_end, NULL);
}

static void on_accept(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *address, int length, void *user)
{
    struct bufferevent *stream = bufferevent_socket_new(beside.base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)from;
    (void)address;
    (void)length;
    (void)user;
    for (size_t i = 0; i < countof(open_streams); i++)
        if (!open_streams[i]) {
            open_streams[i] = stream;
            break;
        }
    bufferevent_setcb(stream, on_request, NULL, on_end, NULL);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    beside_begin(&beside, 1);
    memcpy(address.sun_path, beside.agent_socket, strlen(beside.agent_socket));
    listener = evconnlistener_new_bind(beside.base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
                                       (struct sockaddr *)&address, sizeof address);
    ck_assert_ptr_nonnull(listener);
    memset(&answer, 0, sizeof answer);
}

static void tear_down(void)
{
    for (size_t i = 0; i < countof(open_streams); i++)
        if (open_streams[i])
            end_stream(open_streams[i]);
    evconnlistener_free(listener);
    str_deinit(&answer.asked);
    beside_end(&beside);
}

/* agentctl COMMAND; its exit status. */
static int run(const char *command, bool terminal, struct str *ret_out, struct str *ret_err)
{
    scoped(cleanup_free) char *words = mem_strdup(command);
    const char *argv[16] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    size_t count = 3;
    char *rest = words;

    for (char *word; (word = strsep(&rest, " "));)
        argv[count++] = word;
    return beside_run(&beside, argv, terminal, ret_out, ret_err);
}

static void ends_with(const char *command, int status, const char *why)
{
    scoped_str out = STR_INIT, err = STR_INIT;
    int r = run(command, false, &out, &err);

    ck_assert_msg(r == status, "agentctl %s ended with %d: %s", command, r, str_text(&err));
    ck_assert_msg(strstr(str_text(&err), why) != NULL, "agentctl %s says: %s", command, str_text(&err));
}

START_TEST(a_next_that_repeats_ends)
{
    static const char *const commands[] = {"findings", "--json findings", "findings --limit 100000"};

    answer.first = HEAD "{\"findings\":[{\"rule\":\"5.4\"}],\"next\":\"x y\"}";
    for (size_t i = 0; i < countof(commands); i++) {
        answer.requests = 0;
        ends_with(commands[i], 4, "one of them is repeated");
        ck_assert_uint_eq(answer.requests, 2);
    }
}
END_TEST

START_TEST(a_next_without_findings_ends)
{
    answer.first = HEAD "{\"findings\":[],\"next\":\"x %zu\"}";
    ends_with("findings", 4, "one of them is empty");
    ck_assert_uint_eq(answer.requests, 1);
}
END_TEST

START_TEST(pages_without_end_end)
{
    answer.first = HEAD "{\"findings\":[{\"rule\":\"5.4\"}],\"next\":\"x %zu\"}";
    ends_with("findings", 4, "there are too many");
    ck_assert_uint_eq(answer.requests, 10001);
}
END_TEST

/* Nothing here is read without a bound, whatever is asked. */
START_TEST(answers_without_end_end)
{
    static const char *const commands[] = {"status",        "findings", "rules",          "explain 5.4", "check",
                                           "scan",          "metrics",  "ack aaaa x",     "resend x",    "version",
                                           "--json status", "history",  "--json history", "diff 1d",     "watch"};
    enum { MOST = 80 * 1024 * 1024 };

    for (size_t i = 0; i < countof(commands); i++) {
        scoped_str out = STR_INIT, err = STR_INIT;

        answer.first = HEAD "{\"a\":\"";
        answer.more =
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        answer.sent = 0;
        ck_assert_msg(run(commands[i], false, &out, &err) == 3, "%s: %s", commands[i], str_text(&err));
        ck_assert_msg(answer.sent < MOST, "%s: %zu", commands[i], answer.sent);
        ck_assert_ptr_nonnull(strstr(str_text(&err), "agentctl: "));
    }
}
END_TEST

START_TEST(headers_without_end_end)
{
    enum { MOST = 4 * 1024 * 1024 };

    answer.first = "HTTP/1.1 200 OK\r\n";
    answer.more = "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    ends_with("status", 3, "agentctl: ");
    ck_assert_uint_lt(answer.sent, MOST);
    answer.first = "HTTP/1.1 100 Continue\r\n\r\n";
    answer.more = "HTTP/1.1 100 Continue\r\n\r\n";
    answer.sent = 0;
    ends_with("status", 3, "agentctl: ");
    ck_assert_uint_lt(answer.sent, MOST);
}
END_TEST

/* The first line says how many there are. */
START_TEST(a_history_without_end_ends)
{
    static const char *const commands[] = {"history", "--json history", "diff 1d"};

    answer.first = HEAD HELLO;
    answer.more = LINE;
    for (size_t i = 0; i < countof(commands); i++)
        ends_with(commands[i], 4, "longer than its first line says");
}
END_TEST

START_TEST(a_busy_agent_is_asked_again)
{
    answer.first = REFUSED;
    ends_with("status", 4, "503");
    ck_assert_uint_eq(answer.requests, 5);
}
END_TEST

/* In each line that COMMAND prints for programs. */
static size_t tabs_of(const char *command)
{
    scoped_str out = STR_INIT, err = STR_INIT;
    size_t tabs = 0;

    run(command, false, &out, &err);
    for (const char *at = str_text(&out); *at && *at != '\n'; at++)
        tabs += *at == '\t';
    return tabs ? tabs : 1;
}

#define EVENT(seq, name)                                                                                               \
    "{\"rule\":\"5.4\",\"slug\":\"x\",\"subject\":{\"kind\":\"container\",\"id\":\"" name "\",\"name\":\"" name        \
    "\"},\"seq\":" seq                                                                                                 \
    ",\"status\":\"fail\",\"severity\":\"high\",\"previous\":null,\"cause\":\"docker:container/create\","              \
    "\"evidence\":\"e\",\"at\":\"2026-01-01T00:00:00Z\"}\n"
#define GONE "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"x\",\"message\":\"enough\"}}"

START_TEST(watch_goes_on_where_it_was)
{
    static const char *const commands[] = {"watch", "--json watch"};

    for (size_t i = 0; i < countof(commands); i++)
        for (int terminal = 0; terminal < 2; terminal++) {
            scoped_str out = STR_INIT, err = STR_INIT;

            answer.list[0] = HEAD HELLO EVENT("6", "one") "{\"settled\":7}\n";
            answer.list[1] = HEAD HELLO EVENT("8", "two"); /* which ends before all is there */
            answer.list[2] = GONE;
            answer.requests = 0;
            str_clear(&answer.asked);
            ck_assert_int_eq(run(commands[i], terminal, &out, &err), 2);
            ck_assert_msg(strstr(str_text(&out), "one") && strstr(out.data, "two"), "%s: %s", commands[i],
                          str_text(&out));
            ck_assert_ptr_nonnull(strstr(str_text(&err), "since transition 5; Ctrl-C ends it\n"));
            ck_assert_ptr_nonnull(strstr(err.data, "waiting for it to come back\n"));
            ck_assert_ptr_nonnull(strstr(err.data, "after transition 7\n"));
            ck_assert_ptr_nonnull(strstr(err.data, "enough"));
            ck_assert_ptr_nonnull(strstr(answer.asked.data, "since=7"));
            ck_assert_ptr_nonnull(strstr(answer.asked.data, "since=8"));
            ck_assert_int_eq(strstr(answer.asked.data, "marks=true") != NULL, !i && terminal);
            ck_assert_int_eq(strstr(answer.asked.data, "status=fail%2Cerror") != NULL, !i);
        }
}
END_TEST

START_TEST(watch_begins_anew_with_another_history)
{
    scoped_str out = STR_INIT, err = STR_INIT;

    answer.list[0] = HEAD HELLO EVENT("6", "one");
    answer.list[1] = HEAD "{\"hello\":{\"last_seq\":2,\"oldest_seq\":1,\"stream\":\"another\"}}\n";
    answer.list[2] = HEAD "{\"hello\":{\"last_seq\":2,\"oldest_seq\":1,\"stream\":\"another\"}}\n" EVENT("3", "two");
    answer.list[3] = GONE;
    ck_assert_int_eq(run("watch", false, &out, &err), 2);
    ck_assert_ptr_nonnull(strstr(str_text(&out), "two"));
    ck_assert_ptr_nonnull(strstr(str_text(&err), "a history begun anew"));
    ck_assert_ptr_nonnull(strstr(answer.asked.data, "since=2&"));
}
END_TEST

START_TEST(watch_refuses_what_is_ahead)
{
    answer.first = HEAD HELLO;
    ends_with("watch --since 99999999", 2, "--since 99999999 is ahead of the last transition, 5\n");
    answer.list[0] = HEAD HELLO;
    answer.list[1] = GONE;
    answer.requests = 0;
    ends_with("watch --since 5", 2, "since transition 5");
    answer.requests = 0;
    str_clear(&answer.asked);
    ends_with("watch --since 2h", 2, "since transition 1;");
    ck_assert_ptr_nonnull(strstr(answer.asked.data, "since_time=20"));
}
END_TEST

/* What the shells are given are words that mean themselves. */
START_TEST(completion_lists_plain_names_alone)
{
    scoped_str out = STR_INIT, err = STR_INIT, none = STR_INIT, nothing = STR_INIT;

    answer.first =
        HEAD "{\"subjects\":[{\"name\":\"web\",\"kind\":\"container\\u001b[31m\"},{\"name\":\"$(reboot)\"},"
             "{\"name\":\"a b\"},{\"name\":\"-x\"},{\"name\":\"`id`\"},{\"name\":\"a\\nb\"},{\"name\":\"\"},"
             "{\"name\":\"registry:5000/x:1\"},{\"name\":7},{\"name\":\"a;b\"},{\"name\":\"~\"},{\"name\":\"*\"}]}";
    ck_assert_int_eq(run("complete subjects", false, &out, &err), 0);
    ck_assert_str_eq(str_text(&out), "web\tcontainer\\x1b[31m\nregistry:5000/x:1\t\n");
    ck_assert_str_eq(str_text(&err), "");
    answer.first = GONE;
    ck_assert_int_eq(run("complete rules", false, &none, &nothing), 3);
    ck_assert_str_eq(str_text(&none), "");
    ck_assert_str_eq(str_text(&nothing), "");
}
END_TEST

/* Of the JSON of somebody else, and of his errors. */
START_TEST(promise_no_byte_reaches_a_terminal_raw_through_agentctl)
{
    static const char *const commands[] = {"status",  "findings",      "rules",   "explain 5.4",
                                           "check",   "version",       "history", "--json history",
                                           "metrics", "--json status", "scan",    "--json findings"};
    scoped_str text = STR_INIT, hostile = STR_INIT, body = STR_INIT;

    append_hostile(&text, 0, 1);
    for (const char *at = text.data; *at; at++) /* as JSON takes it: raw, but for control characters */
        if ((unsigned char)*at < 0x20)
            str_printf(&hostile, "\\u%04x", (unsigned char)*at);
        else
            str_append_char(&hostile, *at);
    for (unsigned refused = 0; refused < 2; refused++) {
        str_clear(&body);
        str_printf(&body,
                   "HTTP/1.1 %s\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"%s\"},\"rule\":\"%s\",\"slug\":"
                   "\"%s\",\"title\":\"%s\",\"why\":\"%s\",\"agent\":{\"state\":\"%s\",\"version\":\"%s\",\"reasons\":["
                   "\"%s\"]},"
                   "\"engine\":{\"host\":\"%s\"},\"findings\":[{\"rule\":\"%s\",\"status\":\"%s\",\"severity\":"
                   "\"critical\",\"evidence\":\"%s\","
                   "\"subject\":{\"kind\":\"%s\",\"name\":\"%s\"}}],\"rules\":[{\"rule\":\"%s\",\"title\":\"%s\"}],"
                   "\"scan\":{\"duration_ms\":1}}\n",
                   refused ? "400 Bad Request" : "200 OK", hostile.data, hostile.data, hostile.data, hostile.data,
                   hostile.data, hostile.data, hostile.data, hostile.data, hostile.data, hostile.data, hostile.data,
                   hostile.data, hostile.data, hostile.data, hostile.data, hostile.data);
        answer.first = body.data;
        for (size_t i = 0; i < countof(commands); i++) {
            scoped_str out = STR_INIT, err = STR_INIT;
            bool is_table = !strstr(commands[i], "json") && !str_equal(commands[i], "metrics");
            size_t tabs = 0;

            run(commands[i], false, &out, &err);
            for (char *tab = is_table && out.data ? strchr(out.data, '\t') : NULL; tab; tabs++) {
                *tab = ' '; /* tabs separate cells; a name's would be more */
                tab = strchr(tab, '\t');
            }
            ck_assert_msg(!tabs || tabs % tabs_of(commands[i]) == 0, "%s: %zu tabs", commands[i], tabs);
            expect_harmless(commands[i], str_text(&out), out.length, true);
            expect_harmless(commands[i], str_text(&err), err.length, true);
            ck_assert_uint_gt(out.length + err.length, 0);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_hostile");
    TCase *tests = tcase_create("ctl_hostile");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, a_next_that_repeats_ends);
    tcase_add_test(tests, a_next_without_findings_ends);
    tcase_add_test(tests, pages_without_end_end);
    tcase_add_test(tests, answers_without_end_end);
    tcase_add_test(tests, headers_without_end_end);
    tcase_add_test(tests, a_history_without_end_ends);
    tcase_add_test(tests, a_busy_agent_is_asked_again);
    tcase_add_test(tests, watch_goes_on_where_it_was);
    tcase_add_test(tests, watch_begins_anew_with_another_history);
    tcase_add_test(tests, watch_refuses_what_is_ahead);
    tcase_add_test(tests, completion_lists_plain_names_alone);
    tcase_add_test(tests, promise_no_byte_reaches_a_terminal_raw_through_agentctl);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
