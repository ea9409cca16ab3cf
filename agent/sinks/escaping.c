/* Values as formats write them: escaped, and cut where they are too long. */
#include <string.h>

#include "agent/sinks/formats_internal.h"
#include "common/text.h"

/* How long a prefix of RAW fits is seen by writing it piece by piece: a piece is what one character becomes. */
static size_t append_pieces(struct str *out, const char *raw, size_t limit, const struct escaping *escaping)
{
    size_t begin = out->length, length = strlen(raw), n;
    scoped_str piece = STR_INIT;

    for (size_t i = 0; i < length; i += n) {
        size_t before = out->length;
        bool plain = raw[i] >= ' ' && raw[i] <= '~';

        for (n = 1; !plain && i + n < length && (raw[i + n] & 0xc0) == 0x80 && n < 4; n++)
            continue;
        str_clear(&piece);
        if (plain)
            str_append_char(&piece, raw[i]);
        else
            text_escape(&piece, raw + i, n, 0);
        for (const char *at = str_text(&piece); *at; at++) {
            const char *escaped = plain || escaping->control ? escaping->of(*at) : NULL;

            if (escaped)
                str_append(out, escaped);
            else
                str_append_char(out, *at);
        }
        if (out->length - begin > limit) {
            out->length = before;
            out->data[before] = '\0';
            return i;
        }
    }
    return length;
}

bool append_escaped(struct str *out, const char *raw, size_t limit, const struct escaping *escaping)
{
    static const char mark[] = "… sha256:";
    size_t begin = out->length;
    char hash[SHA256_TEXT_SIZE];

    if (append_pieces(out, raw, limit, escaping) == strlen(raw))
        return true;
    out->length = begin;
    append_pieces(out, raw, limit - strlen(mark) - (SHA256_TEXT_SIZE - 1), escaping);
    sha256_text(raw, strlen(raw), hash);
    str_append(out, mark);
    str_append(out, hash);
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
