/* Splitting a shell program into tokens: see the header. Every loop ends at the text's NUL, so what is not closed ends
 * there. Substitutions may hold each other; how deep is bounded. */
#include "probes/environment/shell_words.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

static void skip_parentheses(struct shell_lexer *lexer);
static void skip_braces(struct shell_lexer *lexer, bool in_quotes);

void shell_lexer_init(struct shell_lexer *lexer, const char *text)
{
    *lexer = (struct shell_lexer){.at = text, .line = 1};
}

static void forget_heredocs(struct shell_lexer *lexer)
{
    for (size_t i = 0; i < lexer->heredocs.count; i++)
        free(lexer->heredocs.items[i].end);
    vec_free(&lexer->heredocs);
}

void shell_lexer_deinit(struct shell_lexer *lexer)
{
    forget_heredocs(lexer);
}

/* ---- What is passed over as one piece ---- */

static void step(struct shell_lexer *lexer)
{
    lexer->line += *lexer->at == '\n';
    lexer->at++;
}

static void step_escaped(struct shell_lexer *lexer)
{
    step(lexer);
    if (*lexer->at)
        step(lexer);
}

/* Behind the opening quote or backtick; backslashes count in all but single quotes. */
static void skip_until(struct shell_lexer *lexer, char end)
{
    while (*lexer->at && *lexer->at != end) {
        if (*lexer->at == '\\' && end != '\'')
            step_escaped(lexer);
        else if (end == '"' && lexer->at[0] == '$' && lexer->at[1] == '(')
            skip_parentheses(lexer);
        else if (end == '"' && lexer->at[0] == '$' && lexer->at[1] == '{')
            skip_braces(lexer, true);
        else
            step(lexer);
    }
    if (*lexer->at)
        step(lexer);
}

/* APOSTROPHES: those quote. */
static void skip_nested(struct shell_lexer *lexer, char open, char close, bool apostrophes)
{
    size_t level = 0;

    if (lexer->depth == DEPTH_MAX) {
        lexer->too_deep = true;
        lexer->at += strlen(lexer->at);
        return;
    }
    lexer->depth++;
    while (*lexer->at) {
        char c = *lexer->at;

        if (c == '\\') {
            step_escaped(lexer);
            continue;
        }
        step(lexer);
        level += c == open;
        if ((c == '\'' && apostrophes) || c == '"' || c == '`')
            skip_until(lexer, c);
        else if (c == close && --level == 0)
            break;
    }
    lexer->depth--;
}

/* From "(" or "$(" on, behind the parenthesis that closes it. */
static void skip_parentheses(struct shell_lexer *lexer)
{
    lexer->at += *lexer->at == '$';
    skip_nested(lexer, '(', ')', true);
}

static void skip_braces(struct shell_lexer *lexer, bool in_quotes)
{
    lexer->at += *lexer->at == '$';
    skip_nested(lexer, '{', '}', !in_quotes);
}

/* ---- Words ---- */

static void append_from(struct shell_lexer *lexer, struct shell_token *token, const char *from)
{
    str_append_n(&token->text, from, (size_t)(lexer->at - from));
    token->computed = true;
}

/* At a '$': an expansion, the begin of a quote, or just that. */
static void read_dollar(struct shell_lexer *lexer, struct shell_token *token, bool in_quotes)
{
    const char *from = lexer->at;
    char next = from[1];

    if (next == '(') {
        skip_parentheses(lexer);
        append_from(lexer, token, from);
    } else if (next == '{') {
        skip_braces(lexer, in_quotes);
        append_from(lexer, token, from);
    } else if (!in_quotes && (next == '\'' || next == '"')) {
        token->computed = true; /* $'…' has escapes, $"…" is translated */
        lexer->at++;
    } else {
        step(lexer);
        str_append_char(&token->text, '$');
        token->computed |=
            next && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789@*#?-$!", next);
    }
}

static void read_backtick(struct shell_lexer *lexer, struct shell_token *token)
{
    const char *from = lexer->at;

    lexer->at++;
    skip_until(lexer, '`');
    append_from(lexer, token, from);
}

static void read_single_quotes(struct shell_lexer *lexer, struct shell_token *token)
{
    token->quoted = true;
    lexer->at++;
    for (; *lexer->at && *lexer->at != '\''; step(lexer))
        str_append_char(&token->text, *lexer->at);
    lexer->at += *lexer->at != '\0';
}

static void read_double_quotes(struct shell_lexer *lexer, struct shell_token *token)
{
    token->quoted = true;
    lexer->at++;
    while (*lexer->at && *lexer->at != '"') {
        if (*lexer->at == '$') {
            read_dollar(lexer, token, true);
        } else if (*lexer->at == '`') {
            read_backtick(lexer, token);
        } else if (*lexer->at == '\\' && lexer->at[1] && strchr("$`\"\\\n", lexer->at[1])) {
            lexer->at++;
            if (*lexer->at != '\n')
                str_append_char(&token->text, *lexer->at);
            step(lexer);
        } else {
            str_append_char(&token->text, *lexer->at);
            step(lexer);
        }
    }
    lexer->at += *lexer->at != '\0';
}

static void read_backslash(struct shell_lexer *lexer, struct shell_token *token)
{
    lexer->at++;
    if (*lexer->at && *lexer->at != '\n') {
        str_append_char(&token->text, *lexer->at);
        token->quoted = true;
    }
    if (*lexer->at)
        step(lexer);
}

/* The length of the name when the text so far is one, or one with the '+' of "+=". */
static size_t name_before_equals(const struct shell_token *token)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
    const char *text = str_text(&token->text);
    size_t length = strspn(text, letters);

    if (token->quoted || token->computed || !length || (*text >= '0' && *text <= '9'))
        return 0;
    return !text[length] || strcmp(text + length, "+") == 0 ? length : 0;
}

static bool ends_word(const char *at)
{
    return !*at || strchr(" \t\n;&|()<>", *at) || (at[0] == '\r' && at[1] == '\n');
}

static void read_word(struct shell_lexer *lexer, struct shell_token *token)
{
    bool behind_equals = false;

    token->kind = SHELL_WORD;
    while (!ends_word(lexer->at) || (*lexer->at == '(' && behind_equals)) {
        bool equals = false;

        switch (*lexer->at) {
        case '\\':
            read_backslash(lexer, token);
            break;
        case '\'':
            read_single_quotes(lexer, token);
            break;
        case '"':
            read_double_quotes(lexer, token);
            break;
        case '$':
            read_dollar(lexer, token, false);
            break;
        case '`':
            read_backtick(lexer, token);
            break;
        case '(': { /* an array */
            const char *from = lexer->at;

            skip_parentheses(lexer);
            append_from(lexer, token, from);
            break;
        }
        default:
            if (*lexer->at == '=' && !token->name_length) {
                token->name_length = name_before_equals(token);
                equals = token->name_length > 0;
            }
            str_append_char(&token->text, *lexer->at);
            lexer->at++;
        }
        behind_equals = equals;
    }
}

/* ---- Operators, here-documents ---- */

static void read_operator(struct shell_lexer *lexer, struct shell_token *token)
{
    static const char *const operators[] = {"<<-", "<<<", "&>>", ";;&", "<<", ">>", "<&", ">&", ">|", "<>", "&>", "&&",
                                            "||",  "|&",  ";;",  ";&",  "<",  ">",  "&",  "|",  ";",  "(",  ")"};

    token->kind = SHELL_OPERATOR;
    for (size_t i = 0; i < countof(operators); i++)
        if (str_starts(lexer->at, operators[i])) {
            str_append(&token->text, operators[i]);
            lexer->at += strlen(operators[i]);
            break;
        }
    lexer->heredoc_strips = shell_is_operator(token, "<<-");
    lexer->wants_heredoc = lexer->heredoc_strips || shell_is_operator(token, "<<");
}

/* The texts of the here-documents that the line now ending began. */
static void skip_heredocs(struct shell_lexer *lexer)
{
    for (size_t i = 0; i < lexer->heredocs.count; i++) {
        const struct shell_heredoc *heredoc = &lexer->heredocs.items[i];

        while (*lexer->at) {
            size_t length = strcspn(lexer->at, "\n");
            size_t tabs = heredoc->strips ? strspn(lexer->at, "\t") : 0;
            bool ends =
                length - tabs == strlen(heredoc->end) && strncmp(lexer->at + tabs, heredoc->end, length - tabs) == 0;

            lexer->at += length;
            if (*lexer->at)
                step(lexer);
            if (ends)
                break;
        }
    }
    forget_heredocs(lexer);
}

static void skip_blanks(struct shell_lexer *lexer)
{
    for (;;) {
        lexer->at += strspn(lexer->at, " \t");
        if (lexer->at[0] == '\r' && lexer->at[1] == '\n')
            lexer->at++;
        if (lexer->at[0] != '\\' || lexer->at[1] != '\n')
            break;
        step_escaped(lexer);
    }
    if (*lexer->at == '#')
        lexer->at += strcspn(lexer->at, "\n");
}

static bool is_redirection_number(const struct shell_lexer *lexer, const struct shell_token *token)
{
    const char *text = str_text(&token->text);

    return (*lexer->at == '<' || *lexer->at == '>') && !token->quoted && !text[strspn(text, "0123456789")];
}

void shell_next(struct shell_lexer *lexer, struct shell_token *token)
{
    struct str text = token->text;

    str_clear(&text);
    skip_blanks(lexer);
    *token = (struct shell_token){.line = lexer->line, .text = text};
    if (!*lexer->at) {
        token->kind = SHELL_END;
    } else if (*lexer->at == '\n') {
        token->kind = SHELL_NEWLINE;
        lexer->wants_heredoc = false;
        step(lexer);
        skip_heredocs(lexer);
    } else if (str_starts(lexer->at, "((") || str_starts(lexer->at, "<(") || str_starts(lexer->at, ">(")) {
        const char *from = lexer->at; /* arithmetic, or a process as a file */

        lexer->at += *lexer->at != '(';
        skip_parentheses(lexer);
        append_from(lexer, token, from);
        token->kind = SHELL_WORD;
    } else if (ends_word(lexer->at)) {
        read_operator(lexer, token);
    } else {
        read_word(lexer, token);
        if (is_redirection_number(lexer, token)) {
            str_clear(&token->text);
            token->computed = false;
            read_operator(lexer, token);
        } else if (lexer->wants_heredoc) {
            vec_push(&lexer->heredocs,
                     (struct shell_heredoc){mem_strdup(str_text(&token->text)), lexer->heredoc_strips});
            lexer->wants_heredoc = false;
        }
    }
}

bool shell_is_operator(const struct shell_token *token, const char *text)
{
    return token->kind == SHELL_OPERATOR && str_equal(str_text(&token->text), text);
}

bool shell_is_redirection(const struct shell_token *token)
{
    const char *text = str_text(&token->text);

    return token->kind == SHELL_OPERATOR && strpbrk(text, "<>") != NULL;
}
