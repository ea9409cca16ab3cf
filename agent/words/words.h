/* The Chinese of every text that a person reads, looked up by its English. Nothing is allocated. */
#ifndef AGENT_WORDS_WORDS_H
#define AGENT_WORDS_WORDS_H

#include <stddef.h>

#include "common/message.h"

/* ENGLISH in LANGUAGE; ENGLISH itself in English, or where no table has it (its tests fail then). Static, or ENGLISH.
 * A format's conversions are those of the English one; where their order differs they are numbered ("%2$s"), so it is
 * valid for printf() with the same arguments. ENGLISH is a literal, or N_() marks where it is written. */
const char *words(enum language language, const char *english) __attribute__((format_arg(2)));

/* The same for what may be no text of ours, such as a name from outside: NULL if no table has it. */
const char *words_find(enum language language, const char *english);

/* Appends TEXT, whose messages (common/message.h) become LANGUAGE, and at most LIMIT bytes and "…" (0: 64 KiB). */
void words_render(struct str *out, const char *text, enum language language, size_t limit);

#endif
