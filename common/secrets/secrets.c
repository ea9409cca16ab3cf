/* The walk through a text that finds its secrets. One scanner serves both the rules that report and the output that
 * redacts, so that what is reported is also what is hidden. What it looks for: secret_formats.c, secret_pairs.c,
 * secret_commands.c. */
#include "common/secrets/secrets.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

/* ---- What comes next ---- */

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
        return secret_is_blank(c) || strchr(";|&\"'`)<>", c);
    case MARK_ESCAPE_END:
        return c == '\\' || c == '"';
    case MARK_SINGLE_QUOTE:
        return c == '\'';
    case MARK_DOUBLE_QUOTE:
        return c == '"' && !(at && scan->text[at - 1] == '\\');
    case MARK_LINE_END:
    case MARK_COUNT:
        break;
    }
    return c == '\n';
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
        return secret_next_mark(scan, MARK_ESCAPE_END, at + 2);
    }
    if (quote) {
        *start = at + 1;
        return secret_next_mark(scan, quote == '"' ? MARK_DOUBLE_QUOTE : MARK_SINGLE_QUOTE, at + 1);
    }
    return secret_next_mark(scan, MARK_WORD_END, at);
}

bool secret_is_word_start(const char *text, size_t at)
{
    return !at || secret_is_blank(text[at - 1]) || strchr(";|&(`\"'", text[at - 1]);
}

bool secret_is_word(const struct secret_scan *scan, size_t at, const char *word)
{
    size_t size = strlen(word);

    return at <= scan->length && scan->length - at >= size && memcmp(scan->text + at, word, size) == 0;
}

bool secret_is_word_nocase(const struct secret_scan *scan, size_t at, const char *word)
{
    size_t size = strlen(word);

    return at <= scan->length && scan->length - at >= size && strncasecmp(scan->text + at, word, size) == 0;
}

bool secret_is_made_of(const char *value, size_t length, const char *characters)
{
    for (size_t i = 0; i < length; i++)
        if (!value[i] || !strchr(characters, value[i]))
            return false;
    return true;
}

/* ---- The walk ---- */

void secret_scan_init(struct secret_scan *scan, const char *text, size_t length)
{
    *scan = (struct secret_scan){.text = text, .length = length};
    for (size_t i = 0; i < SECRET_MARKS; i++)
        scan->marks[i].at = SIZE_MAX;
}

bool secret_next(struct secret_scan *scan, struct secret_match *ret)
{
    for (size_t i = scan->at; i < scan->length; i++) {
        if (secret_match_format(scan, i, ret) || secret_match_pair(scan, i, ret) ||
            secret_match_command(scan, i, ret)) {
            scan->at = (size_t)(ret->value - scan->text) + ret->value_length;
            return true;
        }
    }
    scan->at = scan->length;
    return false;
}

bool secret_is_value(const char *name, const char *value, struct secret_match *ret)
{
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, value, strlen(value));
    if (secret_next(&scan, &match)) {
        if (!match.name) {
            match.name = name;
            match.name_length = strlen(name);
        }
    } else if (secret_is_named(name, strlen(name), value, scan.length) && secret_is_real(&scan, 0, scan.length)) {
        match = (struct secret_match){.kind = secret_named_kind,
                                      .name = name,
                                      .name_length = strlen(name),
                                      .value = value,
                                      .value_length = scan.length};
    } else {
        return false;
    }
    if (ret)
        *ret = match;
    return true;
}

/* ---- Redaction ---- */

/* Twenty or more letters and digits, or eight of both cases with a digit, and nothing that makes it a path or a name.
 */
static bool looks_random(const char *word, size_t length)
{
    size_t digits = 0, lower = 0, upper = 0;

    for (size_t i = 0; i < length; i++) {
        digits += isdigit((unsigned char)word[i]) != 0;
        lower += islower((unsigned char)word[i]) != 0;
        upper += isupper((unsigned char)word[i]) != 0;
        if (!isalnum((unsigned char)word[i]) && !strchr("+/=-_!@#$%^&*", word[i]))
            return false;
    }
    return word[0] != '/' && word[0] != '-' &&
           ((length >= 20 && digits >= 2 && lower + upper >= 2) || (length >= 8 && digits && lower && upper));
}

/* The name of an assignment, or the digest of a file: no secret, however random. */
static bool is_harmless(const char *text, size_t length, size_t start, size_t end)
{
    static const char *const before[] = {"file:", "dir:", "multi:", "sha256:"};

    if (end < length && text[end] == '=' &&
        secret_is_made_of(text + start, end - start, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"))
        return true;
    if (!secret_is_made_of(text + start, end - start, "0123456789abcdef"))
        return false;
    for (size_t i = 0; i < countof(before); i++)
        if (start >= strlen(before[i]) && memcmp(text + start - strlen(before[i]), before[i], strlen(before[i])) == 0)
            return true;
    return false;
}

static void append_words(struct str *out, const char *text, size_t length, bool high_entropy_too)
{
    for (size_t i = 0; i < length;) {
        size_t end = i;

        while (end < length && !secret_is_blank(text[end]) && !strchr("\"'=:,;", text[end]))
            end++;
        if (high_entropy_too && looks_random(text + i, end - i) && !is_harmless(text, length, i, end))
            str_append(out, "[redacted]");
        else
            str_append_n(out, text + i, end - i);
        if (end < length)
            str_append_char(out, text[end]);
        i = end + 1;
    }
}

void secret_redact(struct str *out, const char *text, size_t length, bool high_entropy_too)
{
    struct secret_scan scan;
    struct secret_match match;
    size_t from = 0;

    secret_scan_init(&scan, text, length);
    while (secret_next(&scan, &match)) {
        append_words(out, text + from, (size_t)(match.value - text) - from, high_entropy_too);
        str_append(out, "[redacted]");
        from = scan.at;
    }
    append_words(out, text + from, length - from, high_entropy_too);
}
