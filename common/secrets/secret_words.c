/* The words of a shell command, by their places in the text: a guess, since the text may be anything. */
#include <string.h>

#include "common/secrets/secrets_internal.h"

bool secret_word_is(const struct secret_scan *scan, struct secret_word word, const char *text)
{
    return word.to > word.from && scan->text[word.from] == *text && /* most often not */
           word.to - word.from == strlen(text) && memcmp(scan->text + word.from, text, word.to - word.from) == 0;
}

bool secret_word_is_flag(const struct secret_scan *scan, struct secret_word word)
{
    return word.to > word.from && scan->text[word.from] == '-';
}

struct secret_word secret_word_base(const struct secret_scan *scan, struct secret_word word)
{
    size_t from = word.to;

    while (from > word.from && scan->text[from - 1] != '/')
        from--;
    return (struct secret_word){from, word.to};
}

static bool ends_word(char c)
{
    switch (c) {
    case '\0':
    case ';':
    case '|':
    case '&':
    case '<':
    case '>':
    case ')':
    case '`':
        return true;
    default:
        return secret_is_blank(c);
    }
}

/* The quoted text at AT: up to its end mark. */
static struct secret_word read_quoted(struct secret_scan *scan, size_t at)
{
    return (struct secret_word){
        at + 1, secret_next_mark(scan, scan->text[at] == '"' ? MARK_DOUBLE_QUOTE : MARK_SINGLE_QUOTE, at + 1)};
}

/* Does a quote within a word, at AT of a word that begins at FROM, open what belongs to it, or does it end what is
 * around it? -p'…', --user="…" */
static bool opens_within(const struct secret_scan *scan, size_t from, size_t at)
{
    return scan->text[at - 1] == '=' || scan->text[at - 1] == ':' || (scan->text[from] == '-' && at - from <= 2);
}

static struct secret_word read_word(struct secret_scan *scan, size_t at)
{
    enum { WORD_STEPS = 8 };
    const char *text = scan->text;
    size_t end = at;

    if (text[at] == '"' || text[at] == '\'')
        return read_quoted(scan, at);
    if (text[at] == '\\' && at + 1 < scan->length && (text[at + 1] == '"' || text[at + 1] == '\''))
        return (struct secret_word){at + 2, secret_next_mark(scan, MARK_ESCAPE_END, at + 2)};
    secret_take(scan, WORD_STEPS);
    while (end < scan->length && end - at < SECRET_COMMAND_MAX && !ends_word(text[end])) {
        if (text[end] == '"' || text[end] == '\'') {
            if (!opens_within(scan, at, end))
                break;
            end = read_quoted(scan, end).to;
            if (end < scan->length)
                end++;
            continue;
        }
        if (text[end] == '$' && end + 1 < scan->length && text[end + 1] == '(') { /* a substitution is one word's */
            while (end < scan->length && end - at < SECRET_COMMAND_MAX && text[end] != ')')
                end++;
        }
        end += end < scan->length && text[end] == '\\' && end + 1 < scan->length ? 2 : 1;
    }
    return (struct secret_word){at, end < scan->length ? end : scan->length};
}

/* The body of the here-document that ends with the line WORD, after the line at AT. What looks like one within
 * another's body is not one. */
static struct secret_word read_document(struct secret_scan *scan, struct secret_word word, size_t at)
{
    const char *text = scan->text;
    size_t size = word.to - word.from, body = secret_next_mark(scan, MARK_LINE_END, at) + 1, line;

    if (body < scan->document_to && body != scan->document_from)
        return (struct secret_word){0};
    if (body != scan->document_from) {
        for (line = body; line < scan->length; line = secret_next_mark(scan, MARK_LINE_END, line) + 1) {
            size_t begin = line;

            while (begin < scan->length && text[begin] == '\t')
                begin++;
            secret_take(scan, 4 + begin - line + size / 8);
            if (scan->length - begin >= size && memcmp(text + begin, text + word.from, size) == 0 &&
                (begin + size == scan->length || secret_is_blank(text[begin + size])))
                break;
        }
        scan->document_from = body;
        scan->document_to = line < scan->length ? line : scan->length;
    }
    return (struct secret_word){body, scan->document_to};
}

/* "# buildkit" after a step's command. A # that is not followed by a blank may be part of a password where there is no
 * shell. */
static bool is_comment(const struct secret_scan *scan, size_t at)
{
    return at && secret_is_word(scan, at, "# ") && secret_is_blank(scan->text[at - 1]);
}

void secret_read_command(struct secret_scan *scan, size_t at, struct secret_command *command)
{
    enum { COMMAND_STEPS = 128 }; /* the list of words is cleared */
    const char *text = scan->text;
    size_t begin = at;

    *command = (struct secret_command){.count = 0};
    while (at < scan->length && command->count < SECRET_WORDS_MAX && at - begin < SECRET_COMMAND_MAX) {
        struct secret_word word;

        if (text[at] == '\\' && at + 1 < scan->length && text[at + 1] == '\n') {
            at += 2;
        } else if (text[at] != '\n' && (secret_is_blank(text[at]) || text[at] == '>' || text[at] == ',')) {
            at++;
        } else if ((text[at] != '<' && ends_word(text[at])) || is_comment(scan, at)) {
            break;
        } else if (text[at] == '<') {
            bool string = secret_is_word(scan, at, "<<<"), document = !string && secret_is_word(scan, at, "<<");

            at += string ? 3 : document ? 2 : 1;
            while (at < scan->length && (text[at] == ' ' || text[at] == '\t' || (document && text[at] == '-')))
                at++;
            if (at >= scan->length || text[at] == '\n')
                break;
            word = read_word(scan, at);
            if (string)
                command->input = word;
            else if (document && word.to > word.from && !command->input.to)
                command->input = read_document(scan, word, word.to);
            at = word.to > at ? word.to : at + 1;
        } else {
            word = read_word(scan, at);
            command->words[command->count++] = word;
            at = word.to > at ? word.to : at + 1;
            if (at < scan->length && (text[at] == '"' || text[at] == '\''))
                at++; /* the quote that ended it */
        }
    }
    command->end = at < scan->length ? at : scan->length;
    secret_take(scan, COMMAND_STEPS + 2 * (at - begin));
}
