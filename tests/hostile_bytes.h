/* What a container may put into its name, and what of it no output may have: for the tests of that promise. */
#ifndef TESTS_HOSTILE_BYTES_H
#define TESTS_HOSTILE_BYTES_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/str.h"
#include "common/text.h"

/* First and last code point of each range that is not seen, or changes how what is beside it is seen: C0, DEL and C1,
 * soft hyphen, joiners, fillers, directions, line separators, variation selectors, annotations, tags. */
static const uint32_t hostile_ranges[][2] = {
    {0x1, 0x1f},      {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
    {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
    {0xfff9, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f}, {0xe0100, 0xe01ef},
};

static inline bool is_hostile(uint32_t c)
{
    for (size_t i = 0; i < countof(hostile_ranges); i++)
        if (c >= hostile_ranges[i][0] && c <= hostile_ranges[i][1])
            return true;
    return c == 0;
}

static inline void append_utf8(struct str *out, uint32_t c)
{
    if (c < 0x80) {
        str_append_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        str_append_char(out, (char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            str_append_char(out, (char)(0xe0 | c >> 12));
        } else {
            str_append_char(out, (char)(0xf0 | c >> 18));
            str_append_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        }
        str_append_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
    }
    str_append_char(out, (char)(0x80 | (c & 0x3f)));
}

/* All of them, one after the other, the N-th of PARTS: short enough for a name. */
static inline void append_hostile(struct str *out, size_t n, size_t parts)
{
    size_t at = 0;

    for (size_t i = 0; i < countof(hostile_ranges); i++)
        for (uint32_t c = hostile_ranges[i][0]; c <= hostile_ranges[i][1]; c++)
            if (at++ % parts == n)
                append_utf8(out, c);
}

/* OUTPUT has none of them, but for newlines where LINES says so, and is UTF-8. */
static inline void expect_harmless(const char *what, const char *output, size_t length, bool lines)
{
    for (size_t i = 0; i < length;) {
        const unsigned char *at = (const unsigned char *)output + i;
        size_t n = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
        uint32_t c = n == 1 ? *at : *at & (0x7fu >> n);

        for (size_t k = 1; k < n; k++)
            c = c << 6 | (at[k] & 0x3fu);
        if (is_hostile(c) && !(lines && c == '\n')) /* an assertion for each would take its time */
            ck_abort_msg("%s has U+%04X at %zu of %zu: %.*s", what, c, i, length, (int)(i > 80 ? 80 : i),
                         output + (i > 80 ? i - 80 : 0));
        i += n;
    }
    ck_assert_msg(text_is_utf8(output, length), "%s is no UTF-8", what);
}

#endif
