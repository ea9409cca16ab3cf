/* The Unix socket of the query API. */
#ifndef AGENT_API_SERVER_SOCKET_H
#define AGENT_API_SERVER_SOCKET_H

#include "agent/config/config.h"
#include "agent/launch/user.h"

struct server_socket {
    int fd;     /* -1: none */
    char *path; /* of its file, which is removed at the end; NULL: it is systemd's */
};
/* The socket passed by systemd, else a new one at CONFIG's path, see server_new(), which USER may remove. Which root
 * has to do: a folder of its own for it. 0 or a negative errno with ERROR. */
int server_socket_open(const struct config *config, const struct agent_user *user, struct server_socket *ret,
                       struct error *error);
void server_socket_close(struct server_socket *socket);

#endif
