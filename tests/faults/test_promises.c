/* What the README promises of the whole agent, each promise a test by its name, beside a fake engine. Of the bytes of
 * containers there is more in unit/test_promise_bytes.c and test_ctl_hostile.c, of answers that lack something in
 * unit/test_cases.c, of kills in test_store.c.
 *
 * PROMISE_MS=2000 makes the time until a killed agent is back a condition; else it is printed. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hostile_bytes.h"
#include "beside.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/map.h"
#include "common/memory.h"

enum { CONTAINERS = 6, HANG_S = 240, RESTART_MS = 1000 /* RestartSec of the unit */ };

static struct beside beside;

static void await(bool (*done)(void), const char *what)
{
    usec_t end = clock_monotonic() + HANG_S * USEC_PER_SEC;

    while (!done()) {
        ck_assert_msg(clock_monotonic() < end, "%s does not come", what);
        fake_run(beside.base, 20, NULL, NULL);
    }
}

static bool is_scanned(void)
{
    return json_type(json_path(beside_ask(&beside, "/v1/status"), "scan", "duration_ms", NULL)) == JSON_NUMBER;
}

static bool is_ready(void)
{
    return json_bool(json_get(beside_ask(&beside, "/healthz"), "ready"), false);
}

static int64_t last_seq_before;

static bool is_quiet(void)
{
    int64_t before = last_seq_before;

    fake_run(beside.base, 500, NULL, NULL);
    last_seq_before = json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), -1);
    return last_seq_before >= 0 && last_seq_before == before;
}

/* The agent has nothing more to do, what it reads of images in the background included, and has stored what it found.
 */
static void settle(void)
{
    await(is_ready, "readiness");
    beside_await_images(&beside, 1);
    last_seq_before = -1;
    await(is_quiet, "the last transition");
    beside_await_stored(&beside);
}

static void set_up(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    beside_begin(&beside, CONTAINERS);
    for (size_t i = 0; i < CONTAINERS; i += 2)
        fake_set_privileged(beside.fake, i, true);
}

static void tear_down(void)
{
    beside_end(&beside);
}

/* ---- Bytes ---- */

static const char *const formats[] = {"text", "rfc5424", "json", "cef", "leef", "ecs", "ocsf"};
static const char *const file_formats[] = {"json", "cef", "leef", "ecs", "ocsf"};

/* The name of a container: a part of all that is hostile, as JSON takes it, and bytes that are no UTF-8. */
static char *hostile_name(size_t part)
{
    scoped_str text = STR_INIT;
    struct str out = STR_INIT;

    append_hostile(&text, part, CONTAINERS);
    str_printf(&out, "n%zu", part);
    for (const char *at = text.data; *at; at++)
        if ((unsigned char)*at < 0x20)
            str_printf(&out, "\\u%04x", (unsigned char)*at);
        else
            str_append_char(&out, *at);
    str_append(&out, "\\n<5>Nov 30 00:00:00 host sshd[1]: forged\\r\\u001b[2J\\u0000");
    for (unsigned byte = 0x80; byte < 0x100; byte++)
        str_append_char(&out, (char)byte);
    return str_steal(&out);
}

struct receiver {
    int fd;
    unsigned port;
    size_t count;
};

static void open_receiver(struct receiver *receiver)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int room = 4 * 1024 * 1024;

    receiver->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(receiver->fd, (struct sockaddr *)&name, sizeof name), 0);
    setsockopt(receiver->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    getsockname(receiver->fd, (struct sockaddr *)&name, &length);
    receiver->port = ntohs(name.sin_port);
    receiver->count = 0;
}

static void receive(struct receiver *receiver, const char *format)
{
    char buffer[65536];
    ssize_t n;

    while ((n = recv(receiver->fd, buffer, sizeof buffer - 1, 0)) > 0) {
        char *mark;

        buffer[n] = '\0';
        mark = str_equal(format, "rfc5424") ? strstr(buffer, "] \xef\xbb\xbf") : NULL; /* which that format requires */
        if (mark)
            memcpy(mark + 2, "BOM", 3);
        expect_harmless(format, buffer, (size_t)n, false);
        receiver->count++;
    }
}

static char *write_config(const struct receiver *receivers)
{
    struct str out = STR_INIT;

    str_append(&out, "{\"sinks\": [");
    for (size_t i = 0; i < countof(formats); i++)
        str_printf(&out, "{\"type\": \"syslog\", \"address\": \"udp://127.0.0.1:%u\", \"format\": \"%s\"},",
                   receivers[i].port, formats[i]);
    for (size_t i = 0; i < countof(file_formats); i++)
        str_printf(&out, "%s{\"type\": \"file\", \"address\": \"%s/%s\", \"format\": \"%s\"}", i ? "," : "",
                   beside.folder, file_formats[i], file_formats[i]);
    str_append(&out, "]}");
    return str_steal(&out);
}

static bool is_all_sent(void)
{
    const struct json *sinks = json_get(beside_ask(&beside, "/v1/status"), "sinks");

    for (size_t i = 0; i < json_count(sinks); i++)
        if (json_int(json_get(json_at(sinks, i), "pending"), 1) ||
            json_int(json_get(json_at(sinks, i), "sent"), 0) < 20)
            return false;
    return json_count(sinks) == countof(formats) + countof(file_formats);
}

static void expect_file(const char *name, bool counts)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", beside.folder, name);
    scoped_str text = STR_INIT;
    size_t lines = 0;

    ck_assert_int_eq(file_read(path, 64 * 1024 * 1024, &text, NULL), 0);
    expect_harmless(name, text.data, text.length, true);
    for (const char *at = text.data; (at = strchr(at, '\n')); at++, lines++)
        ck_assert_msg(!at[1] || strchr("{CL<d", at[1]) != NULL, "%s: a line begins with: %.60s", name, at + 1);
    ck_assert_msg(!counts || lines >= 20, "%s: %zu records", name, lines);
}

static void expect_answer(const char *path)
{
    scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &answer));
    ck_assert_int_eq(answer.status, 200);
    expect_harmless(path, answer.body.data, answer.body.length, true);
}

/* Our own colours, and what a terminal makes of newlines. */
static void take_colours(struct str *text)
{
    size_t to = 0;

    for (size_t i = 0; i < text->length; i++) {
        const char *at = text->data + i;
        size_t digits = at[0] == '\033' && at[1] == '[' ? strspn(at + 2, "0123456789;") : 0;

        if (at[0] == '\033' && at[1] == '[' && at[2 + digits] == 'm')
            i += 2 + digits;
        else if (!(at[0] == '\r' && at[1] == '\n'))
            text->data[to++] = *at;
    }
    text->length = to;
}

static void expect_command(const char *command, bool terminal)
{
    scoped(cleanup_free) char *words = mem_strdup(command);
    const char *argv[16] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    scoped_str out = STR_INIT, err = STR_INIT;
    size_t count = 3;
    char *rest = words;
    size_t columns = SIZE_MAX;

    for (char *word; (word = strsep(&rest, " "));)
        argv[count++] = word;
    ck_assert_int_le(beside_run(&beside, argv, terminal, &out, &err), 1);
    str_append(&out, "");
    if (terminal)
        take_colours(&out);
    for (char *line = out.data; !terminal && *line;) { /* tabs separate cells: as many in each line */
        char *end = strchrnul(line, '\n');
        size_t tabs = 0;

        for (char *tab = line; tab < end; tab++)
            if (*tab == '\t') {
                *tab = ' ';
                tabs++;
            }
        ck_assert_msg(columns == SIZE_MAX || tabs == columns || !tabs, "%s: %zu tabs, %zu before", command, tabs,
                      columns);
        columns = tabs ? tabs : columns;
        line = *end ? end + 1 : end;
    }
    ck_assert_uint_gt(out.length, 0);
    expect_harmless(command, out.data, out.length, true);
    expect_harmless(command, str_text(&err), err.length, true);
}

START_TEST(promise_no_byte_from_a_container_can_start_a_new_log_record_or_reach_a_terminal_raw)
{
    static const char *const paths[] = {
        "/v1/status", "/v1/findings?limit=100000", "/v1/events", "/v1/rules", "/v1/rules/5.4", "/metrics"};
    static const char *const commands[] = {
        "status",         "findings --all", "--json findings --all", "history", "--json history", "diff 1d",
        "--json diff 1d", "explain 5.4",    "--json status",         "check",   "rules",          "metrics"};
    struct receiver receivers[countof(formats)];
    scoped(cleanup_free) char *config = NULL, *log = mem_printf("%s/log", beside.folder);

    for (size_t i = 0; i < countof(formats); i++)
        open_receiver(&receivers[i]);
    for (size_t i = 0; i < CONTAINERS; i++) {
        scoped(cleanup_free) char *name = hostile_name(i);

        fake_set_name(beside.fake, i, name);
    }
    config = write_config(receivers);
    beside.log = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    beside_start_agent(&beside, config);
    await(is_scanned, "the first scan");
    await(is_all_sent, "every record");
    for (size_t i = 0; i < countof(formats); i++) {
        receive(&receivers[i], formats[i]);
        ck_assert_msg(receivers[i].count >= 20, "%s: %zu datagrams", formats[i], receivers[i].count);
        close(receivers[i].fd);
    }
    for (size_t i = 0; i < countof(file_formats); i++)
        expect_file(file_formats[i], true);
    for (size_t i = 0; i < countof(paths); i++)
        expect_answer(paths[i]);
    for (size_t i = 0; i < countof(commands); i++)
        for (unsigned terminal = 0; terminal < 2; terminal++)
            expect_command(commands[i], terminal);
    expect_file("log", false);
    close(beside.log);
    beside.log = 0;
}
END_TEST

/* ---- Errors ---- */

/* The findings of STATUS (NULL: all), by slug and subject. */
static struct map *findings_of(const char *status)
{
    struct map *map = map_new(free);
    scoped(cleanup_free) char *path =
        mem_printf("/v1/findings?limit=100000%s%s", status ? "&status=" : "", status ? status : "");
    const struct json *findings = json_get(beside_ask(&beside, path), "findings");

    for (size_t i = 0; i < json_count(findings); i++) {
        const struct json *finding = json_at(findings, i);
        scoped(cleanup_free) char *key = mem_printf("%s %s", json_text(json_get(finding, "slug"), ""),
                                                    json_text(json_path(finding, "subject", "id", NULL), ""));

        map_set(
            map, key,
            mem_printf("%s %s", json_text(json_get(finding, "status"), ""), json_text(json_get(finding, "since"), "")));
    }
    return map;
}

/* What passes now passed before: nothing that failed, was manual or an error has come to pass. */
static void expect_no_new_pass(const char *what, const struct map *passing)
{
    scoped(cleanup_map) struct map *now = findings_of("pass");
    const char *key;
    size_t at = 0;

    while (map_next(now, &at, &key, NULL))
        ck_assert_msg(map_get(passing, key) != NULL, "%s: %s passes", what, key);
}

static void scan(void)
{
    static const char request[] = "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &answer));
    ck_assert_int_eq(answer.status, 202);
}

static size_t count_map(struct map *map)
{
    size_t count = map_count(map);

    map_free(map);
    return count;
}

static size_t errors_before;

static bool has_errors_as_before(void)
{
    return is_ready() && count_map(findings_of("error")) == errors_before;
}

START_TEST(promise_an_error_never_becomes_a_pass)
{
    static const char *const paths[] = {"/info",        "/version", "/containers/json", "/containers/c",
                                        "/images/json", "/images/", "/networks"};
    static const struct fake_fault faults[] = {
        {.status = "500 Internal Server Error"},
        {.status = "403 Forbidden"},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnonsense!", .length = 47},
        {.cuts = true, .cut = 300},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", .length = 42},
    };
    scoped(cleanup_map) struct map *passing = NULL;

    beside_start_agent(&beside, "{\"sinks\": []}");
    await(is_scanned, "the first scan");
    settle();
    errors_before = count_map(findings_of("error"));
    passing = findings_of("pass");
    ck_assert_uint_gt(map_count(passing), 50);
    ck_assert_uint_gt(count_map(findings_of("fail")), 20);
    for (size_t i = 0; i < countof(paths); i++)
        for (size_t k = 0; k < countof(faults); k++) {
            scoped(cleanup_free) char *what = mem_printf("%s, fault %zu", paths[i], k);
            struct fake_fault fault = faults[k];

            fault.path = paths[i];
            fake_fault(beside.fake, &fault);
            scan();
            for (unsigned turn = 0; turn < 8; turn++) {
                fake_run(beside.base, 25, NULL, NULL);
                expect_no_new_pass(what, passing);
            }
            fake_faults_clear(beside.fake);
        }
    scan();
    await(has_errors_as_before, "the end of all errors");
    expect_no_new_pass("after all faults", passing);
}
END_TEST

/* ---- Kills ---- */

static struct map *open_before; /* with since when */

static bool are_open_as_before(void)
{
    scoped(cleanup_map) struct map *now = NULL;
    const char *key;
    void *value;
    size_t at = 0;

    if (!beside_ask(&beside, "/v1/status"))
        return false;
    now = findings_of("fail");
    while (map_next(open_before, &at, &key, &value))
        if (!str_equal(map_get(now, key), value))
            return false;
    return true;
}

/* As the unit has it: started again after RestartSec. What was open is open again, since the same time. */
START_TEST(promise_a_crash_or_kill_is_back_within_2_s_with_open_findings_kept)
{
    static const int signals[] = {SIGKILL, SIGSEGV, SIGABRT};
    const char *limit = getenv("PROMISE_MS");

    beside_start_agent(&beside, "{\"sinks\": []}");
    await(is_scanned, "the first scan");
    settle();
    for (size_t i = 0; i < countof(signals); i++) {
        scoped(cleanup_map) struct map *before = findings_of("fail");
        usec_t killed, back;
        int status;

        ck_assert_uint_gt(map_count(before), 20);
        open_before = before;
        killed = clock_monotonic();
        ck_assert_int_eq(kill(beside.agent, signals[i]), 0);
        ck_assert_int_eq(waitpid(beside.agent, &status, 0), beside.agent);
        fake_run(beside.base, RESTART_MS, NULL, NULL);
        beside_start_agent(&beside, "{\"sinks\": []}");
        await(are_open_as_before, "what was open");
        back = clock_monotonic();
        fprintf(stderr, "back %d ms after signal %d\n", (int)((back - killed) / 1000), signals[i]);
        if (limit)
            ck_assert_int_le((back - killed) / 1000, atoi(limit));
        settle();
        ck_assert(are_open_as_before());
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("promises");
    TCase *tests = tcase_create("promises");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 800);
    tcase_add_test(tests, promise_no_byte_from_a_container_can_start_a_new_log_record_or_reach_a_terminal_raw);
    tcase_add_test(tests, promise_an_error_never_becomes_a_pass);
    tcase_add_test(tests, promise_a_crash_or_kill_is_back_within_2_s_with_open_findings_kept);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
