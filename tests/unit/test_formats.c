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

static const char heartbeat[] =
    "{\"at\":\"2026-11-24T10:00:00.000000Z\",\"seq\":40,"
    "\"digests\":{\"fail\":\"ffffffffffffff\",\"error\":\"00000000000001\"},"
    "\"count\":3,\"digest\":\"00000000000005\",\"findings\":{\"fail\":{\"low\":0,\"critical\":2}},"
    "\"reasons\":[\"a sink is stuck\",\"b\"],\"state\":\"degraded\",\"configuration\":\"abc\","
    "\"sink\":{\"sent\":1,\"pending\":2,\"lost\":0}}";

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
    ck_assert_msg(memmem(str_text(out), out->length, part, strlen(part)), "no %s in: %.3000s", part, str_text(out));
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

/* The name of FIELD in FORMAT; NULL: the format does not have it, or has it in its header. */
static const char *name_in(const struct field *field, enum sink_format format)
{
    const char *const names[FORMAT_COUNT] = {
        [FORMAT_JOURNAL] = field->journal, [FORMAT_TEXT] = field->name, [FORMAT_RFC5424] = field->name,
        [FORMAT_JSON] = field->json,       [FORMAT_CEF] = field->cef,   [FORMAT_LEEF] = field->leef,
        [FORMAT_ECS] = field->ecs,         [FORMAT_OCSF] = field->ocsf};

    return names[format];
}

/* Each word of VALUE, which escaping does not change. */
static void expect_words(const struct str *out, const char *value)
{
    scoped(cleanup_free) char *copy = mem_strdup(value);

    for (char *rest = copy, *word; (word = strsep(&rest, " "));)
        expect(out, word);
}

/* Of every kind, what the table says that it has is in every format that has it. */
START_TEST(every_field_is_in_every_format)
{
    static const char *const documents[ITEM_KIND_COUNT] = {[ITEM_HEARTBEAT] = heartbeat,
                                                           [ITEM_SNAPSHOT_END] =
                                                               "{\"snapshot\":1795514400,\"count\":31,\"seq\":40}",
                                                           [ITEM_LOST] = ""};

    for (enum store_item_kind kind = 0; kind < ITEM_KIND_COUNT; kind++) {
        for (enum sink_format format = FORMAT_JOURNAL; format < FORMAT_COUNT; format++) {
            struct format_settings settings = local;
            scoped(cleanup_free) char *document =
                documents[kind] ? mem_strdup(documents[kind]) : finding("web-1", "runs-with-privileged");
            const struct store_item item = {.number = 7, .seq = 42, .json = document, .kind = kind, .lost = 3};
            struct record record;
            scoped_str out = STR_INIT;
            size_t seen = 0;

            settings.format = format;
            ck_assert_int_eq(record_read(&item, &origin, INT64_C(1795514400) * USEC_PER_SEC, &record), 0);
            (format == FORMAT_JOURNAL ? format_journal : format_syslog)(&out, &record, &settings);
            for (size_t i = 0; i < record_field_count; i++) {
                scoped_str value = STR_INIT;

                if (!(record_fields[i].kinds & 1u << record.kind) || !name_in(&record_fields[i], format) ||
                    record_fields[i].type == FIELD_TIME || record_fields[i].type == FIELD_LIST)
                    continue;
                field_value(&record_fields[i], &record, &value);
                if (format == FORMAT_JSON && record_fields[i].kinds != KIND_ALL && record_fields[i].value)
                    continue; /* null, an object or a list there */
                expect_words(&out, str_text(&value));
                seen++;
            }
            ck_assert_uint_ge(seen, 6);
            if (format == FORMAT_JSON)
                expect(&out, "\"schema\":1,");
            record_deinit(&record);
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
    const struct record_origin strange = {
        .host = "a b\n\xc3\xa9", .machine = "", .engine = "", .benchmark = "", .stream = ""};
    struct format_settings settings = local;
    struct record record;
    scoped(cleanup_free) char *document = finding("web", "e");
    const struct store_item item = {.number = 7, .seq = 42, .json = document, .kind = ITEM_TRANSITION};
    scoped_str out = STR_INIT;

    settings.header = HEADER_RFC3164;
    ck_assert_int_eq(record_read(&item, &strange, 0, &record), 0);
    format_syslog(&out, &record, &settings);
    record_deinit(&record);
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
    str_printf(&document, ",\"title\":\"%s\",\"section\":\"%s\",\"cause\":\"%s\"", long_text, long_text, long_text);
    str_printf(&document, ",\"remedy\":\"%s\",\"facts\":{\"a\":\"%s\"}}", long_text, long_text);
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
        expect(&out, hash);
    }
}
END_TEST

static void repeat(struct str *out, char c, size_t count)
{
    str_clear(out);
    while (count--)
        str_append_char(out, c);
}

/* A finding with FILLER bytes in its fields, and REMEDY bytes in the last one; of a DATAGRAM not in those that are in
 * the line for people, which has a smaller limit there. */
static char *sized_finding(size_t filler, size_t remedy, bool datagram)
{
    static const char *const streamed[] = {"title", "section", "cause", "evidence", "rule", "uid", "slug", NULL},
                             *const short_ones[] = {"section", "cause", "uid", NULL};
    const char *const *names = datagram ? short_ones : streamed;
    size_t count = datagram ? 3 : 7;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped_str value = STR_INIT;

    json_out_object(out, NULL);
    json_out_string(out, "status", "fail");
    repeat(&value, 'e', filler / (count + !datagram));
    for (size_t i = 0; i < count; i++)
        json_out_string(out, names[i], str_text(&value));
    if (!datagram) {
        json_out_object(out, "subject");
        json_out_string(out, "id", str_text(&value));
        json_out_end_object(out);
    }
    repeat(&value, 'r', remedy);
    json_out_string(out, "remedy", str_text(&value));
    json_out_end_object(out);
    return mem_strdup(json_out_text(out, NULL));
}

static const struct {
    record_format *format;
    size_t max;
    bool datagram;
} bounded[] = {{format_syslog, 7680, false}, {format_syslog_udp, 2048, true}};

/* The settings of the format that a loop's test number I has; false: syslog does not have it. Each format has two. */
static bool format_of_loop(int i, struct format_settings *ret)
{
    *ret = local;
    ret->format = (enum sink_format)(i / (int)countof(bounded));
    ret->header = HEADER_RFC5424;
    ret->enterprise_number = UINT32_MAX;
    return sink_kinds[SINK_SYSLOG_TCP].formats & 1u << ret->format;
}

/* A record that has room is whole, up to the last byte; one byte more, and a whole field is left out and named. */
START_TEST(records_use_their_room)
{
    const size_t row = (size_t)_i % countof(bounded), max = bounded[row].max;
    struct format_settings settings;
    scoped_str first = STR_INIT;
    size_t longest = 0, filler = max;

    if (!format_of_loop(_i, &settings))
        return;
    do { /* a field may be in a record twice */
        str_clear(&first);
        filler -= 50;
        write_item(&first, format_line, &settings, ITEM_TRANSITION, sized_finding(filler, 1, bounded[row].datagram));
    } while (first.length > max - 50);
    for (size_t remedy = 1; longest < max || remedy % 8; remedy++) {
        scoped_str whole = STR_INIT, out = STR_INIT;

        ck_assert_msg(remedy < 300, "%s: %zu of %zu", sink_formats[settings.format], longest, max);
        write_item(&whole, format_line, &settings, ITEM_TRANSITION,
                   sized_finding(filler, remedy, bounded[row].datagram));
        write_item(&out, bounded[row].format, &settings, ITEM_TRANSITION,
                   sized_finding(filler, remedy, bounded[row].datagram));
        ck_assert_uint_le(out.length, max);
        if (out.length == whole.length - 1) {
            ck_assert_int_eq(memcmp(out.data, whole.data, out.length), 0);
            longest = out.length;
        } else {
            expect(&out, FIELD_NAME_CUT);
            ck_assert_uint_gt(whole.length - 1, max);
        }
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
    expect(&out, "\nDBA_SUBJECT_NAME=a\\x0aDBA_STATUS=pass\n");
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

/* Names of ECS 9.4.0, and the values that it allows. */
static const char *const ecs_names[] = {"@timestamp",
                                        "agent.id",
                                        "agent.name",
                                        "agent.type",
                                        "agent.version",
                                        "container.id",
                                        "container.image.name",
                                        "container.name",
                                        "ecs.version",
                                        "event.action",
                                        "event.category",
                                        "event.code",
                                        "event.created",
                                        "event.dataset",
                                        "event.hash",
                                        "event.id",
                                        "event.kind",
                                        "event.module",
                                        "event.outcome",
                                        "event.provider",
                                        "event.reason",
                                        "event.risk_score",
                                        "event.sequence",
                                        "event.severity",
                                        "event.type",
                                        "host.hostname",
                                        "host.id",
                                        "host.name",
                                        "labels",
                                        "message",
                                        "rule.author",
                                        "rule.category",
                                        "rule.description",
                                        "rule.id",
                                        "rule.name",
                                        "rule.reference",
                                        "rule.ruleset",
                                        "rule.uuid",
                                        "rule.version",
                                        "tags"};

static void check_ecs_member(const char *path, const struct json *v)
{
    const char *key;
    const struct json *member;

    if (str_equal(path, "labels")) { /* an object of texts */
        for (size_t i = 0; (member = json_member(v, i, &key, NULL)); i++)
            ck_assert_msg(json_type(member) == JSON_STRING, "labels.%s", key);
        return;
    }
    if (json_type(v) != JSON_OBJECT) {
        bool known = false;

        for (size_t i = 0; i < countof(ecs_names); i++)
            known = known || str_equal(ecs_names[i], path);
        ck_assert_msg(known, "%s is no name of ECS", path);
        return;
    }
    for (size_t i = 0; (member = json_member(v, i, &key, NULL)); i++) {
        scoped(cleanup_free) char *longer = *path ? mem_printf("%s.%s", path, key) : mem_strdup(key);

        check_ecs_member(longer, member);
    }
}

static char *status_finding(const char *status, bool waived, const char *previous)
{
    return mem_printf(
        "{\"uid\":\"u\",\"slug\":\"s\",\"rule\":\"5.4\",\"title\":\"t\",\"severity\":\"high\",\"status\":%s,"
        "\"subject\":{\"kind\":\"container\",\"id\":\"i\",\"name\":\"n\"},\"evidence\":\"e\",\"previous\":%s,"
        "\"ids\":{\"cis-1.6.0\":\"5.4\"},\"remedy\":\"r\",\"waived\":%s}",
        status, previous, waived ? "{\"reason\":\"r\"}" : "null");
}

static struct json_doc *write_json(enum sink_format format, enum store_item_kind kind, char *document)
{
    const struct format_settings settings = {.format = format, .header = HEADER_NONE};
    scoped_str out = STR_INIT;

    write_item(&out, format_syslog, &settings, kind, document);
    return parse(&out);
}

START_TEST(ecs)
{
    for (enum store_item_kind kind = 0; kind < ITEM_KIND_COUNT; kind++) {
        scoped(cleanup_json_doc) struct json_doc *doc =
            write_json(FORMAT_ECS, kind, kind == ITEM_LOST ? mem_strdup("") : finding("web", "e"));

        check_ecs_member("", json_root(doc));
        ck_assert_int_eq(json_type(at(doc, "/event/category")), JSON_ARRAY);
        ck_assert_int_eq(json_type(at(doc, "/event/type")), JSON_ARRAY);
        ck_assert_str_eq(json_text(at(doc, "/event/category/0"), ""), "configuration");
        if (kind == ITEM_TRANSITION)
            ck_assert_str_eq(json_text(at(doc, "/tags/0"), ""), "cis-1.6.0:5.4");
        ck_assert_int_eq(json_int(at(doc, "/event/sequence"), 0), 7);
        ck_assert_str_eq(json_text(at(doc, "/event/kind"), ""), kind == ITEM_SNAPSHOT    ? "state"
                                                                : kind == ITEM_HEARTBEAT ? "metric"
                                                                                         : "event");
        ck_assert_str_eq(json_text(at(doc, "/@timestamp"), ""), "2026-11-24T10:00:00.000000Z");
    }
}
END_TEST

/* Attributes of OCSF 1.8.0: what Compliance Finding (2003) requires, the types, and what the enumerations allow. */
static const struct {
    const char *pointer;
    enum json_type type;
    bool required;
    const char *values; /* of an enumeration, with blanks around each */
} ocsf_attributes[] = {
    {"/activity_id", JSON_NUMBER, true, " 0 1 2 3 99 "},
    {"/category_uid", JSON_NUMBER, true, " 2 "},
    {"/class_uid", JSON_NUMBER, true, " 2003 "},
    {"/type_uid", JSON_NUMBER, true, " 200300 200301 200302 200303 200399 "},
    {"/time", JSON_NUMBER, true, NULL},
    {"/severity_id", JSON_NUMBER, true, " 0 1 2 3 4 5 6 99 "},
    {"/metadata", JSON_OBJECT, true, NULL},
    {"/metadata/version", JSON_STRING, true, NULL},
    {"/metadata/product", JSON_OBJECT, true, NULL},
    {"/metadata/product/name", JSON_STRING, true, NULL},
    {"/metadata/product/vendor_name", JSON_STRING, false, NULL},
    {"/metadata/sequence", JSON_NUMBER, false, NULL},
    {"/metadata/uid", JSON_STRING, false, NULL},
    {"/finding_info", JSON_OBJECT, true, NULL},
    {"/finding_info/uid", JSON_STRING, true, NULL},
    {"/finding_info/title", JSON_STRING, false, NULL},
    {"/compliance", JSON_OBJECT, true, NULL},
    {"/compliance/control", JSON_STRING, false, NULL},
    {"/compliance/standards", JSON_ARRAY, false, NULL},
    {"/compliance/requirements", JSON_ARRAY, false, NULL},
    {"/compliance/requirements/0", JSON_STRING, false, NULL},
    {"/compliance/standards/0", JSON_STRING, false, NULL},
    {"/compliance/status_details/0", JSON_STRING, false, NULL},
    {"/metadata/profiles/0", JSON_STRING, false, NULL},
    {"/compliance/status", JSON_STRING, false, NULL},
    {"/compliance/status_details", JSON_ARRAY, false, NULL},
    {"/compliance/status_id", JSON_NUMBER, false, " 0 1 2 3 99 "},
    {"/status_id", JSON_NUMBER, false, " 0 1 2 3 4 5 6 99 "},
    {"/message", JSON_STRING, false, NULL},
    {"/remediation/desc", JSON_STRING, false, NULL},
    {"/resources", JSON_ARRAY, false, NULL},
    {"/resources/0/name", JSON_STRING, false, NULL},
    {"/resources/0/uid", JSON_STRING, false, NULL},
    {"/device/type_id", JSON_NUMBER, false, " 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 99 "},
    {"/device/hostname", JSON_STRING, false, NULL},
    {"/unmapped", JSON_OBJECT, false, NULL},
};

/* The attributes of the class itself, and of the objects in it. */
static void expect_members(const struct json *object, const char *allowed)
{
    const char *key;

    for (size_t i = 0; json_member(object, i, &key, NULL); i++) {
        scoped(cleanup_free) char *word = mem_printf(" %s ", key);

        ck_assert_msg(strstr(allowed, word), "%s is no attribute", key);
    }
}

static void check_ocsf_finding(const struct json_doc *doc)
{
    for (size_t i = 0; i < countof(ocsf_attributes); i++) {
        const struct json *v = at(doc, ocsf_attributes[i].pointer);
        scoped(cleanup_free) char *word = NULL;

        ck_assert_msg(v || !ocsf_attributes[i].required, "%s is required", ocsf_attributes[i].pointer);
        if (!v)
            continue;
        ck_assert_msg(json_type(v) == ocsf_attributes[i].type, "type of %s", ocsf_attributes[i].pointer);
        if (!ocsf_attributes[i].values)
            continue;
        word = mem_printf(" %lld ", (long long)json_int(v, -1));
        ck_assert_msg(strstr(ocsf_attributes[i].values, word), "%s: %s", ocsf_attributes[i].pointer, word);
    }
    expect_members(json_root(doc),
                   " activity_id activity_name category_name category_uid class_name class_uid compliance "
                   "device finding_info message metadata remediation resources severity severity_id "
                   "status status_id time type_name type_uid unmapped ");
    expect_members(at(doc, "/compliance"),
                   " assessments category checks compliance_references compliance_standards control "
                   "control_parameters desc requirements standards status status_code "
                   "status_detail status_details status_id ");
    expect_members(at(doc, "/finding_info"), " analytic created_time desc first_seen_time title types uid uid_alt ");
    expect_members(at(doc, "/metadata"), " event_code is_truncated labels log_name product profiles sequence uid "
                                         "untruncated_size version ");
    expect_members(at(doc, "/resources/0"), " name type uid ");
    expect_members(at(doc, "/device"), " hostname type type_id uid ");
    ck_assert_int_eq(json_int(at(doc, "/type_uid"), 0), 200300 + json_int(at(doc, "/activity_id"), 0));
}

START_TEST(ocsf)
{
    static const struct {
        const char *status, *previous;
        bool waived;
        int compliance, status_id, activity;
    } rows[] = {
        {"\"fail\"", "null", false, 3, 1, 1},      {"\"fail\"", "\"pass\"", false, 3, 1, 2},
        {"\"fail\"", "null", true, 3, 3, 1},       {"\"pass\"", "\"fail\"", false, 1, 4, 3},
        {"\"error\"", "\"pass\"", false, 2, 1, 2}, {"\"manual\"", "null", false, 99, 1, 1},
        {"null", "\"fail\"", false, 99, 4, 3},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        scoped(cleanup_json_doc) struct json_doc *doc =
            write_json(FORMAT_OCSF, ITEM_TRANSITION, status_finding(rows[i].status, rows[i].waived, rows[i].previous));

        check_ocsf_finding(doc);
        ck_assert_int_eq(json_int(at(doc, "/compliance/status_id"), -1), rows[i].compliance);
        ck_assert_int_eq(json_int(at(doc, "/status_id"), -1), rows[i].status_id);
        ck_assert_int_eq(json_int(at(doc, "/activity_id"), -1), rows[i].activity);
        ck_assert_int_eq(json_int(at(doc, "/time"), 0), INT64_C(1795514400000));
    }
}
END_TEST

/* A long record is still whole JSON with all that is required. */
START_TEST(long_ocsf)
{
    scoped(cleanup_free) char *big = mem_alloc(20001);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    memset(big, '"', 20000);
    doc = write_json(FORMAT_OCSF, ITEM_SNAPSHOT, finding(big, big));
    check_ocsf_finding(doc);
    ck_assert(json_bool(at(doc, "/metadata/is_truncated"), false));
    ck_assert_int_gt(json_int(at(doc, "/metadata/untruncated_size"), 0), 40000);
}
END_TEST

/* The limits hold whatever a record has, and what is required of it is in it. */
START_TEST(hostile_records_stay_in_their_limits)
{
    static const char *const parts[] = {"\"", "\\",  "\xf0\x9f\x90\xb3", "\xe2\x80\xae", "]", "=", "^", "|",
                                        "\n", "\x7f"};
    struct format_settings settings;

    if (!format_of_loop(_i, &settings))
        return;
    for (size_t part = 0; part < countof(parts); part++) {
        scoped_str out = STR_INIT, big = STR_INIT;
        struct record_origin strange = origin;
        struct record record;
        scoped(cleanup_free) char *document = NULL;
        struct store_item item = {.number = UINT64_MAX, .seq = INT64_MAX, .kind = ITEM_SNAPSHOT};

        while (big.length < 16384)
            str_append(&big, parts[part]);
        strange.engine = big.data;
        document = finding(big.data, big.data);
        item.json = document;
        ck_assert_int_eq(record_read(&item, &strange, 0, &record), 0);
        bounded[(size_t)_i % countof(bounded)].format(&out, &record, &settings);
        record_deinit(&record);
        ck_assert_uint_le(out.length, bounded[(size_t)_i % countof(bounded)].max);
        ck_assert_msg(text_is_utf8(out.data, out.length), "%s", out.data);
        expect(&out, "sha256");
        expect(&out, uid);
        expect(&out, "container-privileged");
        if (settings.format == FORMAT_OCSF) {
            scoped(cleanup_json_doc) struct json_doc *doc = parse(&out);

            check_ocsf_finding(doc);
        }
    }
}
END_TEST

/* Of the agent's own state OCSF has the status, too. */
START_TEST(ocsf_of_a_degraded_agent)
{
    scoped(cleanup_json_doc) struct json_doc *doc = write_json(
        FORMAT_OCSF, ITEM_TRANSITION,
        mem_printf("{\"slug\":\"agent-sinks\",\"status\":\"%s\",\"subject\":{\"kind\":\"agent\"},\"evidence\":\"e\"}",
                   _i ? "degraded" : "ready"));

    ck_assert_int_eq(json_int(at(doc, "/class_uid"), -1), 0);
    ck_assert_int_eq(json_int(at(doc, "/status_id"), -1), _i ? 2 : 1);
    ck_assert_int_eq(json_int(at(doc, "/severity_id"), -1), _i ? 3 : 1);
    ck_assert_str_eq(json_text(at(doc, "/status_code"), ""), _i ? "degraded" : "ready");
    ck_assert_str_eq(json_text(at(doc, "/status_detail"), ""), "e");
}
END_TEST

/* The agent's own are Base Events of OCSF. */
START_TEST(ocsf_of_the_agent)
{
    static const enum store_item_kind of_agent[] = {ITEM_HEARTBEAT, ITEM_SNAPSHOT_END, ITEM_LOST};

    for (size_t i = 0; i < countof(of_agent); i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = write_json(FORMAT_OCSF, of_agent[i], mem_strdup("{}"));

        ck_assert_int_eq(json_int(at(doc, "/class_uid"), -1), 0);
        ck_assert_int_eq(json_int(at(doc, "/category_uid"), -1), 0);
        ck_assert_int_eq(json_int(at(doc, "/type_uid"), -1), 99);
        ck_assert_ptr_null(at(doc, "/compliance"));
        ck_assert_ptr_null(at(doc, "/finding_info"));
        ck_assert_int_eq(json_type(at(doc, "/time")), JSON_NUMBER);
    }
}
END_TEST

/* What a heartbeat and a snapshot have beyond a finding, in every format. */
START_TEST(heartbeats)
{
    for (enum sink_format format = FORMAT_JOURNAL; format < FORMAT_COUNT; format++) {
        static const char *const parts[] = {"degraded", "a sink is stuck", "abc", "40"};
        struct format_settings settings = local;
        scoped_str out = STR_INIT;

        settings.format = format;
        write_item(&out, format == FORMAT_JOURNAL ? format_journal : format_syslog, &settings, ITEM_HEARTBEAT,
                   mem_strdup(heartbeat));
        for (size_t i = 0; i < countof(parts); i++)
            expect(&out, parts[i]);
        expect(&out, format == FORMAT_JSON ? "\"critical\":2" : "fail:critical:2");
        expect(&out, format == FORMAT_JSON ? "\"fail\":\"ffffffffffffff\"" : "fail:ffffffffffffff");
        expect(&out, "00000000000005");
        str_clear(&out);
        write_item(&out, format == FORMAT_JOURNAL ? format_journal : format_syslog, &settings, ITEM_SNAPSHOT_END,
                   mem_strdup("{\"snapshot\":1795514400,\"count\":31,\"seq\":40}"));
        expect(&out, "1795514400");
        expect(&out, "31");
    }
}
END_TEST

/* A record may be sent when there is another engine and another benchmark than it was made with. */
START_TEST(records_keep_their_engine_and_benchmark)
{
    for (enum sink_format format = FORMAT_JOURNAL; format < FORMAT_COUNT; format++) {
        struct format_settings settings = local;
        scoped_str out = STR_INIT, item = STR_INIT;
        scoped(cleanup_free) char *rest = finding("web", "e");

        str_printf(&item, "{\"engine\":\"OF-THEN\",\"benchmark\":\"cis-of-then\",%s", rest + 1);
        settings.format = format;
        write_item(&out, format == FORMAT_JOURNAL ? format_journal : format_syslog, &settings, ITEM_TRANSITION,
                   str_steal(&item));
        expect(&out, "OF-THEN");
        expect(&out, "cis-of-then");
        ck_assert_ptr_null(strstr(str_text(&out), origin.engine));
    }
}
END_TEST

START_TEST(cef)
{
    struct format_settings settings = local;
    scoped_str out = STR_INIT;

    settings.format = FORMAT_CEF;
    settings.header = HEADER_NONE;
    write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding("a=b\\c|d\ne", "e"));
    ck_assert_msg(str_starts(out.data,
                             "CEF:0|docker-bench-agent|docker-bench-agent|9.9|container-privileged|Containers are "
                             "not privileged|10| cat=finding cn1=7 cn1Label=number "),
                  "%s", out.data);
    expect(&out, " rt=1795514400000 ");
    expect(&out, " dbaSubjectName=a\\=b\\\\c|d\\\\x0ae ");
    expect(&out, " externalId=99999999-8888-5777-a666-555555555555 ");
    expect(&out, " dvchost=host-1 ");
}
END_TEST

START_TEST(leef)
{
    struct format_settings settings = local;
    scoped_str out = STR_INIT;

    settings.format = FORMAT_LEEF;
    settings.header = HEADER_NONE;
    write_item(&out, format_syslog, &settings, ITEM_TRANSITION, finding("a^b=c\nd", "e"));
    ck_assert_msg(
        str_starts(out.data, "LEEF:2.0|docker-bench-agent|docker-bench-agent|9.9|container-privileged|^|sev=10^"), "%s",
        out.data);
    expect(&out, "^devTime=2026-11-24T10:00:00.000+0000^");
    expect(&out, "^subjectName=a\\x5eb\\x3dc\\x0ad^");
}
END_TEST

/* Names that tests/engines/formats sends through parsers of others. */
static const char *const hostile_names[] = {
    "web",
    hostile,
    "\\",
    "a\\]",
    "a] [b c=\"d\"",
    "\"",
    "a\" b=\"c",
    "\xe6\xbc\xa2\xe5\xad\x97",
    "\xf0\x9f\x90\xb3",
    "\xe2\x80\xae"
    "gpj.exe",
    "a\nb",
    "a\n\n<0>Jan 1 00:00:00 evil x: y",
    "$name %msg% {{x}} `id`",
    "a=b|c^d",
    "|",
    "=",
    "^",
    "a\tb",
    " a ",
    "'",
    "@cee: {}",
    "\\\"",
    "\\n",
    "]",
    "] ",
    "a\\x22b",
    "a\\x0ab",
    "a\\",
    "a\"",
    "\" cut=\"\" sha256=\"",
    "a]b] [evil@1 x=\"y\"]",
    "a\r\nb",
    "\x01",
    "\x01"
    "a",
    "a\x01"
    "b",
    "\xc2\x80\xc2\x9f",
    "\xe2\x80\xa8\xe2\x80\xa9",
    "\xe2\x81\xa6x\xe2\x81\xa9",
    "\xef\xbb\xbf"
    "bom",
    "\xf3\xa0\x81\x81",
    "\xef\xbf\xbf",
    "\xff\xfe\x80",
    "\xe6\xbc",
    "\xc0\xaf",
    "\xed\xa0\x80",
    "CEF:0|a|b|c|d|e|1|x=y",
    "LEEF:2.0|a|b|c|d|^|x=y",
    "{\"a\":{\"b\":[1]}}",
    "null",
    "<script>alert(1)</script>",
    "%41%00",
};

/* What 64 KiB of names are made of: each is cut. */
static const char *const hostile_parts[] = {"]\" \\\xe6\xbc\xa2", "\"",          "\\", "]", "=", "^", "|", "\n",
                                            "\xf0\x9f\x90\xb3",   "\xe2\x80\xae"};

static int word_index(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(words[i], word))
            return (int)i;
    fprintf(stderr, "unknown: %s\n", word);
    exit(2);
}

/* The document of the record for the hostile name I. */
static char *hostile_finding(size_t i)
{
    scoped_str big = STR_INIT;
    char *document;

    while (i >= countof(hostile_names) && big.length < 65536)
        str_append(&big, hostile_parts[i - countof(hostile_names)]);
    document = finding(i < countof(hostile_names) ? hostile_names[i] : big.data, "the evidence");
    for (char *at = document; (at = strstr(at, "\\u0001")); at += 6) /* C strings have no NUL, JSON has */
        at[5] = '0';
    return document;
}

/* Appends what RECORD's name is to look like, as JSON: RAW, itself; else as people see it. Of a long one its hash. */
static void append_name(struct str *out, const struct record *record, bool raw)
{
    const char *name = record->subject_name;
    scoped(cleanup_json_out) struct json_out *encoded = json_out_new(false);
    scoped_str safe = STR_INIT;
    char hash[SHA256_TEXT_SIZE];

    text_escape(&safe, name, strlen(name), 0);
    sha256_text(name, strlen(name), hash);
    json_out_string(encoded, NULL, strlen(name) > 60000 ? hash : raw ? name : str_text(&safe));
    str_append(out, json_out_text(encoded, NULL));
}

/* A record for each hostile name, one a line. FORMAT "names" or "raw": see append_name(). */
static int print_hostile(const char *format_word, const char *header_word)
{
    static const char *const header_words[] = {"local", "rfc3164", "rfc5424", "none"};
    struct format_settings settings = local;
    bool raw = str_equal(format_word, "raw"), names = raw || str_equal(format_word, "names");

    settings.format = names ? FORMAT_TEXT : (enum sink_format)word_index(sink_formats, FORMAT_COUNT, format_word);
    settings.header = (enum sink_header)word_index(header_words, countof(header_words), header_word);
    for (size_t i = 0; i < countof(hostile_names) + countof(hostile_parts); i++) {
        scoped_str out = STR_INIT;
        struct record record;
        struct store_item item = {.number = i + 1, .seq = i + 1, .kind = ITEM_TRANSITION};
        scoped(cleanup_free) char *document = hostile_finding(i);

        item.json = document;
        if (record_read(&item, &origin, 0, &record) < 0)
            return 1;
        if (names)
            append_name(&out, &record, raw);
        else
            format_syslog(&out, &record, &settings);
        record_deinit(&record);
        puts(out.data);
    }
    return 0;
}

/* A record of each kind, one a line, without a header. */
static int print_kinds(const char *format_word)
{
    const struct {
        enum store_item_kind kind;
        char *document;
    } rows[] = {
        {ITEM_TRANSITION, finding("web", "the evidence")},
        {ITEM_SNAPSHOT, finding("web", "the evidence")},
        {ITEM_SNAPSHOT_END, mem_strdup("{\"snapshot\":1795514400,\"count\":31,\"seq\":40}")},
        {ITEM_HEARTBEAT, mem_strdup(heartbeat)},
        {ITEM_LOST, mem_strdup("")},
        {ITEM_TRANSITION, mem_strdup("{\"uid\":\"u\",\"slug\":\"agent-sinks\",\"rule\":\"agent-sinks\",\"title\":\"t\","
                                     "\"status\":\"degraded\",\"previous\":\"ready\",\"subject\":{\"kind\":\"agent\","
                                     "\"id\":\"i\",\"name\":\"n\"},\"evidence\":\"e\",\"cause\":\"c\"}")}};
    struct format_settings settings = local;

    settings.format = (enum sink_format)word_index(sink_formats, FORMAT_COUNT, format_word);
    settings.header = HEADER_NONE;
    settings.cee = false;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct store_item item = {
            .number = i + 7, .seq = 42, .json = rows[i].document, .kind = rows[i].kind, .lost = 3};
        scoped_str out = STR_INIT;
        struct record record;

        if (record_read(&item, &origin, 0, &record) < 0)
            return 1;
        format_syslog(&out, &record, &settings);
        record_deinit(&record);
        free(rows[i].document);
        puts(out.data);
    }
    return 0;
}

static int run_tests(void)
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
    tcase_add_loop_test(tests, records_use_their_room, 0, countof(bounded) * FORMAT_COUNT);
    tcase_add_loop_test(tests, hostile_records_stay_in_their_limits, 0, countof(bounded) * FORMAT_COUNT);
    tcase_add_test(tests, journal_fields);
    tcase_add_test(tests, streams);
    tcase_add_test(tests, ecs);
    tcase_add_test(tests, ocsf);
    tcase_add_test(tests, long_ocsf);
    tcase_add_test(tests, ocsf_of_the_agent);
    tcase_add_loop_test(tests, ocsf_of_a_degraded_agent, 0, 2);
    tcase_add_test(tests, heartbeats);
    tcase_add_test(tests, every_field_is_in_every_format);
    tcase_add_test(tests, records_keep_their_engine_and_benchmark);
    tcase_add_test(tests, cef);
    tcase_add_test(tests, leef);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && str_equal(argv[1], "--print"))
        return print_hostile(argv[2], argv[3]);
    if (argc == 3 && str_equal(argv[1], "--print-kinds"))
        return print_kinds(argv[2]);
    return run_tests();
}
