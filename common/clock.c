/* Clocks and RFC 3339. */
#include "common/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z */
#define FIRST_SECOND INT64_C(-62135596800)
#define LAST_SECOND  INT64_C(253402300799)

static usec_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static usec_t system_now(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static usec_t fixed_now(const struct clock *clock)
{
    return clock->fixed;
}

const struct clock clock_system = {.now = system_now};

struct clock clock_fixed(usec_t at)
{
    return (struct clock){.now = fixed_now, .fixed = at};
}

usec_t clock_now(const struct clock *clock)
{
    return clock->now(clock);
}

usec_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int usec_from_seconds(int64_t seconds, usec_t *ret_at)
{
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
        return -ERANGE;
    *ret_at = seconds * USEC_PER_SEC;
    return 0;
}

const char *clock_format(usec_t at, char *buffer)
{
    time_t seconds = at / USEC_PER_SEC;
    long micro = at % USEC_PER_SEC;
    struct tm tm;

    if (micro < 0) {
        micro += USEC_PER_SEC;
        seconds--;
    }
    if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0) {
        snprintf(buffer, CLOCK_TEXT_SIZE, "0001-01-01T00:00:00.000000Z");
        return buffer;
    }
    snprintf(buffer, CLOCK_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)micro % 1000000);
    return buffer;
}

static const char *digits(const char *s, int count, int min, int max, int *ret)
{
    int value = 0;

    if (!s)
        return NULL;
    for (int i = 0; i < count; i++, s++) {
        if (*s < '0' || *s > '9')
            return NULL;
        value = value * 10 + (*s - '0');
    }
    *ret = value;
    return value < min || value > max ? NULL : s;
}

static const char *expect(const char *s, const char *among)
{
    return s && *s && strchr(among, *s) ? s + 1 : NULL;
}

static int days_of(int year, int month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int clock_parse(const char *text, usec_t *ret_at)
{
    struct tm tm = {0};
    int year, month, hours = 0, minutes = 0, sign = 0;
    long micro = 0;
    usec_t at;
    const char *s = digits(text, 4, 1, 9999, &year);

    s = digits(expect(s, "-"), 2, 1, 12, &month);
    s = digits(expect(s, "-"), 2, 1, 31, &tm.tm_mday);
    s = digits(expect(s, "Tt "), 2, 0, 23, &tm.tm_hour);
    s = digits(expect(s, ":"), 2, 0, 59, &tm.tm_min);
    s = digits(expect(s, ":"), 2, 0, 60, &tm.tm_sec);
    if (s && *s == '.') {
        long unit = 100000;

        if (s[1] < '0' || s[1] > '9')
            return -EINVAL;
        for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
            micro += (*s - '0') * unit;
    }
    if (s && (*s == '+' || *s == '-')) {
        sign = *s == '+' ? 1 : -1;
        s = digits(s + 1, 2, 0, 23, &hours);
        s = digits(expect(s, ":"), 2, 0, 59, &minutes);
    } else {
        s = expect(s, "Zz");
    }
    if (!s || *s || tm.tm_mday > days_of(year, month))
        return -EINVAL;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    if (usec_from_seconds(timegm(&tm) - sign * (hours * 3600 + minutes * 60), &at) < 0)
        return -EINVAL;
    *ret_at = at + micro;
    return 0;
}
