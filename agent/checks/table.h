/* Every check there is: what it judges, reads and takes. A new check is a function and a row in table.c. */
#ifndef AGENT_CHECKS_TABLE_H
#define AGENT_CHECKS_TABLE_H

#include "agent/model/check.h"

extern const struct check checks[]; /* ends with a NULL name */

#endif
