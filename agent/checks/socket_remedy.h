/* What keeps a socket as it was mended: a unit that opens it makes it anew at every start, as its own settings say. */
#ifndef AGENT_CHECKS_SOCKET_REMEDY_H
#define AGENT_CHECKS_SOCKET_REMEDY_H

#include "agent/model/check.h"

/* Where a unit (docker.socket, podman.socket) opens IN's file and its settings would give it more than WANTED, or to
 * others than OWNER:GROUP: appends a drop-in that says otherwise. Nothing is restarted by it. */
void check_socket_mode_remedy(const struct check_input *in, struct check_result *out, unsigned wanted);
void check_socket_owner_remedy(const struct check_input *in, struct check_result *out, const char *owner,
                               const char *group);

#endif
