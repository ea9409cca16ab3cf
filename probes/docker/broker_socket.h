/* The socket of a broker that the agent has started for itself: in a folder that only this user may enter. */
#ifndef PROBES_DOCKER_BROKER_SOCKET_H
#define PROBES_DOCKER_BROKER_SOCKET_H

#include <stdbool.h>
#include <sys/un.h>

#include "common/error.h"

struct broker_socket {
    char *folder, *path;
    int listener; /* -1: there is none */
};

/* Makes folder and socket, in $RUNTIME_DIRECTORY or /run, else in /tmp, and removes there what an agent that was killed
 * has left. 0, or a negative errno with ERROR; the caller deinitialises RET in either case. */
int broker_socket_make(struct broker_socket *ret, struct error *error);
void broker_socket_deinit(struct broker_socket *socket); /* and removes both */

/* 0, or -ENAMETOOLONG. */
int broker_socket_address(const char *path, struct sockaddr_un *ret);

#endif
