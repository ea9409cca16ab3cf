/* GET and POST /v1/report as clients see them, of thousands of findings: whoever reads slowly, goes away or comes as
 * the second one, what is left out for a baseline; and that neither memory nor a process of the agent is left with
 * them. One agent serves all tests. */
#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json_in.h"
#include "common/memory.h"

#ifdef __SANITIZE_ADDRESS__
enum { CONTAINERS = 60 };
#else
enum { CONTAINERS = 200 };
#endif
enum {
    WAIT_MS = 120000, /* against hanging */
    HELD_MAX = 8 * 1024 * 1024,
    FINDINGS_MIN = 20 * CONTAINERS,
    BODY_MAX = 1024 * 1024
};

static struct beside beside;

/* ---- The agent's process ---- */

/* Bytes of memory that it has written to. */
static size_t agent_memory(void)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)beside.agent);
    scoped_str text = STR_INIT;
    const char *line;

    ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
    line = strstr(str_text(&text), "RssAnon:");
    ck_assert_ptr_nonnull(line);
    return strtoul(line + strlen("RssAnon:"), NULL, 10) * 1024;
}

/* Under the address sanitizer what was freed stays for a while. */
static void expect_memory(size_t before)
{
#ifdef __SANITIZE_ADDRESS__
    (void)before;
#else
    ck_assert_uint_le(agent_memory(), before + HELD_MAX);
#endif
}

/* The parent of process PID, and when it was started; 0: it is gone. */
static pid_t parent_of(const char *pid, unsigned long long *ret_started)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%s/stat", pid);
    scoped_str text = STR_INIT;
    const char *after;
    int parent = 0;

    if (file_read(path, 4096, &text, NULL) < 0)
        return 0;
    after = strrchr(str_text(&text), ')');
    return after && sscanf(after, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                           &parent, ret_started) == 2
               ? parent
               : 0;
}

/* How many processes the agent has, zombies too; RET_PID (may be NULL): the youngest. */
static size_t count_children(pid_t *ret_pid)
{
    DIR *folder = opendir("/proc");
    unsigned long long started = 0, youngest = 0;
    size_t count = 0;

    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || parent_of(entry->d_name, &started) != beside.agent)
            continue;
        count++;
        if (!ret_pid || started < youngest)
            continue;
        youngest = started;
        *ret_pid = (pid_t)strtol(entry->d_name, NULL, 10);
    }
    closedir(folder);
    return count;
}

/* Its processes when it writes no report. */
static size_t at_rest;

static bool is_at_rest(void *user)
{
    (void)user;
    return count_children(NULL) <= at_rest;
}

static void expect_no_writer(void)
{
    ck_assert_msg(fake_run(beside.base, WAIT_MS, is_at_rest, NULL), "%zu processes, %zu before", count_children(NULL),
                  at_rest);
}

/* ---- Requests ---- */

/* Begins one on a connection of its own. BODY NULL: GET, else POST. */
static int begin(const char *path, const char *body)
{
    int fd = beside_dial(&beside);
    scoped(cleanup_free) char *request =
        body ? mem_printf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", path,
                          strlen(body))
             : mem_printf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);

    beside_say(&beside, fd, request, strlen(request));
    if (body)
        beside_say(&beside, fd, body, strlen(body));
    return fd;
}

/* The body of a chunked answer; false: its end is missing. */
static bool join_chunks(const char *body, struct str *ret)
{
    const char *at = body;

    for (;;) {
        char *end;
        size_t length = strtoul(at, &end, 16);

        if (end == at || strncmp(end, "\r\n", 2) != 0)
            return false;
        if (!length)
            return strncmp(end, "\r\n\r\n", 4) == 0;
        if (strnlen(end + 2, length) < length)
            return false;
        str_append_n(ret, end + 2, length);
        at = end + 2 + length + 2;
    }
}

/* The status of the whole answer in TEXT, whose body goes to RET; 0: it has been cut off. */
static long take_answer(const struct str *text, struct str *ret)
{
    const char *body = strstr(str_text(text), "\r\n\r\n");
    long status = 0;

    str_clear(ret);
    if (!body || sscanf(text->data, "HTTP/1.%*1[01] %ld ", &status) != 1)
        return 0;
    if (!strcasestr(text->data, "\r\nTransfer-Encoding: chunked"))
        str_append(ret, body + 4);
    else if (!join_chunks(body + 4, ret))
        return 0;
    return status;
}

/* Reads what is left of an answer until the agent hangs up; SO_FAR: what has come of it already. */
static long finish(int fd, struct str *so_far, struct str *ret)
{
    ck_assert_msg(beside_hear(&beside, fd, so_far, 0, WAIT_MS), "the answer does not end");
    close(fd);
    return take_answer(so_far, ret);
}

static long request(const char *path, const char *body, struct str *ret)
{
    scoped_str text = STR_INIT;

    return finish(begin(path, body), &text, ret);
}

/* As a client does that is told to come again. */
static long request_in_turn(const char *path, const char *body, struct str *ret)
{
    usec_t end = clock_monotonic() + WAIT_MS * (usec_t)1000;
    long status;

    while ((status = request(path, body, ret)) == 503 && clock_monotonic() < end)
        fake_run(beside.base, 200, NULL, NULL);
    return status;
}

static struct json_doc *parse(const struct str *text)
{
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(json_parse(str_text(text), text->length, NULL, &doc, &error) == 0, "%s in: %.300s", error.text,
                  str_text(text));
    return doc;
}

static struct json_doc *report_of(const char *path, const char *body)
{
    scoped_str text = STR_INIT;
    long status = request_in_turn(path, body, &text);

    ck_assert_msg(status == 200, "%s: %ld: %.300s", path, status, str_text(&text));
    return parse(&text);
}

static size_t findings_in(const struct json_doc *doc)
{
    return json_count(json_get(json_root(doc), "findings"));
}

/* A client that asks, again if it is told to, and reads no more than the beginning. */
static int begin_slowly(void)
{
    usec_t end = clock_monotonic() + WAIT_MS * (usec_t)1000;

    for (;;) {
        int fd = begin("/v1/report?format=json", NULL);
        scoped_str head = STR_INIT;

        (void)beside_hear(&beside, fd, &head, strlen("HTTP/1.1 200 "), WAIT_MS);
        if (str_starts(str_text(&head), "HTTP/1.1 200 "))
            return fd;
        close(fd);
        ck_assert_msg(clock_monotonic() < end, "%s", str_text(&head));
        fake_run(beside.base, 200, NULL, NULL);
    }
}

static void set_up(void)
{
    static const char want[] = "HTTP/1.1 200 ";
    usec_t end = clock_monotonic() + WAIT_MS * (usec_t)1000;
    size_t before = 0;

    beside_begin(&beside, CONTAINERS);
    fake_set_privileged(beside.fake, 1, true);
    beside_start_agent(&beside, "{\"sinks\": [], \"socket\": {\"mode\": \"0666\"}}");
    for (;;) {
        scoped(cleanup_close) int fd = begin("/healthz", NULL);
        scoped_str text = STR_INIT;

        (void)beside_hear(&beside, fd, &text, sizeof want - 1, WAIT_MS);
        if (str_starts(str_text(&text), want))
            break;
        ck_assert_msg(clock_monotonic() < end, "the agent does not get ready");
        fake_run(beside.base, 100, NULL, NULL);
    }
    for (unsigned calm = 0; calm < 5; calm++) { /* nothing else is under way */
        fake_run(beside.base, 300, NULL, NULL);
        at_rest = count_children(NULL);
        calm = at_rest == before ? calm : 0;
        before = at_rest;
        ck_assert_msg(clock_monotonic() < end, "the agent does not come to rest");
    }
}

static void tear_down(void)
{
    beside_end(&beside);
}

/* ---- The tests ---- */

START_TEST(thousands_of_findings_come_whole)
{
    size_t before = agent_memory();
    scoped(cleanup_json_doc) struct json_doc *doc = report_of("/v1/report?format=json", NULL);
    scoped_str text = STR_INIT;

    printf("figure: %zu findings, %zu KiB more than before\n", findings_in(doc),
           (size_t)(agent_memory() > before ? agent_memory() - before : 0) / 1024);
    ck_assert_uint_ge(findings_in(doc), FINDINGS_MIN);
    for (size_t i = 0; i < 4; i++) {
        static const char *const paths[] = {"/v1/report?format=html", "/v1/report?format=sarif&lang=zh",
                                            "/v1/report?format=csv", "/v1/report?format=junit"};
        static const char *const ends[] = {"</html>\n", "}\n", "\r\n", "</testsuites>\n"};

        ck_assert_int_eq(request_in_turn(paths[i], NULL, &text), 200);
        ck_assert_msg(str_ends(str_text(&text), ends[i]), "%s ends with: %s", paths[i],
                      str_text(&text) + (text.length > 40 ? text.length - 40 : 0));
    }
    expect_memory(before);
    expect_no_writer();
}
END_TEST

/* Meanwhile others are answered, and the agent holds a little of it. */
START_TEST(a_slow_reader_gets_all_of_it)
{
    size_t before = agent_memory();
    scoped_str text = STR_INIT, body = STR_INIT;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    int fd = begin("/v1/report?format=json", NULL);

    for (unsigned i = 0; i < 20; i++) {
        scoped(cleanup_json_doc) struct json_doc *health = NULL;
        long status = 0;

        (void)beside_hear(&beside, fd, &text, text.length + 4096, WAIT_MS);
        fake_run(beside.base, 50, NULL, NULL);
        health = beside_get(&beside, "/healthz", &status);
        ck_assert_int_eq(status, 200);
        expect_memory(before);
    }
    ck_assert_uint_gt(count_children(NULL), at_rest); /* it waits for its reader */
    ck_assert_int_eq(finish(fd, &text, &body), 200);
    doc = parse(&body);
    ck_assert_uint_ge(findings_in(doc), FINDINGS_MIN);
    expect_no_writer();
}
END_TEST

/* One that only shuts down what it sends is still there to read. */
START_TEST(a_half_closed_client_gets_its_report)
{
    scoped_str text = STR_INIT, body = STR_INIT;
    int fd = begin("/v1/report?format=json", NULL);

    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert_int_eq(finish(fd, &text, &body), 200);
    ck_assert_uint_gt(body.length, 1000 * (size_t)FINDINGS_MIN / 2);
    expect_no_writer();
}
END_TEST

START_TEST(whoever_goes_away_takes_the_writer_along)
{
    size_t before = agent_memory();

    for (unsigned i = 0; i < 10; i++) {
        int fd = i % 2 ? begin("/v1/report?format=html", NULL) : begin_slowly();

        fake_run(beside.base, i * 5, NULL, NULL);
        close(fd);
        expect_no_writer();
    }
    expect_memory(before);
}
END_TEST

/* The second one is told to come again, and gets it when the first one has gone. */
START_TEST(one_is_written_at_a_time)
{
    scoped_str text = STR_INIT;
    int first = begin_slowly(), second = begin("/v1/report?format=text", NULL);

    ck_assert(beside_hear(&beside, second, &text, 0, WAIT_MS));
    close(second);
    ck_assert(str_starts(str_text(&text), "HTTP/1.1 503 "));
    ck_assert_ptr_nonnull(strstr(text.data, "\r\nRetry-After: 1\r\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "\"busy\""));
    ck_assert_uint_eq(count_children(NULL), at_rest + 1);
    close(first);
    str_clear(&text);
    ck_assert_int_eq(request_in_turn("/v1/report?format=text", NULL, &text), 200);
    expect_no_writer();
}
END_TEST

/* A client that never reads keeps no other one from its report for long. */
START_TEST(whoever_reads_nothing_gives_way)
{
    scoped_str text = STR_INIT, body = STR_INIT;
    int first = begin_slowly();

    ck_assert_int_eq(request("/v1/report?format=text", NULL, &body), 503);
    ck_assert_int_eq(request_in_turn("/v1/report?format=text", NULL, &body), 200);
    ck_assert_int_eq(finish(first, &text, &body), 0); /* cut off, and to be seen as such */
    expect_no_writer();
}
END_TEST

/* agentctl asks again itself. */
START_TEST(agentctl_waits_for_its_turn)
{
    const char *const arguments[] = {
        BUILD_DIR "/agentctl", "--socket", beside.agent_socket, "report", "--format", "csv", NULL};
    scoped_str out = STR_INIT, err = STR_INIT;
    int first = begin_slowly();

    ck_assert_msg(beside_run(&beside, arguments, false, &out, &err) == 0, "%s", str_text(&err));
    ck_assert(str_starts(str_text(&out), "\"rule\","));
    close(first);
    expect_no_writer();
}
END_TEST

START_TEST(a_writer_that_is_killed_is_no_end)
{
    scoped_str text = STR_INIT, body = STR_INIT;
    int fd = begin_slowly();
    pid_t writer = 0;

    count_children(&writer);
    ck_assert_int_gt(writer, 0);
    ck_assert_int_eq(kill(writer, SIGKILL), 0);
    ck_assert_int_eq(finish(fd, &text, &body), 0);
    expect_no_writer();
}
END_TEST

/* ---- What is new ---- */

/* The findings of a report that fail or are an error, but for SKIP of them, as a baseline. */
static char *baseline_of(const struct json_doc *report, size_t skip, size_t *ret_count)
{
    const struct json *findings = json_get(json_root(report), "findings");
    struct str out = STR_INIT;

    *ret_count = 0;
    str_append(&out, "{\"baseline\":1,\"findings\":[");
    for (size_t i = 0; i < json_count(findings); i++) {
        const char *status = json_text(json_get(json_at(findings, i), "status"), "");

        if (!str_equal(status, "fail") && !str_equal(status, "error"))
            continue;
        if (skip) {
            skip--;
            continue;
        }
        str_printf(&out, "%s{\"uid\":\"%s\",\"status\":\"%s\"}", (*ret_count)++ ? "," : "",
                   json_text(json_get(json_at(findings, i), "uid"), ""), status);
    }
    str_append(&out, "]}");
    return str_steal(&out);
}

START_TEST(what_a_baseline_has_is_left_out)
{
    scoped(cleanup_json_doc) struct json_doc *all = report_of("/v1/report?format=json", NULL);
    size_t known = 0, known_but_three = 0;
    scoped(cleanup_free) char *everything = baseline_of(all, 0, &known),
                              *but_three = baseline_of(all, 3, &known_but_three);
    scoped(cleanup_json_doc) struct json_doc *none = report_of("/v1/report?format=json", everything);
    scoped(cleanup_json_doc) struct json_doc *three = report_of("/v1/report?format=json", but_three);

    ck_assert_uint_gt(known, 1000 * CONTAINERS / 200);
    ck_assert_uint_eq(known_but_three, known - 3);
    ck_assert_uint_eq(findings_in(none), 0);
    ck_assert_uint_eq(findings_in(three), 3);
    ck_assert(json_bool(json_pointer(json_root(three), "/report/new_only"), false));
    ck_assert_uint_eq(json_count(json_get(json_root(three), "findings")), 3);
    expect_no_writer();
}
END_TEST

START_TEST(what_is_no_baseline_is_refused)
{
    static const char *const bodies[] = {"",
                                         "x",
                                         "{}",
                                         "[]",
                                         "{\"baseline\":2,\"findings\":[]}",
                                         "{\"baseline\":1,\"findings\":[{\"uid\":\"x\",\"status\":\"fail\"}]}"};
    scoped(cleanup_free) char *large = mem_alloc(BODY_MAX + 2);
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < countof(bodies); i++) {
        ck_assert_int_eq(request_in_turn("/v1/report?format=json", bodies[i], &text), 400);
        ck_assert_msg(strstr(str_text(&text), "the baseline:") != NULL, "%s", str_text(&text));
    }
    memset(large, ' ', BODY_MAX + 1);
    ck_assert_int_eq(request_in_turn("/v1/report?format=json", large, &text), 413);
    memcpy(large + BODY_MAX - 100, "{\"baseline\":1,\"findings\":[]}", 28);
    large[BODY_MAX] = '\0';
    ck_assert_int_eq(request_in_turn("/v1/report?format=text", large, &text), 200);
    expect_no_writer();
}
END_TEST

/* agentctl COMMAND… with the baseline of this moment; what it prints goes to RET. */
static int ctl(struct str *ret, const char *const *words)
{
    const char *arguments[16] = {BUILD_DIR "/agentctl", "--socket", beside.agent_socket};
    scoped_str err = STR_INIT;
    size_t count = 3;
    int status;

    for (; *words; words++)
        arguments[count++] = *words;
    str_clear(ret);
    status = beside_run(&beside, arguments, false, ret, &err);
    printf("%s", str_text(&err));
    return status;
}

START_TEST(agentctl_reports_what_is_new)
{
    scoped(cleanup_free) char *file = mem_printf("%s/base.json", beside.folder);
    scoped(cleanup_free) char *page = mem_printf("%s/new.html", beside.folder);
    scoped_str out = STR_INIT, html = STR_INIT;
    scoped(cleanup_json_doc) struct json_doc *before = NULL, *after = NULL;
    const struct json *finding;

    ck_assert_int_eq(ctl(&out, (const char *const[]){"baseline", "save", file, NULL}), 0);
    ck_assert_int_eq(ctl(&out, (const char *const[]){"report", "--format", "json", "--new-only", file, NULL}), 0);
    before = parse(&out);
    ck_assert_uint_eq(findings_in(before), 0);
    fake_set_privileged(beside.fake, 7, true);
    fake_event(beside.fake, "container", "update", fake_container_id(7), "{}");
    for (unsigned i = 0; i < 600; i++) {
        json_doc_free(take(after));
        ck_assert_int_eq(
            ctl(&out, (const char *const[]){"report", "--format", "json", "--rule", "5.4", "--new-only", file, NULL}),
            0);
        after = parse(&out);
        if (findings_in(after))
            break;
        fake_run(beside.base, 100, NULL, NULL);
    }
    ck_assert_uint_eq(findings_in(after), 1);
    finding = json_at(json_get(json_root(after), "findings"), 0);
    ck_assert_str_eq(json_text(json_path(finding, "subject", "id", NULL), ""), fake_container_id(7));
    ck_assert_int_eq(ctl(&out, (const char *const[]){"check", "--rule", "5.4", "--new-only", file, "--format", "html",
                                                     "--output", page, NULL}),
                     1);
    ck_assert_int_eq(file_read(page, 1024 * 1024, &html, NULL), 0);
    ck_assert_ptr_nonnull(strstr(str_text(&html), "only what is new since the baseline"));
    ck_assert_int_eq(ctl(&out, (const char *const[]){"report", "--new-only", "/dev/null", NULL}), 2);
    expect_no_writer();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reports");
    TCase *tests = tcase_create("reports");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, thousands_of_findings_come_whole);
    tcase_add_test(tests, a_slow_reader_gets_all_of_it);
    tcase_add_test(tests, a_half_closed_client_gets_its_report);
    tcase_add_test(tests, whoever_goes_away_takes_the_writer_along);
    tcase_add_test(tests, one_is_written_at_a_time);
    tcase_add_test(tests, whoever_reads_nothing_gives_way);
    tcase_add_test(tests, agentctl_waits_for_its_turn);
    tcase_add_test(tests, a_writer_that_is_killed_is_no_end);
    tcase_add_test(tests, what_a_baseline_has_is_left_out);
    tcase_add_test(tests, what_is_no_baseline_is_refused);
    tcase_add_test(tests, agentctl_reports_what_is_new);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one loop and one agent for all */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
