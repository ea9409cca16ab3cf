/* What the parts of 4.11 share: each looks at one RUN step, read as commands. What is asked of each command once is
 * paid for by the reader's steps; what walks the tree of commands takes steps of its own from the line's budget, and
 * finds nothing more when they are used up: the caller looks whether they are. */
#ifndef AGENT_CHECKS_IMAGE_VERIFIED_H
#define AGENT_CHECKS_IMAGE_VERIFIED_H

#include "common/shell/shell.h"

/* ---- image_verified_words.c ---- */

/* The last part of the path of URL, or of a file's name; the caller frees. */
char *verified_words_last_part(const char *url);
/* Is it a program that brings files from elsewhere? */
bool verified_words_download(const struct shell_command *command);
/* Its words are text that is only shown on the screen, or compared. */
bool verified_words_only_print(const struct shell_command *command);

/* ---- image_verified_run.c ---- */

/* The beginning of what runs a download without looking at it (curl … | sh, bash <(curl …), eval "$(curl …)"); NULL:
 * nothing does. RET: the command that runs it, in the same pipeline. */
const struct shell_command *verified_run(const struct shell_line *line, const struct shell_command **ret);
/* The command that runs a file which was downloaded before it (curl -o a.sh …; sh a.sh); NULL: none. */
const struct shell_command *verified_run_file(const struct shell_line *line);

/* ---- image_verified_off.c ---- */

/* The command that turns verification off, by an option, a variable or a file that it writes; NULL: none. */
const struct shell_command *verified_off(const struct shell_line *line);
/* Does TEXT, assignments of ENV or ARG, turn it off? */
bool verified_off_text(const char *text);

/* ---- image_verified_http.c ---- */

/* The command that fetches a file or packages over plain HTTP; NULL: none. FILE: the file's name, which the caller
 * frees; NULL: none. */
const struct shell_command *verified_http(const struct shell_line *line, char **file);
/* A URL of plain HTTP in WORD that leads off this machine; NULL: none. */
const char *verified_http_url(const char *word);
/* Does TEXT, settings of pip and npm, name an index of packages over plain HTTP? */
bool verified_http_index(const char *text);

/* ---- image_verified_sums.c ---- */

/* Does one of the commands compare a checksum or a signature? */
bool verified_sums(const struct shell_line *line);

#endif
