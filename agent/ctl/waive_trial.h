/* What the agent would say to another waivers.json, before it is written. */
#ifndef AGENT_CTL_WAIVE_TRIAL_H
#define AGENT_CTL_WAIVE_TRIAL_H

#include "common/error.h"
#include "common/str.h"

/* Has docker-bench-agent --check-config judge the configuration CONFIG as it would be with TEXT as conf.d/waivers.json:
 * in a folder of its own, with links to the other files. RET_SAID gets, in Chinese if ZH, what it says, with the names
 * of the real files. Its exit status, or a negative errno with ERROR. */
int waive_trial(const char *config, const struct str *text, bool zh, struct str *ret_said, struct error *error);

/* The folder beside CONFIG. The caller frees. */
char *waive_folder(const char *config);

#endif
