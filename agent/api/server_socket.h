/* The Unix socket of the query API. */
#ifndef AGENT_API_SERVER_SOCKET_H
#define AGENT_API_SERVER_SOCKET_H

#include "agent/config/config.h"

/* The socket that systemd handed over, else a new one at CONFIG's path, see server_new(). RET_OWN: it is ours to
 * remove. The descriptor is the caller's; or -errno. */
int server_socket_open(const struct config *config, bool *ret_own, struct error *error);

#endif
