/* Where a variable may be set for everybody who works on the host: PAM's /etc/environment, the shells' profiles,
 * systemd's default environment, and that of dockerd itself. Plain settings are followed; a condition or an evaluation
 * that concerns the variable is not worked out, but reported with its place. */
#ifndef PROBES_ENVIRONMENT_ENVIRONMENT_H
#define PROBES_ENVIRONMENT_ENVIRONMENT_H

#include "common/file.h"
#include "probes/facts/facts.h"

/* What NAME is once the places have been read, in the order in which they are at log-in: a later one wins. DOCKERD_PID
 * 0: unknown. What could not be read is part of the facts; 0 is returned. */
int environment_read(const struct host_root *root, const char *name, pid_t dockerd_pid, struct environment_facts **ret,
                     struct error *error);
/* Adds to FACTS (zeroed but for its arena before the first) what the file PLACE, whose text is TEXT, does to NAME. */
enum environment_format { ENVIRONMENT_PAM, ENVIRONMENT_SHELL, ENVIRONMENT_SYSTEMD };
void environment_parse(struct environment_facts *facts, const char *place, const char *text,
                       enum environment_format format, const char *name);

#endif
