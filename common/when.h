/* Times as people name them on a command line. */
#ifndef COMMON_WHEN_H
#define COMMON_WHEN_H

#include "common/clock.h"

/* Reads "today", "yesterday" (the midnight at which they begin, of the local time zone), "90s", "15m", "2h", "3d", "2w"
 * (that long before NOW), "2026-11-24", "2026-11-24 09:30[:00]" (local) or RFC 3339. 0 or -EINVAL. */
int when_parse(const char *text, usec_t now, usec_t *ret);
/* "2026-11-24 09:30:00" in the local time zone. BUFFER holds CLOCK_TEXT_SIZE bytes; returns it. */
const char *when_format(usec_t at, char *buffer);

#endif
