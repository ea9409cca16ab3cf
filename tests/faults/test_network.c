/* The role network beside an agent: begun by the first sink that needs it, gone with the last, killed while its sockets
 * are in use. */
#include <dirent.h>
#include <stdio.h>

#include "common/str.h"
#include "sinks_beside.h"

enum { CONTAINERS = 3 };

static unsigned port;
static int listener = -1, connection = -1;
static char *with_sink, *without;
static bool privileged;

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
                           "\"address\": \"tcp://localhost:%u\"}]}",
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
}

/* Of this test's agent; 0: it does not run. */
static pid_t network_helper(void)
{
    DIR *dir = opendir("/proc");
    pid_t found = 0;

    for (const struct dirent *entry; !found && (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("/proc/%s/cmdline", entry->d_name);
        scoped_str text = STR_INIT;
        int pid = atoi(entry->d_name);

        if (pid <= 0 || file_read(path, 4096, &text, NULL) < 0 || !text.length)
            continue;
        if (memmem(text.data, text.length, "docker-bench-helper\0network", 28) &&
            memmem(text.data, text.length, beside.folder, strlen(beside.folder)))
            found = pid;
    }
    closedir(dir);
    return found;
}

/* What the status says of the role: -1: nothing. */
static int64_t restarts(void)
{
    const struct json *helpers = json_get(beside_ask(&beside, "/v1/status"), "helpers");

    for (size_t i = 0; i < json_count(helpers); i++)
        if (str_equal(json_string(json_get(json_at(helpers, i), "role")), "network"))
            return json_int(json_get(json_at(helpers, i), "restarts"), -1);
    return -1;
}

/* Takes what has come. True: there was something. */
static bool receive(void)
{
    char buffer[65536];

    if (connection < 0)
        connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return connection >= 0 && recv(connection, buffer, sizeof buffer, MSG_DONTWAIT) > 0;
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

int main(void)
{
    Suite *suite = suite_create("role network");
    TCase *tests = tcase_create("role network");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_first_sink_of_a_reload);
    tcase_add_test(tests, a_killed_helper);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
