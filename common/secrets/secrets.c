/* The walk through a text that finds its secrets. One scanner serves both the rules that report and the output that
 * redacts, so that what is reported is also what is hidden. What it looks for: secret_formats.c, secret_pairs.c,
 * secret_commands.c. */
#include "common/secrets/secrets.h"
#include "common/message.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

/* ---- The walk ---- */

void secret_scan_init(struct secret_scan *scan, const char *text, size_t length)
{
    *scan = (struct secret_scan){.text = text, .length = length, .budget.max = SIZE_MAX};
    shell_spans_init(&scan->spans, text, length, &scan->budget);
    secret_formats_index(scan);
    secret_commands_index(scan);
    for (size_t i = 0; i < SECRET_MARKS; i++)
        scan->marks[i].at = SIZE_MAX;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Neither a format nor a name begins between two letters or digits, but for the n of a line's end that is written \n.
 */
static bool is_inside_word(const struct secret_scan *scan, size_t at)
{
    const char *text = scan->text;

    return at && is_letter_or_digit(text[at - 1]) && is_letter_or_digit(text[at]) &&
           !(at >= 2 && text[at - 2] == '\\' && strchr("nrt", text[at - 1]));
}

bool secret_next(struct secret_scan *scan, struct secret_match *ret)
{
    enum { CHARACTER_STEPS = 10 };

    for (size_t i = scan->at; i < scan->length && secret_take(scan, CHARACTER_STEPS); i++) {
        if ((!is_inside_word(scan, i) && (secret_match_format(scan, i, ret) || secret_match_pair(scan, i, ret))) ||
            secret_match_command(scan, i, ret)) {
            scan->at = (size_t)(ret->value - scan->text) + ret->value_length;
            return true;
        }
    }
    scan->at = scan->length;
    return false;
}

static bool find_in_value(struct secret_scan *scan, const char *name, struct secret_match *ret)
{
    struct secret_match match;

    if (secret_next(scan, &match)) {
        if (!match.name) {
            match.name = name;
            match.name_length = strlen(name);
        }
    } else if (secret_is_named(scan, name, strlen(name), 0, scan->length) && secret_is_real(scan, 0, scan->length)) {
        match = (struct secret_match){.kind = secret_named_kind,
                                      .name = name,
                                      .name_length = strlen(name),
                                      .value = scan->text,
                                      .value_length = scan->length};
    } else {
        return false;
    }
    if (ret)
        *ret = match;
    return true;
}

bool secret_is_value_within(const char *name, const char *value, struct budget *budget, struct secret_match *ret)
{
    struct secret_scan scan;
    bool found;

    secret_scan_init(&scan, value, strlen(value));
    scan.budget = *budget;
    found = find_in_value(&scan, name, ret);
    *budget = scan.budget;
    return found;
}

bool secret_is_value(const char *name, const char *value, struct secret_match *ret)
{
    struct budget budget = {.max = SIZE_MAX};

    return secret_is_value_within(name, value, &budget, ret);
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

void secret_redact_messages(struct str *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, MESSAGE_MARKS);

        if (length)
            secret_redact(out, text, length, false);
        else
            str_append_char(out, text[length++]);
        text += length;
    }
}
