/* Time as a parameter: everything that needs "now" takes a `struct clock`, so that tests can set it. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define USEC_PER_SEC INT64_C(1000000)

/* Microseconds since 1970, UTC. */
typedef int64_t usec_t;

struct clock {
    usec_t (*now)(const struct clock *clock);
    usec_t fixed; /* the time of a fixed clock */
};

extern const struct clock clock_system; /* CLOCK_REALTIME */
struct clock clock_fixed(usec_t at);    /* does not advance; set .fixed to move it */
usec_t clock_now(const struct clock *clock);
usec_t clock_monotonic(void); /* CLOCK_MONOTONIC, for measuring */

/* Converts seconds since 1970 from an untrusted source. -ERANGE outside the years 1 to 9999. Sums and differences of
 * times within them never overflow. */
int usec_from_seconds(int64_t seconds, usec_t *ret_at);

enum { CLOCK_TEXT_SIZE = 32 };
/* RFC 3339, UTC, microseconds: 2026-11-24T09:30:00.000000Z. BUFFER holds CLOCK_TEXT_SIZE bytes; returns it. */
const char *clock_format(usec_t at, char *buffer);
/* Reads RFC 3339 (any offset, any number of decimals). 0 or -EINVAL. */
int clock_parse(const char *text, usec_t *ret_at);

#endif
