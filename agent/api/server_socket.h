/* The Unix socket of the query API. */
#ifndef AGENT_API_SERVER_SOCKET_H
#define AGENT_API_SERVER_SOCKET_H

#include "agent/config/config.h"

/* The socket passed by systemd, else a new one at CONFIG's path, see server_new(). RET_OWN: its file is to be removed
 * at the end. Returns the descriptor, owned by the caller, or a negative errno. */
int server_socket_open(const struct config *config, bool *ret_own, struct error *error);

#endif
