/* The query API as a client sees it, byte by byte: every route, filter and page, what is wrong with a request,
 * followers that are slow or too many, and who may change something. One agent serves all tests, in the order below. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "common/vec.h"

enum { CONTAINERS = 80, NOBODY = 65534, FOLLOWERS = 64, PAGE_BYTES = 1024 * 1024, HANG_MS = 240000 };

static struct beside beside;

/* Lets fake engine and agent go on until CONDITION holds. */
#define AWAIT(condition)                                                                                               \
    do {                                                                                                               \
        usec_t await_end = clock_monotonic() + HANG_MS * (usec_t)1000;                                                 \
                                                                                                                       \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(clock_monotonic() < await_end, "never: %s", #condition);                                     \
            fake_run(beside.base, 20, NULL, NULL);                                                                     \
        }                                                                                                              \
    } while (0)

/* One request on a connection of its own; REQUEST is the whole of it. */
static void exchange_raw(int fd, const char *request, struct http_answer *ret)
{
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    beside_answer(&beside, fd, &pending, ret);
    close(fd);
}

static void exchange(const char *method, const char *path, const char *body, struct http_answer *ret)
{
    scoped(cleanup_free) char *request = body ? mem_printf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                                                           method, path, strlen(body), body)
                                              : mem_printf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path);

    exchange_raw(beside_dial(&beside), request, ret);
}

static struct json_doc *parse(const struct str *text)
{
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(json_parse(str_text(text), text->length, NULL, &doc, &error) == 0, "%s in: %.300s", error.text,
                  str_text(text));
    return doc;
}

/* What GET PATH answers; NULL: there is no room for it just now. */
static struct json_doc *try_get(const char *path)
{
    long status;
    struct json_doc *doc = beside_get(&beside, path, &status);

    if (status == 503) {
        json_doc_free(doc);
        return NULL;
    }
    ck_assert_msg(doc && status == 200, "%s: %ld", path, status);
    return doc;
}

/* The same, asked again until there is room. The caller frees. */
static struct json_doc *get(const char *path)
{
    struct json_doc *doc = NULL;

    AWAIT((doc = try_get(path)) != NULL);
    return doc;
}

static int64_t last_seq(void)
{
    scoped(cleanup_json_doc) struct json_doc *doc = get("/v1/status");

    return json_int(json_get(json_root(doc), "last_seq"), -1);
}

/* Once it has begun: the agent has nothing more to do. */
static void settle(void)
{
    int64_t before = -1, now;

    for (unsigned i = 0; i < 100 && (now = last_seq()) != before; i++) {
        before = now;
        fake_run(beside.base, 200, NULL, NULL);
    }
}

static bool is_ready(void)
{
    long status = 0;

    json_doc_free(beside_get(&beside, "/healthz", &status));
    return status == 200;
}

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
    ck_assert_int_eq(chmod(beside.folder, 0755), 0);
    fake_set_privileged(beside.fake, 1, true);
    fake_set_privileged(beside.fake, 2, true);
    beside_start_agent(&beside, "{\"sinks\": [], \"socket\": {\"mode\": \"0666\"}, \"waivers\": [{\"rule\": \"5.4\", "
                                "\"subject\": \"name:c10\", \"reason\": \"ticket 42\", \"by\": \"ops\"}]}");
    AWAIT(is_ready());
    beside_await_images(&beside, 1);
    settle();
}

static void tear_down(void)
{
    beside_end(&beside);
}

START_TEST(every_route_answers)
{
    static const struct {
        const char *path, *key;
    } routes[] = {
        {"/v1/status", "agent"},        {"/v1/status", "sinks"},      {"/v1/rules", "rules"},
        {"/v1/rules/5.4", "why"},       {"/v1/rules/5.4", "next"},    {"/v1/rules/container-privileged", "findings"},
        {"/healthz", "ready"},          {"/v1/findings", "last_seq"}, {"/v1/findings?limit=1", "next"},
        {"/v1/status?lang=zh", "score"}};

    for (size_t i = 0; i < countof(routes); i++) {
        scoped(http_answer_deinit) struct http_answer answer = {0};
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        exchange("GET", routes[i].path, NULL, &answer);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_ptr_nonnull(strstr(answer.head.data, "\r\nContent-Type: application/json\r\n"));
        ck_assert_int_eq(answer.body.data[answer.body.length - 1], '\n');
        doc = parse(&answer.body);
        ck_assert_msg(json_get(json_root(doc), routes[i].key) != NULL, "%s has no %s", routes[i].path, routes[i].key);
    }
}
END_TEST

/* The answer is STATUS with an error of that CODE in JSON. */
static void refused(const char *what, const struct http_answer *answer, long status, const char *code)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    ck_assert_msg(answer->status == status, "%s: %ld instead of %ld: %.300s", what, answer->status, status,
                  str_text(&answer->body));
    ck_assert_ptr_nonnull(strstr(answer->head.data, "\r\nContent-Type: application/json\r\n"));
    doc = parse(&answer->body);
    ck_assert_str_eq(json_text(json_path(json_root(doc), "error", "code", NULL), ""), code);
    ck_assert_msg(!str_empty(json_string(json_path(json_root(doc), "error", "message", NULL))), "%s: no message", what);
}

START_TEST(what_is_wrong_is_told)
{
    static const struct {
        const char *method, *path;
        long status;
        const char *code;
    } wrong[] = {
        {"GET", "/", 404, "not_found"},
        {"GET", "/v1", 404, "not_found"},
        {"GET", "/v1/", 404, "not_found"},
        {"GET", "/v1/statu", 404, "not_found"},
        {"GET", "/v1/status/", 404, "not_found"},
        {"GET", "/v1/rules/", 404, "not_found"},
        {"GET", "/v1/rules/5.4/x", 404, "not_found"},
        {"GET", "/v1/rules/5.999", 404, "unknown_rule"},
        {"GET", "/v1/rules/..%2f..%2fetc%2fpasswd", 404, "not_found"},
        {"GET", "/v1/rules/5%2E4x", 404, "unknown_rule"},
        {"GET", "/../v1/status", 404, "not_found"},
        {"GET", "//v1/status", 404, "not_found"},
        {"GET", "/V1/STATUS", 404, "not_found"},
        {"GET", "/v1/rules/5.4%00", 400, "bad_request"},
        {"GET", "/v1/status%00", 400, "bad_request"},
        {"GET", "/v1/rules/%ff%fe", 404, "unknown_rule"},
        {"GET", "/v1/rules/%1b%5b31m", 404, "unknown_rule"},
        {"POST", "/v1/status", 405, "method_not_allowed"},
        {"PUT", "/v1/findings", 405, "method_not_allowed"},
        {"DELETE", "/v1/rules/5.4", 405, "method_not_allowed"},
        {"OPTIONS", "/v1/events", 405, "method_not_allowed"},
        {"PATCH", "/healthz", 405, "method_not_allowed"},
        {"TRACE", "/healthz", 405, "method_not_allowed"},
        {"GET", "/v1/scan", 405, "method_not_allowed"},
        {"GET", "/v1/ack", 405, "method_not_allowed"},
        {"FROBNICATE", "/v1/scan", 405, "method_not_allowed"},
        {"GET", "/v1/status?x=1", 400, "bad_request"},
        {"GET", "/v1/status?lang=fr", 400, "bad_request"},
        {"GET", "/v1/status?lang=en&lang=zh", 400, "bad_request"},
        {"GET", "/v1/status?lang", 400, "bad_request"},
        {"GET", "/v1/status?=", 400, "bad_request"},
        {"GET", "/v1/status?&", 400, "bad_request"},
        {"GET", "/v1/findings?rule=5.999", 400, "bad_request"},
        {"GET", "/v1/findings?rule=", 400, "bad_request"},
        {"GET", "/v1/findings?rule=5.4%00x", 400, "bad_request"},
        {"GET", "/v1/findings?rule=%ff%fe%1b", 400, "bad_request"},
        {"GET", "/v1/findings?rule=%zz", 400, "bad_request"},
        {"GET", "/v1/findings?rule=5.4&rule=5.5", 400, "bad_request"},
        {"GET", "/v1/findings?section=99", 400, "bad_request"},
        {"GET", "/v1/findings?section=", 400, "bad_request"},
        {"GET", "/v1/findings?status=failed", 400, "bad_request"},
        {"GET", "/v1/findings?status=fail,", 400, "bad_request"},
        {"GET", "/v1/findings?status=", 400, "bad_request"},
        {"GET", "/v1/findings?severity=high,none", 400, "bad_request"},
        {"GET", "/v1/findings?kind=pod", 400, "bad_request"},
        {"GET", "/v1/findings?waived=yes", 400, "bad_request"},
        {"GET", "/v1/findings?limit=0", 400, "bad_request"},
        {"GET", "/v1/findings?limit=-1", 400, "bad_request"},
        {"GET", "/v1/findings?limit=1e3", 400, "bad_request"},
        {"GET", "/v1/findings?limit=", 400, "bad_request"},
        {"GET", "/v1/findings?limit=100001", 400, "bad_request"},
        {"GET", "/v1/findings?limit=99999999999999999999999", 400, "bad_request"},
        {"GET", "/v1/findings?after=", 400, "bad_request"},
        {"GET", "/v1/findings?after=nonsense", 400, "bad_request"},
        {"GET", "/v1/findings?after=nonsense%20x", 400, "bad_request"},
        {"GET", "/v1/findings?statu=fail", 400, "bad_request"},
        {"GET", "/v1/events?since=x", 400, "bad_request"},
        {"GET", "/v1/events?since=-1", 400, "bad_request"},
        {"GET", "/v1/events?since=18446744073709551616", 400, "bad_request"},
        {"GET", "/v1/events?since=9223372036854775808", 400, "bad_request"},
        {"GET", "/v1/events?follow=1", 400, "bad_request"},
        {"POST", "/v1/scan?x=1", 400, "bad_request"},
    };

    for (size_t i = 0; i < countof(wrong); i++) {
        scoped(http_answer_deinit) struct http_answer answer = {0};
        scoped(cleanup_free) char *what = mem_printf("%s %s", wrong[i].method, wrong[i].path);

        exchange(wrong[i].method, wrong[i].path, NULL, &answer);
        refused(what, &answer, wrong[i].status, wrong[i].code);
        if (wrong[i].status == 405)
            ck_assert_ptr_nonnull(strstr(answer.head.data, strstr(what, "scan") || strstr(what, "ack")
                                                               ? "\r\nAllow: POST\r\n"
                                                               : "\r\nAllow: GET, HEAD\r\n"));
    }
}
END_TEST

START_TEST(encoded_addresses_mean_the_same)
{
    static const char *const same[] = {"/v1/rules/5%2e4", "/v1/rules/%35.4", "/%761/rules/5.4",
                                       "http://localhost/v1/rules/5.4", "http://elsewhere:99/v1/rules/5.4"};
    scoped(http_answer_deinit) struct http_answer plain = {0};

    exchange("GET", "/v1/rules/5.4", NULL, &plain);
    for (size_t i = 0; i < countof(same); i++) {
        scoped(http_answer_deinit) struct http_answer answer = {0};

        exchange("GET", same[i], NULL, &answer);
        ck_assert_msg(str_equal(str_text(&answer.body), plain.body.data), "%s: %ld", same[i], answer.status);
    }
}
END_TEST

/* "SLUG SUBJECT-ID" of each finding: what "next" calls a place. */
struct places {
    VEC(char *) list;
};

static void places_deinit(struct places *places)
{
    for (size_t i = 0; i < places->list.count; i++)
        free(places->list.items[i]);
    vec_free(&places->list);
}

static void add_place(struct places *places, const struct json *finding)
{
    vec_push(&places->list, mem_printf("%s %s", json_text(json_get(finding, "slug"), "?"),
                                       json_text(json_path(finding, "subject", "id", NULL), "?")));
}

static char *encoded(const char *text)
{
    struct str out = STR_INIT;

    for (; *text; text++)
        str_printf(&out, "%%%02x", (unsigned char)*text);
    return str_steal(&out);
}

/* Follows "next" from page to page. QUERY ends in '?' or '&'. Returns how many pages there were. */
static size_t read_pages(const char *query, struct places *ret)
{
    scoped(cleanup_free) char *after = NULL;
    size_t pages = 0;

    do {
        scoped(cleanup_free) char *place = after ? encoded(after) : NULL;
        scoped(cleanup_free) char *path =
            mem_printf("/v1/findings%s%s%s", query, after ? "after=" : "lang=en", after ? place : "");
        scoped(http_answer_deinit) struct http_answer answer = {0};
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        const struct json *list;

        exchange("GET", path, NULL, &answer);
        ck_assert_msg(answer.status == 200, "%s: %ld %.300s", path, answer.status, str_text(&answer.body));
        ck_assert_uint_le(answer.body.length, PAGE_BYTES + 64 * 1024);
        doc = parse(&answer.body);
        list = json_get(json_root(doc), "findings");
        for (size_t i = 0; i < json_count(list); i++)
            add_place(ret, json_at(list, i));
        free(after);
        after = mem_strdup(json_string(json_get(json_root(doc), "next")));
        if (after) {
            ck_assert_uint_gt(ret->list.count, 0);
            ck_assert_str_eq(after, ret->list.items[ret->list.count - 1]);
        }
        pages++;
    } while (after);
    return pages;
}

static void same_places(const char *what, const struct places *a, const struct places *b)
{
    ck_assert_msg(a->list.count == b->list.count, "%s: %zu and %zu", what, a->list.count, b->list.count);
    for (size_t i = 0; i < a->list.count; i++)
        ck_assert_msg(str_equal(a->list.items[i], b->list.items[i]), "%s: at %zu: %s and %s", what, i, a->list.items[i],
                      b->list.items[i]);
}

/* However the whole is cut into pages, it is the same whole; and no answer is longer than a page may be. */
START_TEST(pages_make_the_whole)
{
    static const char *const queries[] = {"?limit=100000&", "?limit=137&", "?limit=1000&"};
    scoped(places_deinit) struct places whole = {0};

    ck_assert_uint_ge(read_pages("?", &whole), 2);
    ck_assert_uint_gt(whole.list.count, (size_t)CONTAINERS * 30);
    for (size_t i = 0; i < countof(queries); i++) {
        scoped(places_deinit) struct places places = {0};
        size_t pages = read_pages(queries[i], &places);

        same_places(queries[i], &whole, &places);
        ck_assert_uint_ge(pages, (i == 1 ? whole.list.count / 137 : 2));
    }
}
END_TEST

START_TEST(a_page_goes_on_where_its_end_went_away)
{
    scoped(cleanup_json_doc) struct json_doc *doc = get("/v1/findings?rule=5.4&after=container-privileged%20c");
    scoped(cleanup_json_doc) struct json_doc *none = get("/v1/findings?rule=5.4&after=container-privileged%20d");
    scoped(cleanup_json_doc) struct json_doc *by_id = get("/v1/findings?rule=5.4&after=5.4%20c");

    ck_assert_uint_eq(json_count(json_get(json_root(doc), "findings")), CONTAINERS);
    ck_assert_uint_eq(json_count(json_get(json_root(none), "findings")), 0);
    ck_assert_uint_eq(json_count(json_get(json_root(by_id), "findings")), CONTAINERS);
}
END_TEST

static const char *text_at(const struct json *finding, const char *key)
{
    return json_text(json_get(finding, key), "");
}

static bool is_54(const struct json *finding)
{
    return str_equal(text_at(finding, "rule"), "5.4");
}

static bool is_of_section_5(const struct json *finding)
{
    return str_equal(text_at(finding, "section"), "5");
}

static bool fails(const struct json *finding)
{
    return str_equal(text_at(finding, "status"), "fail");
}

static bool fails_or_is_manual(const struct json *finding)
{
    return fails(finding) || str_equal(text_at(finding, "status"), "manual");
}

static bool is_critical(const struct json *finding)
{
    return str_equal(text_at(finding, "severity"), "critical");
}

static bool is_of_c7(const struct json *finding)
{
    return str_equal(json_text(json_path(finding, "subject", "name", NULL), ""),
                     "c70"); /* the seventh: see say_container() */
}

static bool is_of_the_seventies(const struct json *finding)
{
    const char *name = json_text(json_path(finding, "subject", "name", NULL), "");

    return str_starts(name, "c7") && strlen(name) == 3;
}

static bool is_of_an_image(const struct json *finding)
{
    return str_equal(json_text(json_path(finding, "subject", "kind", NULL), ""), "image");
}

static bool is_waived(const struct json *finding)
{
    return json_type(json_get(finding, "waived")) == JSON_OBJECT;
}

static bool fails_unwaived_and_critically(const struct json *finding)
{
    return fails(finding) && !is_waived(finding) && is_critical(finding);
}

static bool any(const struct json *finding)
{
    (void)finding;
    return true;
}

static bool none(const struct json *finding)
{
    (void)finding;
    return false;
}

START_TEST(filters_keep_what_they_say)
{
    scoped(cleanup_free) char *by_id = mem_printf("subject=%s", fake_container_id(7));
    scoped(cleanup_free) char *by_prefix = mem_printf("subject=%.12s", fake_container_id(7));
    scoped(cleanup_free) char *too_short = mem_printf("subject=%.11s", fake_container_id(7));
    const struct {
        const char *query;
        bool (*keeps)(const struct json *finding);
        size_t least, most;
    } filters[] = {
        {"rule=5.4", is_54, CONTAINERS, CONTAINERS},
        {"rule=container-privileged", is_54, CONTAINERS, CONTAINERS},
        {"section=5", is_of_section_5, (size_t)CONTAINERS * 20, SIZE_MAX},
        {"status=fail", fails, 50, SIZE_MAX},
        {"status=fail,manual", fails_or_is_manual, 100, SIZE_MAX},
        {"status=manual%2Cfail", fails_or_is_manual, 100, SIZE_MAX},
        {"status=pass,fail,manual,not_applicable,error", any, 100, SIZE_MAX},
        {"severity=critical", is_critical, CONTAINERS, SIZE_MAX},
        {"subject=c70", is_of_c7, 20, 60},
        {by_id, is_of_c7, 20, 60},
        {too_short, none, 0, 0},
        {"subject=c", none, 0, 0},
        {"subject=container:c70", is_of_c7, 20, 60},
        {"subject=c7?", is_of_the_seventies, 20, 60},
        {"kind=image", is_of_an_image, 3, 30},
        {"waived=true", is_waived, 1, 1},
        {"status=fail&waived=false&severity=critical", fails_unwaived_and_critically, 1, SIZE_MAX},
        {"lang=zh", any, 1000, SIZE_MAX},
    };
    VEC(struct json_doc *) docs = {0};
    scoped(cleanup_free) char *after = NULL;

    do { /* the whole, page by page */
        scoped(cleanup_free) char *place = after ? encoded(after) : NULL;
        scoped(cleanup_free) char *path = after ? mem_printf("/v1/findings?after=%s", place) : NULL;

        vec_push(&docs, get(path ? path : "/v1/findings"));
        free(after);
        after = mem_strdup(json_string(json_get(json_root(docs.items[docs.count - 1]), "next")));
    } while (after);
    for (size_t i = 0; i < countof(filters); i++) {
        scoped(places_deinit) struct places expected = {0}, said = {0};
        scoped(cleanup_free) char *query = mem_printf("?%s&", filters[i].query);

        for (size_t d = 0; d < docs.count; d++) {
            const struct json *list = json_get(json_root(docs.items[d]), "findings");

            for (size_t k = 0; k < json_count(list); k++)
                if (filters[i].keeps(json_at(list, k)))
                    add_place(&expected, json_at(list, k));
        }
        read_pages(str_starts(filters[i].query, "lang") ? "?" : query, &said);
        same_places(query, &expected, &said);
        ck_assert_msg(said.list.count >= filters[i].least && said.list.count <= filters[i].most, "%s: %zu", query,
                      said.list.count);
    }
    for (size_t d = 0; d < docs.count; d++)
        json_doc_free(docs.items[d]);
    vec_free(&docs);
    /* The first 12 digits of every container here are the same. */
    {
        scoped(places_deinit) struct places said = {0};
        scoped(cleanup_free) char *query = mem_printf("?rule=5.4&%s&", by_prefix);

        read_pages(query, &said);
        ck_assert_uint_eq(said.list.count, CONTAINERS);
    }
}
END_TEST

START_TEST(texts_come_in_the_language_asked_for)
{
    scoped(cleanup_json_doc) struct json_doc *en = get("/v1/rules/5.4?lang=en"), *zh = get("/v1/rules/5.4?lang=zh");

    ck_assert_str_ne(text_at(json_root(en), "title"), text_at(json_root(zh), "title"));
    ck_assert_str_ne(text_at(json_root(en), "why"), text_at(json_root(zh), "why"));
}
END_TEST

/* The next line of a chunked stream, without the frame; NULL: none came. Lines here never span chunks of theirs. */
struct stream {
    int fd;
    struct str raw, text;
    bool ended;
};

static void unframe(struct stream *stream)
{
    for (;;) {
        char *line = strstr(str_text(&stream->raw), "\r\n"), *end;
        size_t size, head, whole;

        if (!line)
            return;
        size = strtoul(stream->raw.data, &end, 16);
        ck_assert_msg(end == line, "no chunk: %.60s", stream->raw.data);
        head = (size_t)(line - stream->raw.data) + 2;
        whole = head + size + 2;
        if (stream->raw.length < whole)
            return;
        str_append_n(&stream->text, stream->raw.data + head, size);
        memmove(stream->raw.data, stream->raw.data + whole, stream->raw.length - whole + 1);
        stream->raw.length -= whole;
    }
}

static char *next_line(struct stream *stream, unsigned ms)
{
    usec_t end = clock_monotonic() + ms * (usec_t)1000;
    char *newline;

    while (!(newline = memchr(str_text(&stream->text), '\n', stream->text.length))) {
        if (stream->ended || clock_monotonic() >= end)
            return NULL;
        stream->ended = beside_hear(&beside, stream->fd, &stream->raw, stream->raw.length + 1, ms);
        unframe(stream);
    }
    {
        size_t length = (size_t)(newline - stream->text.data);
        char *line = mem_strndup(stream->text.data, length);

        memmove(stream->text.data, newline + 1, stream->text.length - length);
        stream->text.length -= length + 1;
        return line;
    }
}

static void stream_deinit(struct stream *stream)
{
    close(stream->fd);
    str_deinit(&stream->raw);
    str_deinit(&stream->text);
}

/* Sends the request and reads the head and the hello. The stream's LAST_SEQ and OLDEST_SEQ come back. False: there is
 * no place for it. */
static bool try_stream(struct stream *stream, const char *query, int64_t *ret_last, int64_t *ret_oldest)
{
    scoped(cleanup_free) char *request = mem_printf("GET /v1/events?%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped(cleanup_free) char *line = NULL;
    char *body;

    *stream = (struct stream){.fd = beside_dial(&beside)};
    beside_say(&beside, stream->fd, request, strlen(request));
    while (!(body = strstr(str_text(&stream->raw), "\r\n\r\n")))
        ck_assert(!beside_hear(&beside, stream->fd, &stream->raw, stream->raw.length + 1, HANG_MS));
    if (str_starts(stream->raw.data, "HTTP/1.1 503 ")) {
        stream_deinit(stream);
        return false;
    }
    ck_assert(str_starts(stream->raw.data, "HTTP/1.1 200 "));
    ck_assert_ptr_nonnull(strstr(stream->raw.data, "\r\nContent-Type: application/x-ndjson\r\n"));
    ck_assert_ptr_nonnull(strstr(stream->raw.data, "\r\nTransfer-Encoding: chunked\r\n"));
    body += 4;
    stream->raw.length -= (size_t)(body - stream->raw.data);
    memmove(stream->raw.data, body, stream->raw.length + 1);
    unframe(stream);
    line = next_line(stream, HANG_MS);
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(json_parse(line, strlen(line), NULL, &doc, NULL), 0);
    *ret_last = json_int(json_path(json_root(doc), "hello", "last_seq", NULL), -1);
    *ret_oldest = json_int(json_path(json_root(doc), "hello", "oldest_seq", NULL), -1);
    ck_assert_int_ge(*ret_last, 0);
    ck_assert_int_ge(*ret_oldest, 1);
    return true;
}

/* As soon as there is a place for it. */
static void open_stream(struct stream *stream, const char *query, int64_t *ret_last, int64_t *ret_oldest)
{
    AWAIT(try_stream(stream, query, ret_last, ret_oldest));
}

/* Reads lines until the one with SEQ: they must go on from FROM + 1 without a gap but those told. Returns the number
 * of transitions told as lost. */
static int64_t read_until(struct stream *stream, int64_t from, int64_t seq)
{
    int64_t lost = 0;

    while (from < seq) {
        scoped(cleanup_free) char *line = next_line(stream, HANG_MS);
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        const struct json *gap;

        ck_assert_msg(line != NULL, "nothing comes after %" PRId64, from);
        ck_assert_int_eq(json_parse(line, strlen(line), NULL, &doc, NULL), 0);
        gap = json_get(json_root(doc), "lost");
        if (gap) {
            ck_assert_int_gt(json_int(gap, 0), 0);
            lost += json_int(gap, 0);
            from += json_int(gap, 0);
            continue;
        }
        ck_assert_int_eq(json_int(json_get(json_root(doc), "seq"), -1), from + 1);
        from++;
    }
    return lost;
}

START_TEST(everything_is_kept)
{
    static const char *const queries[] = {"", "?since=0", "?since=3", "?follow=false"};
    static const int64_t since[] = {0, 0, 3, 0};

    for (size_t i = 0; i < countof(queries); i++) {
        scoped(cleanup_free) char *path = mem_printf("/v1/events%s", queries[i]);
        scoped(http_answer_deinit) struct http_answer answer = {0};
        int64_t last, oldest, count = 0;
        const char *line;

        exchange("GET", path, NULL, &answer);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_int_eq(sscanf(answer.body.data, "{\"hello\":{\"last_seq\":%" SCNd64 ",\"oldest_seq\":%" SCNd64 "}}\n",
                                &last, &oldest),
                         2);
        ck_assert_int_eq(oldest, 1);
        for (line = answer.body.data; (line = strchr(line, '\n') + 1) && *line;)
            count++;
        ck_assert_int_eq(count, last - since[i]);
    }
}
END_TEST

/* How many transitions there are by QUERY; each line has PART. */
static int64_t count_events(const char *query, const char *part)
{
    scoped(cleanup_free) char *path = mem_printf("/v1/events?%s", query);
    scoped(http_answer_deinit) struct http_answer answer = {0};
    const char *line, *end;
    int64_t count = 0;

    exchange("GET", path, NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    for (line = strchr(answer.body.data, '\n') + 1; *line; line = end + 1, count++) {
        scoped(cleanup_free) char *copy = NULL;

        end = strchr(line, '\n');
        copy = mem_strndup(line, (size_t)(end - line));
        ck_assert_msg(strstr(copy, part) != NULL, "%s: %s", path, copy);
    }
    return count;
}

/* The same transitions in both languages; what programs compare does not change. */
START_TEST(events_come_in_the_language_asked_for)
{
    static const char *const same[] = {"uid", "rule", "status", "cause", "at"};
    scoped(http_answer_deinit) struct http_answer en = {0}, zh = {0};
    const char *english, *chinese, *end;
    unsigned others = 0;

    exchange("GET", "/v1/events", NULL, &en);
    exchange("GET", "/v1/events?lang=zh", NULL, &zh);
    ck_assert_int_eq(en.status, 200);
    ck_assert_int_eq(zh.status, 200);
    english = strchr(en.body.data, '\n') + 1;
    for (chinese = strchr(zh.body.data, '\n') + 1; *english && *chinese; chinese = end + 1) {
        scoped(cleanup_json_doc) struct json_doc *first = NULL, *second = NULL;
        const struct json *one, *other;

        end = strchr(english, '\n');
        ck_assert_int_eq(json_parse(english, (size_t)(end - english), NULL, &first, NULL), 0);
        english = end + 1;
        end = strchr(chinese, '\n');
        ck_assert_int_eq(json_parse(chinese, (size_t)(end - chinese), NULL, &second, NULL), 0);
        one = json_root(first);
        other = json_root(second);
        for (size_t i = 0; i < countof(same); i++)
            ck_assert_str_eq(text_at(one, same[i]), text_at(other, same[i]));
        ck_assert_str_ne(text_at(one, "title"), text_at(other, "title"));
        ck_assert_ptr_null(strpbrk(text_at(one, "evidence"), MESSAGE_MARKS));
        ck_assert_ptr_null(strpbrk(text_at(other, "evidence"), MESSAGE_MARKS));
        others += strcmp(text_at(one, "evidence"), text_at(other, "evidence")) != 0;
    }
    ck_assert_uint_gt(others, 0);
}
END_TEST

START_TEST(events_by_what_is_asked_for)
{
    static const char *const wrong[] = {"rule=99.9",      "section=77", "severity=big",      "status=bad",
                                        "kind=thing",     "waived=no",  "since_time=monday", "limit=0",
                                        "until_time=now", "since=-1",   "follow=maybe"};
    scoped(cleanup_free) char *of_one = mem_printf("rule=5.4&subject=%s", fake_container_id(1));
    scoped(http_answer_deinit) struct http_answer answer = {0};
    int64_t all = count_events("rule=5.4&kind=container", "\"slug\":\"container-privileged\"");

    /* more than one of each where an answer of the engine was late, and of the rule itself where it was away */
    ck_assert_int_ge(all, CONTAINERS);
    ck_assert_int_ge(count_events("rule=5.4", "\"slug\":\"container-privileged\""), all);
    ck_assert_int_ge(count_events("rule=container-privileged&status=fail", "\"status\":\"fail\""), 2);
    ck_assert_int_ge(count_events(of_one, fake_container_id(1)), 1);
    ck_assert_int_gt(count_events("kind=container&section=5", "\"section\":\"5\""), 1000);
    ck_assert_int_gt(count_events("severity=critical,high&kind=container", "\"kind\":\"container\""), 100);
    ck_assert_int_eq(count_events("since_time=2100-01-01T00:00:00Z", ""), 0);
    ck_assert_int_eq(count_events("until_time=2001-01-01T00:00:00Z", ""), 0);
    ck_assert_int_eq(count_events("since_time=2001-01-01T00:00:00Z&rule=5.4&kind=container", "container"), all);
    ck_assert_int_eq(count_events("rule=5.4&kind=container&waived=false", "\"waived\":null") +
                         count_events("rule=5.4&kind=container&waived=true", "\"waived\":{"),
                     all);
    ck_assert_int_ge(count_events("rule=5.4&waived=true", "\"waived\":{"), 1);
    ck_assert_int_eq(count_events("rule=5.4&limit=3", "container"), 3);
    ck_assert_int_eq(count_events("limit=2000", ""), 2000); /* more than one page of the store */
    ck_assert_int_eq(count_events("follow=true&since=0&limit=5", ""), 5);
    for (size_t i = 0; i < countof(wrong); i++) {
        scoped(cleanup_free) char *path = mem_printf("/v1/events?%s", wrong[i]);

        exchange("GET", path, NULL, &answer);
        refused(path, &answer, 400, "bad_request");
    }
}
END_TEST

START_TEST(nothing_is_new_after_the_last)
{
    static const int64_t beyond[] = {0, 1, 1000000};

    for (size_t i = 0; i < countof(beyond); i++) {
        scoped(cleanup_free) char *path = mem_printf("/v1/events?since=%" PRId64, last_seq() + beyond[i]);
        scoped(http_answer_deinit) struct http_answer answer = {0};

        exchange("GET", path, NULL, &answer);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_ptr_eq(strchr(answer.body.data, '\n'), answer.body.data + answer.body.length - 1);
    }
}
END_TEST

static void toggle(size_t container, bool privileged)
{
    fake_set_privileged(beside.fake, container, privileged);
    fake_event(beside.fake, "container", "update", fake_container_id(container), NULL);
}

static size_t count_of_54(const char *query)
{
    scoped(cleanup_free) char *path = mem_printf("/v1/findings?rule=5.4&limit=1000%s", query);
    scoped(cleanup_json_doc) struct json_doc *doc = get(path);

    return json_count(json_get(json_root(doc), "findings"));
}

static bool is_privileged(size_t container)
{
    scoped(cleanup_free) char *query = mem_printf("&status=fail&subject=%s", fake_container_id(container));

    return count_of_54(query) == 1;
}

START_TEST(a_follower_is_told_as_it_happens)
{
    struct stream fresh, replayed;
    int64_t last, oldest, before = last_seq();
    scoped(cleanup_free) char *query = mem_printf("since=%" PRId64 "&follow=true", before - 5);

    open_stream(&fresh, "follow=true", &last, &oldest);
    ck_assert_int_eq(last, before);
    open_stream(&replayed, query, &last, &oldest);
    ck_assert_int_eq(last, before);
    ck_assert_int_eq(read_until(&replayed, before - 5, before), 0);
    ck_assert_ptr_null(next_line(&fresh, 50));
    for (size_t i = 10; i < 30; i++)
        toggle(i, true);
    AWAIT(last_seq() >= before + 20);
    settle();
    last = last_seq();
    ck_assert_int_eq(read_until(&fresh, before, last), 0);
    ck_assert_int_eq(read_until(&replayed, before, last), 0);
    stream_deinit(&fresh);
    stream_deinit(&replayed);
}
END_TEST

/* It is sent what fits, and the rest from the store when it reads again. */
START_TEST(a_slow_reader_loses_nothing)
{
    struct stream slow;
    int64_t last, oldest, before;

    open_stream(&slow, "follow=true", &before, &oldest);
    for (unsigned round = 0; round < 2; round++) {
        fake_set_containers(beside.fake, round ? CONTAINERS : 5);
        fake_forget_events(beside.fake); /* as one that was restarted */
        fake_close_all(beside.fake);
        AWAIT(count_of_54("") == (round ? CONTAINERS : 5));
    }
    AWAIT(last_seq() > before + 3000);
    settle();
    last = last_seq();
    ck_assert_int_eq(read_until(&slow, before, last), 0);
    toggle(40, true);
    AWAIT(is_privileged(40));
    ck_assert_int_gt(last_seq(), last);
    ck_assert_int_eq(read_until(&slow, last, last_seq()), 0);
    stream_deinit(&slow);
}
END_TEST

START_TEST(followers_are_limited)
{
    struct stream streams[FOLLOWERS];
    int64_t last, oldest;
    scoped(http_answer_deinit) struct http_answer answer = {0};

    for (size_t i = 0; i < FOLLOWERS; i++)
        open_stream(&streams[i], "follow=true", &last, &oldest);
    exchange("GET", "/v1/events?follow=true", NULL, &answer);
    refused("one more", &answer, 503, "busy");
    exchange("GET", "/v1/events", NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    stream_deinit(&streams[0]);
    AWAIT(try_stream(&streams[0], "follow=true", &last, &oldest)); /* once the agent has seen that it went */
    for (size_t i = 0; i < FOLLOWERS; i++)
        stream_deinit(&streams[i]);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_turn)
{
    enum { REQUESTS = 300 };
    static const char *const requests[] = {"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /v1/findings?limit=3 HTTP/1.1\r\nHost: x\r\n\r\n"};
    static const long statuses[] = {200, 404, 200};
    scoped_str all = STR_INIT, pending = STR_INIT;
    scoped(http_answer_deinit) struct http_answer answer = {0};
    int fd = beside_dial(&beside);

    for (size_t i = 0; i < REQUESTS; i++)
        str_append(&all, requests[i % 3]);
    beside_say(&beside, fd, all.data, all.length);
    for (size_t i = 0; i < REQUESTS; i++) {
        ck_assert(beside_answer(&beside, fd, &pending, &answer));
        ck_assert_int_eq(answer.status, statuses[i % 3]);
    }
    ck_assert_uint_eq(pending.length, 0);
    close(fd);
}
END_TEST

/* A client that has nothing more to send may say so, and still gets everything: 1 MiB and more, read in small parts. */
START_TEST(a_half_closed_client_gets_the_whole_answer)
{
    static const char *const paths[] = {"/v1/findings?limit=100000", "/v1/findings?limit=100000&lang=zh",
                                        "/v1/events?since=0", "/v1/rules"};
    size_t largest = 0;

    for (size_t i = 0; i < countof(paths); i++) {
        scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
        scoped(http_answer_deinit) struct http_answer whole = {0};
        scoped_str said = STR_INIT;
        const char *body;
        int fd = beside_dial(&beside);

        exchange("GET", paths[i], NULL, &whole);
        ck_assert_int_eq(whole.status, 200);
        beside_say(&beside, fd, request, strlen(request));
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        fake_run(beside.base, 50, NULL, NULL); /* the end is there before the answer is read */
        ck_assert_msg(beside_hear(&beside, fd, &said, 0, HANG_MS), "%s: it does not hang up", paths[i]);
        body = strstr(str_text(&said), "\r\n\r\n");
        ck_assert_ptr_nonnull(body);
        if (strstr(whole.head.data, "chunked"))
            ck_assert(str_ends(said.data, "\r\n0\r\n\r\n"));
        else
            ck_assert_uint_eq(said.length - (size_t)(body + 4 - said.data), whole.body.length);
        largest = whole.body.length > largest ? whole.body.length : largest;
        close(fd);
    }
    ck_assert_uint_gt(largest, 1024 * 1024);
}
END_TEST

/* Hears on FD until TEXT has come; false: it ended before. */
static bool hear_until(int fd, struct str *said, const char *text)
{
    usec_t end = clock_monotonic() + HANG_MS * (usec_t)1000;
    bool ended = false;

    while (!ended && !strstr(str_text(said), text)) {
        ck_assert_msg(clock_monotonic() < end, "%s does not come after %.300s", text, str_text(said));
        ended = beside_hear(&beside, fd, said, said->length + 1, 1000);
    }
    return strstr(str_text(said), text);
}

/* One that has nothing more to send, and has been told where the stream stands. False: there is no place for it. */
static bool follow_half_closed(int *ret_fd, struct str *said)
{
    static const char request[] = "GET /v1/events?follow=true HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = beside_dial(&beside);

    str_clear(said);
    beside_say(&beside, fd, request, sizeof request - 1);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert(hear_until(fd, said, "\r\n\r\n"));
    if (str_starts(said->data, "HTTP/1.1 503 ")) {
        close(fd);
        return false;
    }
    ck_assert(str_starts(said->data, "HTTP/1.1 200 "));
    ck_assert(hear_until(fd, said, "{\"hello\":"));
    *ret_fd = fd;
    return true;
}

START_TEST(half_closed_followers_go_on)
{
    struct str said[FOLLOWERS] = {0};
    int fds[FOLLOWERS];

    for (size_t i = 0; i < FOLLOWERS; i++)
        AWAIT(follow_half_closed(&fds[i], &said[i]));
    toggle(50, true);
    for (size_t i = 0; i < FOLLOWERS; i++) {
        ck_assert(hear_until(fds[i], &said[i], fake_container_id(50)));
        ck_assert(!beside_hear(&beside, fds[i], &said[i], 0, 20));
    }
    toggle(50, false);
    AWAIT(!is_privileged(50));
    for (size_t i = 0; i < FOLLOWERS; i++)
        close(fds[i]);
    AWAIT(follow_half_closed(&fds[0], &said[0])); /* and their places are free when they go */
    close(fds[0]);
    for (size_t i = 0; i < FOLLOWERS; i++)
        str_deinit(&said[i]);
}
END_TEST

static void expect_answers(const char *what, size_t count, long status)
{
    scoped_str pending = STR_INIT;
    scoped(http_answer_deinit) struct http_answer answer = {0};
    int fd = beside_dial(&beside);

    beside_say(&beside, fd, what, strlen(what));
    for (size_t i = 0; i < count; i++) {
        ck_assert(beside_answer(&beside, fd, &pending, &answer));
        ck_assert_msg(answer.status == status, "%s: %ld", what, answer.status);
    }
    ck_assert_msg(!beside_hear(&beside, fd, &pending, 1, 50), "%s: it hangs up", what);
    ck_assert_msg(pending.length == 0, "%s: also %.100s", what, str_text(&pending));
    close(fd);
}

#define HEALTH "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(empty_lines_are_no_requests)
{
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped_str pending = STR_INIT;
    int fd;

    expect_answers(HEALTH "\r\n", 1, 200);
    expect_answers(HEALTH "\n", 1, 200);
    expect_answers("\r\n" HEALTH, 1, 200);
    expect_answers("\n\n\r\n", 0, 0);
    expect_answers(HEALTH "\r\n\r\n" HEALTH "\r\n" HEALTH "\r\n", 3, 200);
    expect_answers("POST /v1/ack HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}\r\n", 1, 400);
    fd = beside_dial(&beside);
    for (unsigned i = 0; i < 3; i++) { /* also when it comes after the answer, byte by byte */
        beside_say(&beside, fd, HEALTH, strlen(HEALTH));
        ck_assert(beside_answer(&beside, fd, &pending, &answer));
        ck_assert_int_eq(answer.status, 200);
        beside_say(&beside, fd, "\r", 1);
        ck_assert(!beside_hear(&beside, fd, &pending, 1, 20));
        beside_say(&beside, fd, "\n", 1);
        ck_assert(!beside_hear(&beside, fd, &pending, 1, 20));
    }
    ck_assert_uint_eq(pending.length, 0);
    close(fd);
}
END_TEST

static const char *next_header(const char *at, size_t *ret_length)
{
    const char *line = strstr(at, "\r\n");

    if (!line || str_starts(line, "\r\n\r\n"))
        return NULL;
    line += 2;
    *ret_length = strcspn(line, "\r");
    return line;
}

/* The header of GET, byte for byte but for the date, and nothing after it: the next answer begins there. */
START_TEST(head_is_get_without_its_body)
{
    static const char *const paths[] = {"/v1/findings?limit=100000", "/v1/rules", "/v1/rules/5.4", "/healthz",
                                        "/v1/events?since=0",        "/nowhere",  "/v1/status?x=1"};

    for (size_t i = 0; i < countof(paths); i++) {
        scoped(cleanup_free) char *request =
            mem_printf("HEAD %s HTTP/1.1\r\nHost: x\r\n\r\nHEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i], paths[i]);
        scoped(http_answer_deinit) struct http_answer whole = {0};
        scoped_str said = STR_INIT;
        size_t length = 0;
        const char *second = NULL;
        usec_t end = clock_monotonic() + HANG_MS * (usec_t)1000;
        int fd = beside_dial(&beside);

        exchange("GET", paths[i], NULL, &whole);
        beside_say(&beside, fd, request, strlen(request));
        while (clock_monotonic() < end && !(second && strstr(second + 4, "\r\n\r\n"))) {
            beside_hear(&beside, fd, &said, said.length + 1, 100);
            second = strstr(str_text(&said), "\r\n\r\n");
        }
        ck_assert_msg(second != NULL && str_starts(second + 4, "HTTP/1.1 "), "%s: %.300s", paths[i], str_text(&said));
        ck_assert_msg(strncmp(said.data, whole.head.data, strcspn(whole.head.data, "\r")) == 0, "%s", said.data);
        for (const char *line = whole.head.data; (line = next_header(line, &length));) {
            scoped(cleanup_free) char *header = mem_printf("\r\n%.*s\r\n", (int)length, line);

            if (!str_starts(line, "Date:"))
                ck_assert_msg(strstr(said.data, header) != NULL, "%s: no%s in %s", paths[i], header, said.data);
        }
        close(fd);
    }
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    scoped_str pending = STR_INIT;
    scoped(http_answer_deinit) struct http_answer answer = {0};
    int fd = beside_dial(&beside);

    for (size_t i = 0; i < sizeof request - 1; i++) {
        beside_say(&beside, fd, request + i, 1);
        ck_assert(!beside_hear(&beside, fd, &pending, 1, i + 1 < sizeof request - 1 ? 2 : 1000));
    }
    ck_assert(beside_answer(&beside, fd, &pending, &answer));
    ck_assert_int_eq(answer.status, 200);
    close(fd);
}
END_TEST

/* Sends the first LENGTH bytes of a request and goes; the agent must not mind. */
START_TEST(half_requests_are_forgotten)
{
    static const char request[] = "POST /v1/ack HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{\"exec\": \"abcdef";
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    for (size_t length = 1; length < sizeof request; length++) {
        int fd = beside_dial(&beside);

        beside_say(&beside, fd, request, length);
        close(fd);
    }
    doc = get("/v1/status");
    ck_assert_ptr_nonnull(doc);
}
END_TEST

/* What evhttp itself refuses: a status, whatever the text, and the connection ends. */
static void hangs_up_on(const char *what, const char *request, size_t length, long status)
{
    scoped_str said = STR_INIT;
    long got = 0;
    int fd = beside_dial(&beside);

    beside_say(&beside, fd, request, length);
    ck_assert_msg(beside_hear(&beside, fd, &said, 0, HANG_MS), "%s: it does not hang up: %.200s", what,
                  str_text(&said));
    sscanf(str_text(&said), "HTTP/1.%*1[01] %ld ", &got);
    ck_assert_msg(got == status, "%s: %ld, not %ld: %.200s", what, got, status, str_text(&said));
    close(fd);
}

static char *repeated(const char *head, char c, size_t count, const char *tail)
{
    struct str out = STR_INIT;

    str_append(&out, head);
    for (size_t i = 0; i < count; i++)
        str_append_char(&out, c);
    str_append(&out, tail);
    return str_steal(&out);
}

START_TEST(requests_have_their_limits)
{
    scoped(cleanup_free) char *long_path = repeated("GET /", 'a', 20000, " HTTP/1.1\r\nHost: x\r\n\r\n");
    scoped(cleanup_free) char *long_header = repeated("GET /healthz HTTP/1.1\r\nX: ", 'a', 20000, "\r\n\r\n");
    scoped(cleanup_free) char *endless_line = repeated("GET /healthz", 'a', 40000, "");
    scoped(cleanup_free) char *long_body =
        repeated("POST /v1/ack HTTP/1.1\r\nContent-Length: 1100000\r\n\r\n", 'a', 1100000, "");
    scoped(cleanup_free) char *chunked = repeated(
        "POST /v1/ack HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10c8e0\r\n", 'a', 1100000, "\r\n0\r\n\r\n");
    const struct {
        const char *what, *request;
        long status;
    } cases[] = {
        {"a long path", long_path, 400},
        {"a long header", long_header, 400},
        {"an endless line", endless_line, 400},
        {"a long body", long_body, 413},
        {"a long chunked body", chunked, 413},
        {"a length that is none", "POST /v1/ack HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400},
        {"a negative length", "POST /v1/ack HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400},
        {"a huge length", "POST /v1/ack HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", 413},
        {"no version", "GET /healthz\r\n\r\n", 400},
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 400},
        {"HTTP/9.9", "GET /healthz HTTP/9.9x\r\n\r\n", 400},
        {"a header without a colon", "GET /healthz HTTP/1.1\r\nnonsense\r\n\r\n", 400},
    };
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    for (size_t i = 0; i < countof(cases); i++)
        hangs_up_on(cases[i].what, cases[i].request, strlen(cases[i].request), cases[i].status);
    hangs_up_on("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\r\n\r\n", 16, 400);
    doc = get("/v1/status");
    ck_assert_ptr_nonnull(doc);
}
END_TEST

START_TEST(old_clients_are_answered)
{
    scoped_str said = STR_INIT, stream = STR_INIT;
    static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n",
                      follow[] = "GET /v1/events?follow=true HTTP/1.0\r\n\r\n";
    int fd = beside_dial(&beside);

    beside_say(&beside, fd, request, sizeof request - 1);
    ck_assert(beside_hear(&beside, fd, &said, 0, HANG_MS)); /* and hangs up */
    ck_assert(str_starts(said.data, "HTTP/1.0 200 "));
    ck_assert_ptr_nonnull(strstr(said.data, "\"ready\":true"));
    close(fd);
    fd = beside_dial(&beside);
    beside_say(&beside, fd, follow, sizeof follow - 1);
    ck_assert(hear_until(fd, &stream, "{\"hello\":"));
    ck_assert_ptr_null(strcasestr(stream.data, "chunked"));
    ck_assert_ptr_nonnull(strstr(stream.data, "\r\n\r\n{\"hello\":"));
    close(fd);
}
END_TEST

static int dial_as(uid_t uid)
{
    int fd;

    ck_assert_int_eq(seteuid(uid), 0);
    fd = beside_dial(&beside);
    ck_assert_int_eq(seteuid(0), 0);
    return fd;
}

static int dial_as_nobody(void)
{
    return dial_as(NOBODY);
}

START_TEST(only_root_may_change_something)
{
    static const char *const requests[] = {"POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                                           "POST /v1/resend HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
                                           "POST /v1/ack HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"};
    scoped(http_answer_deinit) struct http_answer answer = {0};

    for (size_t i = 0; i < countof(requests); i++) {
        exchange_raw(dial_as_nobody(), requests[i], &answer);
        refused(requests[i], &answer, 403, "forbidden");
    }
    exchange_raw(dial_as_nobody(), "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", &answer);
    ck_assert_int_eq(answer.status, 200);
}
END_TEST

START_TEST(root_may_scan)
{
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    fake_reset_requests(beside.fake);
    exchange("POST", "/v1/scan", "", &answer);
    ck_assert_int_eq(answer.status, 202);
    doc = parse(&answer.body);
    ck_assert(json_bool(json_get(json_root(doc), "started"), false));
    AWAIT(fake_requests(beside.fake, "/containers/c") >= CONTAINERS);
    settle();
}
END_TEST

static bool fails_of(const char *query)
{
    scoped(cleanup_json_doc) struct json_doc *doc = get(query);
    const struct json *list = json_get(json_root(doc), "findings");

    for (size_t i = 0; i < json_count(list); i++)
        if (fails(json_at(list, i)))
            return true;
    return false;
}

START_TEST(root_may_acknowledge_an_exec)
{
    static const char *const nonsense[] = {"",
                                           "x",
                                           "{}",
                                           "[]",
                                           "null",
                                           "{\"exec\":1,\"reason\":2}",
                                           "{\"exec\":\"\",\"reason\":\"x\"}",
                                           "{\"exec\":\"abc\"}",
                                           "{\"exec\":\"abc\",\"reason\":\"\"}",
                                           "{\"exec\":\"abc\",\"reason\":\"x\"} x"};
    scoped(cleanup_free) char *id = mem_strdup(fake_exec_id(1000001));
    scoped(cleanup_free) char *attributes = mem_printf("\"execID\":\"%s\"", id);
    scoped(cleanup_free) char *whole = mem_printf("{\"exec\":\"%s\",\"reason\":\"mine \\u001b[31m\\n\"}", id);
    scoped(cleanup_free) char *prefix = mem_printf("{\"exec\":\"%.11s\",\"reason\":\"mine\"}", id);
    scoped(cleanup_free) char *query = mem_printf("/v1/findings?kind=exec&subject=%s", id);
    scoped(http_answer_deinit) struct http_answer answer = {0};

    for (size_t i = 0; i < countof(nonsense); i++) {
        exchange("POST", "/v1/ack", nonsense[i], &answer);
        refused(nonsense[i], &answer, 400, "bad_request");
    }
    exchange("POST", "/v1/ack", "{\"exec\":\"eeeeeeeeeeeeeeee\",\"reason\":\"x\"}", &answer);
    refused("an exec that is none", &answer, 404, "not_found");
    fake_event(beside.fake, "container", "exec_create: sh", fake_container_id(1), attributes);
    fake_event(beside.fake, "container", "exec_start: sh", fake_container_id(1), attributes);
    AWAIT(fails_of(query));
    exchange("POST", "/v1/ack", prefix, &answer);
    refused("too short a beginning", &answer, 404, "not_found");
    exchange("POST", "/v1/ack", whole, &answer);
    ck_assert_msg(answer.status == 200, "%ld %s", answer.status, str_text(&answer.body));
    exchange("POST", "/v1/ack", whole, &answer);
    ck_assert_msg(answer.status == 404 || answer.status == 200, "%ld", answer.status);
    ck_assert(!fails_of(query));
}
END_TEST

START_TEST(a_resend_names_a_sink)
{
    static const char *const nonsense[] = {"", "x", "{}", "[]", "{\"sink\":1}", "{\"sink\":\"\"}"};
    scoped(http_answer_deinit) struct http_answer answer = {0};

    for (size_t i = 0; i < countof(nonsense); i++) {
        exchange("POST", "/v1/resend", nonsense[i], &answer);
        refused(nonsense[i], &answer, 400, "bad_request");
    }
    exchange("POST", "/v1/resend", "{\"sink\":\"syslog\"}", &answer);
    refused("a sink that is not there", &answer, 404, "not_found");
}
END_TEST

/* ---- What clients may make the agent hold ---- */

#ifdef __SANITIZE_ADDRESS__
enum { MANY = 120 }; /* it takes its time for each */
#else
enum { MANY = 250 };
#endif
enum { ANSWERS_MAX = 16 * 1024 * 1024, REQUESTS_MAX = 4 * 1024 * 1024, USERS = 4, OF_A_USER = 32, FILL = 24 };

enum { GIVEN_UP_S = 30 }; /* after that long a client that waits, or reads nothing, is hung up on */

/* Too slow a machine for what is about many at once: the first have been given up since. */
static bool is_over(usec_t begun)
{
    return clock_monotonic() - begun >= (GIVEN_UP_S - 5) * USEC_PER_SEC;
}

static size_t refused_here; /* of the questions that metric() asks */

static bool ask_metrics(struct http_answer *ret)
{
    exchange("GET", "/metrics", NULL, ret);
    refused_here += ret->status == 503;
    return ret->status == 200;
}

/* A sample of /metrics, without its docker_bench_agent_. */
static double metric(const char *name)
{
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped(cleanup_free) char *line = mem_printf("\ndocker_bench_agent_%s ", name);
    const char *found;

    AWAIT(ask_metrics(&answer));
    found = strstr(answer.body.data, line);
    ck_assert_msg(found != NULL, "no %s", name);
    return strtod(found + strlen(line), NULL);
}

/* Bytes of memory that the agent has written to. */
static size_t agent_memory(void)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)beside.agent);
    scoped_str text = STR_INIT;
    const char *line;

    ck_assert_int_eq(file_read(path, 65536, &text, NULL), 0);
    line = strstr(text.data, "RssAnon:");
    ck_assert_ptr_nonnull(line);
    return strtoul(line + strlen("RssAnon:"), NULL, 10) * 1024;
}

/* Under the address sanitizer what was freed stays for a while. */
static void expect_memory(size_t before, size_t most)
{
    printf("figure: %zu KiB more than before\n", (agent_memory() - before) / 1024);
#ifdef __SANITIZE_ADDRESS__
    (void)before;
    (void)most;
#else
    ck_assert_uint_le(agent_memory(), before + most);
#endif
}

/* COUNT connections that send REQUEST and read nothing; of the first of USERS users, OF_A_USER each, or all root's. */
static void never_read(int *fds, size_t count, const char *request, bool of_users)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = of_users ? dial_as((uid_t)(NOBODY - i / OF_A_USER)) : beside_dial(&beside);
        beside_say(&beside, fds[i], request, strlen(request));
        fake_run(beside.base, 2, NULL, NULL);
    }
    AWAIT(is_ready()); /* the agent has taken them all */
}

/* They are the last that hold anything: what they held is free thereafter. */
static void close_them(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    fake_run(beside.base, 100, NULL, NULL);
    AWAIT(metric("api_queued_bytes") <= 0);
}

#define FINDINGS "GET /v1/findings?limit=100000 HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(answers_that_nobody_reads_are_bounded_in_total)
{
    scoped(http_answer_deinit) struct http_answer answer = {0}, short_one = {0};
    size_t before = agent_memory();
    int fds[MANY];
    struct pace pace;
    usec_t begun = clock_monotonic();
    double queued;

    pace_begin(&pace, &beside, "250 clients that ask for 1 MiB and never read");
    never_read(fds, FILL, FINDINGS, false); /* who reads nothing for half a minute has gone */
    queued = metric("api_queued_bytes");
    ck_assert(queued > ANSWERS_MAX / 2 || is_over(begun));
    ck_assert_uint_le(queued, ANSWERS_MAX);
    never_read(fds + FILL, MANY - FILL, FINDINGS, false);
    AWAIT(metric("api_refused_total") + metric("api_closed_total") >= MANY / 2 || is_over(begun));
    ck_assert_uint_le(metric("api_queued_bytes"), ANSWERS_MAX);
    expect_memory(before, 2 * ANSWERS_MAX);
    exchange("GET", "/healthz", NULL, &short_one);
    ck_assert_int_eq(short_one.status, 200);
    fake_run(beside.base, 3500, NULL, NULL); /* now they are slow, and go for one that asks */
    exchange("GET", "/v1/findings?limit=100000", NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_ge(answer.body.length, PAGE_BYTES);
    ck_assert_uint_gt(metric("api_closed_total"), 0);
    close_them(fds, MANY);
    pace_end(&pace, &beside);
}
END_TEST

/* Who has no room for an answer is told when to ask again; with many at once there is some without, however slow the
 * machine. */
START_TEST(an_answer_without_room_is_refused)
{
    double refused_before = metric("api_refused_total"), closed_before = metric("api_closed_total"), refused_total;
    int fds[MANY];
    size_t seen = 0, here = refused_here;
    usec_t begun = clock_monotonic();
    bool over;

    never_read(fds, 40, FINDINGS, false);
    for (size_t i = 0; i < 40; i++) {
        scoped(http_answer_deinit) struct http_answer answer = {0};
        scoped_str pending = STR_INIT;

        if (beside_hear(&beside, fds[i], &pending, 13, HANG_MS) || !str_starts(str_text(&pending), "HTTP/1.1 503"))
            continue;
        ck_assert(beside_answer(&beside, fds[i], &pending, &answer));
        refused("without room", &answer, 503, "busy");
        ck_assert_ptr_nonnull(strstr(answer.head.data, "\r\nRetry-After: 1\r\n"));
        seen++;
    }
    over = is_over(begun);
    refused_total = metric("api_refused_total");
    ck_assert_uint_eq(seen + refused_here - here, refused_total - refused_before);
    ck_assert(over || seen + metric("api_closed_total") - closed_before >= 20);
    close_them(fds, 40);
}
END_TEST

/* The answer that a user gets: again, if that one has waited for too long. */
static void ask_as(uid_t uid, struct http_answer *ret)
{
    usec_t end = clock_monotonic() + HANG_MS * (usec_t)1000, begun;

    do {
        begun = clock_monotonic();
        exchange_raw(dial_as(uid), FINDINGS, ret);
    } while (!ret->status && is_over(begun) && begun < end);
}

/* Users who hold much make room at once for one who does not. */
START_TEST(no_user_keeps_others_from_their_answers)
{
    size_t before = agent_memory();
    int fds[USERS * OF_A_USER];
    struct pace pace;

    pace_begin(&pace, &beside, "4 users with 32 such clients each");
    never_read(fds, countof(fds), FINDINGS, true);
    for (unsigned i = 0; i < 5; i++) {
        scoped(http_answer_deinit) struct http_answer answer = {0};

        ask_as(0, &answer);
        ck_assert_int_eq(answer.status, 200);
        ask_as(NOBODY - USERS, &answer);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_uint_le(metric("api_queued_bytes"), ANSWERS_MAX);
    }
    expect_memory(before, 2 * ANSWERS_MAX);
    close_them(fds, countof(fds));
    pace_end(&pace, &beside);
}
END_TEST

START_TEST(events_that_nobody_reads_are_bounded_in_total)
{
    static const char request[] = "GET /v1/events?since=0 HTTP/1.1\r\nHost: x\r\n\r\n",
                      follow[] = "GET /v1/events?since=0&follow=true HTTP/1.1\r\nHost: x\r\n\r\n";
    size_t before = agent_memory();
    int fds[MANY], followers[FOLLOWERS / 2];
    struct stream reader;
    int64_t last, oldest;

    never_read(followers, countof(followers), follow, false);
    never_read(fds, MANY - countof(followers) - 8, request, false);
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_uint_le(metric("api_queued_bytes"), ANSWERS_MAX);
        fake_run(beside.base, 100, NULL, NULL);
    }
    expect_memory(before, 2 * ANSWERS_MAX);
    open_stream(&reader, "since=0&follow=true", &last, &oldest); /* once those are known to be slow */
    ck_assert_int_eq(read_until(&reader, 0, last), 0);
    stream_deinit(&reader);
    for (size_t i = 0; i < countof(followers); i++)
        close(followers[i]);
    close_them(fds, MANY - countof(followers) - 8);
}
END_TEST

START_TEST(requests_are_bounded_in_total)
{
    scoped(cleanup_free) char *half =
        repeated("POST /v1/ack HTTP/1.1\r\nContent-Length: 65000\r\n\r\n", 'a', 64000, "");
    scoped_str lines = STR_INIT;
    size_t before = agent_memory();
    double closed = metric("api_closed_total");
    int fds[MANY];

    str_append(&lines, "GET /healthz HTTP/1.1\r\n"); /* each line costs many times its length */
    for (size_t i = 0; i < 3000; i++)
        str_append(&lines, "a:\r\n");
    for (unsigned round = 0; round < 2; round++) {
        never_read(fds, MANY, round ? lines.data : half, false);
        ck_assert_uint_le(metric("api_request_bytes"), REQUESTS_MAX);
        AWAIT(metric("api_closed_total") >= closed + MANY / 3);
        ck_assert_uint_le(metric("api_request_bytes"), REQUESTS_MAX);
        expect_memory(before, 3 * (size_t)REQUESTS_MAX);
        close_them(fds, MANY);
        AWAIT(metric("api_request_bytes") < 64 * 1024);
        closed = metric("api_closed_total");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api");
    TCase *tests = tcase_create("api");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_route_answers);
    tcase_add_test(tests, what_is_wrong_is_told);
    tcase_add_test(tests, encoded_addresses_mean_the_same);
    tcase_add_test(tests, pages_make_the_whole);
    tcase_add_test(tests, a_page_goes_on_where_its_end_went_away);
    tcase_add_test(tests, filters_keep_what_they_say);
    tcase_add_test(tests, texts_come_in_the_language_asked_for);
    tcase_add_test(tests, everything_is_kept);
    tcase_add_test(tests, events_come_in_the_language_asked_for);
    tcase_add_test(tests, events_by_what_is_asked_for);
    tcase_add_test(tests, nothing_is_new_after_the_last);
    tcase_add_test(tests, a_follower_is_told_as_it_happens);
    tcase_add_test(tests, followers_are_limited);
    tcase_add_test(tests, pipelined_requests_are_answered_in_turn);
    tcase_add_test(tests, a_half_closed_client_gets_the_whole_answer);
    tcase_add_test(tests, half_closed_followers_go_on);
    tcase_add_test(tests, empty_lines_are_no_requests);
    tcase_add_test(tests, head_is_get_without_its_body);
    tcase_add_test(tests, a_request_may_come_byte_by_byte);
    tcase_add_test(tests, half_requests_are_forgotten);
    tcase_add_test(tests, requests_have_their_limits);
    tcase_add_test(tests, old_clients_are_answered);
    tcase_add_test(tests, only_root_may_change_something);
    tcase_add_test(tests, root_may_scan);
    tcase_add_test(tests, root_may_acknowledge_an_exec);
    tcase_add_test(tests, a_resend_names_a_sink);
    tcase_add_test(tests, answers_that_nobody_reads_are_bounded_in_total);
    tcase_add_test(tests, an_answer_without_room_is_refused);
    tcase_add_test(tests, no_user_keeps_others_from_their_answers);
    tcase_add_test(tests, events_that_nobody_reads_are_bounded_in_total);
    tcase_add_test(tests, requests_are_bounded_in_total);
    tcase_add_test(tests, a_slow_reader_loses_nothing);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* one loop and one agent for all */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
