/* The promise that no byte from a container can start a new log record or reach a terminal raw: of everything that
 * writes what others said, byte by byte. The whole agent is asked in faults/test_promises.c. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../hostile_bytes.h"
#include "agent/ctl/terminal.h"
#include "agent/sinks/fields.h"
#include "agent/sinks/formats.h"
#include "common/error.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/memory.h"

static const struct record_origin origin = {.host = "host-1",
                                            .machine = "0123456789abcdef0123456789abcdef",
                                            .engine = "ABCD:EFGH",
                                            .version = "9.9",
                                            .benchmark = "dosec-1.0",
                                            .stream = "11111111-2222-3333-4444-555555555555",
                                            .schema = RECORD_SCHEMA};

static void write_finding(struct json_out *out, const char *text, size_t length)
{
    static const char *const texts[] = {"title", "evidence", "remedy", "cause"};

    json_out_object(out, NULL);
    json_out_string(out, "rule", "5.4");
    json_out_string(out, "slug", "container-privileged");
    json_out_string(out, "section", "5");
    json_out_string(out, "severity", "critical");
    json_out_string(out, "status", "fail");
    json_out_object(out, "subject");
    json_out_string(out, "kind", "container");
    json_out_string_n(out, "id", text, length);
    json_out_string_n(out, "name", text, length);
    json_out_end_object(out);
    for (size_t i = 0; i < countof(texts); i++)
        json_out_string_n(out, texts[i], text, length);
    json_out_object(out, "facts");
    json_out_string_n(out, "label", text, length);
    json_out_end_object(out);
    json_out_int(out, "seq", 42);
    json_out_time(out, "at", INT64_C(1795514400) * USEC_PER_SEC);
    json_out_end_object(out);
}

static void format_record(const char *json, enum sink_format format, enum sink_header header)
{
    const struct format_settings settings = {
        .format = format, .header = header, .facility = 3, .pid = 77, .hostname = "host-1"};
    const struct store_item item = {.number = 7, .seq = 42, .json = json, .kind = ITEM_TRANSITION};
    struct record record;
    scoped_str out = STR_INIT;
    char *mark;

    ck_assert_int_eq(record_read(&item, &origin, INT64_C(1795514400) * USEC_PER_SEC, &record), 0);
    (format == FORMAT_JOURNAL ? format_journal : format_syslog)(&out, &record, &settings);
    record_deinit(&record);
    mark = format == FORMAT_RFC5424 ? strstr(out.data, "] \xef\xbb\xbf") : NULL; /* which that format requires */
    if (mark)
        memcpy(mark + 2, "BOM", 3);
    expect_harmless(sink_formats[format], str_text(&out), out.length, format == FORMAT_JOURNAL);
    for (const char *line = out.data; format == FORMAT_JOURNAL && *line; line = strchr(line, '\n') + 1)
        ck_assert_msg(strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strcspn(line, "="), "%.100s", line);
}

static void log_line(const char *text)
{
    char buffer[65536];
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    log_warning("container %s: what it says", text);
    dup2(saved, STDERR_FILENO);
    n = read(pipe_fds[0], buffer, sizeof buffer);
    close(saved);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(buffer[n - 1], '\n');
    expect_harmless("the log", buffer, (size_t)n - 1, false);
}

/* A text that is longer is tried with every header. */
static void expect_everywhere(const char *text, size_t length)
{
    enum { MANY = 100 };
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false), *key = json_out_new(false);
    scoped_str cell = STR_INIT, wrapped = STR_INIT, raw = STR_INIT, copy = STR_INIT;
    const struct terminal terminal = {.width = 100};
    struct error error = ERROR_INIT;
    size_t n;

    write_finding(out, text, length);
    json_out_text(out, &n);
    expect_harmless("JSON", json_out_text(out, NULL), n, false);
    for (enum sink_format format = FORMAT_JOURNAL; format < FORMAT_COUNT; format++)
        for (enum sink_header header = length > MANY ? 0 : HEADER_NONE; header < HEADER_COUNT; header++)
            if (format == FORMAT_JOURNAL || sink_kinds[SINK_SYSLOG_TCP].formats & 1u << format)
                format_record(json_out_text(out, NULL), format, header);
    str_append_n(&copy, text, length);
    json_out_object(key, NULL);
    json_out_int(key, copy.data, 1);
    json_out_end_object(key);
    json_out_text(key, &n);
    expect_harmless("a key in JSON", json_out_text(key, NULL), n, false);
    text_escape_json(&raw, text, length);
    for (size_t i = 0; i < raw.length; i++)
        if (strchr("\n\t", raw.data[i]))
            raw.data[i] = ' ';
    expect_harmless("JSON that others wrote", raw.data, raw.length, false);
    terminal_cell(&terminal, &cell, copy.data, 0, false);
    expect_harmless("a cell", str_text(&cell), cell.length, false);
    terminal_wrap(&terminal, &wrapped, copy.data, 4, 2);
    expect_harmless("a paragraph", str_text(&wrapped), wrapped.length, true);
    error_set(&error, EINVAL, "container %s", copy.data);
    expect_harmless("an error", error.text, strlen(error.text), false);
    log_line(copy.data);
}

START_TEST(promise_no_byte_from_a_container_can_start_a_new_log_record_or_reach_a_terminal_raw)
{
    enum { AT_ONCE = 16 };
    scoped_str all = STR_INIT;

    for (unsigned byte = 0; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'b', (char)byte, (char)byte, '\n', '<', '5', '>'};

        expect_everywhere(text, sizeof text);
    }
    for (size_t i = 0; i < countof(hostile_ranges); i++)
        for (uint32_t c = hostile_ranges[i][0]; c <= hostile_ranges[i][1];) {
            scoped_str text = STR_INIT;

            for (unsigned k = 0; k < AT_ONCE && c <= hostile_ranges[i][1]; k++, c++) {
                str_append(&text, "a");
                append_utf8(&text, c);
            }
            expect_everywhere(text.data, text.length);
        }
    append_hostile(&all, 0, 1);
    expect_everywhere(all.data, all.length);
}
END_TEST

/* What is escaped in JSON still means the same. */
START_TEST(escapes_in_json_mean_the_same)
{
    scoped_str all = STR_INIT;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    size_t length;

    append_hostile(&all, 0, 1);
    json_out_string_n(out, NULL, all.data, all.length);
    json_out_text(out, &length);
    ck_assert_int_eq(json_parse(json_out_text(out, NULL), length, NULL, &doc, NULL), 0);
    ck_assert_str_eq(json_string(json_root(doc)), all.data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("promise_bytes");
    TCase *tests = tcase_create("promise_bytes");
    SRunner *runner;
    int failed;

    terminal_set_locale();
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, promise_no_byte_from_a_container_can_start_a_new_log_record_or_reach_a_terminal_raw);
    tcase_add_test(tests, escapes_in_json_mean_the_same);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
