/* Seccomp profiles in Docker's format. */
#ifndef PROBES_DAEMON_SECCOMP_PROFILE_H
#define PROBES_DAEMON_SECCOMP_PROFILE_H

#include <stddef.h>

#include "common/file.h"
#include "probes/facts/facts.h"

/* Reads the JSON text of a profile into ARENA: SECCOMP_CUSTOM, or SECCOMP_UNREADABLE if it is not a JSON object. */
void seccomp_profile_read(const char *text, size_t length, struct arena *arena, struct seccomp_profile *ret);

/* For whom the engine makes a filter of a profile. */
struct seccomp_target {
    const struct string_list *cap_add, *cap_drop; /* of a container; NULL: it has the engine's default capabilities */
    bool podman;                                  /* whose defaults are others */
    const char *arch, *kernel;                    /* as the engine reports them: "amd64", "6.1.0-28" */
};

/* What a profile comes to: its choice, but SECCOMP_ALLOWS_ALL for a custom one whose default action lets calls through
 * (allows, logs or traces them) and none of whose rules that hold for TARGET denies a system call that exists.
 * RET_OPENS_ALG (may be NULL): a custom one lets the container make sockets of the family AF_ALG. */
enum seccomp_choice seccomp_profile_resolve(const struct seccomp_profile *profile, const struct seccomp_target *target,
                                            bool *ret_opens_alg);

/* Does one of its rules depend on the machine or the kernel? */
bool seccomp_profile_asks_host(const struct seccomp_profile *profile);

/* Reads the profile PATH into FACTS' seccomp and seccomp_error. */
void seccomp_profile_read_file(const struct host_root *root, const char *path, struct daemon_facts *facts);

#endif
