/* Seccomp profiles in Docker's format. */
#ifndef PROBES_DAEMON_SECCOMP_PROFILE_H
#define PROBES_DAEMON_SECCOMP_PROFILE_H

#include <stddef.h>

#include "common/file.h"
#include "probes/facts/facts.h"

/* Judges the JSON text of a profile: SECCOMP_ALLOWS_ALL if its default action lets calls through (allows, logs or
 * traces them) and no rule of it denies a system call that exists; SECCOMP_CUSTOM; SECCOMP_UNREADABLE if it is not a
 * JSON object. */
enum seccomp_choice seccomp_profile_read(const char *text, size_t length);

/* Does the profile let containers make sockets of the family AF_ALG? */
bool seccomp_profile_opens_alg(const char *text, size_t length);

/* Reads the profile PATH into FACTS' seccomp, seccomp_opens_alg and seccomp_error. */
void seccomp_profile_read_file(const struct host_root *root, const char *path, struct daemon_facts *facts);

#endif
