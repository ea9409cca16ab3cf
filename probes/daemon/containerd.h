/* Which containerd serves a dockerd, and where it keeps its data. */
#ifndef PROBES_DAEMON_CONTAINERD_H
#define PROBES_DAEMON_CONTAINERD_H

#include "common/file.h"
#include "probes/facts/facts.h"

extern const char containerd_default_config[];

/* Its process: DOCKERD's child, or that of the service; 0: unknown. DOCKERD may be 0, UNITS NULL. */
pid_t containerd_find(const struct host_root *root, const struct units_facts *units, pid_t dockerd);
/* The root directory from its arguments, else its configuration, else its default; links resolved. NULL: unknown. The
 * caller frees. */
char *containerd_root(const struct host_root *root, pid_t containerd);
/* The value of the key "root" at the top of a configuration, which the caller frees; NULL: not set. Public for its
 * tests. */
char *containerd_root_in_config(const char *toml);

#endif
