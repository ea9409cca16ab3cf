/* Hostile text made safe: UTF-8 repair, escapes for people's eyes, cuts at character borders. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

bool text_is_utf8(const char *s, size_t length);

/* Appends S with every byte that is not valid UTF-8 replaced by U+FFFD. */
void text_repair_utf8(struct str *out, const char *s, size_t length);

/* Appends S for a terminal or a log line: invalid UTF-8 becomes U+FFFD; control characters (C0, DEL, C1), line
 * separators, and what Unicode has no sign for (zero width, directions, tags, variation selectors …) become \xNN or
 * \u{NNNN}; backslash stays. At most LIMIT bytes are appended (0: no limit), cut at a character border with "…". The
 * result never holds a newline or ESC. */
void text_escape(struct str *out, const char *s, size_t length, size_t limit);

/* Appends S, which is JSON: what text_escape() escapes becomes \uNNNN, of the same meaning to whoever reads it, but for
 * newlines and tabs, which are JSON's white space; invalid UTF-8 becomes U+FFFD. */
void text_escape_json(struct str *out, const char *s, size_t length);

/* The character at S, which is not at its end. Returns its length in bytes; a byte that begins none is U+FFFD and 1. */
size_t text_decode(const char *s, uint32_t *ret);

/* Columns a terminal needs for a character, by wcwidth(3): 0 for what has no sign of its own and for what the locale
 * does not know. The locale (LC_CTYPE) must be one of UTF-8: in others only ASCII is known. */
unsigned text_width(uint32_t c);
/* Columns a terminal needs for already escaped UTF-8 text. */
size_t text_columns(const char *s);
/* The length in bytes of the longest beginning, by characters, that needs at most COLUMNS. */
size_t text_fitting(const char *s, size_t columns);

/* The length in bytes of the first line when already escaped TEXT is broken into lines of COLUMNS at most: up to a
 * newline or the blanks between two lines, none of which is part of it, or between two characters of which one is an
 * ideograph and neither is a mark that stays with the other. A longer word breaks behind one of its separators, or
 * anywhere; a line has one character at least. */
size_t text_line(const char *text, size_t columns);

/* Appends already escaped TEXT in lines of at most WIDTH columns, each but the first after INDENT blanks; the first
 * goes on where the last line of OUT, of USED columns, ends, after as many blanks as bring it to INDENT, or on a line
 * of its own if USED is beyond that. Each line ends with a newline. */
void text_wrap(struct str *out, const char *text, size_t used, size_t indent, size_t width);

/* MESSAGE without the "CONTEXT: " that it may begin with, a part of MESSAGE itself: for a place that prints the context
 * anyway. NULL stays NULL. */
const char *text_without_context(const char *message, const char *context);

/* Glob with * and ? over the whole string; * crosses everything. */
bool text_glob(const char *pattern, const char *s);

/* Edit distance in which two neighbours that are exchanged count as one (optimal string alignment), for "did you mean".
 * Bounded: strings over 64 bytes give SIZE_MAX. */
size_t text_distance(const char *a, const char *b);
/* The one of COUNT names that WORD was probably meant to be: the shortest that begins with it (3 bytes or more), else
 * the one of least distance that is not too far for its length. NULL: none. */
const char *text_nearest(const char *const *names, size_t count, const char *word);

/* A decimal number as Go's strconv.Atoi() reads it: an optional sign, digits, nothing else. 0; -EINVAL: not one, RET is
 * 0; -ERANGE: RET is the nearest that there is. */
int text_go_number(const char *s, size_t length, int64_t *ret);

/* Quotes S as one word for a POSIX shell (single quotes only where needed); control characters via $'…', which is one
 * word, but another one, to a shell that does not know it (dash). For remedies. */
void text_shell_quote(struct str *out, const char *s);

#endif
