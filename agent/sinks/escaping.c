/* Values as formats write them: escaped, and cut where they are too long. */
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "common/text.h"

/* The beginning of S that is written as it is. */
static size_t plain_length(const char *s, size_t length, const struct escaping *escaping)
{
    size_t n = 0;

    while (n < length && s[n] >= ' ' && s[n] <= '~' && !escaping->of(s[n]))
        n++;
    return n;
}

/* Appends the character of N bytes at S, or what it becomes. */
static void append_character(struct str *out, const char *s, size_t n, const struct escaping *escaping)
{
    bool printable = n == 1 && *s >= ' ' && *s <= '~';
    scoped_str piece = STR_INIT;

    if (printable)
        str_append_char(&piece, *s);
    else
        text_escape(&piece, s, n, 0);
    for (const char *at = str_text(&piece); *at; at++) {
        const char *escaped = printable || escaping->control ? escaping->of(*at) : NULL;

        if (escaped)
            str_append(out, escaped);
        else
            str_append_char(out, *at);
    }
}

/* Appends as much of RAW as LIMIT bytes take, in whole characters. Its length in RAW. */
static size_t append_pieces(struct str *out, const char *raw, size_t limit, const struct escaping *escaping)
{
    size_t begin = out->length, length = strlen(raw), n;

    for (size_t i = 0; i < length; i += n) {
        size_t before = out->length, room = limit - (before - begin);

        n = plain_length(raw + i, length - i, escaping);
        if (n) {
            str_append_n(out, raw + i, n < room ? n : room);
            if (n > room)
                return i + room;
            continue;
        }
        for (n = 1; i + n < length && (raw[i + n] & 0xc0) == 0x80 && n < 4; n++)
            continue;
        append_character(out, raw + i, n, escaping);
        if (out->length - begin > limit) {
            out->length = before;
            out->data[before] = '\0';
            return i;
        }
    }
    return length;
}

void append_cut_mark(struct str *out, const char *raw)
{
    char hash[SHA256_TEXT_SIZE];

    sha256_text(raw, strlen(raw), hash);
    str_printf(out, "… sha256:%s", hash);
}

bool append_escaped(struct str *out, const char *raw, size_t limit, const struct escaping *escaping)
{
    size_t begin = out->length;

    if (append_pieces(out, raw, limit, escaping) == strlen(raw))
        return true;
    out->length = begin;
    append_pieces(out, raw, limit - CUT_MARK_SIZE, escaping);
    append_cut_mark(out, raw);
    return false;
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && strchr(" ", at[length]))
            return true;
    return false;
}

void cut_add(struct str *cut, const char *name)
{
    if (has_word(str_text(cut), name))
        return;
    str_printf(cut, "%s%s", cut->length ? " " : "", name);
}
