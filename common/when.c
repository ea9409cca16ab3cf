/* Times as people name them on a command line, in the local time zone. */
#include "common/when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"

enum { AGO_DIGITS = 7 };

static int from_local(struct tm *local, usec_t *ret)
{
    time_t seconds;

    local->tm_isdst = -1;
    seconds = mktime(local);
    if (seconds == (time_t)-1)
        return -EINVAL;
    return usec_from_seconds(seconds, ret);
}

static int midnight(usec_t now, int days_before, usec_t *ret)
{
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    struct tm local;

    if (!localtime_r(&seconds, &local))
        return -EINVAL;
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    local.tm_mday -= days_before;
    return from_local(&local, ret);
}

static int parse_ago(const char *text, usec_t now, usec_t *ret)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    size_t digits = strspn(text, "0123456789");

    for (size_t i = 0; digits && digits <= AGO_DIGITS && i < countof(units); i++)
        if (text[digits] == units[i].unit && !text[digits + 1]) {
            int64_t ago = strtoll(text, NULL, 10) * units[i].seconds;

            if (ago >= now / USEC_PER_SEC)
                return -EINVAL;
            *ret = now - ago * USEC_PER_SEC;
            return 0;
        }
    return -EINVAL;
}

/* A date, perhaps with a time of that day. */
static int parse_date(const char *text, usec_t *ret)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                          "%Y-%m-%dT%H:%M:%S"};

    for (size_t i = 0; i < countof(formats); i++) {
        struct tm local = {0};
        const char *end = strptime(text, formats[i], &local);
        int day = local.tm_mday;

        if (!end || *end)
            continue;
        if (from_local(&local, ret) < 0 || local.tm_mday != day) /* 2026-02-30 */
            return -EINVAL;
        return 0;
    }
    return -EINVAL;
}

int when_parse(const char *text, usec_t now, usec_t *ret)
{
    if (strcmp(text, "now") == 0) {
        *ret = now;
        return 0;
    }
    if (strcmp(text, "today") == 0)
        return midnight(now, 0, ret);
    if (strcmp(text, "yesterday") == 0)
        return midnight(now, 1, ret);
    if (clock_parse(text, ret) == 0 || parse_ago(text, now, ret) == 0)
        return 0;
    return parse_date(text, ret);
}

const char *when_format(usec_t at, char *buffer)
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm local;

    if (!localtime_r(&seconds, &local) || !strftime(buffer, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &local))
        snprintf(buffer, CLOCK_TEXT_SIZE, "-");
    return buffer;
}
