/* /metrics: what Prometheus' own checker says of it, how many series there are, names that need escaping, and the TCP
 * listener that answers nothing else. */
#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/api/server.h"
#include "agent/api/server_clients.h"
#include "agent/checks/table.h"
#include "common/file.h"
#include "common/map.h"
#include "common/text.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/network_role.h"

static struct event_base *base;
static struct workers *workers;
static struct evaluator *evaluator;
static struct docker_address address;
static struct docker *docker;
static struct config config;
static char metrics_listen[32];
static struct lag_histogram lag;
static struct sink *sinks[4];
static size_t sink_count;
static char folder[32];
static const struct record_origin origin = {
    .host = "host", .machine = "machine", .engine = "engine", .benchmark = "dosec-1.0", .stream = "stream"};

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    (void)kind;
    (void)key;
    (void)user;
}

static void set_up(void)
{
    const struct evaluator_callbacks callbacks = {.fetch = on_fetch};
    const struct docker_callbacks docker_callbacks = {0};
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    strcpy(folder, "/tmp/test-metrics-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
    workers = workers_new(base);
    ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error) == 0, "%s",
                  error.text);
    evaluator = evaluator_new(base, NULL, rules, &config, &clock_system, &callbacks);
    evaluator_set_engine_reachable(evaluator, true);
    ck_assert_int_eq(
        docker_address_parse("unix:///none", NULL, DOCKER_TLS_BY_FILES, NULL, NULL, NULL, &address, &error), 0);
    address.broker = mem_strdup("/none");
    docker = docker_new(base, &address, &docker_callbacks, &error);
    ck_assert_ptr_nonnull(docker);
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    while (sink_count)
        sink_free(sinks[--sink_count]);
    docker_free(docker);
    docker_address_deinit(&address);
    evaluator_free(evaluator);
    network_role_end();
    workers_free(workers);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

static void add_sink(enum sink_kind kind, const char *to)
{
    struct sink_config sink = sink_config_default(kind);

    sink.address = to;
    sinks[sink_count++] = sink_new(base, &network, &sink, &origin);
}

static void view(void *user, struct agent_view *ret)
{
    (void)user;
    *ret = (struct agent_view){.evaluator = evaluator,
                               .docker = docker,
                               .address = &address,
                               .config = &config,
                               .sinks = sinks,
                               .sink_count = sink_count,
                               .started = INT64_C(1800000000) * USEC_PER_SEC,
                               .scan_duration_ms = 1234,
                               .lag = &lag};
}

static struct str metrics(void)
{
    struct agent_view of_agent;
    struct str text = STR_INIT;

    view(NULL, &of_agent);
    view_metrics(&of_agent, &text);
    return text;
}

static void add_container(unsigned number, bool privileged)
{
    scoped(cleanup_free) char *id = mem_printf("%064u", number);
    scoped(cleanup_free) char *text = mem_printf(
        "{\"Id\":\"%s\",\"Name\":\"/"
        "secret-name-%u\",\"State\":{\"Running\":false,\"Pid\":0},\"Image\":\"\",\"ExecIDs\":"
        "null,\"HostConfig\":{\"Privileged\":%s,\"NetworkMode\":\"bridge\",\"Memory\":0},\"Config\":{\"User\":\"app\"},"
        "\"Mounts\":[],\"NetworkSettings\":{}}",
        id, number, privileged ? "true" : "false");
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_container(text, strlen(text), &facts, &error) == 0, "%s", error.text);
    evaluator_stale(evaluator, INPUT_CONTAINER, id, "docker:container/start");
    for (unsigned i = 0; i < 8 && !evaluator_is_fetching(evaluator, INPUT_CONTAINER, id); i++)
        event_base_loop(base, EVLOOP_ONCE);
    evaluator_fetched(evaluator, INPUT_CONTAINER, id, &facts->facts);
}

static bool has_line(const struct str *text, const char *line)
{
    scoped(cleanup_free) char *whole = mem_printf("\n%s\n", line);

    return strstr(str_text(text), whole) != NULL;
}

static size_t count_lines(const struct str *text)
{
    size_t lines = 0;

    for (const char *at = str_text(text); (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

static const char hostile[] = "tcp://a\"b\\c\nd{}=,:514";

START_TEST(labels_are_escaped)
{
    scoped_str label = STR_INIT;

    metrics_label(&label, "sink", hostile);
    ck_assert_str_eq(str_text(&label), "sink=\"tcp://a\\\"b\\\\c\\nd{}=,:514\"");
}
END_TEST

/* Prometheus' parser, and its opinion of the names. */
START_TEST(promtool_accepts_it)
{
    FILE *promtool = popen("promtool check metrics", "w");
    scoped_str text = STR_INIT;

    signal(SIGPIPE, SIG_IGN); /* it may end before it has read all */
    add_sink(SINK_SYSLOG_TCP, hostile);
    add_sink(SINK_JOURNALD, "/run/systemd/journal/socket");
    add_container(1, true);
    text = metrics();
    fwrite(text.data, 1, text.length, promtool);
    ck_assert_int_eq(pclose(promtool), 0);
}
END_TEST

/* Whatever Prometheus would reject a scrape for, or could not tell apart. */
START_TEST(each_series_is_there_once)
{
    scoped_str text = STR_INIT;
    struct map *series = map_new(NULL);
    char *rest, *line;

    add_sink(SINK_SYSLOG_TCP, hostile);
    add_sink(SINK_SYSLOG_TCP, "tcp://h:514");
    text = metrics();
    rest = text.data;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *value = strrchr(line, ' ');

        if (*line == '#')
            continue;
        *value = '\0';
        ck_assert_msg(!map_get(series, line), "%s is there twice", line);
        map_set(series, line, series);
        ck_assert_msg(str_starts(line, "docker_bench_agent_"), "%s", line);
        ck_assert_msg(!strchr(line, ' ') || strchr(line, '{'), "%s has a timestamp", line);
    }
    ck_assert_ptr_nonnull(map_get(series, "docker_bench_agent_sink_up{sink=\"syslog:tcp://h:514\"}"));
    map_free(series);
}
END_TEST

/* Each metric with its labels is in README's table, and no other. */
START_TEST(documented)
{
    scoped_str readme = STR_INIT, text = metrics();
    struct error error = ERROR_INIT;
    const char *begin, *end, *row;
    size_t families = 0, rows = 0;

    ck_assert_msg(file_read(SOURCE_DATA_DIR "/../README.md", 1 << 20, &readme, &error) == 0, "%s", error.text);
    begin = strstr(readme.data, "| metric, each with `docker_bench_agent_` before it |");
    ck_assert_ptr_nonnull(begin);
    end = strstr(begin, "\n\n");
    for (const char *at = text.data; (at = strstr(at, "# TYPE docker_bench_agent_")); families++) {
        scoped(cleanup_free) char *name = NULL;

        at += strlen("# TYPE docker_bench_agent_");
        name = mem_printf("`%.*s", (int)strcspn(at, " "), at);
        for (row = begin; (row = strstr(row, name)) && row < end; row++)
            if (strchr("`{", row[strlen(name)]))
                break;
        ck_assert_msg(row && row < end, "%s is not in README.md", name);
    }
    for (row = strstr(begin, "|---"); (row = strchr(row, '\n')) && row < end;) {
        const char *cell_end = strstr(++row + 1, " |");

        for (const char *name = row; (name = strchr(name, '`')) && name < cell_end; name = strchr(name + 1, '`') + 1) {
            scoped(cleanup_free) char *type =
                mem_printf("# TYPE docker_bench_agent_%.*s ", (int)strcspn(name + 1, "`{"), name + 1);

            ck_assert_msg(strstr(text.data, type), "not a metric: %s", type);
            rows++;
        }
    }
    ck_assert_uint_eq(rows, families);
}
END_TEST

START_TEST(series_are_by_rule_not_by_container)
{
    scoped_str one = STR_INIT, many = STR_INIT;

    add_container(0, true);
    one = metrics();
    for (unsigned i = 1; i < 100; i++)
        add_container(i, true);
    many = metrics();
    ck_assert_uint_eq(count_lines(&one), count_lines(&many));
    ck_assert(has_line(&many, "docker_bench_agent_findings{rule=\"container-privileged\",severity=\"critical\","
                              "status=\"fail\"} 100"));
    ck_assert_ptr_null(strstr(many.data, "secret-name"));
}
END_TEST

/* A failure that ended is a 0, not a series that is missing. */
START_TEST(failures_end_as_zero)
{
    scoped_str text = STR_INIT;

    add_container(0, false);
    text = metrics();
    ck_assert(has_line(&text, "docker_bench_agent_findings{rule=\"container-privileged\",severity=\"critical\","
                              "status=\"fail\"} 0"));
    ck_assert(has_line(&text, "docker_bench_agent_findings{rule=\"container-privileged\",severity=\"critical\","
                              "status=\"pass\"} 1"));
    ck_assert(has_line(&text, "docker_bench_agent_scan_duration_seconds 1.234000"));
    ck_assert(has_line(&text, "docker_bench_agent_engine_connected 0"));
}
END_TEST

START_TEST(waived_failures_have_a_status_of_their_own)
{
    static const char *privileged[] = {"container-privileged"}, *iptables[] = {"iptables"};
    usec_t now = clock_now(&clock_system), day = 86400 * USEC_PER_SEC;
    struct waiver waivers[] = {
        {.rules = {.items = privileged, .count = 1}, .reason = "r", .by = "b", .expires = now + 29 * day},
        {.rules = {.items = iptables, .count = 1}, .reason = "r", .by = "b", .expires = now + 31 * day},
        {.rules = {.items = iptables, .count = 1}, .reason = "r", .by = "b", .expires = now - day},
        {.rules = {.items = iptables, .count = 1}, .reason = "r", .by = "b"},
    };
    scoped_str text = STR_INIT;
    struct rule_set *rules = NULL;

    config.waivers = waivers;
    config.waiver_count = countof(waivers);
    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, NULL), 0);
    evaluator_set_rules(evaluator, rules, &config);
    add_container(0, true);
    text = metrics();
    ck_assert(has_line(&text, "docker_bench_agent_findings{rule=\"container-privileged\",severity=\"critical\","
                              "status=\"fail\"} 0"));
    ck_assert(has_line(&text, "docker_bench_agent_findings{rule=\"container-privileged\",severity=\"critical\","
                              "status=\"waived\"} 1"));
    ck_assert(has_line(&text, "docker_bench_agent_waivers 4"));
    ck_assert(has_line(&text, "docker_bench_agent_waivers_expiring 1"));
    ck_assert(has_line(&text, "docker_bench_agent_waivers_expired 1"));
}
END_TEST

START_TEST(lag_buckets_are_cumulative)
{
    static const usec_t times[] = {-5, 5000, 5001, 10000000, 10000001};
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < countof(times); i++)
        lag_observe(&lag, times[i]);
    text = metrics();
    ck_assert(has_line(&text, "docker_bench_agent_event_lag_seconds_bucket{le=\"0.005\"} 2"));
    ck_assert(has_line(&text, "docker_bench_agent_event_lag_seconds_bucket{le=\"0.01\"} 3"));
    ck_assert(has_line(&text, "docker_bench_agent_event_lag_seconds_bucket{le=\"10\"} 4"));
    ck_assert(has_line(&text, "docker_bench_agent_event_lag_seconds_bucket{le=\"+Inf\"} 5"));
    ck_assert(has_line(&text, "docker_bench_agent_event_lag_seconds_sum 20.010002"));
    ck_assert(has_line(&text, "docker_bench_agent_event_lag_seconds_count 5"));
}
END_TEST

/* ---- Over TCP ---- */

/* Its server listens a moment after it was made. */
static int dial(void)
{
    for (unsigned tries = 0; tries < 12000; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&config.metrics_address, config.metrics_address_length) == 0)
            return fd;
        close(fd);
        poll(NULL, 0, 20);
    }
    _exit(100);
}

static bool answers(int fd, const char *request, const char *status, const char *within)
{
    char answer[65536] = "";
    size_t length = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return false;
    while (!strstr(answer, within) && poll(&readable, 1, 240000) == 1) {
        ssize_t n = read(fd, answer + length, sizeof answer - 1 - length);

        if (n <= 0)
            break;
        answer[length += (size_t)n] = '\0';
    }
    return str_starts(answer, status) && strstr(answer, within);
}

/* Runs in a process of its own. */
static int client(void)
{
    int fds[CLIENTS_OF_A_USER_MAX + 1], fd = dial();
    struct pollfd ended = {.events = POLLIN};
    char byte;

    if (!answers(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "\ndocker_bench_agent_build_info{"))
        return 1;
    if (!answers(fd, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "version=0.0.4"))
        return 2;
    if (!answers(fd, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404", "not_found"))
        return 3;
    if (!answers(dial(), "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405",
                 "Allow: GET"))
        return 4;
    if (!answers(dial(), "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404", "not_found"))
        return 5;
    close(fd);
    for (size_t i = 0; i < countof(fds); i++) /* the first ones are counted before the last is */
        fds[i] = dial();
    ended.fd = fds[countof(fds) - 1];
    if (poll(&ended, 1, 240000) != 1 || read(ended.fd, &byte, 1) > 0)
        return 6;
    return answers(fds[0], "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "version=0.0.4") ? 0 : 7;
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
    int status;

    (void)fd;
    (void)what;
    if (waitpid(*(pid_t *)user, &status, WNOHANG) <= 0)
        return;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the client ended with status %x", status);
    event_base_loopbreak(base);
}

static void listen_at_any_port(void)
{
    struct sockaddr_in *at = (struct sockaddr_in *)&config.metrics_address;
    socklen_t length = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &length), 0);
    close(fd);
    snprintf(metrics_listen, sizeof metrics_listen, "127.0.0.1:%u", ntohs(at->sin_port));
    config.metrics_listen = metrics_listen;
    config.metrics_address_length = length;
}

static struct server *open_server(const char *name)
{
    const struct server_backend backend = {.view = view, .network = &network};
    scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, name);
    struct server *server = NULL;
    struct error error = ERROR_INIT;

    network_role_begin(workers);
    config.socket_path = path;
    config.socket_mode = 0600;
    config.host_root = "/";
    ck_assert_msg(server_new(base, &backend, &config, &server, &error) == 0, "%s", error.text);
    config.socket_path = NULL;
    return server;
}

/* Until the client has ended. */
static void run_client(int (*run)(void))
{
    struct timeval often = {.tv_usec = 20000};
    struct event *look;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(run());
    look = event_new(base, -1, EV_PERSIST, on_look, &pid);
    event_add(look, &often);
    event_base_dispatch(base);
    event_free(look);
}

START_TEST(only_metrics_over_tcp)
{
    struct server *server;

    listen_at_any_port();
    server = open_server("agent.sock");
    run_client(client);
    server_free(server);
}
END_TEST

static int short_client(void)
{
    return answers(dial(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "version=0.0.4") ? 0 : 1;
}

/* The query API is there at once; metrics when the address is free. */
START_TEST(an_address_that_is_in_use)
{
    struct server *server;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval moment = {.tv_usec = 300000};

    listen_at_any_port();
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&config.metrics_address, config.metrics_address_length), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    server = open_server("agent.sock");
    event_base_loopexit(base, &moment);
    event_base_dispatch(base);
    close(fd);
    run_client(short_client);
    server_free(server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("metrics");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, labels_are_escaped);
    tcase_add_test(tests, promtool_accepts_it);
    tcase_add_test(tests, each_series_is_there_once);
    tcase_add_test(tests, documented);
    tcase_add_test(tests, series_are_by_rule_not_by_container);
    tcase_add_test(tests, failures_end_as_zero);
    tcase_add_test(tests, waived_failures_have_a_status_of_their_own);
    tcase_add_test(tests, lag_buckets_are_cumulative);
    tcase_add_test(tests, only_metrics_over_tcp);
    tcase_add_test(tests, an_address_that_is_in_use);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
