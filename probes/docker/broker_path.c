/* The paths that the engine may be asked for, and what may be in their variable parts. README.md publishes the list;
 * tests/unit/test_broker_request.c compares the two. */
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "probes/docker/broker_request.h"

static const char *const paths[] = {
    "/_ping",
    "/v1.{minor}/version",
    "/v1.{minor}/info",
    "/v1.{minor}/events?since={seconds}",
    "/v1.{minor}/events?since={seconds}&until={time}",
    "/v1.{minor}/containers/json?all=1",
    "/v1.{minor}/containers/{id}/json",
    "/v1.{minor}/exec/{id}/json",
    "/v1.{minor}/images/json",
    "/v1.{minor}/images/{id}/json",
    "/v1.{minor}/images/{id}/json?manifests=1",
    "/v1.{minor}/images/{id}/history",
    "/v1.{minor}/images/{id}/get",
    "/v1.{minor}/volumes/{volume}",
    "/v1.{minor}/networks",
    "/v1.{minor}/services",
    "/v1.{minor}/tasks?filters=%7B%22node%22%3A%7B%22{node}%22%3Atrue%7D%7D",
    "/v1.{minor}/secrets",
    "/v1.{minor}/swarm/unlockkey",
};

/* Each returns how long the value at the beginning of S is; NO_VALUE: there is no valid one. */
typedef size_t value_length(const char *s, size_t length);
#define NO_VALUE SIZE_MAX

static size_t span(const char *s, size_t length, const char *characters)
{
    size_t n = 0;

    while (n < length && s[n] && strchr(characters, s[n]))
        n++;
    return n;
}

static const char digits[] = "0123456789";
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static size_t minor_length(const char *s, size_t length)
{
    size_t n = span(s, length, digits);

    return n && n <= 4 ? n : NO_VALUE;
}

static size_t seconds_length(const char *s, size_t length)
{
    size_t n = span(s, length, digits);

    return n && n <= 19 ? n : NO_VALUE;
}

/* "1700000000.000000000" */
static size_t time_length(const char *s, size_t length)
{
    enum { NANOSECOND_DIGITS = 9 };
    size_t n = seconds_length(s, length);

    if (n == NO_VALUE || n == length || s[n] != '.' || span(s + n + 1, length - n - 1, digits) != NANOSECOND_DIGITS)
        return NO_VALUE;
    return n + 1 + NANOSECOND_DIGITS;
}

/* A container, an exec or an image by its id ("sha256:…"), and whatever else cannot be mistaken for anything but a
 * name: no slash, no percent sign, no dot first. */
static size_t id_length(const char *s, size_t length)
{
    size_t n = span(s, length, "0123456789" LETTERS "_.:-");

    return n && n <= 256 && s[0] != '.' ? n : NO_VALUE;
}

/* Empty while the engine joins a swarm or leaves it. */
static size_t node_length(const char *s, size_t length)
{
    size_t n = span(s, length, "0123456789abcdefghijklmnopqrstuvwxyz");

    return n <= 64 ? n : NO_VALUE;
}

static int hex_value(char c)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *at = c ? strchr(hex, c) : NULL;

    return at ? (int)(at - hex) : -1;
}

/* The byte at S as it is after decoding, and how many characters it takes; -1: it is not encoded as it must be (what
 * needs no encoding may not have one) or may not be in a name. */
static int volume_byte(const char *s, size_t length, size_t *ret_taken)
{
    static const char plain[] = "0123456789" LETTERS "-._~:";
    int high, low, byte;

    *ret_taken = 1;
    if (s[0] && strchr(plain, s[0]))
        return (unsigned char)s[0];
    *ret_taken = 3;
    if (s[0] != '%' || length < 3 || (high = hex_value(s[1])) < 0 || (low = hex_value(s[2])) < 0)
        return -1;
    byte = 16 * high + low;
    if (byte < 0x20 || byte == 0x7f || byte == '\\' || byte == '%' || strchr(plain, byte))
        return -1;
    return byte;
}

/* Volume drivers take names that the engine's own does not, also with a slash; no part between slashes may be empty,
 * "." or "..". */
static size_t volume_length(const char *s, size_t length)
{
    size_t n = 0, part = 0, dots = 0;

    if (length > 768)
        return NO_VALUE;
    while (n < length) {
        size_t taken;
        int byte = volume_byte(s + n, length - n, &taken);

        if (byte < 0 || (byte == '/' && part == dots && part <= 2))
            return NO_VALUE;
        part = byte == '/' ? 0 : part + 1;
        dots = byte == '/' ? 0 : dots + (byte == '.');
        n += taken;
    }
    return part == dots && part <= 2 ? NO_VALUE : n;
}

/* The value that PATTERN, which begins with a brace, asks for; RET_LENGTH: of its name with the braces. */
static value_length *find_kind(const char *pattern, size_t *ret_length)
{
    static const struct {
        const char *name;
        value_length *length;
    } kinds[] = {
        {"{minor}", minor_length}, {"{seconds}", seconds_length}, {"{time}", time_length},
        {"{id}", id_length},       {"{node}", node_length},       {"{volume}", volume_length},
    };

    for (size_t i = 0; i < countof(kinds); i++) {
        *ret_length = strlen(kinds[i].name);
        if (strncmp(pattern, kinds[i].name, *ret_length) == 0)
            return kinds[i].length;
    }
    return NULL;
}

static bool matches(const char *pattern, const char *path, size_t length)
{
    size_t at = 0;

    while (*pattern) {
        size_t name = 1, value = 1;

        if (*pattern == '{') {
            value_length *kind = find_kind(pattern, &name);

            value = kind ? kind(path + at, length - at) : NO_VALUE;
            if (value == NO_VALUE)
                return false;
        } else if (at == length || path[at] != *pattern) {
            return false;
        }
        pattern += name;
        at += value;
    }
    return at == length;
}

const char *const *broker_paths(size_t *ret_count)
{
    *ret_count = countof(paths);
    return paths;
}

bool broker_path_is_listed(const char *path, size_t length)
{
    for (size_t i = 0; i < countof(paths); i++)
        if (matches(paths[i], path, length))
            return true;
    return false;
}
