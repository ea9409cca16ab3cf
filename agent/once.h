/* The ways to run without a daemon: one scan to standard output, and a look at the configuration. */
#ifndef AGENT_ONCE_H
#define AGENT_ONCE_H

#include "agent/agent.h"

/* One full scan by the same engine. Returns the exit status: 0 no unwaived failure of high severity or above, 1 some, 3
 * the engine cannot be reached, 78 the configuration is wrong. */
int agent_once(const struct config_arguments *arguments, struct launch *launch, bool json);
/* Reads the configuration and the rules: success to standard output, all errors, and warnings of what cannot have been
 * meant, to standard error, a line each. Returns the exit status: 0, with warnings too, or 78. */
int agent_check_config(const struct config_arguments *arguments);

#endif
