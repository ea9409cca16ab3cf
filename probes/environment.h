/* Where a variable may be set for everybody who works on the host: PAM's /etc/environment, the shells' profiles,
 * systemd's default environment, and that of dockerd itself. */
#ifndef PROBES_ENVIRONMENT_H
#define PROBES_ENVIRONMENT_H

#include "common/file.h"
#include "probes/facts.h"

/* What sets NAME, in the order in which the places are read at log-in: a later one wins. DOCKERD_PID 0: unknown. */
int environment_read(const struct host_root *root, const char *name, pid_t dockerd_pid, struct environment_facts **ret,
                     struct error *error);
/* What lines of one shell file say of NAME, appended; PLACE names it. Lines of FORMAT_PAM need no export. */
enum environment_format { ENVIRONMENT_PAM, ENVIRONMENT_SHELL, ENVIRONMENT_SYSTEMD };
void environment_parse(struct environment_facts *facts, const char *place, const char *text,
                       enum environment_format format, const char *name);

/* Files and folders whose change matters; ends with NULL. */
extern const char *const environment_paths[];

#endif
