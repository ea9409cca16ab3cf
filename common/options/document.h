/* What is made from a table while the programs are built: manual pages and completion. Each appends to OUT. */
#ifndef COMMON_OPTIONS_DOCUMENT_H
#define COMMON_OPTIONS_DOCUMENT_H

#include "common/options/options.h"

/* PROSE, a page for scdoc(1), in which the lines @COMMANDS@, @OPTIONS@ and @EXIT@ stand for what the table has. */
void document_man(const struct program_options *program, const char *prose, struct str *out);
void document_bash(const struct program_options *program, struct str *out);
void document_zsh(const struct program_options *program, struct str *out);
void document_fish(const struct program_options *program, struct str *out);

/* TEXT within single quotes of a shell. */
void document_quote(struct str *out, const char *text);
/* "docker_bench_agent", for names of functions. */
void document_identifier(struct str *out, const struct program_options *program);
/* What `PROGRAM complete WHAT` lists for values of KIND; NULL: nothing does, as where a program has no commands. */
const char *document_list(const struct program_options *program, enum option_kind kind);
/* Words that are worth offering for VALUE: those that are allowed, or examples; NULL: none. */
const char *const *document_words(const struct option_value *value);

#endif
