/* The words of a command by their places in a text: a guess, since the text may be anything. */
#include "common/shell/shell_spans.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

void shell_spans_init(struct shell_spans *spans, const char *text, size_t length, struct budget *budget)
{
    *spans = (struct shell_spans){.text = text, .length = length, .budget = budget};
    for (size_t i = 0; i < SHELL_MARK_COUNT; i++)
        spans->marks[i].at = SIZE_MAX;
}

static bool is_mark(const struct shell_spans *spans, size_t at, enum shell_mark mark)
{
    char c = spans->text[at];

    switch (mark) {
    case SHELL_MARK_SINGLE_QUOTE:
        return c == '\'';
    case SHELL_MARK_DOUBLE_QUOTE:
        return c == '"' && !(at && spans->text[at - 1] == '\\');
    case SHELL_MARK_ESCAPE_END:
        return c == '\\' || c == '"';
    case SHELL_MARK_LINE_END:
    case SHELL_MARK_COUNT:
        break;
    }
    return c == '\n';
}

size_t shell_spans_next(struct shell_spans *spans, enum shell_mark mark, size_t from)
{
    size_t at = from;

    if (from >= spans->length)
        return spans->length;
    if (spans->marks[mark].at <= spans->length && from >= spans->marks[mark].from && from <= spans->marks[mark].at)
        return spans->marks[mark].at;
    while (at < spans->length && !is_mark(spans, at, mark))
        at++;
    budget_take(spans->budget, 2 * (at - from));
    spans->marks[mark].from = from;
    spans->marks[mark].at = at;
    return at;
}

static bool is_at(const struct shell_spans *spans, size_t at, const char *text)
{
    size_t size = strlen(text);

    return at <= spans->length && spans->length - at >= size && memcmp(spans->text + at, text, size) == 0;
}

bool shell_span_is(const struct shell_spans *spans, struct shell_span word, const char *text)
{
    return word.to > word.from && spans->text[word.from] == *text && /* most often not */
           word.to - word.from == strlen(text) && memcmp(spans->text + word.from, text, word.to - word.from) == 0;
}

bool shell_span_is_flag(const struct shell_spans *spans, struct shell_span word)
{
    return word.to > word.from && spans->text[word.from] == '-';
}

struct shell_span shell_span_base(const struct shell_spans *spans, struct shell_span word)
{
    size_t from = word.to;

    while (from > word.from && spans->text[from - 1] != '/')
        from--;
    return (struct shell_span){from, word.to};
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c);
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
        return is_blank(c);
    }
}

/* The quoted text at AT: up to its end mark. */
static struct shell_span read_quoted(struct shell_spans *spans, size_t at)
{
    return (struct shell_span){
        at + 1,
        shell_spans_next(spans, spans->text[at] == '"' ? SHELL_MARK_DOUBLE_QUOTE : SHELL_MARK_SINGLE_QUOTE, at + 1)};
}

/* Does a quote within a word, at AT of a word that begins at FROM, open what belongs to it, or does it end what is
 * around it? -p'…', --user="…" */
static bool opens_within(const struct shell_spans *spans, size_t from, size_t at)
{
    return spans->text[at - 1] == '=' || spans->text[at - 1] == ':' || (spans->text[from] == '-' && at - from <= 2);
}

static struct shell_span read_word(struct shell_spans *spans, size_t at)
{
    enum { WORD_STEPS = 8 };
    const char *text = spans->text;
    size_t end = at;

    if (text[at] == '"' || text[at] == '\'')
        return read_quoted(spans, at);
    if (text[at] == '\\' && at + 1 < spans->length && (text[at + 1] == '"' || text[at + 1] == '\''))
        return (struct shell_span){at + 2, shell_spans_next(spans, SHELL_MARK_ESCAPE_END, at + 2)};
    budget_take(spans->budget, WORD_STEPS);
    while (end < spans->length && end - at < SHELL_SPAN_LENGTH_MAX && !ends_word(text[end])) {
        if (text[end] == '"' || text[end] == '\'') {
            if (!opens_within(spans, at, end))
                break;
            end = read_quoted(spans, end).to;
            if (end < spans->length)
                end++;
            continue;
        }
        if (text[end] == '$' && end + 1 < spans->length && text[end + 1] == '(') { /* a substitution is one word's */
            while (end < spans->length && end - at < SHELL_SPAN_LENGTH_MAX && text[end] != ')')
                end++;
        }
        end += end < spans->length && text[end] == '\\' && end + 1 < spans->length ? 2 : 1;
    }
    return (struct shell_span){at, end < spans->length ? end : spans->length};
}

/* The body of the here-document that ends with the line WORD, after the line at AT. What looks like one within
 * another's body is not one. */
static struct shell_span read_document(struct shell_spans *spans, struct shell_span word, size_t at)
{
    const char *text = spans->text;
    size_t size = word.to - word.from, body = shell_spans_next(spans, SHELL_MARK_LINE_END, at) + 1, line;

    if (body < spans->document_to && body != spans->document_from)
        return (struct shell_span){0};
    if (body != spans->document_from) {
        for (line = body; line < spans->length; line = shell_spans_next(spans, SHELL_MARK_LINE_END, line) + 1) {
            size_t begin = line;

            while (begin < spans->length && text[begin] == '\t')
                begin++;
            budget_take(spans->budget, 4 + begin - line + size / 8);
            if (spans->length - begin >= size && memcmp(text + begin, text + word.from, size) == 0 &&
                (begin + size == spans->length || is_blank(text[begin + size])))
                break;
        }
        spans->document_from = body;
        spans->document_to = line < spans->length ? line : spans->length;
    }
    return (struct shell_span){body, spans->document_to};
}

/* "# buildkit" after a step's command. A # that is not followed by a blank may be part of a password where there is no
 * shell. */
static bool is_comment(const struct shell_spans *spans, size_t at)
{
    return at && is_at(spans, at, "# ") && is_blank(spans->text[at - 1]);
}

void shell_spans_read(struct shell_spans *spans, size_t at, struct shell_span_command *command)
{
    enum { COMMAND_STEPS = 128 }; /* the list of words is cleared */
    const char *text = spans->text;
    size_t begin = at;

    *command = (struct shell_span_command){.count = 0};
    while (at < spans->length && command->count < SHELL_SPANS_MAX && at - begin < SHELL_SPAN_LENGTH_MAX) {
        struct shell_span word;

        if (text[at] == '\\' && at + 1 < spans->length && text[at + 1] == '\n') {
            at += 2;
        } else if (text[at] != '\n' && (is_blank(text[at]) || text[at] == '>' || text[at] == ',')) {
            at++;
        } else if ((text[at] != '<' && ends_word(text[at])) || is_comment(spans, at)) {
            break;
        } else if (text[at] == '<') {
            bool string = is_at(spans, at, "<<<"), document = !string && is_at(spans, at, "<<");

            at += string ? 3 : document ? 2 : 1;
            while (at < spans->length && (text[at] == ' ' || text[at] == '\t' || (document && text[at] == '-')))
                at++;
            if (at >= spans->length || text[at] == '\n')
                break;
            word = read_word(spans, at);
            if (string)
                command->input = word;
            else if (document && word.to > word.from && !command->input.to)
                command->input = read_document(spans, word, word.to);
            at = word.to > at ? word.to : at + 1;
        } else {
            word = read_word(spans, at);
            command->words[command->count++] = word;
            at = word.to > at ? word.to : at + 1;
            if (at < spans->length && (text[at] == '"' || text[at] == '\''))
                at++; /* the quote that ended it */
        }
    }
    command->end = at < spans->length ? at : spans->length;
    budget_take(spans->budget, COMMAND_STEPS + 2 * (at - begin));
}
