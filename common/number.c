/* Unsigned numbers in texts from outside. */
#include "common/number.h"

#include <stddef.h>

/* 16: not a digit. */
static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

const char *number_read(const char *at, unsigned base, uint64_t max, uint64_t *ret)
{
    const char *first = at;
    uint64_t number = 0;

    for (; at && digit_of(*at) < base; at++) {
        unsigned digit = digit_of(*at);

        if (digit > max || number > (max - digit) / base)
            return NULL;
        number = number * base + digit;
    }
    if (at == first)
        return NULL;
    *ret = number;
    return at;
}

bool number_read_byte(const char *at, char *ret)
{
    if (digit_of(at[0]) == 16 || digit_of(at[1]) == 16)
        return false;
    *ret = (char)(digit_of(at[0]) << 4 | digit_of(at[1]));
    return true;
}
