/* Unsigned numbers in texts from outside. strtoul() takes blanks and signs, atoi() and sscanf() are undefined for a
 * number beyond their type. */
#ifndef COMMON_NUMBER_H
#define COMMON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the digits of BASE (10 or 16) that AT begins with. Returns what follows them; NULL, with *RET left alone: there
 * is no digit (AT may be NULL), or the number is above MAX. */
const char *number_read(const char *at, unsigned base, uint64_t max, uint64_t *ret);

/* Two hexadecimal digits at AT, as in "%2f" and "\x2f". False: others. */
bool number_read_byte(const char *at, char *ret);

#endif
