/* The words and operators of a POSIX shell's program, with what bash adds to them: enough to see which commands it is
 * made of. Nothing is expanded. */
#ifndef PROBES_ENVIRONMENT_SHELL_WORDS_H
#define PROBES_ENVIRONMENT_SHELL_WORDS_H

#include "common/str.h"
#include "common/vec.h"

enum shell_token_kind { SHELL_END, SHELL_NEWLINE, SHELL_OPERATOR, SHELL_WORD };

struct shell_token {
    enum shell_token_kind kind;
    unsigned line;
    struct str text;    /* a word without its quotes; what would be expanded stands as it is written */
    size_t name_length; /* of NAME in NAME=value or NAME+=value as a shell knows an assignment; 0: it is none */
    bool quoted;        /* a part of it was quoted: no keyword */
    bool computed;      /* a part of it would be expanded */
};

struct shell_lexer {
    const char *at;
    unsigned line, depth;
    bool too_deep;      /* substitutions within each other, beyond the bound: the rest was not read */
    bool wants_heredoc; /* the next word ends a here-document */
    bool heredoc_strips;
    VEC(struct shell_heredoc {
        char *end;
        bool strips;
    })
    heredocs; /* those whose text begins behind this line */
};

/* TEXT must outlive the lexer; the caller ends it with shell_lexer_deinit(). */
void shell_lexer_init(struct shell_lexer *lexer, const char *text);
void shell_lexer_deinit(struct shell_lexer *lexer);
/* The next token into TOKEN, whose text is reused: begin with a zeroed one, end with str_deinit(&token->text).
 * Comments, the texts of here-documents and the numbers before redirections are passed over. */
void shell_next(struct shell_lexer *lexer, struct shell_token *token);

/* True for an operator behind which a word names a file, a descriptor or a here-document's end. */
bool shell_is_redirection(const struct shell_token *token);
bool shell_is_operator(const struct shell_token *token, const char *text);

#endif
