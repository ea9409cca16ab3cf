/* Diagnostics of the agent itself, to standard error with the sd-daemon priority prefixes where that is the journal.
 * The text is escaped: one call is one line whatever the arguments hold. No call waits for whoever reads it: lines that
 * cannot be written at once are lost, and the next one says how many. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/clock.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_set_level(enum log_level level); /* default: info */
void log_message(enum log_level level, const char *format, ...) printf_like(2, 3);

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* For what could be said without end: so many lines a minute. Begin with zeros. */
enum { LOG_LINES_A_MINUTE = 10 };
struct log_limit {
    usec_t minute;             /* monotonic: when the present one began; 0: none yet */
    unsigned lines, held_back; /* in it; since the last line */
};
/* True: say it. RET_HELD_BACK: how often it was false since the last time. NOW: clock_monotonic(). */
bool log_allowed(struct log_limit *limit, usec_t now, unsigned *ret_held_back);

#endif
