/* Reading a shell text's words: quotes, escapes, substitutions, here-documents. */
#include <string.h>

#include "common/shell/shell_internal.h"
#include "common/str.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\0';
}

bool shell_ends_word(char c)
{
    switch (c) {
    case '\n':
    case ';':
    case '&':
    case '|':
    case '<':
    case '>':
    case '(':
    case ')':
        return true;
    default:
        return is_blank(c);
    }
}

/* Means C something in a word, in one of the dialects? */
static bool is_special(char c)
{
    switch (c) {
    case '\\':
    case '^':
    case '`':
    case '$':
    case '"':
    case '\'':
        return true;
    default:
        return false;
    }
}

static bool is_escape(const struct shell_reader *reader, char c)
{
    return reader->dialect == SHELL_WINDOWS ? c == '`' || c == '^' : c == '\\';
}

/* The length of an escaped line end here; 0: none. */
static size_t joined_line(const struct shell_reader *reader)
{
    if (reader->at >= reader->length || !is_escape(reader, shell_peek(reader, 0)))
        return 0;
    return shell_peek(reader, 1) == '\n' ? 2 : shell_peek(reader, 1) == '\r' && shell_peek(reader, 2) == '\n' ? 3 : 0;
}

void shell_skip_blanks(struct shell_reader *reader)
{
    size_t joined;

    while (reader->at < reader->length) {
        if (is_blank(reader->text[reader->at]))
            reader->at++;
        else if ((joined = joined_line(reader)))
            reader->at += joined;
        else
            return;
    }
}

static void add_substitution(struct shell_reader *reader, struct shell_word *word, struct shell_command *commands,
                             bool is_file)
{
    struct shell_substitution *added = arena_alloc(reader->line->arena, sizeof *added);

    added->commands = commands;
    added->is_file = is_file;
    if (word->substitutions)
        word->last->next = added;
    else
        word->substitutions = added;
    word->last = added;
}

/* $(( … )): passes it, and all that is left where the steps are used up. False: it is a command. */
static bool skip_arithmetic(struct shell_reader *reader)
{
    enum { ARITHMETIC_MAX = 512 };
    size_t depth = 0;

    for (size_t at = reader->at + 1; at < reader->length && at - reader->at < ARITHMETIC_MAX; at++) {
        char c = reader->text[at];

        depth += c == '(';
        if (c == ')' && depth-- == 2) {
            if (at + 1 >= reader->length || reader->text[at + 1] != ')')
                break;
            reader->at = at + 2;
            return true;
        }
    }
    return !shell_take(reader, ARITHMETIC_MAX); /* what follows is read again */
}

/* At "$(", "<(" or ">(": reads what is in the brackets. */
static void read_brackets(struct shell_reader *reader, struct shell_word *word)
{
    const struct shell_command *outer = reader->outer;
    bool is_file = reader->text[reader->at] != '$';

    if (!is_file && shell_peek(reader, 2) == '(' && skip_arithmetic(reader))
        return;
    reader->at += 2;
    if (!shell_enter(reader))
        return;
    reader->parens++;
    reader->outer = NULL;
    add_substitution(reader, word, shell_read_list(reader, ')'), is_file);
    reader->outer = outer;
    if (reader->parens)
        reader->parens--;
    reader->depth--;
}

/* At a backtick: what is before the next one is a text of its own, with escapes of its own. */
static void read_backticks(struct shell_reader *reader, struct shell_word *word)
{
    const struct shell_command *outer = reader->outer;
    scoped_str inner = STR_INIT;

    reader->outer = NULL;
    for (reader->at++; reader->at < reader->length && reader->text[reader->at] != '`'; reader->at++) {
        if (shell_peek(reader, 0) == '\\' && shell_peek(reader, 1) && strchr("`\\$", shell_peek(reader, 1)))
            reader->at++;
        str_append_char(&inner, reader->text[reader->at]);
    }
    if (reader->at < reader->length)
        reader->at++;
    add_substitution(reader, word,
                     shell_read_text(reader, arena_strndup(reader->line->arena, str_text(&inner), inner.length),
                                     inner.length, SHELL_POSIX),
                     false);
    reader->outer = outer;
}

static bool begins_substitution(const struct shell_reader *reader)
{
    return (shell_peek(reader, 0) == '$' && shell_peek(reader, 1) == '(') ||
           (shell_peek(reader, 0) == '`' && reader->dialect == SHELL_POSIX);
}

/* Whatever begins with $ or a backtick: into TEXT as it is written, what it runs into WORD. A word within it is copied
 * once more for each level. */
static void read_dollar(struct shell_reader *reader, struct str *text, struct shell_word *word)
{
    enum { CHARACTERS_PER_STEP = 4 };
    size_t from = reader->at;

    if (shell_peek(reader, 0) == '`')
        read_backticks(reader, word);
    else
        read_brackets(reader, word);
    if (shell_take(reader, (reader->at - from) / CHARACTERS_PER_STEP))
        str_append_n(text, reader->text + from, reader->at - from);
}

/* Up to the closing quote; with IS_DOCUMENT to the end. */
static void read_double(struct shell_reader *reader, struct str *text, struct shell_word *word, bool is_document)
{
    while (reader->at < reader->length && (is_document || reader->text[reader->at] != '"')) {
        size_t joined = joined_line(reader);

        if (joined) {
            reader->at += joined;
        } else if (begins_substitution(reader)) {
            read_dollar(reader, text, word);
        } else {
            if (is_escape(reader, shell_peek(reader, 0)) && shell_peek(reader, 1) &&
                strchr("$`\"\\", shell_peek(reader, 1)))
                reader->at++;
            str_append_char(text, reader->text[reader->at++]);
        }
    }
    if (reader->at < reader->length)
        reader->at++;
}

static void read_single(struct shell_reader *reader, struct str *text, bool escapes)
{
    while (reader->at < reader->length && reader->text[reader->at] != '\'') {
        if (escapes && reader->text[reader->at] == '\\' && reader->at + 1 < reader->length) {
            char c = reader->text[++reader->at];

            reader->at++;
            str_append_char(text, (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c));
        } else {
            str_append_char(text, reader->text[reader->at++]);
        }
    }
    if (reader->at < reader->length)
        reader->at++;
}

/* "${NAME:-…}": what is in it may run something. */
static void read_parameter(struct shell_reader *reader, struct str *text, struct shell_word *word)
{
    while (reader->at < reader->length && reader->text[reader->at] != '}' && reader->text[reader->at] != '\n') {
        if (begins_substitution(reader))
            read_dollar(reader, text, word);
        else
            str_append_char(text, reader->text[reader->at++]);
    }
}

/* How many characters from here on are just part of the word. */
static size_t plain_run(const struct shell_reader *reader)
{
    size_t end = reader->at;

    while (end < reader->length && !is_special(reader->text[end]) && !shell_ends_word(reader->text[end]))
        end++;
    return end - reader->at;
}

void shell_read_word(struct shell_reader *reader, struct shell_word *ret)
{
    enum { READ_WORD_STEPS = 24 };
    scoped_str text = STR_INIT;
    bool other = false; /* than substitutions */

    *ret = (struct shell_word){.text = ""};
    if (!shell_take(reader, READ_WORD_STEPS))
        return;
    while (reader->at < reader->length) {
        size_t run = plain_run(reader), joined;
        char c;

        if (run) {
            str_append_n(&text, reader->text + reader->at, run);
            reader->at += run;
            other = true;
            continue;
        }
        c = reader->text[reader->at];
        joined = joined_line(reader);
        if (joined) {
            reader->at += joined;
            continue;
        }
        if ((c == '<' || c == '>') && shell_peek(reader, 1) == '(' && reader->dialect == SHELL_POSIX) {
            size_t from = reader->at;

            read_brackets(reader, ret);
            str_append_n(&text, reader->text + from, reader->at - from);
            continue;
        }
        if (shell_ends_word(c))
            break;
        if (begins_substitution(reader)) {
            read_dollar(reader, &text, ret);
        } else if (c == '"' || (c == '$' && shell_peek(reader, 1) == '"')) {
            size_t before = text.length;

            reader->at += c == '"' ? 1 : 2;
            ret->quoted = true;
            other |= !begins_substitution(reader);
            read_double(reader, &text, ret, false);
            other |= text.length > before && str_text(&text)[text.length - 1] != ')' &&
                     str_text(&text)[text.length - 1] != '`';
        } else if (c == '\'' || (c == '$' && shell_peek(reader, 1) == '\'')) {
            reader->at += c == '\'' ? 1 : 2;
            ret->quoted = other = true;
            read_single(reader, &text, c == '$');
        } else {
            other = true;
            if (c == '$' && shell_peek(reader, 1) == '{')
                read_parameter(reader, &text, ret);
            else if (is_escape(reader, c) && reader->at + 1 < reader->length)
                reader->at++;
            if (reader->at < reader->length)
                str_append_char(&text, reader->text[reader->at++]);
        }
    }
    ret->is_output = ret->substitutions && !other && !ret->substitutions->is_file && !ret->substitutions->next;
    ret->text = arena_strndup(reader->line->arena, str_text(&text), text.length);
    ret->length = strlen(ret->text);
}

void shell_read_document(struct shell_reader *reader, struct shell_word *word)
{
    scoped_str text = STR_INIT;

    if (shell_take(reader, reader->length))
        read_double(reader, &text, word, true);
}

/* The body that ends with the line MARK, tabs before which do not count; without such a line it is all that is left. */
static void read_body(struct shell_reader *reader, struct shell_redirect *document)
{
    const char *mark = document->word.text;
    size_t length = strlen(mark), from = reader->at, end = reader->length;

    while (reader->at < reader->length) {
        const char *line = reader->text + reader->at;
        const char *newline = memchr(line, '\n', reader->length - reader->at);
        size_t size = newline ? (size_t)(newline - line) : reader->length - reader->at, skipped = 0, kept;

        while (skipped < size && line[skipped] == '\t')
            skipped++;
        for (kept = size; kept > skipped && (line[kept - 1] == '\r' || line[kept - 1] == ' ');)
            kept--;
        if (kept - skipped == length && memcmp(line + skipped, mark, length) == 0) {
            end = reader->at;
            reader->at += size + (newline != NULL);
            break;
        }
        reader->at += size + (newline != NULL);
    }
    document->word.text = arena_strndup(reader->line->arena, reader->text + from, end - from);
    document->word.length = strlen(document->word.text);
}

void shell_read_newline(struct shell_reader *reader)
{
    size_t count = reader->document_count;

    reader->at++;
    reader->document_count = 0;
    for (size_t i = 0; i < count; i++)
        read_body(reader, reader->documents[i]);
}
