/* The options and commands of agentctl. */
#ifndef AGENT_CTL_OPTIONS_H
#define AGENT_CTL_OPTIONS_H

#include "common/options/options.h"

struct ctl;

extern const struct program_options agentctl_options; /* its values: struct ctl */

/* Prints the help of COMMAND, NULL: of the program. Returns the exit status. */
int ctl_print_help(const struct ctl *ctl, const struct command_row *command);

#endif
