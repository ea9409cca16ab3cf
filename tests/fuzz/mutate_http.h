/* A libFuzzer mutator that keeps requests to the query API some: a method, a route, a parameter or a header changes, a
 * body as JSON, and a length is right again most of the time. */
#ifndef TESTS_FUZZ_MUTATE_HTTP_H
#define TESTS_FUZZ_MUTATE_HTTP_H

#include "tests/fuzz/mutate_json.h"
#include "tests/fuzz/mutate_random.h"

static const char *const http_methods[] = {"GET",   "POST",  "HEAD",    "PUT",     "DELETE",
                                           "PATCH", "TRACE", "OPTIONS", "CONNECT", "get"},
                         *const http_paths[] = {"/v1/status",       "/v1/rules",   "/v1/rules/1.1",
                                                "/v1/findings",     "/v1/events",  "/healthz",
                                                "/metrics",         "/v1/scan",    "/v1/resend",
                                                "/v1/ack",          "/v1/rules/",  "/v1/rules/exec-user",
                                                "/v1/%66indings",   "//v1/status", "/v1/rules/%00",
                                                "http://x/healthz", "*",           "/v1/rules/%2e%2e"},
                         *const http_parameters[] = {"rule=1.1",
                                                     "rule=exec-user",
                                                     "section=1",
                                                     "status=fail,error",
                                                     "status=pass",
                                                     "severity=low",
                                                     "severity=,",
                                                     "subject=web",
                                                     "subject=name:*",
                                                     "kind=exec",
                                                     "waived=true",
                                                     "waived=false",
                                                     "limit=1",
                                                     "limit=100000",
                                                     "limit=-1",
                                                     "after=1",
                                                     "after=exec/e",
                                                     "since=0",
                                                     "until=1",
                                                     "follow=true",
                                                     "follow=false",
                                                     "lang=zh",
                                                     "lang=en",
                                                     "lang=x",
                                                     "slug=agent-scan",
                                                     "since=2026-11-30T00:00:00Z",
                                                     "x=1",
                                                     "limit=1",
                                                     "%72ule=1.1",
                                                     "rule=%00",
                                                     "rule=%ff",
                                                     "="},
                         *const http_headers[] = {"Host: x",
                                                  "Host:",
                                                  "Connection: close",
                                                  "Connection: keep-alive",
                                                  "Expect: 100-continue",
                                                  "Transfer-Encoding: chunked",
                                                  "Content-Length: 0",
                                                  "Content-Length: 99999999999999999999",
                                                  "Content-Type: application/json",
                                                  "X: \x7f\x1b[31m",
                                                  "Upgrade: websocket",
                                                  " folded",
                                                  "Accept-Encoding: gzip",
                                                  "Content-Length: 5"},
                         *const http_bodies[] = {"{\"exec\":\"aaaaaaaaaaaa\",\"reason\":\"r\"}", "{\"sink\":\"file\"}",
                                                 "{}", "[]", "{\"exec\":\"a\",\"reason\":\"\\u0000\\u001b\"}"};

static inline void http_append_request(struct str *out, struct mutate_random *random)
{
    const char *body = mutate_below(random, 2) ? MUTATE_PICK(random, http_bodies) : "";

    str_printf(out, "%s %s",
               mutate_below(random, 4) ? http_methods[mutate_below(random, 2)] : MUTATE_PICK(random, http_methods),
               MUTATE_PICK(random, http_paths));
    for (size_t i = mutate_below(random, 4); i; i--)
        str_printf(out, "%c%s", mutate_below(random, 2) ? '?' : '&', MUTATE_PICK(random, http_parameters));
    str_printf(out, " HTTP/1.%c\r\nHost: x\r\n", mutate_below(random, 8) ? '1' : '0');
    for (size_t i = mutate_below(random, 3); i; i--)
        str_printf(out, "%s\r\n", MUTATE_PICK(random, http_headers));
    if (*body)
        str_printf(out, "Content-Length: %zu\r\n", strlen(body));
    str_printf(out, "\r\n%s", body);
}

/* The part of TEXT from AT on, to the next of ENDS. */
static inline size_t http_part(const char *text, size_t at, size_t size, const char *ends)
{
    while (at < size && !(text[at] && strchr(ends, text[at])))
        at++;
    return at;
}

static inline void http_replace(struct str *out, const char *text, size_t size, size_t begin, size_t end,
                                const char *with)
{
    str_append_n(out, text, begin);
    str_append(out, with);
    str_append_n(out, text + end, size - end);
}

/* The body of the last request as JSON, with its length. */
static inline bool http_mutate_body(struct str *out, const char *text, size_t size, unsigned seed)
{
    static const char name[] = "Content-Length: ";
    const char *end = memmem(text, size, "\r\n\r\n", 4), *length = memmem(text, size, name, strlen(name));
    uint8_t buffer[4096];
    size_t head, after, body;

    if (!end || !length || length > end)
        return false;
    head = (size_t)(end - text) + 4;
    body = size - head;
    if (!body || body > sizeof buffer / 2)
        return false;
    memcpy(buffer, text + head, body);
    body = mutate_json(buffer, body, sizeof buffer, seed);
    after = http_part(text, (size_t)(length - text), head, "\r");
    str_append_n(out, text, (size_t)(length - text));
    str_printf(out, "%s%zu", name, body);
    str_append_n(out, text + after, head - after);
    str_append_n(out, buffer, body);
    return true;
}

static inline void http_mutate_text(struct str *out, const char *text, size_t size, struct mutate_random *random)
{
    size_t space = http_part(text, 0, size, " "), mark = http_part(text, space + (space < size), size, "? \r");
    size_t last = http_part(text, mark, size, " \r"), line = http_part(text, last, size, "\n");
    scoped_str parameter = STR_INIT;

    line += line < size;
    switch (mutate_below(random, 7)) {
    case 0:
        http_replace(out, text, size, 0, space, MUTATE_PICK(random, http_methods));
        break;
    case 1:
        http_replace(out, text, size, space + (space < size), mark, MUTATE_PICK(random, http_paths));
        break;
    case 2:
        str_printf(&parameter, "%c%s", mark == last ? '?' : '&', MUTATE_PICK(random, http_parameters));
        http_replace(out, text, size, last, last, str_text(&parameter));
        break;
    case 3:
        str_printf(&parameter, "?%s", MUTATE_PICK(random, http_parameters));
        http_replace(out, text, size, mark, last, str_text(&parameter));
        break;
    case 4:
        str_printf(&parameter, "%s\r\n", MUTATE_PICK(random, http_headers));
        http_replace(out, text, size, line, line, str_text(&parameter));
        break;
    case 5:
        http_append_request(out, random);
        str_append_n(out, text, size);
        break;
    default:
        str_append_n(out, text, size);
        http_append_request(out, random);
    }
}

static inline size_t mutate_http(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate_random random = mutate_random_of(seed);
    scoped_str out = STR_INIT;

    if (mutate_below(&random, 3) || !http_mutate_body(&out, (const char *)data, size, seed >> 3))
        http_mutate_text(&out, (const char *)data, size, &random);
    if (!out.length || out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.length);
    return out.length;
}

#endif
