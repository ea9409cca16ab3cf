/* The rows of a table by their first characters, so that a text is compared only with those that may be there. */
#ifndef COMMON_INITIALS_H
#define COMMON_INITIALS_H

#include <stddef.h>

/* Rows are numbered from 1 on; 0: none. Begin with a zeroed one. */
enum { INITIALS_ROWS = 400 };
struct initials {
    unsigned short first[32], next[INITIALS_ROWS + 1];
};

static inline size_t initials_slot(char c)
{
    return (unsigned char)c & 31; /* the same for capital and small letters */
}

/* Adds row ROW (from 0, below INITIALS_ROWS) that begins with C. Rows come back in the order in which they are added
 * last to first. */
static inline void initials_add(struct initials *initials, size_t row, char c)
{
    initials->next[row + 1] = initials->first[initials_slot(c)];
    initials->first[initials_slot(c)] = (unsigned short)(row + 1);
}

/* The rows that may begin with C: for (size_t i = initials_first(…, c); i; i = initials_next(…, i)) … rows[i - 1] */
static inline size_t initials_first(const struct initials *initials, char c)
{
    return initials->first[initials_slot(c)];
}

static inline size_t initials_next(const struct initials *initials, size_t row)
{
    return initials->next[row];
}

#endif
