/* Other programs that agentctl runs. */
#ifndef AGENT_CTL_RUN_PROGRAM_H
#define AGENT_CTL_RUN_PROGRAM_H

#include "common/error.h"
#include "common/str.h"

/* Runs ARGUMENTS (ends with NULL; the first is looked for in PATH unless it has a slash), with standard input empty,
 * and waits for its end. RET_SAID gets what it says on standard output and error, of which 64 KiB are kept. Its exit
 * status (128 and the signal that ended it), or a negative errno with ERROR. */
int run_program(const char *const *arguments, struct str *ret_said, struct error *error);

/* The path of the program NAME in the folder of this one. The caller frees. */
char *run_program_beside(const char *name);

#endif
