/* What the broker lets through to the engine: all that the agent asks for, and nothing else. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/str.h"
#include "probes/docker/broker_request.h"
#include "probes/docker/http.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TOKEN "00112233445566778899aabbccddeeff"

static bool is_listed(const char *path)
{
    return broker_path_is_listed(path, strlen(path));
}

static enum broker_verdict verdict_of(const char *text, size_t length)
{
    struct broker_request request;

    broker_request_parse(text, length, &request);
    if (request.verdict == BROKER_REFUSED)
        ck_assert_ptr_nonnull(request.why);
    return request.verdict;
}

START_TEST(what_is_asked_for_is_listed)
{
    static const char *const asked[] = {
        "/_ping",
        "/v1.41/version",
        "/v1.24/info",
        "/v1.57/events?since=0",
        "/v1.57/events?since=1700000000&until=1700000300.123456000",
        "/v1.41/containers/json?all=1",
        "/v1.41/containers/" ID "/json",
        "/v1.41/exec/" ID "/json",
        "/v1.41/images/json",
        "/v1.41/images/sha256:" ID "/json",
        "/v1.48/images/sha256:" ID "/json?manifests=1",
        "/v1.41/images/sha256:" ID "/history",
        "/v1.41/images/" ID "/get",
        "/v1.41/volumes/data_1.x-y",
        "/v1.41/volumes/a%20volume%2Fof%2Fa%40plugin",
        "/v1.41/volumes/...",
        "/v1.41/networks",
        "/v1.41/services",
        "/v1.41/tasks?filters=%7B%22node%22%3A%7B%22x0y1%22%3Atrue%7D%7D",
        "/v1.41/tasks?filters=%7B%22node%22%3A%7B%22%22%3Atrue%7D%7D",
        "/v1.41/secrets",
        "/v1.41/swarm/unlockkey",
    };

    for (size_t i = 0; i < countof(asked); i++)
        ck_assert_msg(is_listed(asked[i]), "%s", asked[i]);
}
END_TEST

/* Whatever a name of the engine is, encoding it gives what is listed or what is refused, never something else. */
START_TEST(encoded_names)
{
    static const struct {
        const char *name;
        bool listed;
    } rows[] = {
        {"plain", true}, {"with/slash", true}, {"with space", true}, {"\xc3\xa9", true}, {"a\nb", false},
        {"..", false},   {".", false},         {"a/../b", false},    {"a//b", false},    {"/a", false},
        {"a/", false},   {"a%2fb", false},     {"a\\b", false},      {"", false},        {"a?b", true},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        scoped(cleanup_free) char *encoded = http_encode(rows[i].name);
        scoped(cleanup_free) char *path = mem_printf("/v1.41/volumes/%s", encoded);

        ck_assert_msg(is_listed(path) == rows[i].listed, "%s", path);
    }
}
END_TEST

START_TEST(other_paths_are_not)
{
    static const char *const others[] = {
        "",
        "/",
        "*",
        "_ping",
        "/_ping/",
        "/_ping?x=1",
        "/_ping#x",
        "//_ping",
        "/./_ping",
        "/%5fping",
        "/info",
        "/v1.41",
        "/v1.41/",
        "/v1.41//info",
        "/v1.41/info/",
        "/v1.41/./info",
        "/v1.41/x/../info",
        "/v1.41/%69nfo",
        "/v1./info",
        "/v1.12345/info",
        "/v2.0/info",
        "/V1.41/info",
        "/v1.41/INFO",
        "/v1.41/info?",
        "/v1.41/info?a=b",
        "/v1.41/info;a",
        "http://localhost/v1.41/info",
        "unix://x/v1.41/info",
        "/v1.41/events",
        "/v1.41/events?since=",
        "/v1.41/events?since=-1",
        "/v1.41/events?since=1&",
        "/v1.41/events?since=1&until=2",
        "/v1.41/events?since=1&until=2.1",
        "/v1.41/events?since=1&until=2.0000000000",
        "/v1.41/events?until=2.000000000&since=1",
        "/v1.41/events?since=1&since=2",
        "/v1.41/events?since=1&filters=%7B%7D",
        "/v1.41/containers/json",
        "/v1.41/containers/json?all=0",
        "/v1.41/containers/json?all=1&size=1",
        "/v1.41/containers/json?all=1;size=1",
        "/v1.41/containers//json",
        "/v1.41/containers/./json",
        "/v1.41/containers/../json",
        "/v1.41/containers/..%2fx/json",
        "/v1.41/containers/%2e%2e/json",
        "/v1.41/containers/a%2Fb/json",
        "/v1.41/containers/a/b/json",
        "/v1.41/containers/" ID,
        "/v1.41/containers/" ID "/json?size=1",
        "/v1.41/containers/" ID "/top",
        "/v1.41/containers/" ID "/logs",
        "/v1.41/containers/" ID "/archive?path=/etc/shadow",
        "/v1.41/containers/" ID "/export",
        "/v1.41/containers/" ID "/attach/ws",
        "/v1.41/containers/" ID "/start",
        "/v1.41/exec/" ID "/start",
        "/v1.41/images/search?term=x",
        "/v1.41/images/get?names=x",
        "/v1.41/images/a%2Fb/json",
        "/v1.41/images/a/json?manifests=2",
        "/v1.41/images/a/json?manifests=1&x=1",
        "/v1.41/volumes",
        "/v1.41/volumes/",
        "/v1.41/volumes/..",
        "/v1.41/volumes/%2E%2E",
        "/v1.41/volumes/a%2f..",
        "/v1.41/volumes/a%2F..%2F..%2Fcontainers",
        "/v1.41/volumes/a%252Fb",
        "/v1.41/volumes/a%00b",
        "/v1.41/volumes/a%0Ab",
        "/v1.41/volumes/a%",
        "/v1.41/volumes/a%4",
        "/v1.41/volumes/%61",
        "/v1.41/volumes/a/b",
        "/v1.41/volumes/a?force=1",
        "/v1.41/networks/x",
        "/v1.41/tasks",
        "/v1.41/tasks?filters=%7B%22node%22%3A%7B%22x%22%3Atrue%7D%7D&x",
        "/v1.41/tasks?filters=%7B%22node%22%3A%7B%22x%22y%22%3Atrue%7D%7D",
        "/v1.41/secrets/x",
        "/v1.41/swarm",
        "/v1.41/plugins",
        "/v1.41/configs",
        "/v1.41/libpod/containers/json",
        "/v1.41/session",
        "/v1.41/grpc",
        "/broker/alive",
        "/broker/peer",
        "/v1.{minor}/info",
        "/v1.41/containers/{id}/json",
    };

    for (size_t i = 0; i < countof(others); i++)
        ck_assert_msg(!is_listed(others[i]), "%s", others[i]);
    ck_assert(!broker_path_is_listed("/_ping\0", 7));
    ck_assert(!broker_path_is_listed("/v1.41/containers/a\0b/json", 26));
}
END_TEST

START_TEST(names_have_a_length)
{
    scoped_str path = STR_INIT;

    str_append(&path, "/v1.41/containers/");
    for (int i = 0; i < 257; i++)
        str_append_char(&path, 'a');
    str_append(&path, "/json");
    ck_assert(!is_listed(path.data));
    str_clear(&path);
    str_append(&path, "/v1.41/volumes/");
    for (int i = 0; i < 769; i++)
        str_append_char(&path, 'a');
    ck_assert(!is_listed(path.data));
}
END_TEST

#define HEAD(line) line "\r\nHost: localhost\r\nAccept: */*\r\nBroker-Token: " TOKEN "\r\n\r\n"

START_TEST(a_request)
{
    static const char text[] = HEAD("GET /v1.41/info HTTP/1.1");
    const size_t length = sizeof text - 1;
    struct broker_request request;

    broker_request_parse(text, length, &request);
    ck_assert_int_eq(request.verdict, BROKER_FORWARDED);
    ck_assert_uint_eq(request.length, length);
    ck_assert_int_eq(strncmp(request.path, "/v1.41/info", request.path_length), 0);
    ck_assert_uint_eq(request.path_length, strlen("/v1.41/info"));
    ck_assert_str_eq(request.token, TOKEN);
    for (size_t part = 0; part < length; part++)
        ck_assert_int_eq(verdict_of(text, part), BROKER_INCOMPLETE);
    ck_assert_int_eq(verdict_of("GET /_ping HTTP/1.1\r\n\r\n", 23), BROKER_FORWARDED);
    ck_assert_int_eq(verdict_of("GET /broker/alive HTTP/1.1\r\n\r\n", 30), BROKER_ALIVE);
    ck_assert_int_eq(verdict_of("GET /broker/peer HTTP/1.1\r\n\r\n", 29), BROKER_PEER);
}
END_TEST

/* The answer to a refused path repeats the token, so that the agent knows whose answer it is. */
START_TEST(a_refused_path_has_its_token)
{
    static const char text[] = HEAD("GET /v1.41/plugins HTTP/1.1");
    struct broker_request request;

    broker_request_parse(text, sizeof text - 1, &request);
    ck_assert_int_eq(request.verdict, BROKER_REFUSED);
    ck_assert_str_eq(request.token, TOKEN);
}
END_TEST

START_TEST(promise_only_gets_reach_the_engine)
{
    static const char *const others[] = {
        HEAD("POST /v1.41/info HTTP/1.1"),
        HEAD("HEAD /_ping HTTP/1.1"),
        HEAD("PUT /v1.41/info HTTP/1.1"),
        HEAD("DELETE /v1.41/volumes/a HTTP/1.1"),
        HEAD("OPTIONS * HTTP/1.1"),
        HEAD("CONNECT localhost:80 HTTP/1.1"),
        HEAD("get /_ping HTTP/1.1"),
        HEAD("GET  /_ping HTTP/1.1"),
        HEAD("GET /_ping  HTTP/1.1"),
        HEAD(" GET /_ping HTTP/1.1"),
        HEAD("GET\t/_ping HTTP/1.1"),
        HEAD("GET /_ping HTTP/1.0"),
        HEAD("GET /_ping HTTP/2.0"),
        HEAD("GET /_ping http/1.1"),
        HEAD("GET /_ping HTTP/1.1 "),
        HEAD("GET /_ping"),
        HEAD("GET http://localhost/_ping HTTP/1.1"),
        HEAD("GET /_ping HTTP/1.1\r\nContent-Length: 5"),
        HEAD("GET /_ping HTTP/1.1\r\ncontent-length: 0"),
        HEAD("GET /_ping HTTP/1.1\r\nTransfer-Encoding: chunked"),
        HEAD("GET /_ping HTTP/1.1\r\nTransfer-Encoding : chunked"),
        HEAD("GET /_ping HTTP/1.1\r\nUpgrade: tcp"),
        HEAD("GET /_ping HTTP/1.1\r\nConnection: Upgrade"),
        HEAD("GET /_ping HTTP/1.1\r\nExpect: 100-continue"),
        HEAD("GET /_ping HTTP/1.1\r\nX-Method-Override: POST"),
        HEAD("GET /_ping HTTP/1.1\r\nHost: a"), /* twice */
        HEAD("GET /_ping HTTP/1.1\r\n Host: a"),
        HEAD("GET /_ping HTTP/1.1\r\nHost"),
        HEAD("GET /_ping HTTP/1.1\nHost: a"),
        HEAD("GET /_ping HTTP/1.1\r\nUser-Agent: a\rb"),
        HEAD("GET /_ping HTTP/1.1\r\nUser-Agent: a\x01"),
        HEAD("GET /_ping HTTP/1.1\r\nUser-Agent: \xff"),
        "GET /_ping HTTP/1.1\r\nBroker-Token: 0011\r\n\r\n",
        "GET /_ping HTTP/1.1\r\nBroker-Token: 00112233445566778899AABBCCDDEEFF\r\n\r\n",
        "GET /_ping HTTP/1.1\n\n",
        "\r\n\r\n",
        "\r\nGET /_ping HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };

    for (size_t i = 0; i < countof(others); i++)
        ck_assert_msg(verdict_of(others[i], strlen(others[i])) == BROKER_REFUSED, "%s", others[i]);
    ck_assert_int_eq(verdict_of("GET /_ping HTTP/1.1\r\n\0\r\n\r\n", 26), BROKER_REFUSED);
    ck_assert_int_eq(verdict_of("GET /_ping\0 HTTP/1.1\r\n\r\n", 25), BROKER_REFUSED);
}
END_TEST

START_TEST(a_head_has_a_length)
{
    scoped_str head = STR_INIT;

    str_append(&head, "GET /_ping HTTP/1.1\r\nUser-Agent: ");
    while (head.length < BROKER_HEAD_MAX - 1)
        str_append_char(&head, 'a');
    ck_assert_int_eq(verdict_of(head.data, head.length), BROKER_INCOMPLETE);
    str_append(&head, "aa\r\n\r\n");
    ck_assert_int_eq(verdict_of(head.data, head.length), BROKER_REFUSED);
}
END_TEST

/* .github/SECURITY.md publishes the list, in a block. */
START_TEST(the_published_list)
{
    scoped_str text = STR_INIT, expected = STR_INIT;
    size_t count;
    const char *const *paths = broker_paths(&count);

    for (size_t i = 0; i < count; i++)
        str_printf(&expected, "GET %s\n", paths[i]);
    ck_assert_int_eq(file_read(TESTS_DIR "/../.github/SECURITY.md", 1 << 20, &text, NULL), 0);
    ck_assert_msg(strstr(text.data, expected.data) != NULL, "SECURITY.md lacks these lines, in this order:\n%s",
                  expected.data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("broker_request");
    TCase *tests = tcase_create("broker_request");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, what_is_asked_for_is_listed);
    tcase_add_test(tests, encoded_names);
    tcase_add_test(tests, other_paths_are_not);
    tcase_add_test(tests, names_have_a_length);
    tcase_add_test(tests, a_request);
    tcase_add_test(tests, a_refused_path_has_its_token);
    tcase_add_test(tests, promise_only_gets_reach_the_engine);
    tcase_add_test(tests, a_head_has_a_length);
    tcase_add_test(tests, the_published_list);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
