/* What an engine's socket unit (docker.socket, podman.socket) makes systemd listen on. */
#ifndef PROBES_HOST_SOCKET_UNIT_H
#define PROBES_HOST_SOCKET_UNIT_H

#include "probes/host/unit_file.h"

/* Appends UNIT's stream sockets: paths and TCP addresses as they are written, specifiers replaced. Without the unit
 * OTHERWISE, if that is not NULL. 0, or a negative errno with ERROR. */
int socket_unit_streams(const struct host_root *root, const struct units_facts *units, const char *unit,
                        const char *otherwise, struct path_list *ret, struct error *error);
/* Does dockerd listen on sockets that docker.socket hands it? DAEMON may be NULL. */
bool socket_unit_activates(const struct daemon_facts *daemon);

extern const char socket_unit_docker[];         /* docker.socket */
extern const char socket_unit_default_socket[]; /* its socket as it is shipped */

#endif
