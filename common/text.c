/* Hostile text made safe. One decoder serves repair, escape and column counting. */
#include "common/text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#define ELLIPSIS    "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the valid UTF-8 character at S (RFC 3629: no surrogates, no overlong forms), 0 when there is none. */
static size_t decode(const unsigned char *s, size_t left, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    uint32_t c;

    if (!length || length > left)
        return 0;
    if (length == 1) {
        *ret = s[0];
        return 1;
    }
    c = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *ret = c;
    return length;
}

bool text_is_utf8(const char *s, size_t length)
{
    uint32_t c;

    for (size_t i = 0, n; i < length; i += n) {
        n = decode((const unsigned char *)s + i, length - i, &c);
        if (!n)
            return false;
    }
    return true;
}

void text_repair_utf8(struct str *out, const char *s, size_t length)
{
    uint32_t c;

    for (size_t i = 0, n; i < length; i += n) {
        n = decode((const unsigned char *)s + i, length - i, &c);
        if (n)
            str_append_n(out, s + i, n);
        else
            str_append(out, REPLACEMENT), n = 1;
    }
}

/* Control characters, and what is not seen or changes how its neighbours are: Default_Ignorable_Code_Point of Unicode's
 * DerivedCoreProperties.txt, line and paragraph separators, interlinear annotations. */
static const struct {
    uint32_t first, last;
} dangerous[] = {
    {0x0, 0x1f},      {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
    {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
    {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static bool is_dangerous(uint32_t c)
{
    for (size_t i = 0; i < countof(dangerous) && c >= dangerous[i].first; i++)
        if (c <= dangerous[i].last)
            return true;
    return false;
}

/* The length of the beginning of S that is ASCII and no control character. */
static size_t plain_length(const char *s, size_t length)
{
    size_t n = 0;

    while (n < length && s[n] >= ' ' && s[n] <= '~')
        n++;
    return n;
}

void text_escape_json(struct str *out, const char *s, size_t length)
{
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t c;

        n = plain_length(s + i, length - i);
        if (n) {
            str_append_n(out, s + i, n);
            continue;
        }
        n = decode((const unsigned char *)s + i, length - i, &c);
        if (!n) {
            n = 1;
            str_append(out, REPLACEMENT);
        } else if (c == '\n' || c == '\t' || !is_dangerous(c)) {
            str_append_n(out, s + i, n);
        } else if (c < 0x10000) {
            str_printf(out, "\\u%04x", c);
        } else {
            str_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
}

void text_escape(struct str *out, const char *s, size_t length, size_t limit)
{
    size_t start = out->length, safe = start; /* SAFE: where a cut leaves room for the ellipsis */

    for (size_t i = 0, n; i < length; i += n) {
        char piece[16];
        size_t size;
        uint32_t c;

        n = decode((const unsigned char *)s + i, length - i, &c);
        if (!n) {
            n = 1;
            size = sizeof REPLACEMENT - 1;
            memcpy(piece, REPLACEMENT, size);
        } else if (is_dangerous(c)) {
            size = (size_t)snprintf(piece, sizeof piece, c < 0x80 ? "\\x%02x" : "\\u{%04x}", c);
        } else {
            memcpy(piece, s + i, n);
            size = n;
        }
        if (limit && out->length - start + size > limit) {
            out->length = safe;
            if (out->data)
                out->data[safe] = '\0';
            if (limit >= sizeof ELLIPSIS - 1)
                str_append(out, ELLIPSIS);
            return;
        }
        str_append_n(out, piece, size);
        if (!limit || out->length - start + sizeof ELLIPSIS - 1 <= limit)
            safe = out->length;
    }
    if (!out->data)
        str_append(out, "");
}

size_t text_decode(const char *s, uint32_t *ret)
{
    size_t n = decode((const unsigned char *)s, strnlen(s, 4), ret);

    if (n)
        return n;
    *ret = 0xfffd;
    return 1;
}

unsigned text_width(uint32_t c)
{
    int width = wcwidth((wchar_t)c);

    return width > 0 ? (unsigned)width : 0;
}

/* The length of the longest beginning that needs at most LIMIT columns, which are counted in *RET_COLUMNS. */
static size_t measure(const char *s, size_t limit, size_t *ret_columns)
{
    size_t columns = 0, i = 0;

    while (s[i]) {
        uint32_t c;
        size_t n = text_decode(s + i, &c), width = text_width(c);

        if (columns + width > limit)
            break;
        columns += width;
        i += n;
    }
    *ret_columns = columns;
    return i;
}

size_t text_columns(const char *s)
{
    size_t columns = 0;

    measure(s, SIZE_MAX, &columns);
    return columns;
}

size_t text_fitting(const char *s, size_t columns)
{
    return measure(s, columns, &columns);
}

/* ---- Lines. They break as Unicode's UAX 14 has it for the texts at hand: at blanks, between ideographs, and around
 * full-width marks on one side only. ---- */

static bool is_one_of(const wchar_t *marks, uint32_t c)
{
    return c && wcschr(marks, (wchar_t)c);
}

/* Nothing of it begins a line. */
static bool is_closing(uint32_t c)
{
    return is_one_of(L"，。、；：？！）】》〉」』”’…—·％,.;:?!)]}%", c);
}

static bool is_opening(uint32_t c)
{
    return is_one_of(L"（【《〈「『“‘([{", c);
}

/* Whether a line may end between two characters; neither is a blank. */
static bool may_break(uint32_t before, uint32_t after)
{
    if (is_closing(after) || is_opening(before) || !text_width(after))
        return false;
    return text_width(before) == 2 || text_width(after) == 2;
}

/* Where a word that is longer than the line, of LENGTH bytes, is broken: behind a separator in its second half. */
static size_t break_word(const char *text, size_t length)
{
    for (size_t at = length; at > length / 2; at--)
        if (strchr("/,-_=:@.", text[at - 1]))
            return at;
    return length;
}

size_t text_line(const char *text, size_t columns)
{
    size_t used = 0, at = 0, end = 0, indent = strspn(text, " ");
    uint32_t before = ' ';
    bool whole = true;

    while (text[at] && text[at] != '\n') {
        uint32_t c;
        size_t n = text_decode(text + at, &c), width = text_width(c);

        if (at > indent && (c == ' ' ? before != ' ' : before != ' ' && may_break(before, c)))
            end = at; /* the blanks before a word belong to no line */
        if (c != ' ' && used + width > columns && at) {
            whole = false;
            break;
        }
        used += width;
        at += n;
        before = c;
    }
    if (whole)
        end = at;
    else if (!end)
        end = at > indent ? break_word(text, at) : at;
    while (end > indent && text[end - 1] == ' ')
        end--;
    return end;
}

void text_wrap(struct str *out, const char *text, size_t used, size_t indent, size_t width)
{
    size_t room = width > indent ? width - indent : 1;

    if (used > indent) {
        str_append_char(out, '\n');
        used = 0;
    }
    do {
        size_t length = text_line(text, room), shown = length;

        while (shown && text[shown - 1] == ' ')
            shown--;
        str_printf(out, "%*s%.*s\n", (int)(indent - used), "", (int)shown, text);
        used = 0;
        text += length;
        text += strspn(text, " \n");
    } while (*text);
}

const char *text_without_context(const char *message, const char *context)
{
    size_t length = strlen(context);

    return message && strncmp(message, context, length) == 0 && str_starts(message + length, ": ")
               ? message + length + 2
               : message;
}

bool text_glob(const char *pattern, const char *s)
{
    const char *star = NULL, *resume = NULL;

    while (*s) {
        if (*pattern == '*') {
            star = pattern++;
            resume = s;
        } else if (*pattern == '?' || *pattern == *s) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star + 1;
            s = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

size_t text_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t rows[3][MOST + 1] = {0}, la = strlen(a), lb = strlen(b);

    if (la > MOST || lb > MOST)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[la % 3][lb];
}

const char *text_nearest(const char *const *names, size_t count, const char *word)
{
    enum { PREFIX_MIN = 3, REACH_MAX = 4 };
    size_t length = strlen(word), least = (length + 2) / 4;
    const char *nearest = NULL;

    for (size_t i = 0; length >= PREFIX_MIN && i < count; i++)
        if (str_starts(names[i], word) && (!nearest || strlen(names[i]) < strlen(nearest)))
            nearest = names[i];
    if (nearest)
        return nearest;
    least = (least < 1 ? 1 : least > REACH_MAX ? REACH_MAX : least) + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = text_distance(names[i], word);

        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

int text_go_number(const char *s, size_t length, int64_t *ret)
{
    bool negative = length && *s == '-';
    size_t at = length && (*s == '-' || *s == '+');
    int64_t value = 0;
    int r = at < length ? 0 : -EINVAL;

    for (; at < length; at++) {
        int digit = s[at] - '0';

        if (digit < 0 || digit > 9) {
            r = -EINVAL;
            break;
        }
        if (r == 0 && (__builtin_mul_overflow(value, 10, &value) ||
                       __builtin_add_overflow(value, negative ? -digit : digit, &value)))
            r = -ERANGE;
    }
    *ret = r == -EINVAL ? 0 : r == -ERANGE ? (negative ? INT64_MIN : INT64_MAX) : value;
    return r;
}

void text_shell_quote(struct str *out, const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    bool control = false;

    if (*s && s[strspn(s, plain)] == '\0') {
        str_append(out, s);
        return;
    }
    for (const char *p = s; *p; p++)
        control |= (unsigned char)*p < 0x20 || *p == 0x7f;
    if (!control && !text_is_utf8(s, strlen(s)))
        control = true;
    str_append(out, control ? "$'" : "'");
    for (const char *p = s; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (control && (c < 0x20 || c >= 0x7f || c == '\''))
            str_printf(out, "\\x%02x", c);
        else if (*p == '\'')
            str_append(out, "'\\''");
        else if (control && *p == '\\')
            str_append(out, "\\\\");
        else
            str_append_char(out, *p);
    }
    str_append_char(out, '\'');
}
