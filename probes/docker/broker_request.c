/* The head of a request to the broker, read strictly: whatever is not exactly of the form is refused, so that nothing
 * depends on how the engine, or a proxy before it, would read it. */
#include "probes/docker/broker_request.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

#define METHOD  "GET "
#define VERSION " HTTP/1.1"

static const char token_digits[] = "0123456789abcdef";

static void refuse(struct broker_request *request, const char *why)
{
    request->verdict = BROKER_REFUSED;
    if (!request->why)
        request->why = why;
}

/* The length of the first line without its CR LF; LENGTH: there is no complete one. */
static size_t line_length(const char *data, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        if (data[i] == '\r' && data[i + 1] == '\n')
            return i;
    return length;
}

static bool is_plain(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] >= 0x7f)
            return false;
    return true;
}

static void read_request_line(const char *line, size_t length, struct broker_request *ret)
{
    const size_t method = strlen(METHOD), version = strlen(VERSION);
    const char *path = line + method;
    size_t path_length;

    if (length < method + version || memcmp(line, METHOD, method) != 0) {
        refuse(ret, "its method is not GET");
        return;
    }
    path_length = length - method - version;
    if (memcmp(path + path_length, VERSION, version) != 0) {
        refuse(ret, "it is not HTTP/1.1");
        return;
    }
    ret->verdict = BROKER_FORWARDED;
    ret->path = path;
    ret->path_length = path_length;
    if (path_length == strlen("/broker/alive") && memcmp(path, "/broker/alive", path_length) == 0)
        ret->verdict = BROKER_ALIVE;
    else if (path_length == strlen("/broker/peer") && memcmp(path, "/broker/peer", path_length) == 0)
        ret->verdict = BROKER_PEER;
    else if (!broker_path_is_listed(path, path_length))
        refuse(ret, "its path is not of the list");
}

/* SEEN: a bit for each header that came before. */
static void read_header(const char *line, size_t length, unsigned *seen, struct broker_request *ret)
{
    static const char *const names[] = {"Broker-Token: ", "Host: ", "User-Agent: ", "Accept: "};

    for (size_t i = 0; i < countof(names); i++) {
        size_t prefix = strlen(names[i]);

        if (length < prefix || strncasecmp(line, names[i], prefix) != 0)
            continue;
        if (*seen & 1U << i) {
            refuse(ret, "it has a header twice");
            return;
        }
        *seen |= 1U << i;
        if (i > 0)
            return;
        if (length - prefix != BROKER_TOKEN_LENGTH) {
            refuse(ret, "its token is not of the right length");
            return;
        }
        memcpy(ret->token, line + prefix, BROKER_TOKEN_LENGTH);
        ret->token[BROKER_TOKEN_LENGTH] = '\0';
        if (strspn(ret->token, token_digits) != BROKER_TOKEN_LENGTH) {
            ret->token[0] = '\0';
            refuse(ret, "its token is not hexadecimal");
        }
        return;
    }
    refuse(ret, "it has a header that is not of the list");
}

/* After the last complete line: REST bytes of the next one. */
static void end_early(const char *rest, size_t length, bool full, struct broker_request *ret)
{
    if (length && rest[length - 1] == '\r')
        length--;
    if (!is_plain(rest, length))
        refuse(ret, "it has a byte that may not be there");
    else if (full)
        refuse(ret, "its head is too long");
    else if (ret->verdict != BROKER_REFUSED)
        ret->verdict = BROKER_INCOMPLETE;
}

void broker_request_parse(const char *data, size_t length, struct broker_request *ret)
{
    size_t at = 0, limit = length < BROKER_HEAD_MAX ? length : BROKER_HEAD_MAX;
    unsigned seen = 0;

    *ret = (struct broker_request){.verdict = BROKER_INCOMPLETE};
    for (bool first = true;; first = false) {
        size_t line = line_length(data + at, limit - at);

        if (line == limit - at) {
            end_early(data + at, line, limit == BROKER_HEAD_MAX, ret);
            return;
        }
        if (!is_plain(data + at, line)) {
            refuse(ret, "it has a byte that may not be there");
            return;
        }
        if (!first && line == 0) {
            ret->length = at + 2;
            return;
        }
        if (first)
            read_request_line(data + at, line, ret);
        else
            read_header(data + at, line, &seen, ret); /* of a refused one too: the answer repeats its token */
        at += line + 2;
    }
}
