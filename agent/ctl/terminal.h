/* The screen: how wide it is, what it can show, in which form answers go to it; text escaped, wrapped and coloured for
 * it. Tables are in table.h. */
#ifndef AGENT_CTL_TERMINAL_H
#define AGENT_CTL_TERMINAL_H

#include <stdbool.h>

#include "common/str.h"

enum output {
    OUTPUT_TABLE, /* fitted to the width */
    OUTPUT_WIDE,  /* the same with more columns, nothing cut or wrapped */
    OUTPUT_TSV,   /* a line of keys, a line for each row, cells separated by a tab */
    OUTPUT_CSV,   /* RFC 4180 */
    OUTPUT_JSON,  /* what the API answers */
};

struct terminal {
    enum output output;
    bool colour;
    bool ascii;     /* neither "…" nor "→" */
    bool headings;  /* of tables */
    unsigned width; /* columns of a line, 40 at least */
};

/* What is printed on a screen for people, and not for a program. */
static inline bool terminal_is_screen(const struct terminal *terminal)
{
    return terminal->output == OUTPUT_TABLE || terminal->output == OUTPUT_WIDE;
}

/* Sets the locale of characters (LC_CTYPE): that of the environment where it is one of UTF-8, else C.UTF-8. False: it
 * was not. */
bool terminal_set_locale(void);
/* Of standard output, after setting the locale. OUTPUT: one of the names above in lower case; NULL: a table on a
 * terminal, else TSV. COLOUR: "auto" (or NULL), "always" or "never". Signs are ASCII where the environment's locale is
 * not one of UTF-8; a dumb terminal has neither colours nor other signs. */
struct terminal terminal_of_stdout(const char *output, const char *colour);

/* What of a finding, a sink or the agent wants somebody to act. */
enum mark { MARK_NONE, MARK_HEADING, MARK_CRITICAL, MARK_HIGH, MARK_MEDIUM, MARK_ERROR, MARK_MANUAL };
/* SEVERITY's mark; its colour means "act", so that it is for what fails alone. */
enum mark mark_of_severity(const char *severity);
enum mark mark_of_status(const char *status);
/* The escape sequence (static) of MARK; NULL: it has none, or there are no colours. */
const char *terminal_colour(const struct terminal *terminal, enum mark mark);

/* Appends TEXT (NULL: "-") escaped, cut in its middle to COLUMNS (0: whole), padded when PAD. */
void terminal_cell(const struct terminal *terminal, struct str *out, const char *text, unsigned columns, bool pad);
/* Appends TEXT escaped, whole, in the colour of MARK. */
void terminal_mark(const struct terminal *terminal, struct str *out, const char *text, enum mark mark);
/* Appends TEXT (NULL: "-") escaped and wrapped at the width, each line after INDENT blanks and those after the first
 * with HANGING more. Where nothing is fitted to a width it is one line. */
void terminal_wrap(const struct terminal *terminal, struct str *out, const char *text, unsigned indent,
                   unsigned hanging);
/* Appends a line in bold. */
void terminal_heading(const struct terminal *terminal, struct str *out, const char *text);

#endif
