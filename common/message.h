/* Texts for people that are written once, in English, and shown in any language.
 *
 * A message is its English format, which is also its name, and the text of each of its arguments. It lives in an
 * ordinary string, between bytes that no text has otherwise, with other text before and after it; so it passes through
 * errors, facts, helpers' answers and the history like any text, and an argument may be, or hold, a message itself.
 * What shows it renders it: with the format of the language, whose conversions may be numbered ("%2$s"), and the
 * arguments as they were. Text without messages is rendered as it is.
 *
 * Text from outside that holds those bytes loses them where it becomes an argument, unless they form whole messages:
 * then it is shown as these read, as any text from outside is shown. Rendering is bounded in depth, work and length. */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stdarg.h>

#include "common/language.h"
#include "common/str.h"

enum {
    MESSAGE_ARGUMENTS = 16,     /* of one message; further ones are left out */
    MESSAGE_ARGUMENT_MAX = 2048 /* bytes kept of an argument that is no message; cut with "…" */
};

/* The bytes that messages are made with. */
#define MESSAGE_MARKS "\001\002\003"

/* A constant message without arguments, for an argument: check_say(…, "%s is %s", name, is_on ? M_("on") : M_("off")).
 */
#define M_(english) "\001" english "\003"

/* Appends a message. FORMAT is a literal: no "*" but in "%.*s", none of its conversions numbered. */
void message_add(struct str *out, const char *format, ...) printf_like(2, 3);
void message_vadd(struct str *out, const char *format, va_list arguments) printf_like(2, 0);
/* The same, with control characters of the arguments escaped. */
void message_vadd_escaped(struct str *out, const char *format, va_list arguments) printf_like(2, 0);

/* The same of a word that is known only when it runs: ENGLISH is one of the tables'. */
void message_word(struct str *out, const char *english);

/* A new string that is one message; the caller frees it. */
char *message_new(const char *format, ...) printf_like(1, 2);

/* Appends "; did you mean \"NEAREST\"?"; nothing for NULL. */
void message_add_nearest(struct str *out, const char *nearest);

/* Appends TEXT with what is around and within its messages escaped as text_escape() does; cut at LIMIT bytes if it has
 * none. */
void message_escape(struct str *out, const char *text, size_t limit);

/* The format of a language by the English one; NULL: it has none, and the English one is used. */
typedef const char *message_lookup(enum language language, const char *english);

/* Appends TEXT with its messages rendered; LOOKUP NULL: in English. At most LIMIT bytes and "…" (0: 64 KiB). A message
 * whose end is missing ends with TEXT. */
void message_render(struct str *out, const char *text, enum language language, message_lookup *lookup, size_t limit);

/* TEXT (may be NULL) without the "CONTEXT: " that it may begin with, for a place that shows the context anyway: TEXT, a
 * part of it, or BUFFER, which is cleared before. */
const char *message_without_context(const char *text, const char *context, struct str *buffer);

/* Is there any message in TEXT (may be NULL)? */
bool message_is_in(const char *text);

/* TEXT in English: itself if it has no message, else rendered into BUFFER, which is cleared before. */
const char *message_english(const char *text, struct str *buffer);

#endif
