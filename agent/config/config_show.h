/* The configuration as it was understood, for people and programs: its values, and which file each is from. */
#ifndef AGENT_CONFIG_CONFIG_SHOW_H
#define AGENT_CONFIG_CONFIG_SHOW_H

#include "agent/config/config.h"
#include "common/json_out.h"
#include "common/str.h"

/* Members of the object that is open in OUT: "files", in their order; "values", each with "key" ("docker.host",
 * "sinks[0].type"), "value" and "from" ("FILE:LINE", or what else names it); "text", as below. Secrets are redacted. */
void config_write(const struct config *config, struct json_out *out);
/* Appends the merged document as JSON that could be an agent.json, after each value a comment with its file and line.
 * The command line and the environment are not in it. */
void config_show(const struct config *config, struct str *out);

#endif
