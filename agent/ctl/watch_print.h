/* agentctl watch's blocks as text, and transitions as lines for a pipe. */
#ifndef AGENT_CTL_WATCH_PRINT_H
#define AGENT_CTL_WATCH_PRINT_H

#include "agent/ctl/ctl.h"
#include "agent/ctl/watch_blocks.h"

/* Appends BLOCK as a person reads it, in lines of the terminal's width. Nothing, if nothing of it concerns whoever
 * watches. */
void watch_print_block(const struct ctl *ctl, const struct watch_block *block, struct str *out);
/* Appends the transition ROOT as a line of cells with tabs between them: time, cause, rule, severity, previous and new
 * status, kind and name of the subject, evidence. */
void watch_print_line(const struct json *root, struct str *out);

#endif
