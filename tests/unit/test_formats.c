/* Formats of records: what hostile names and commands may not do to them, and what every record has. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sinks/fields.h"
#include "agent/sinks/formats.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/text.h"

static const struct record_origin origin = {.host = "host-1",
                                            .machine = "0123456789abcdef0123456789abcdef",
                                            .engine = "ABCD:EFGH",
                                            .version = "9.9",
                                            .benchmark = "dosec-1.0",
                                            .stream = "11111111-2222-3333-4444-555555555555",
                                            .schema = RECORD_SCHEMA};
static const struct format_settings local = {
    .format = FORMAT_TEXT, .facility = 3, .pid = 77, .hostname = "host-1", .cee = true};
static const char hostile[] =
    "x\" rule=\"1.1\"] [a b=\"c\"] | ^ = \\ \n<5>forged: \x1b[31m\xe2\x80\xae\xe2\x80\x8b\xff\x7f}\r";
static const char uid[] = "99999999-8888-5777-a666-555555555555";

static char *finding(const char *name, const char *evidence)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_string(out, "rule", "5.4");
    json_out_string(out, "slug", "container-privileged");
    json_out_string(out, "title", "Containers are not privileged");
    json_out_string(out, "section", "5");
    json_out_object(out, "ids");
    json_out_string(out, "dosec-1.0", "5.4");
    json_out_string(out, "cis-1.6.0", "5.4");
    json_out_string(out, "cis-1.8.0", "5.5");
    json_out_end_object(out);
    json_out_string(out, "severity", "critical");
    json_out_bool(out, "scored", true);
    json_out_string(out, "status", "fail");
    json_out_object(out, "subject");
    json_out_string(out, "kind", "container");
    json_out_string(out, "id", "0123456789ab");
    json_out_string(out, "name", name);
    json_out_end_object(out);
    json_out_string(out, "evidence", evidence);
    json_out_string(out, "remedy", "docker rm -f x");
    json_out_string(out, "uid", uid);
    json_out_int(out, "seq", 42);
    json_out_null(out, "waived");
    json_out_null(out, "previous");
    json_out_bool(out, "initial", true);
    json_out_string(out, "cause", "docker:container/start");
    json_out_time(out, "at", INT64_C(1795514400) * USEC_PER_SEC);
    json_out_end_object(out);
    return mem_strdup(json_out_text(out, NULL));
}

/* Appends the record of JSON, which is freed. */
static void write_item(struct str *out, record_format *format, const struct format_settings *settings,
                       enum store_item_kind kind, char *json)
{
    const struct store_item item = {.number = 7, .seq = 42, .json = json, .kind = kind, .lost = 3};
    struct record record;

    ck_assert_int_eq(record_read(&item, &origin, INT64_C(1795514400) * USEC_PER_SEC, &record), 0);
    format(out, &record, settings);
    record_deinit(&record);
    free(json);
}

static void expect(const struct str *out, const char *part)
{
    ck_assert_msg(memmem(str_text(out), out->length, part, strlen(part)), "no %s in: %s", part, str_text(out));
}

static const char *const unsafe[] = {"\n", "\r", "\x1b", "\xff", "\x7f", "\xe2\x80\xae", "\xe2\x80\x8b"};

START_TEST(hostile_names_stay_in_their_field)
{
    for (enum sink_format format = FORMAT_TEXT; format < FORMAT_COUNT; format++) {
        for (enum sink_header header = 0; header < HEADER_COUNT; header++) {
            struct format_settings settings = local;
            scoped_str out = STR_INIT;

            if (!(sink_kinds[SINK_SYSLOG_TCP].formats & 1u << format))
                continue;
            settings.format = format;
            settings.header = header;
            write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding(hostile, hostile));
            ck_assert_uint_le(out.length, 7680);
            ck_assert(text_is_utf8(out.data, out.length));
            for (size_t i = 0; i < countof(unsafe); i++)
                ck_assert_msg(!strstr(out.data, unsafe[i]), "%zu is in %s: %s", i, sink_formats[format], out.data);
        }
    }
}
END_TEST

/* What says whose record it is, in every format and kind. */
START_TEST(every_record_says_where_it_is_from)
{
    static const char *const members[] = {"host-1",    "0123456789abcdef0123456789abcdef",    "ABCD:EFGH", "9.9",
                                          "dosec-1.0", "11111111-2222-3333-4444-555555555555"};

    for (enum store_item_kind kind = 0; kind < ITEM_KIND_COUNT; kind++) {
        for (enum sink_format format = FORMAT_JOURNAL; format < FORMAT_COUNT; format++) {
            struct format_settings settings = local;
            scoped_str out = STR_INIT;
            bool is_finding = kind == ITEM_TRANSITION || kind == ITEM_SNAPSHOT;

            if (format != FORMAT_JOURNAL && !(sink_kinds[SINK_SYSLOG_TCP].formats & 1u << format))
                continue;
            settings.format = format;
            write_item(&out, format == FORMAT_JOURNAL ? format_journal : format_syslog, &settings, kind,
                       is_finding ? finding("web", "privileged") : mem_strdup(kind == ITEM_LOST ? "" : "{\"x\":1}"));
            for (size_t i = 0; i < countof(members); i++)
                expect(&out, members[i]);
            if (is_finding)
                expect(&out, uid);
            if (is_finding)
                expect(&out, "cis-1.8.0");
            if (kind == ITEM_LOST)
                expect(&out, format == FORMAT_RFC5424 ? "first=\"4\"" : "4");
        }
    }
}
END_TEST

START_TEST(text)
{
    scoped_str out = STR_INIT;

    write_item(&out, format_syslog, &local, ITEM_TRANSITION, finding("a\"b\\c\nd", "e"));
    ck_assert_int_eq(strncmp(out.data, "<26>", 4), 0);
    expect(&out,
           " docker-bench-agent[77]: kind=\"finding\" number=\"7\" seq=\"42\" time=\"2026-11-24T10:00:00.000000Z\" "
           "host=\"host-1\"");
    expect(&out, " subject_name=\"a\\x22b\\\\c\\x0ad\"");
    expect(&out, " initial=\"true\" ");
    expect(&out, " previous=\"none\" ");
    expect(&out, " cut=\"\" sha256=\"\"");
}
END_TEST

START_TEST(rfc5424)
{
    struct format_settings settings = local;
    scoped_str out = STR_INIT;
    const char *end;

    settings.format = FORMAT_RFC5424;
    settings.enterprise_number = 12345;
    settings.clock_sync = CLOCK_SYNC_YES;
    write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding(hostile, "e"));
    expect(
        &out,
        "<26>1 2026-11-24T10:00:00.000000Z host-1 docker-bench-agent 77 container-privileged "
        "[meta sequenceId=\"7\"][timeQuality tzKnown=\"1\" isSynced=\"1\"][docker-bench-agent@12345 kind=\"finding\"");
    expect(&out, " subject_name=\"x\\\" rule=\\\"1.1\\\"\\] [a b=\\\"c\\\"\\] | ^ = \\\\ \\\\x0a<5>forged: ");
    end = strstr(out.data, "@12345 ");
    for (; (end = strchr(end, ']')) && end[-1] == '\\'; end++)
        continue;
    ck_assert_ptr_nonnull(end); /* the first unescaped bracket ends the element */
    ck_assert_int_eq(strncmp(end,
                             "] \xef\xbb\xbf"
                             "5.4 fail container x\"",
                             26),
                     0);

    str_clear(&out);
    settings.clock_sync = CLOCK_SYNC_UNKNOWN;
    write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding("web", "e"));
    expect(&out, "[timeQuality tzKnown=\"1\"][");
    expect(&out, "] 5.4 fail container web: e"); /* ASCII has no BOM */
}
END_TEST

START_TEST(headers)
{
    static const struct {
        enum sink_header header;
        const char *begins, *holds;
    } rows[] = {{HEADER_LOCAL, "<26>Nov 24 ", ":00 docker-bench-agent[77]: @cee: {"},
                {HEADER_RFC3164, "<26>Nov 24 ", ":00 host-1 docker-bench-agent[77]: @cee: {"},
                {HEADER_RFC5424, "<26>1 2026-11-24T10:00:00.000000Z host-1 ", "\"] @cee: {"},
                {HEADER_NONE, "@cee: {", "{"}};

    for (size_t i = 0; i < countof(rows); i++) {
        struct format_settings settings = local;
        scoped_str out = STR_INIT;

        settings.format = FORMAT_JSON;
        settings.header = rows[i].header;
        write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding("web", "e"));
        ck_assert_msg(str_starts(out.data, rows[i].begins), "%s", out.data);
        expect(&out, rows[i].holds);
        ck_assert_int_eq(out.data[out.length - 1], '}'); /* mmjsonparse takes nothing after the object */
    }
}
END_TEST

/* Host names of the configuration may hold anything; they stay one word. */
START_TEST(a_strange_host_is_one_word)
{
    struct format_settings settings = local;
    scoped_str out = STR_INIT;

    settings.header = HEADER_RFC3164;
    strcpy(settings.hostname, "a b\n\xc3\xa9");
    write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding("web", "e"));
    expect(&out, " a_b___ docker-bench-agent[77]: ");
}
END_TEST

static struct json_doc *parse(const struct str *out)
{
    struct json_doc *doc;
    struct error error = ERROR_INIT;
    const char *begin = strchr(out->data, '{');

    ck_assert_msg(json_parse(begin, strlen(begin), NULL, &doc, &error) == 0, "%s: %s", error.text, begin);
    return doc;
}

static const struct json *at(const struct json_doc *doc, const char *pointer)
{
    return json_pointer(json_root(doc), pointer);
}

START_TEST(json)
{
    struct format_settings settings = {.format = FORMAT_JSON, .header = HEADER_NONE};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;

    write_item(&out, format_line, &settings, ITEM_TRANSITION, finding(hostile, "e"));
    ck_assert_ptr_eq(strchr(out.data, '\n'), out.data + out.length - 1);
    doc = parse(&out);
    ck_assert_str_eq(json_text(at(doc, "/kind"), ""), "finding");
    ck_assert_str_eq(json_text(at(doc, "/host"), ""), "host-1");
    ck_assert_int_eq(json_int(at(doc, "/schema"), 0), RECORD_SCHEMA);
    ck_assert_int_eq(json_int(at(doc, "/number"), 0), 7);
    ck_assert_int_eq(json_int(at(doc, "/seq"), 0), 42);
    ck_assert_str_eq(json_text(at(doc, "/uid"), ""), uid);
    ck_assert_str_eq(json_text(at(doc, "/finding"), ""), uid);
    ck_assert(json_bool(at(doc, "/initial"), false));
    ck_assert(at(doc, "/previous") && json_type(at(doc, "/previous")) == JSON_NULL);
    ck_assert(at(doc, "/waived") && json_type(at(doc, "/waived")) == JSON_NULL);
    ck_assert_str_eq(json_text(at(doc, "/ids/cis-1.8.0"), ""), "5.5");
    ck_assert_str_eq(json_text(at(doc, "/at"), ""), "2026-11-24T10:00:00.000000Z");
    /* The value itself is whole: only its bytes that are no UTF-8 are replaced. */
    ck_assert_ptr_nonnull(strstr(json_text(at(doc, "/subject/name"), ""),
                                 "\n<5>forged: \x1b[31m\xe2\x80\xae\xe2\x80\x8b\xef\xbf\xbd\x7f}"));
}
END_TEST

START_TEST(no_nul_reaches_a_receiver)
{
    struct format_settings settings = {.format = FORMAT_JSON, .header = HEADER_NONE};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str out = STR_INIT;

    write_item(
        &out, format_line, &settings, ITEM_TRANSITION,
        mem_strdup(
            "{\"slug\":\"s\",\"subject\":{\"kind\":\"exec\",\"id\":\"\\u0000i\",\"name\":\"we\\u0000b\\\\u0000\"}}"));
    ck_assert_ptr_null(strstr(out.data, "\\u0000b"));
    doc = parse(&out);
    ck_assert_str_eq(json_text(at(doc, "/subject/name"), ""), "we\xef\xbf\xbd"
                                                              "b\\u0000");
    ck_assert_str_eq(json_text(at(doc, "/subject/id"), ""), "\xef\xbf\xbdi");
}
END_TEST

static const char big_hash[] = "sha256:";

/* What is too long is cut between characters and marked, in every format; what does not fit is left out as a whole. */
START_TEST(long_fields_are_cut)
{
    static const char *const parts[] = {"\"", "\\", "\xe6\xbc\xa2", "\xf0\x9f\x90\xb3", "\xe2\x80\xae", "]", "=", "^",
                                        "\n", "a"};

    for (size_t p = 0; p < countof(parts); p++) {
        struct str big = STR_INIT;

        for (size_t i = 0; i < 30000; i++)
            str_append(&big, parts[p]);
        for (enum sink_format format = FORMAT_JOURNAL; format < FORMAT_COUNT; format++) {
            struct format_settings settings = local;
            scoped_str out = STR_INIT;

            if (format != FORMAT_JOURNAL && !(sink_kinds[SINK_SYSLOG_TCP].formats & 1u << format))
                continue;
            settings.format = format;
            write_item(&out, format == FORMAT_JOURNAL ? format_journal : format_syslog, &settings, ITEM_TRANSITION,
                       finding(big.data, big.data));
            ck_assert_uint_le(out.length, format == FORMAT_JOURNAL ? 32768 : 7680);
            if (format != FORMAT_JOURNAL)
                ck_assert_msg(text_is_utf8(out.data, out.length), "%s", out.data);
            expect(&out, big_hash);
            expect(&out, "subject_name evidence");
            expect(&out, "docker rm -f x");
        }
        str_deinit(&big);
    }
}
END_TEST

/* Many long fields: whole ones go, from the end of the table. */
START_TEST(whole_fields_are_left_out)
{
    scoped(cleanup_free) char *long_text = mem_alloc(1001);
    scoped_str document = STR_INIT;

    memset(long_text, 'e', 1000);
    str_printf(&document, "{\"uid\":\"u\",\"slug\":\"s\",\"rule\":\"%s\",\"status\":\"fail\",\"severity\":\"low\"",
               long_text);
    str_printf(&document, ",\"subject\":{\"kind\":\"exec\",\"id\":\"%s\",\"name\":\"%s\"},\"evidence\":\"%s\"",
               long_text, long_text, long_text);
    str_printf(&document, ",\"title\":\"%s\",\"cause\":\"%s\",\"remedy\":\"%s\",\"facts\":{\"a\":\"%s\"}}", long_text,
               long_text, long_text, long_text);
    for (enum sink_format format = FORMAT_TEXT; format < FORMAT_COUNT; format++) {
        struct format_settings settings = local;
        scoped_str out = STR_INIT;
        char hash[SHA256_TEXT_SIZE];

        if (!(sink_kinds[SINK_SYSLOG_TCP].formats & 1u << format))
            continue;
        settings.format = format;
        write_item(&out, format_syslog, &settings, ITEM_TRANSITION, mem_strdup(document.data));
        ck_assert_uint_le(out.length, 7680);
        expect(&out, "remedy");
        sha256_text(document.data, document.length, hash);
        if (format != FORMAT_CEF) /* it has no title beside its header's, and room for the rest */
            expect(&out, hash);
    }
}
END_TEST

START_TEST(journal_fields)
{
    scoped_str out = STR_INIT;

    write_item(&out, format_journal, &local, ITEM_TRANSITION, finding("a\nDBA_STATUS=pass", "e"));
    expect(&out, "PRIORITY=2\n");
    expect(&out, "\nDBA_STATUS=fail\n");
    expect(&out, "\nDBA_FINDING=99999999-8888-5777-a666-555555555555\n");
    expect(&out, "\nDBA_NUMBER=7\n");
    ck_assert_ptr_nonnull(memmem(out.data, out.length, "DBA_SUBJECT_NAME\n\x11\0\0\0\0\0\0\0a\nDBA_STATUS=pass\n", 42));
}
END_TEST

START_TEST(streams)
{
    struct format_settings settings = local;
    scoped_str counted = STR_INIT, lines = STR_INIT;

    write_item(&counted, format_syslog_stream, &settings, ITEM_TRANSITION, finding(hostile, "e"));
    settings.lines = true;
    write_item(&lines, format_syslog_stream, &settings, ITEM_TRANSITION, finding(hostile, "e"));
    ck_assert_ptr_eq(strchr(lines.data, '\n'), lines.data + lines.length - 1);
    ck_assert_uint_eq((size_t)atoi(counted.data), lines.length - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats");
    TCase *tests = tcase_create("formats");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, hostile_names_stay_in_their_field);
    tcase_add_test(tests, every_record_says_where_it_is_from);
    tcase_add_test(tests, text);
    tcase_add_test(tests, rfc5424);
    tcase_add_test(tests, headers);
    tcase_add_test(tests, a_strange_host_is_one_word);
    tcase_add_test(tests, json);
    tcase_add_test(tests, no_nul_reaches_a_receiver);
    tcase_add_test(tests, long_fields_are_cut);
    tcase_add_test(tests, whole_fields_are_left_out);
    tcase_add_test(tests, journal_fields);
    tcase_add_test(tests, streams);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
