/* The role network beside an agent: begun by the first sink that needs it, gone with the last, killed while its sockets
 * are in use. */
#include <stdio.h>

#include "common/str.h"
#include "helpers_beside.h"
#include "sinks_beside.h"

enum { CONTAINERS = 3 };

static unsigned port;
static int listener = -1, connection = -1;
static char *with_sink, *without;
static bool privileged;
static struct str received;

static void set_up(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;

    signal(SIGPIPE, SIG_IGN);
    beside_begin(&beside, CONTAINERS);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    ck_assert_int_eq(listen(listener, 5), 0);
    getsockname(listener, (struct sockaddr *)&name, &length);
    port = ntohs(name.sin_port);
    without = mem_printf("{\"sinks\": [{\"type\": \"file\", \"address\": \"%s/records\"}]}", beside.folder);
    with_sink = mem_printf("{\"sinks\": [{\"type\": \"file\", \"address\": \"%s/records\"}, {\"type\": \"syslog\", "
                           "\"format\": \"json\", \"header\": \"none\", \"address\": \"tcp://localhost:%u\"}]}",
                           beside.folder, port);
    privileged = false;
}

static void tear_down(void)
{
    if (connection >= 0)
        close(connection);
    connection = -1;
    close(listener);
    json_doc_free(take(answer));
    beside_end(&beside);
    free(with_sink);
    free(without);
    str_deinit(&received);
}

static pid_t network_helper(void)
{
    return helpers_find(&beside, "network");
}

static int64_t restarts(void)
{
    return helpers_restarts(&beside, "network");
}

/* Takes what has come. True: there was something. */
static bool receive(void)
{
    char buffer[65536];
    ssize_t n = -1;

    if (connection < 0)
        connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0)
        n = recv(connection, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0)
        str_append_n(&received, buffer, (size_t)n);
    return n > 0;
}

static void change(void)
{
    privileged = !privileged;
    toggle_privileged(CONTAINERS, privileged);
}

START_TEST(the_first_sink_of_a_reload)
{
    beside_start_agent(&beside, without);
    run_until(is_ready());
    ck_assert_int_eq(network_helper(), 0);
    ck_assert_int_eq(restarts(), -1);

    reload(with_sink);
    run_until(receive());
    ck_assert_int_gt(network_helper(), 0);
    ck_assert_int_eq(restarts(), 0);
    run_until((receive(), is_settled(1)));

    reload(without);
    run_until(network_helper() == 0);
    run_until(restarts() == -1);
    run_until(is_ready());
}
END_TEST

static void put_file(const char *path, const char *text)
{
    ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, NULL), 0);
}

/* Addresses that a file of conf.d alone has: the helper knows them from the start on, and one that is added later. */
START_TEST(a_sink_of_conf_d)
{
    scoped(cleanup_free) char *folder = NULL, *first = NULL, *second = NULL;

    beside_start_agent(&beside, "{\"sinks\": []}");
    run_until(is_ready());
    folder = mem_printf("%s/conf.d", beside.folder);
    first = mem_printf("%s/10-listen.json", folder);
    second = mem_printf("%s/20-sinks.json", folder);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    put_file(first, "{\"sinks\": [{\"type\": \"syslog\", \"address\": \"udp://localhost:9\"}]}");
    reload("{}");
    run_until(network_helper() > 0);
    put_file(second, with_sink);
    reload("{}");
    run_until(receive());
    run_until((receive(), is_settled(2)));
}
END_TEST

/* The connection goes on; the next one is made by another helper. */
START_TEST(a_killed_helper)
{
    pid_t before;

    beside_start_agent(&beside, with_sink);
    run_until(receive());
    run_until((receive(), is_settled(1)));
    before = network_helper();
    ck_assert_int_gt(before, 0);
    ck_assert_int_eq(kill(before, SIGKILL), 0);
    run_until(restarts() == 1);
    change();
    run_until(receive());

    close(connection);
    connection = -1;
    change();
    run_until(receive());
    run_until((receive(), is_settled(1)));
    ck_assert_int_ne(network_helper(), before);
    ck_assert_int_gt(network_helper(), 0);
    run_until(is_ready());
}
END_TEST

/* Every record that the file has has come, too. */
static bool is_all_received(void)
{
    scoped(cleanup_free) char *path = mem_printf("%s/records", beside.folder);
    scoped_str records = STR_INIT;
    const char *end;

    receive();
    if (file_read(path, 64 * 1024 * 1024, &records, NULL) < 0 || !records.length)
        return false;
    for (const char *at = records.data; (at = strstr(at, "\"seq\":")) && (end = strchr(at, ',')); at = end)
        if (!memmem(str_text(&received), received.length, at, (size_t)(end + 1 - at)))
            return false;
    return true;
}

static bool says(const char *why)
{
    const char *text = json_text(json_get(json_at(sinks(), 1), "last_error"), "");

    return strstr(text, why) != NULL;
}

/* The next connection takes another one, and what happened meanwhile arrives. */
START_TEST(a_stopped_helper)
{
    pid_t before;

    beside_start_agent(&beside, with_sink);
    run_until(is_ready());
    run_until(is_all_received() && counter(0, "sent") == counter(1, "sent"));
    before = network_helper();
    ck_assert_int_gt(before, 0);
    ck_assert_int_eq(kill(before, SIGSTOP), 0);
    close(connection);
    connection = -1;
    change();
    run_until(count_failed() == CONTAINERS);
    run_until(restarts() == 1);
    ck_assert_str_eq(helpers_last_error(&beside, "network"), "it has answered nothing for 20 s");
    run_until(is_all_received());
    ck_assert_int_ne(network_helper(), before);
    run_until(is_ready());
}
END_TEST

/* From the agent's start on: the sink says why, everything else goes on, and nothing is lost. */
START_TEST(a_helper_that_misbehaves)
{
    static const struct {
        enum misbehaviour how;
        const char *why;
    } cases[] = {{HELPER_TALKS_NONSENSE, "the helper network is not running: it said what it was not asked for"},
                 {HELPER_NEVER_BEGINS, "the helper network is not running: it has ended before it could begin"}};
    struct misbehaving misbehaving;

    misbehaving_begin(&misbehaving, &beside);
    misbehaving_set(&misbehaving, cases[_i].how, "network");
    beside_start_agent(&beside, with_sink);
    run_until(says(cases[_i].why));
    change();
    run_until(count_failed() == CONTAINERS);
    run_until(counter(0, "pending") == 0 && counter(0, "sent") > 0);
    ck_assert_int_gt(counter(1, "pending"), 0);
    ck_assert_uint_eq(received.length, 0);
    misbehaving_set(&misbehaving, cases[_i].how, NULL);
    run_until(is_all_received());
    run_until(is_ready());
    beside_stop_agent(&beside);
    misbehaving_end(&misbehaving);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("role network");
    TCase *tests = tcase_create("role network"), *misbehaving = tcase_create("misbehaving");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_first_sink_of_a_reload);
    tcase_add_test(tests, a_sink_of_conf_d);
    tcase_add_test(tests, a_killed_helper);
    tcase_add_test(misbehaving, a_stopped_helper);
    tcase_add_loop_test(misbehaving, a_helper_that_misbehaves, 0, 2);
    tcase_add_checked_fixture(misbehaving, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_set_timeout(misbehaving, 900);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, misbehaving);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
