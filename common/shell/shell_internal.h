/* What the files of the shell reader share; see shell.h. */
#ifndef COMMON_SHELL_SHELL_INTERNAL_H
#define COMMON_SHELL_SHELL_INTERNAL_H

#include "common/shell/shell.h"

enum { SHELL_DOCUMENTS_MAX = 16 };

/* Where one text is read. */
struct shell_reader {
    struct shell_line *line;
    const char *text;
    size_t length, at;
    unsigned depth;                                        /* of brackets and of texts within texts */
    unsigned parens;                                       /* open ones in this text */
    const char *function;                                  /* whose body the next group is; NULL: no function's */
    const struct shell_command *outer;                     /* the group or the script's command that is read */
    const struct shell_command *inside;                    /* whose word is read */
    struct shell_redirect *documents[SHELL_DOCUMENTS_MAX]; /* whose bodies begin on the next line */
    size_t document_count;
    enum shell_dialect dialect;
};

/* The character so far AHEAD of where the reader is; NUL after the text's end. */
static inline char shell_peek(const struct shell_reader *reader, size_t ahead)
{
    return reader->length - reader->at > ahead ? reader->text[reader->at + ahead] : '\0';
}

/* One level deeper; false: that is too deep, and reading ends. */
bool shell_enter(struct shell_reader *reader);
/* Not all is read: why. Reading ends. */
void shell_give_up(struct shell_reader *reader, const char *why);
/* Takes steps; false: they are used up, and reading ends. */
bool shell_take(struct shell_reader *reader, size_t steps);

/* ---- Words (shell_words.c) ---- */

void shell_skip_blanks(struct shell_reader *reader); /* and joined lines */
bool shell_ends_word(char c);
void shell_read_word(struct shell_reader *reader, struct shell_word *ret);
/* Reads what a here-document's body substitutes into WORD. */
void shell_read_document(struct shell_reader *reader, struct shell_word *word);
/* At a newline: passes it and the here-documents that begin after it. */
void shell_read_newline(struct shell_reader *reader);

/* ---- Redirections (shell_redirects.c) ---- */

/* Does a word begin here that is not a redirection? */
bool shell_begins_word(const struct shell_reader *reader);
/* Reads redirections and blanks here. */
void shell_read_redirects(struct shell_reader *reader, struct shell_command *command);

/* ---- Lists (shell_parse.c) ---- */

/* Reads up to and with ")", or with CLOSER 0 to the text's end. */
struct shell_command *shell_read_list(struct shell_reader *reader, char closer);
/* Reads another text: what a command is given to run, INSIDE the command that its output goes to. */
struct shell_command *shell_read_text(struct shell_reader *reader, const char *text, size_t length,
                                      enum shell_dialect dialect);
/* Adds a word to a list, the list's memory being the line's. */
void shell_push_word(struct shell_line *line, struct shell_words *words, struct shell_word word);
/* Takes the steps for a complete command: for each word and its length. */
bool shell_take_command(struct shell_reader *reader, const struct shell_command *command);

/* ---- Variables (shell_variables.c) ---- */

/* Puts what is known of variables into COMMAND's words, and remembers what it assigns. */
void shell_expand(struct shell_reader *reader, struct shell_command *command);

/* ---- What a command runs (shell_wrappers.c, shell_scripts.c) ---- */

/* Takes off the programs that run the words after them. */
void shell_unwrap(struct shell_reader *reader, struct shell_command *command);
/* Reads the scripts that COMMAND, complete with its pipe, is given to run. */
void shell_read_scripts(struct shell_reader *reader, struct shell_command *command);

#endif
