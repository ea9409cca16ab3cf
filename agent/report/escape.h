/* Text from outside made inert in the languages that reports are written in. Each takes any bytes (NULL: nothing is
 * appended): control characters, marks of direction and what has no sign of its own are shown as escapes first, as
 * text_escape() does, so that no name can end a line or turn what follows it around. */
#ifndef AGENT_REPORT_ESCAPE_H
#define AGENT_REPORT_ESCAPE_H

#include <stddef.h>

#include "common/str.h"

enum { ESCAPE_TEXT_MAX = 16 * 1024 }; /* bytes that are taken of one text; what is cut ends with "…" */

/* For the text and the quoted attributes of HTML and XML. */
void escape_markup(struct str *out, const char *text);
/* Likewise, with the newlines of TEXT kept: for <pre>. */
void escape_markup_lines(struct str *out, const char *text);
/* One cell of CSV (RFC 4180), quoted. What a spreadsheet would take for a formula gets an apostrophe before it.
 * Newlines are kept. */
void escape_csv(struct str *out, const char *text);
/* For a paragraph or a table's cell of GitHub's Markdown: nothing in it is markup, a link, or the mention of a user. */
void escape_markdown(struct str *out, const char *text);
/* For a message of SARIF, plain text in which braces are placeholders and "[…](…)" is a link (2.1.0, 3.11.5, 3.11.6).
 */
void escape_sarif(struct str *out, const char *text);
/* Only what a reader's eyes are kept from: for formats that quote in a way of their own. Newlines are kept. */
void escape_plain(struct str *out, const char *text);

#endif
