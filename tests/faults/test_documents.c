/* The agent and documents that the engine does not answer, or answers at a second or third time: what is reported
 * meanwhile, that all of it is read in the end, and how often it is asked for. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum { LONG_MS = 180000 };

static struct beside beside;
static struct fake *fake;
static struct event_base *base;

static const char *state(void)
{
    return json_text(json_pointer(beside_ask(&beside, "/v1/status"), "/agent/state"), "none");
}

/* Does a reason of the agent's state hold TEXT? */
static bool has_reason(const char *text)
{
    const struct json *reasons = json_pointer(beside_ask(&beside, "/v1/status"), "/agent/reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        if (strstr(json_text(json_at(reasons, i), ""), text))
            return true;
    return false;
}

static size_t findings(const char *query)
{
    return json_count(json_get(beside_ask(&beside, query), "findings"));
}

/* Does a finding of QUERY have evidence that holds TEXT? */
static bool finds(const char *query, const char *text)
{
    const struct json *list = json_get(beside_ask(&beside, query), "findings");

    for (size_t i = 0; i < json_count(list); i++)
        if (strstr(json_text(json_get(json_at(list, i), "evidence"), ""), text))
            return true;
    return false;
}

static void give_up(const char *condition)
{
    scoped_str text = STR_INIT;
    const struct json *reasons = json_pointer(beside_ask(&beside, "/v1/status"), "/agent/reasons");

    for (size_t i = 0; i < json_count(reasons); i++)
        str_printf(&text, "; %s", json_text(json_at(reasons, i), ""));
    ck_abort_msg("never: %s%s", condition, str_text(&text));
}

#define AWAIT(condition)                                                                                               \
    do {                                                                                                               \
        usec_t end = clock_monotonic() + (usec_t)LONG_MS * 1000;                                                       \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic() > end)                                                                               \
                give_up(#condition);                                                                                   \
            fake_run(base, 50, NULL, NULL);                                                                            \
        }                                                                                                              \
    } while (0)

static void start_agent(void)
{
    beside_start_agent(&beside, "{\"sinks\": []}");
}

static void set_up(void)
{
    beside_begin(&beside, 3);
    fake = beside.fake;
    base = beside.base;
}

static void tear_down(void)
{
    beside_end(&beside);
}

static void refuse(const char *path, const char *status, unsigned times)
{
    fake_fault(fake, &(struct fake_fault){.path = path, .status = status, .times = times});
}

static const struct document {
    const char *path, *finding, *reason;
} documents[] = {
    {"/version", "/v1/findings?rule=1.3", "the engine's version"},
    {"/info", "/v1/findings?rule=2.5", "the engine's info"},
    {"/networks", "/v1/findings?rule=2.1", "the list of networks"},
    {"/containers/json", "/v1/findings?rule=5.4", "the list of containers"},
    {"/containers/c", "/v1/findings?rule=5.4", "3 containers"},
    {"/images/json", "/v1/findings?rule=4.6", "the list of images"},
    {"/images/sha256", "/v1/findings?rule=4.6", "1 image"},
};

/* Each document, with each kind of answer that may be another one soon: the finding says why, the agent is degraded
 * with what and how many, and both are over when the engine answers. */
START_TEST(what_failed_is_read_in_the_end)
{
    static const struct {
        const char *status, *text;
    } failures[] = {{"500 Internal Server Error", "the engine answered 500"},
                    {"503 Service Unavailable", "the engine answered 503"},
                    {"409 Conflict", "the engine answered 409"},
                    {"429 Too Many Requests", "the engine answered 429"}};
    /* The first of the failures for each document, the others for containers. */
    size_t document_at = (size_t)_i < countof(documents) ? (size_t)_i : 4;
    size_t failure_at = (size_t)_i < countof(documents) ? 0 : (size_t)_i - countof(documents) + 1;
    const struct document *document = &documents[document_at];
    const char *text = failures[failure_at].text;

    refuse(document->path, failures[failure_at].status, 0);
    start_agent();
    AWAIT(has_reason(document->reason));
    AWAIT(has_reason(text));
    AWAIT(strcmp(state(), "degraded") == 0);
    AWAIT(finds(document->finding, text));
    fake_faults_clear(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(!finds(document->finding, "the engine answered"));
    AWAIT(findings(document->finding) > 0);
}
END_TEST

/* Answers that are cut, empty or not the engine's. */
START_TEST(what_was_cut_is_read_in_the_end)
{
    static const struct fake_fault faults[] = {
        {.cuts = true, .cut = 200},
        {.cuts = true, .cut = 0},
        {.reply = "HTTP/1.1 200 OK\r\n\r\n<html><title>Sign in</title></html>", .length = 54},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .length = 40},
    };
    const struct document *document = &documents[4];
    struct fake_fault fault = faults[_i];

    fault.path = document->path;
    fake_fault(fake, &fault);
    start_agent();
    AWAIT(has_reason(document->reason));
    if (fault.reply && strstr(fault.reply, "html"))
        AWAIT(has_reason("the answer is an HTML page, as of a proxy: Sign in"));
    fake_faults_clear(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(findings("/v1/findings?rule=5.4&status=pass") == 3);
}
END_TEST

/* Answers of status 200 that are none, to every document at once: each of its rules says so, in one clean line. */
static const struct {
    const char *header, *body;
    size_t zeros; /* that many zero bytes after it */
} nonsense[] = {
    {"", "null", 0},
    {"", "", 0},
    {"", "123", 0},
    {"", "[{\"Id\":\"", 0},
    {"", "[{}]", 0},
    {"", "{}", 0},
    {"", "{\"Id\":1e999,\"Version\":1e999,\"DockerRootDir\":-1e999}", 0},
    {"", "\x1f\x8b\x08", 40},
    {"", "\x1b[2J\r\n<!DOCTYPE html>\r\n<HTML><TITLE>Log\x1b[31m in\n</TITLE>", 0},
    {"Transfer-Encoding: chunked\r\n", "zz\r\n[]\r\n", 0},
};

/* All that is said of documents is one line without control characters. */
static void check_words(const char *query, const char *key, const char *member)
{
    const struct json *list = json_pointer(beside_ask(&beside, query), key);

    for (size_t i = 0; i < json_count(list); i++) {
        const char *text = json_text(member ? json_get(json_at(list, i), member) : json_at(list, i), "");

        for (const unsigned char *c = (const unsigned char *)text; *c; c++)
            ck_assert_msg(*c >= ' ' && *c != 0x7f, "%s", text);
        ck_assert_uint_lt(strlen(text), 2048);
    }
}

START_TEST(nonsense_is_an_error)
{
    enum { DEEP = 1000 };
    bool deep = (size_t)_i == countof(nonsense);
    scoped_str body = STR_INIT, reply = STR_INIT;

    str_append(&body, deep ? "" : nonsense[_i].body);
    for (size_t i = 0; i < (deep ? DEEP : nonsense[_i].zeros); i++)
        str_append_char(&body, deep ? '[' : '\0');
    str_printf(&reply, "HTTP/1.1 200 OK\r\n%s", deep ? "" : nonsense[_i].header);
    if (deep || !strstr(nonsense[_i].header, "chunked"))
        str_printf(&reply, "Content-Length: %zu\r\n", body.length);
    str_append(&reply, "\r\n");
    str_append_n(&reply, str_text(&body), body.length);
    for (size_t i = 0; i < countof(documents); i++)
        fake_fault(fake, &(struct fake_fault){.path = documents[i].path, .reply = reply.data, .length = reply.length});
    start_agent();
    AWAIT(has_reason("the list of images") && has_reason("the list of networks"));
    AWAIT(strcmp(state(), "degraded") == 0);
    for (size_t i = 0; i < countof(documents); i++) {
        scoped(cleanup_free) char *passes = mem_printf("%s&status=pass", documents[i].finding);

        AWAIT(findings(documents[i].finding) > 0);
        ck_assert_msg(findings(passes) == 0, "%s", documents[i].path);
    }
    check_words("/v1/findings?status=error&limit=10000", "/findings", "evidence");
    check_words("/v1/status", "/agent/reasons", NULL);
    fake_faults_clear(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(findings("/v1/findings?rule=5.4&status=pass") == 3);
}
END_TEST

/* ---- Documents that would not fit into the memory that the unit may use ---- */

enum { MEMORY_MAX = 64 * 1024 }; /* KiB; the unit's MemoryMax is twice that */

#if !defined __SANITIZE_ADDRESS__
/* The most that the agent ever had in memory, in KiB. */
static size_t memory_of_agent(void)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/status", (int)beside.agent);
    scoped_str text = STR_INIT;
    const char *at;

    ck_assert_int_eq(file_read(path, 1 << 16, &text, NULL), 0);
    at = strstr(text.data, "VmHWM:");
    ck_assert_ptr_nonnull(at);
    return strtoul(at + strlen("VmHWM:"), NULL, 10);
}
#endif

static struct pace pace;

static void start_with_pace(const char *what)
{
    start_agent();
    pace_begin(&pace, &beside, what);
}

static void check_memory(void)
{
    pace_end(&pace, &beside);
#if !defined __SANITIZE_ADDRESS__
    ck_assert_uint_le(memory_of_agent(), MEMORY_MAX);
#endif
}

/* TEXT with the first WORD in it replaced by WITH, as the answer to PATH. */
static void answer_with(const char *path, const char *text, const char *word, const struct str *with)
{
    const char *at = strstr(text, word);
    scoped_str reply = STR_INIT;

    ck_assert_ptr_nonnull(at);
    str_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(text) - strlen(word) + with->length);
    str_append_n(&reply, text, (size_t)(at - text));
    str_append_n(&reply, with->data, with->length);
    str_append(&reply, at + strlen(word));
    fake_fault(fake, &(struct fake_fault){.path = path, .reply = reply.data, .length = reply.length});
}

static void fill(struct str *text, const char *before, const char *each, size_t bytes, const char *after)
{
    str_append(text, before);
    while (text->length < bytes)
        str_append(text, each);
    str_append(text, after);
}

/* Containers are judged whatever is in their labels. */
START_TEST(labels_without_end_hide_nothing)
{
    enum { CONTAINERS = 6, BYTES = 31 * 1024 * 1024 };
    scoped_str labels = STR_INIT;

    if (_i)
        fill(&labels, "\"Labels\":{\"a\":\"", "xxxxxxxxxxxxxxxx", BYTES, "\"}");
    else
        fill(&labels, "\"Labels\":{", "\"key\":\"\",", BYTES, "\"a\":\"b\"}");
    fake_set_containers(fake, CONTAINERS);
    fake_set_privileged(fake, 2, true);
    for (size_t i = 0; i < CONTAINERS; i++) {
        scoped(cleanup_free) char *path = mem_printf("/containers/%s", fake_container_id(i));
        scoped_str text = STR_INIT;

        fake_container(fake, i, &text);
        answer_with(path, text.data, "\"Labels\":{}", &labels);
    }
    start_with_pace(_i ? "one label of 31 MB in each of six containers" : "31 MB of labels in each of six containers");
    AWAIT(findings("/v1/findings?rule=5.4&status=pass") == CONTAINERS - 1);
    AWAIT(findings("/v1/findings?rule=5.4&status=fail") == 1);
    AWAIT(strcmp(state(), "ready") == 0);
    check_memory();
    aftermath_check(&beside);
}
END_TEST

/* What rules read has a limit: beyond it the document is an error of its subject, and of no other. */
START_TEST(what_rules_read_has_a_limit)
{
    enum { CONTAINERS = 6 };
    static const struct {
        const char *before, *each, *after, *why;
        size_t bytes;
    } cases[] = {{"\"CapAdd\":[", "\"a\",", "\"a\"]", "takes more than 8192 KiB", 10 * 1024 * 1024},
                 {"\"CapAdd\":[\"", "xxxxxxxxxxxxxxxx", "\"]", "is longer than 4096 KiB", 31 * 1024 * 1024}};
    scoped_str list = STR_INIT;

    fill(&list, cases[_i].before, cases[_i].each, cases[_i].bytes, cases[_i].after);
    fake_set_containers(fake, CONTAINERS);
    for (size_t i = 1; i < CONTAINERS; i++) {
        scoped(cleanup_free) char *path = mem_printf("/containers/%s", fake_container_id(i));
        scoped_str text = STR_INIT;

        fake_container(fake, i, &text);
        answer_with(path, text.data, "\"CapAdd\":null", &list);
    }
    start_with_pace(_i ? "a text of 31 MB in five containers" : "10 MB of small values in a list of five containers");
    AWAIT(findings("/v1/findings?rule=5.4&status=error") == CONTAINERS - 1);
    ck_assert(finds("/v1/findings?rule=5.4&status=error", cases[_i].why));
    AWAIT(finds("/v1/findings?rule=5.3&status=error", cases[_i].why));
    AWAIT(findings("/v1/findings?rule=5.4&status=pass") == 1);
    check_memory();
    aftermath_check(&beside);
}
END_TEST

static size_t length_of(const char *path)
{
    scoped(cleanup_free) char *request = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &answer));
    ck_assert_int_eq(answer.status, 200);
    return answer.body.length;
}

/* What is said of a container is for people to read, whatever its document holds. */
static void check_lengths(void)
{
    enum { STATUS_MAX = 128 * 1024, FINDINGS_MAX = 256 * 1024 };

    ck_assert_uint_gt(findings("/v1/findings?subject=c10"), 20);
    ck_assert_uint_lt(length_of("/v1/findings?subject=c10&limit=1000"), FINDINGS_MAX);
    ck_assert_uint_lt(length_of("/v1/status"), STATUS_MAX);
}

/* Documents below that limit have one together: what takes most is left out, and says so; small ones are judged
 * whenever they come. When some have gone the others are read. */
START_TEST(what_is_kept_of_all_has_a_limit)
{
    enum { CONTAINERS = 30, LARGE = 3 * 1024 * 1024, LEFT = 8 };
    static const char why[] = "what is known of all containers and images takes at most 32 MiB";
    scoped_str item = STR_INIT, list = STR_INIT;

    str_append(&item, "\"");
    for (size_t i = 0; i < 1000; i++)
        str_append_char(&item, 'x');
    str_append(&item, "\",");
    fill(&list, "\"CapAdd\":[", item.data, LARGE, "\"x\"]");
    fake_set_containers(fake, CONTAINERS);
    fake_set_privileged(fake, 0, true);
    for (size_t i = 1; i < CONTAINERS; i++) {
        scoped(cleanup_free) char *path = mem_printf("/containers/%s", fake_container_id(i));
        scoped_str text = STR_INIT;

        fake_container(fake, i, &text);
        answer_with(path, text.data, "\"CapAdd\":null", &list);
    }
    start_with_pace("30 containers of 3 MB each that rules read");
    AWAIT(findings("/v1/findings?rule=5.4") == CONTAINERS && finds("/v1/findings?rule=5.4&status=error", why) &&
          findings("/v1/findings?rule=5.4&status=pass") + findings("/v1/findings?rule=5.4&status=error") ==
              CONTAINERS - 1);
    ck_assert_uint_ge(findings("/v1/findings?rule=5.4&status=pass"), LEFT);
    ck_assert_uint_le(findings("/v1/findings?rule=5.4&status=pass"), 10);
    AWAIT(has_reason(why));
    check_lengths();
    fake_set_containers(fake, CONTAINERS + 1); /* a small one that comes when the room is full */
    fake_event(fake, "container", "create", fake_container_id(CONTAINERS), NULL);
    AWAIT(finds("/v1/findings?rule=5.4&status=pass&subject=c30", ""));
    ck_assert_uint_eq(findings("/v1/findings?rule=5.4&status=fail"), 1);
    fake_set_containers(fake, LEFT);
    for (size_t i = LEFT; i <= CONTAINERS; i++)
        fake_event(fake, "container", "destroy", fake_container_id(i), NULL);
    AWAIT(findings("/v1/findings?rule=5.4&status=pass") >= LEFT - 1 && strcmp(state(), "ready") == 0);
    AWAIT(findings("/v1/findings?rule=5.4&status=error") == 0);
    check_memory();
}
END_TEST

/* A list is never cut: of millions of items that say nothing it is an error. */
START_TEST(a_list_without_end_is_an_error)
{
    scoped_str list = STR_INIT, reply = STR_INIT;

    fill(&list, "[", "{},", 30 * 1024 * 1024, "{}]");
    str_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", list.length, list.data);
    fake_fault(fake, &(struct fake_fault){.path = "/images/json", .reply = reply.data, .length = reply.length});
    start_with_pace("10 million empty objects in a list");
    AWAIT(has_reason("the list of images (image_list: what rules read of it takes more than 24576 KiB"));
    ck_assert_uint_eq(findings("/v1/findings?rule=4.6&status=pass"), 0);
    check_memory();
    aftermath_check(&beside);
}
END_TEST

/* A million and a half small values that rules read, of images: more than is held of a list, and no stall. */
START_TEST(millions_of_values_are_an_error)
{
    scoped_str list = STR_INIT, reply = STR_INIT;

    str_append(&list, "[");
    for (unsigned i = 0; i < 500000; i++)
        str_printf(&list, "%s{\"Id\":\"%u\",\"Created\":1,\"Size\":1}", i ? "," : "", i);
    str_append(&list, "]");
    str_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", list.length, list.data);
    fake_fault(fake, &(struct fake_fault){.path = "/images/json", .reply = reply.data, .length = reply.length});
    start_with_pace("1.5 million values in one answer");
    AWAIT(has_reason("the list of images (image_list: what rules read of it takes more than"));
    ck_assert_uint_eq(findings("/v1/findings?rule=4.6&status=pass"), 0);
    check_memory();
    aftermath_check(&beside);
}
END_TEST

/* A history that failed for a while is read once, though nothing about the image changes. */
START_TEST(history_is_read_in_the_end)
{
    scoped(cleanup_free) char *path = mem_printf("/images/sha256:a%047x%016x/history", 0, 1);
    size_t refused;

    refuse(path, "500 Internal Server Error", 0);
    start_agent();
    AWAIT(has_reason("1 history of an image (the engine answered 500"));
    AWAIT(finds("/v1/findings?rule=4.7", "the engine answered 500"));
    AWAIT(fake_requests(fake, path) >= 2);
    refused = fake_requests(fake, path);
    fake_faults_clear(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(!finds("/v1/findings?rule=4.7", "the engine answered"));
    ck_assert_uint_eq(fake_requests(fake, path), refused + 1);
}
END_TEST

/* A record of a privileged exec that cannot be read at first. */
START_TEST(exec_is_named_in_the_end)
{
    enum { PRIVILEGED = 1000000 };
    scoped(cleanup_free) char *attributes = mem_printf("\"execID\":\"%s\"", fake_exec_id(PRIVILEGED));

    start_agent();
    AWAIT(strcmp(state(), "ready") == 0);
    refuse("/exec/", "500 Internal Server Error", _i ? 0 : 1);
    fake_event(fake, "container", "exec_create: /bin/sh", fake_container_id(0), attributes);
    if (_i) {
        AWAIT(
            has_reason("1 exec (started in container c00, but its record could not be read (the engine answered 500"));
        AWAIT(findings("/v1/findings?rule=5.22&status=error") == 1);
        AWAIT(fake_requests(fake, "/exec/") >= 3);
        fake_faults_clear(fake);
    }
    AWAIT(findings("/v1/findings?rule=5.22&status=fail") == 1);
    AWAIT(findings("/v1/findings?rule=5.22&status=error") == 0);
    AWAIT(strcmp(state(), "ready") == 0);
}
END_TEST

/* A record that cannot be read, and then is gone: the loss remains, with what the event said. */
START_TEST(exec_that_is_gone_is_a_finding)
{
    scoped(cleanup_free) char *attributes = mem_printf("\"execID\":\"%s\"", fake_exec_id(5));

    start_agent();
    AWAIT(strcmp(state(), "ready") == 0);
    refuse("/exec/", "500 Internal Server Error", 0);
    fake_event(fake, "container", "exec_create: /bin/odd -x", fake_container_id(0), attributes);
    AWAIT(finds("/v1/findings?rule=5.22&status=error", "the engine answered 500"));
    fake_faults_clear(fake);
    refuse("/exec/", "404 Not Found", 0);
    AWAIT(finds("/v1/findings?rule=5.22&status=error", "the engine no longer has it"));
    ck_assert(finds("/v1/findings?rule=5.22&status=error", "/bin/odd -x"));
    AWAIT(strcmp(state(), "ready") == 0);
    fake_reset_requests(fake);
    fake_run(base, 3000, NULL, NULL);
    ck_assert_uint_eq(fake_requests(fake, "/exec/"), 0);
}
END_TEST

/* Listed means judged: what the engine lists and does not have is an error, until it has it or lists it no more. */
START_TEST(listed_but_not_found)
{
    static const char *const paths[] = {"/containers/c", "/images/sha256", "/images/sha256"};
    static const char *const queries[] = {"/v1/findings?rule=5.4&status=error", "/v1/findings?rule=4.6&status=error",
                                          "/v1/findings?rule=4.7&status=error"};
    static const size_t counts[] = {3, 1, 1};
    scoped(cleanup_free) char *history = mem_printf("/images/sha256:a%047x%016x/history", 0, 1);
    const char *path = _i == 2 ? history : paths[_i];

    refuse(path, "404 Not Found", 0);
    start_agent();
    AWAIT(findings(queries[_i]) == counts[_i]);
    ck_assert(finds(queries[_i], "the engine lists it, but answered 404"));
    AWAIT(strcmp(state(), "degraded") == 0);
    if (_i == 0) {
        AWAIT(findings("/v1/findings?rule=5.4&subject=c1&status=error") == 1);
        fake_set_containers(fake, 2);
        fake_event(fake, "container", "destroy", fake_container_id(2), NULL);
        AWAIT(findings(queries[0]) == 2);
    }
    fake_faults_clear(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(findings(queries[_i]) == 0);
}
END_TEST

/* What was removed between the list and the question is not asked for again. */
START_TEST(removed_before_it_was_read)
{
    start_agent();
    AWAIT(strcmp(state(), "ready") == 0);
    fake_set_containers(fake, 1);
    fake_event(fake, "container", "update", fake_container_id(2), NULL);
    fake_event(fake, "container", "update", fake_container_id(1), NULL);
    AWAIT(findings("/v1/findings?rule=5.4") == 1);
    ck_assert_uint_eq(findings("/v1/findings?status=error&rule=5.4"), 0);
    AWAIT(strcmp(state(), "ready") == 0);
    fake_reset_requests(fake);
    fake_run(base, 3000, NULL, NULL);
    ck_assert_uint_eq(fake_requests(fake, "/containers/c"), 0);
    ck_assert_str_eq(state(), "ready");
}
END_TEST

/* Is TEXT what the answer to PATH has there? */
static bool says(const char *path, const char *pointer, const char *text)
{
    return strcmp(json_text(json_pointer(beside_ask(&beside, path), pointer), ""), text) == 0;
}

/* Lists that cannot be read: every rule of what they would name says so. */
START_TEST(lists_that_cannot_be_read)
{
    static const struct {
        const char *path, *rule, *name;
    } lists[] = {{"/containers/json", "5.4", "the list of containers"},
                 {"/containers/json", "5.22", "the list of containers"},
                 {"/images/json", "4.6", "the list of images"},
                 {"/networks", "7.4", "the list of networks"}};
    scoped(cleanup_free) char *rule = mem_printf("/v1/rules/%s", lists[_i].rule);
    scoped(cleanup_free) char *why = mem_printf("%s: the engine answered 403: no such thing", lists[_i].name);

    refuse(lists[_i].path, "403 Forbidden", 0);
    start_agent();
    AWAIT(has_reason(lists[_i].name));
    AWAIT(says(rule, "/status", "error"));
    AWAIT(says(rule, strcmp(lists[_i].rule, "5.22") == 0 ? "/reason" : "/findings/0/evidence", why));
}
END_TEST

static bool any_not_applicable(const char **ret_why)
{
    const struct json *rules = json_get(beside_ask(&beside, "/v1/rules"), "rules");

    for (size_t i = 0; i < json_count(rules); i++)
        if (strcmp(json_text(json_get(json_at(rules, i), "status"), ""), "not_applicable") == 0 &&
            strcmp(json_text(json_get(json_at(rules, i), "subject"), ""), "file") != 0) {
            *ret_why = json_text(json_get(json_at(rules, i), "rule"), "");
            return true;
        }
    return false;
}

/* From the first moment on no rule passes or does not apply before what it reads was read. */
START_TEST(nothing_applies_before_it_was_read)
{
    const char *rule = "";

    fake_fault(fake, &(struct fake_fault){.path = "/info", .hangs = true});
    fake_fault(fake, &(struct fake_fault){.path = "/containers/json", .hangs = true});
    fake_fault(fake, &(struct fake_fault){.path = "/images/json", .hangs = true});
    fake_fault(fake, &(struct fake_fault){.path = "/networks", .hangs = true});
    start_agent();
    AWAIT(beside_ask(&beside, "/v1/status"));
    for (unsigned i = 0; i < 20; i++) {
        ck_assert_msg(!any_not_applicable(&rule), "%s", rule);
        fake_run(base, 50, NULL, NULL);
    }
    ck_assert(says("/v1/rules/5.4", "/reason", "not judged yet"));
}
END_TEST

START_TEST(nothing_applies_without_an_engine)
{
    const char *rule = "";

    fake_stop(fake);
    start_agent();
    AWAIT(beside_ask(&beside, "/v1/status"));
    for (unsigned i = 0; i < 70; i++) {
        ck_assert_msg(!any_not_applicable(&rule), "%s", rule);
        fake_run(base, 100, NULL, NULL);
    }
    AWAIT(finds("/v1/findings?rule=5.4&status=error", "the list of containers: the engine cannot be reached"));
    fake_start(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(findings("/v1/findings?rule=5.4") == 3);
}
END_TEST

/* Rounded up: what comes a second is no more on a busy machine, where everything takes longer. */
static size_t seconds_since(usec_t begun)
{
    return (size_t)((clock_monotonic() - begun) / USEC_PER_SEC) + 1;
}

/* Thousands of containers that the engine does not answer: some dozens of questions a second, and all are read soon
 * after it answers again. */
START_TEST(no_storm)
{
    enum { COUNT = 2000, SECONDS = 12, A_SECOND = 80 };
    usec_t begun = clock_monotonic();

    fake_set_containers(fake, COUNT);
    refuse("/containers/c", "500 Internal Server Error", 0);
    start_agent();
    AWAIT(has_reason("2000 containers"));
    fake_run(base, 1000, NULL, NULL);
    ck_assert_uint_le(fake_requests(fake, "/containers/c"), 2 * COUNT + seconds_since(begun) * A_SECOND);
    fake_reset_requests(fake);
    begun = clock_monotonic();
    fake_run(base, SECONDS * 1000, NULL, NULL);
    AWAIT(fake_requests(fake, "/containers/c") >= 10);
    ck_assert_uint_le(fake_requests(fake, "/containers/c"), seconds_since(begun) * A_SECOND);
    fake_faults_clear(fake);
    AWAIT(strcmp(state(), "ready") == 0);
    AWAIT(json_int(json_pointer(beside_ask(&beside, "/v1/rules/5.4"), "/counts/pass"), 0) == COUNT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("documents");
    TCase *tests = tcase_create("documents"), *large = tcase_create("large");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, what_failed_is_read_in_the_end, 0, (int)countof(documents) + 3);
    tcase_add_loop_test(tests, what_was_cut_is_read_in_the_end, 0, 4);
    tcase_add_loop_test(tests, nonsense_is_an_error, 0, (int)countof(nonsense) + 1);
    tcase_add_checked_fixture(large, set_up, tear_down);
    tcase_set_timeout(large, 600);
    tcase_add_loop_test(large, labels_without_end_hide_nothing, 0, 2);
    tcase_add_loop_test(large, what_rules_read_has_a_limit, 0, 2);
    tcase_add_test(large, what_is_kept_of_all_has_a_limit);
    tcase_add_test(large, a_list_without_end_is_an_error);
    tcase_add_test(large, millions_of_values_are_an_error);
    tcase_add_test(tests, history_is_read_in_the_end);
    tcase_add_loop_test(tests, exec_is_named_in_the_end, 0, 2);
    tcase_add_test(tests, exec_that_is_gone_is_a_finding);
    tcase_add_loop_test(tests, listed_but_not_found, 0, 3);
    tcase_add_test(tests, removed_before_it_was_read);
    tcase_add_loop_test(tests, lists_that_cannot_be_read, 0, 4);
    tcase_add_test(tests, nothing_applies_before_it_was_read);
    tcase_add_test(tests, nothing_applies_without_an_engine);
    tcase_add_test(tests, no_storm);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, large);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
