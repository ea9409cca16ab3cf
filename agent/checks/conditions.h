/* A rule's conditions as parameters: conditions.c decides whether a value meets them, document.c finds the values, and
 * validate.c checks the conditions when a rule is loaded. */
#ifndef AGENT_CHECKS_CONDITIONS_H
#define AGENT_CHECKS_CONDITIONS_H

#include <regex.h>

#include "agent/checks/checks.h"

enum { CONDITION_TEXT_MAX = 4096 };

/* TOO_LONG, HAS_NUL: a text that a pattern is not tried on. */
enum condition_answer { CONDITION_NO, CONDITION_YES, CONDITION_TOO_LONG, CONDITION_HAS_NUL };

/* A condition that is not given is null. */
bool condition_given(const struct param_value *value);
struct json_doc *condition_value(const struct check_input *in, const char *name); /* the caller frees */
/* As "^.*(PATTERN)", begun at the first byte only, so that the work grows with the text and not with its square.
 * Returns what regcomp() returns; the caller frees RET with regfree(). */
int condition_compile(const char *pattern, regex_t *ret);

/* Do all conditions of the rule hold for VALUE? OPTION: it is the text of a dockerd option, which is read as a number
 * or a boolean if the conditions compare it with one. A pattern sees the whole text, line ends included. */
enum condition_answer condition_holds(const struct check_input *in, const struct json *value, bool option);
/* For every member of a list or object (EACH), or for any of them. */
enum condition_answer condition_holds_for_members(const struct check_input *in, const struct json *value, bool each,
                                                  bool option);
/* Has TEXT a line for which "matches" holds? Line ends of either kind, and a byte order mark, are not part of it. */
enum condition_answer condition_matches_line(const struct check_input *in, const char *text);

#endif
