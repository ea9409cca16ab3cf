/* Text for a terminal: escaped, cut and padded by columns, coloured only if requested. */
#ifndef AGENT_CTL_TERMINAL_H
#define AGENT_CTL_TERMINAL_H

#include <stdbool.h>

#include "common/str.h"

struct terminal {
    bool colour;
    bool cut;       /* cut the lines of a table to the width; a pipe gets them whole */
    unsigned width; /* columns; 80 if it is not a terminal */
};
/* COLOR: "always", "never" or anything else, NULL too: on a terminal, unless NO_COLOR is set (no-color.org) or TERM is
 * "dumb". */
struct terminal terminal_of_stdout(const char *color);

/* Appends TEXT (NULL: "-") escaped, cut to COLUMNS with "…" (0: whole), padded when PAD. */
void terminal_cell(struct str *out, const char *text, unsigned columns, bool pad);
/* As above, in the colour of a status or severity. */
void terminal_status(const struct terminal *terminal, struct str *out, const char *status, unsigned columns);
/* Appends TEXT escaped and wrapped at the width, each line after INDENT blanks. */
void terminal_wrap(const struct terminal *terminal, struct str *out, const char *text, unsigned indent);
void terminal_heading(const struct terminal *terminal, struct str *out, const char *text);

#endif
