/* Names fitted to columns of a terminal; for sentences see text_line(). */
#ifndef AGENT_CTL_FIT_H
#define AGENT_CTL_FIT_H

#include <stdbool.h>

#include "common/str.h"

/* Appends TEXT for people's eyes: escaped as by text_escape(), and so is what has no width in this locale (unassigned
 * code points), which no layout could count with. NULL: "-". */
void fit_escape(struct str *out, const char *text);

/* Appends the escaped TEXT, of COLUMNS at most: what is more is left out in its middle, where "…" stands (ASCII:
 * "..."). The end gets the more of the room, and the whole last part of a path where it fits: names tell apart by their
 * ends. */
void fit_middle(struct str *out, const char *text, size_t columns, bool ascii);

/* Appends COMMANDS of the shell, a line each, escaped, after INDENT blanks. A line that is wider than COLUMNS
 * (SIZE_MAX: any) is continued by a backslash, at blanks outside of quotes and comments alone: pasted, it is what it
 * was; a comment becomes several. What has no such blank is left whole, and so is all of what has a here-document or a
 * quote over several lines.
 */
void fit_commands(struct str *out, const char *commands, unsigned indent, size_t columns);

#endif
