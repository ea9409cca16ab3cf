/* What the parts of 4.11 share: each looks at one RUN step, read as commands. */
#ifndef AGENT_CHECKS_IMAGE_VERIFIED_H
#define AGENT_CHECKS_IMAGE_VERIFIED_H

#include "common/shell/shell.h"

/* The last part of the path of URL, or of a file's name; the caller frees. */
char *verified_last_part(const char *url);

/* ---- image_unseen.c ---- */

/* Is it a program that brings files from elsewhere? */
bool verified_is_download(const struct shell_command *command);
/* Where what is downloaded begins to be run without being looked at (curl … | sh, bash <(curl …), eval "$(curl …)");
 * NULL: nowhere. RET: the command that runs it, in the same pipeline. */
const struct shell_command *verified_unseen(const struct shell_line *line, const struct shell_command **ret);
/* The command that runs a file which was downloaded before it (curl -o a.sh …; sh a.sh); NULL: none. */
const struct shell_command *verified_runs_file(const struct shell_line *line);

/* ---- image_switches.c ---- */

/* The command that turns verification off, by an option, a variable or a file that it writes; NULL: none. */
const struct shell_command *verified_off(const struct shell_line *line);
/* Does TEXT, assignments of ENV or ARG, turn it off? */
bool verified_text_off(const char *text);
/* Its words are text that goes nowhere but to the screen, or into a comparison. */
bool verified_only_prints(const struct shell_command *command);

/* ---- image_plain.c ---- */

/* A URL of plain HTTP in WORD that leads off this machine; NULL: none. */
const char *verified_plain_url(const char *word);
/* Does TEXT, settings of pip and npm, name an index of packages over plain HTTP? */
bool verified_plain_index(const char *text);
/* The command that takes a file or packages over plain HTTP; NULL: none. FILE (may be NULL): the file's name, owned by
 * the caller, NULL where there is none. */
const struct shell_command *verified_plain(const struct shell_line *line, char **file);
/* Does one of the commands compare a checksum or a signature? */
bool verified_checks(const struct shell_line *line);

#endif
