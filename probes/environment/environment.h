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

/* The package of the docker client that a login shell finds into FACTS; nothing where that is unknown (a client of no
 * package, rpm). */
void environment_find_client(const struct host_root *root, struct environment_facts *facts);
/* The version of PACKAGE in TEXT, a database of paragraphs whose fields begin lines: NAME_FIELD ("Package: "),
 * VERSION_FIELD and, unless it is NULL, the line INSTALLED. False: it is not there. The version is of ARENA. */
bool environment_find_package(const char *text, const char *name_field, const char *version_field,
                              const char *installed, const char *package, struct arena *arena,
                              const char **ret_version);

#endif
