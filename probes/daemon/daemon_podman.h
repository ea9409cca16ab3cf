/* What podman is configured with: containers.conf, and where it serves its API. Only daemon_config.c includes this. */
#ifndef PROBES_DAEMON_DAEMON_PODMAN_H
#define PROBES_DAEMON_DAEMON_PODMAN_H

#include "common/file.h"
#include "probes/daemon/daemon_options.h"

/* PID: podman's service, 0 unknown. LISTENER: who listens on its socket, that service or systemd, of root or of the
 * user whose engine it is; 0 unknown. Adds containers.conf's values to SET, in the order in which podman reads its
 * files, and to FACTS their path and age, errors, and the TCP addresses of every podman service and of podman.socket.
 */
void daemon_podman_read(const struct host_root *root, const struct units_facts *units, pid_t pid, pid_t listener,
                        struct daemon_facts *facts, struct option_set *set);
/* As daemon_watch_paths(). */
void daemon_podman_watch_paths(void (*back)(const char *path, bool tree, void *user), void *user);

#endif
