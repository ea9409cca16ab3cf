/* A rule's conditions as parameters: what document.c judges by and validate.c looks at when a rule is loaded. */
#ifndef AGENT_CHECKS_CONDITIONS_H
#define AGENT_CHECKS_CONDITIONS_H

#include <regex.h>

#include "agent/checks/checks.h"

/* A condition that is not given is null. */
bool condition_given(const struct param_value *value);
struct json_doc *condition_value(const struct check_input *in, const char *name); /* the caller frees */
/* As "^.*(PATTERN)", begun at the first byte only, so that the work grows with the text and not with its square.
 * What regcomp says. */
int condition_compile(const char *pattern, regex_t *ret);

#endif
