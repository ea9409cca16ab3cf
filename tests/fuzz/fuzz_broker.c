/* Any bytes as what a client sends to the broker. What is let through is one GET of a path of the list, written by a
 * second, plainer look at it; splitting the bytes elsewhere changes nothing. */
#include <stdint.h>
#include <string.h>

#include "probes/docker/broker_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static void check_path(const char *path, size_t length)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:/?&=%";
    size_t marks = 0;

    require(length && path[0] == '/');
    for (size_t i = 0; i < length; i++) {
        require(path[i] && strchr(allowed, path[i]));
        marks += path[i] == '?';
        if (path[i] == '/')
            require(i + 1 < length && path[i + 1] != '/');
        if (path[i] == '%') { /* no dot, slash or letter that a server would see only after decoding, but a volume's */
            require(i + 2 < length && memcmp(path + i, "%2E", 3) != 0 && memcmp(path + i, "%2e", 3) != 0);
            require(memcmp(path + i, "%25", 3) != 0 && memcmp(path + i, "%0", 2) != 0 &&
                    memcmp(path + i, "%1", 2) != 0);
        }
    }
    require(marks <= 1);
    require(!memmem(path, length, "/../", 4) && !memmem(path, length, "%2F..%2F", 8));
    require(length < 3 || memcmp(path + length - 3, "/..", 3) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct broker_request request, again;

    broker_request_parse(text, size, &request);
    switch (request.verdict) {
    case BROKER_REFUSED:
        require(request.why && *request.why);
        return 0;
    case BROKER_INCOMPLETE:
        require(size < BROKER_HEAD_MAX);
        return 0;
    case BROKER_FORWARDED:
        check_path(request.path, request.path_length);
        require(broker_path_is_listed(request.path, request.path_length));
        break;
    default:
        require(memcmp(text, "GET /broker/", 12) == 0);
    }
    require(request.length <= size && request.length <= BROKER_HEAD_MAX);
    require(memcmp(text, "GET /", 5) == 0 && memcmp(text + request.length - 4, "\r\n\r\n", 4) == 0);
    require(!memchr(text, '\0', request.length));
    broker_request_parse(text, request.length, &again);
    require(again.verdict == request.verdict && again.length == request.length);
    broker_request_parse(text, request.length - 1, &again);
    require(again.verdict == BROKER_INCOMPLETE);
    return 0;
}
