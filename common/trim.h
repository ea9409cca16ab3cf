/* Giving memory back that was needed for a while only: after a start, a full scan. */
#ifndef COMMON_TRIM_H
#define COMMON_TRIM_H

#include <stddef.h>

/* Returns the heap's free pages, and the pages of program and library files that are mapped but unchanged: those that
 * are used again come back from the page cache one by one. Gives the bytes of the latter. */
size_t memory_trim(void);

#endif
