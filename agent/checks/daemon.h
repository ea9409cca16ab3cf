/* Shared by the files of section 2. Only daemon*.c include this. */
#ifndef AGENT_CHECKS_DAEMON_H
#define AGENT_CHECKS_DAEMON_H

#include "agent/checks/checks.h"
#include "probes/daemon/daemon_config.h"

/* The source of a value, for the evidence; the configuration file by its own path. Owned by DAEMON or static. */
const char *daemon_place_name(const struct daemon_facts *daemon, enum option_place place);
/* Is the engine podman, which has no daemon to configure? Then not_applicable has been reported. */
bool daemon_is_podman(const struct check_input *in, struct check_result *out);
/* The engine's /info; NULL: unknown, and error has been reported. */
const struct info_facts *daemon_need_info(const struct check_input *in, struct check_result *out);
/* A remedy that sets SETTING in daemon.json. */
void daemon_remedy_option(const struct check_input *in, struct check_result *out, const char *setting);

#endif
