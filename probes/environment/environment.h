/* Where a variable may be set for everybody who works on the host: PAM's /etc/environment, the shells' profiles,
 * systemd's default environment, and that of dockerd itself. Plain settings are followed; a condition or an evaluation
 * that concerns the variable is not worked out, but reported with its place. */
#ifndef PROBES_ENVIRONMENT_ENVIRONMENT_H
#define PROBES_ENVIRONMENT_ENVIRONMENT_H

#include "common/file.h"
#include "probes/facts/wire.h"

/* What NAME is once the places have been read, in the order in which they are at log-in: a later one wins. OF_DOCKERD:
 * what it is in dockerd's own environment, NULL unset or unknown; DOCKERD_ERROR: why that could not be seen, or NULL.
 * What could not be read is part of the facts. The caller frees. */
struct environment_facts *environment_read(const struct host_root *root, const char *name, const char *of_dockerd,
                                           const char *dockerd_error);
/* Sets FACTS' digest. */
void environment_digest(struct environment_facts *facts);
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

/* environment_wire.c: FACTS between processes. The caller frees what environment_take() returns; NULL with ERROR:
 * READER is broken. */
void environment_put(struct str *out, const struct environment_facts *facts);
struct environment_facts *environment_take(struct wire_reader *reader, struct error *error);

#endif
