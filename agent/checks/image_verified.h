/* What the parts of 4.11 share: each looks at one RUN step, read as commands. What is asked of each command once is
 * paid for by the reader's steps; what walks the tree of commands takes steps of its own from the line's budget, and
 * finds nothing more when they are used up: the caller looks whether they are. Downloads are in image_downloads.h. */
#ifndef AGENT_CHECKS_IMAGE_VERIFIED_H
#define AGENT_CHECKS_IMAGE_VERIFIED_H

#include "agent/checks/image_downloads.h"
#include "common/shell/shell.h"

/* ---- image_verified_words.c ---- */

/* How far TEXT goes up to one of STOPS; what a command puts into it, $( ), is part of it. */
size_t verified_words_length(const char *text, const char *stops);
/* The last part of the path of URL, or of a file's name; the caller frees. */
char *verified_words_last_part(const char *url);
/* Is it a program that brings files from elsewhere? */
bool verified_words_download(const struct shell_command *command);
/* Its words are text that is only shown on the screen, or compared. */
bool verified_words_only_print(const struct shell_command *command);
/* Is PROGRAM one that computes checksums; one that runs texts of a language? */
bool verified_words_is_sum(const char *program);
bool verified_words_is_interpreter(const char *program);
/* Does URL lead to this machine; to another over HTTP, FTP, git:// or svn://? */
bool verified_words_is_local(const char *url);
bool verified_words_is_plain(const char *url);
/* Is PATH a place of programs; of the keys or repositories that packages are verified by? */
bool verified_words_is_program_path(const char *path);
bool verified_words_is_trusted_path(const char *path);

/* ---- image_verified_run.c ---- */

/* The beginning of what runs a download without looking at it (curl … | sh, bash <(curl …), eval "$(curl …)"); NULL:
 * nothing does. RET: the command that runs it, in the same pipeline. */
const struct shell_command *verified_run(const struct shell_line *line, const struct shell_command **ret);
/* The file that COMMAND runs: a shell's or an interpreter's, its input's, or itself by its path. NULL: none. */
const char *verified_run_path(const struct shell_command *command, struct budget *budget);

/* ---- image_verified_off.c ---- */

/* The command that turns verification off, by an option, a variable or a file that it writes; NULL: none. The options
 * of what downloads are no part of it, nor is what installs files that were checked. */
const struct shell_command *verified_off(const struct shell_line *line, const struct downloads *downloads);
/* Does TEXT, assignments of ENV or ARG, turn it off? */
bool verified_off_text(const char *text);
/* Is the I-th word an option that turns it off? */
bool verified_off_flag(const struct shell_command *command, size_t i);

/* ---- image_verified_http.c ---- */

/* The command that takes packages, a key or a repository over plain HTTP, without the programs that bring files; NULL:
 * none. */
const struct shell_command *verified_http(const struct shell_line *line);
/* A URL in WORD that leads off this machine over HTTP, FTP, git:// or svn://; NULL: none. */
const char *verified_http_url(const char *word);
/* Does TEXT, settings of pip and npm, name an index of packages over plain HTTP? */
bool verified_http_index(const char *text);

/* ---- image_verified_direct.c ---- */

/* The command that installs a package from a URL over a safe transport, with no checksum or signature of it; NULL:
 * none.
 */
const struct shell_command *verified_direct(const struct shell_line *line);
/* Does COMMAND, over a PLAIN transport or a safe one? */
bool verified_direct_from(const struct shell_command *command, bool plain);

#endif
