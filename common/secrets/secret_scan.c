/* Finding what comes next in a text, and comparing places in it with words. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/secrets/secrets_internal.h"

bool secret_is_blank(char c)
{
    return isspace((unsigned char)c);
}

/* NUL ends whatever a blank ends. */
static bool is_mark(const struct secret_scan *scan, size_t at, enum mark mark)
{
    char c = scan->text[at], next = at + 1 < scan->length ? scan->text[at + 1] : '\0';

    switch (mark) {
    case MARK_AT:
        return c == '@';
    case MARK_REFERENCE:
        return c == '`' || (c == '$' && (next == '{' || next == '('));
    case MARK_URL_END:
        return secret_is_blank(c) || strchr("\"'<>|;", c);
    case MARK_WORD_END:
    case MARK_COUNT:
        break;
    }
    return secret_is_blank(c) || strchr(";|&\"'`)<>", c);
}

size_t secret_next_mark(struct secret_scan *scan, enum mark mark, size_t from)
{
    size_t at = from;

    if (from >= scan->length)
        return scan->length;
    if (scan->marks[mark].at <= scan->length && from >= scan->marks[mark].from && from <= scan->marks[mark].at)
        return scan->marks[mark].at;
    while (at < scan->length && !is_mark(scan, at, mark))
        at++;
    secret_take(scan, 2 * (at - from));
    scan->marks[mark].from = from;
    scan->marks[mark].at = at;
    return at;
}

size_t secret_value_end(struct secret_scan *scan, size_t *start)
{
    const char *text = scan->text;
    size_t at = *start, length = scan->length;
    char quote = at < length && (text[at] == '"' || text[at] == '\'') ? text[at] : '\0';

    if (at + 1 < length && text[at] == '\\' && (text[at + 1] == '"' || text[at + 1] == '\'')) { /* JSON in a shell */
        *start = at + 2;
        return shell_spans_next(&scan->spans, SHELL_MARK_ESCAPE_END, at + 2);
    }
    if (quote) {
        *start = at + 1;
        return shell_spans_next(&scan->spans, quote == '"' ? SHELL_MARK_DOUBLE_QUOTE : SHELL_MARK_SINGLE_QUOTE, at + 1);
    }
    return secret_next_mark(scan, MARK_WORD_END, at);
}

bool secret_is_word_start(const char *text, size_t at)
{
    return !at || secret_is_blank(text[at - 1]) || strchr(";|&(`\"'", text[at - 1]) ||
           (at >= 2 && text[at - 2] == '\\' && strchr("nrt", text[at - 1])); /* a line's end, written \n */
}

bool secret_begins_with(const struct secret_scan *scan, size_t at, const char *word)
{
    size_t size = strlen(word);

    return scan->length - at >= size && memcmp(scan->text + at, word, size) == 0;
}

bool secret_begins_with_nocase(const struct secret_scan *scan, size_t at, const char *word)
{
    size_t size = strlen(word);

    return scan->length - at >= size && strncasecmp(scan->text + at, word, size) == 0;
}

bool secret_is_made_of(const char *value, size_t length, const char *characters)
{
    for (size_t i = 0; i < length; i++)
        if (!value[i] || !strchr(characters, value[i]))
            return false;
    return true;
}
