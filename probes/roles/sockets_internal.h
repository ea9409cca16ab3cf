/* What is said on the stream of a task of role network, by sockets.c (the agent's side) and role_network.c (the
 * helper's); nobody else includes this.
 *
 * The agent sends an address with a NUL at its end. The helper answers once: with NUMBER 0 and one descriptor, or with
 * an errno and the reason. */
#ifndef PROBES_ROLES_SOCKETS_INTERNAL_H
#define PROBES_ROLES_SOCKETS_INTERNAL_H

#include <stdint.h>

#include "common/error.h"

enum {
    SOCKET_ADDRESS_SIZE = 512,   /* with the NUL; names of hosts have up to 253 bytes */
    SOCKET_ADDRESSES_MAX = 16,   /* of a name, that are tried */
    SOCKET_RESOLVE_SECONDS = 35, /* a resolver tries each of up to three servers twice, five seconds each */
    SOCKET_CONNECT_SECONDS = 20, /* one address; the kernel gives up after 15 */
    SOCKET_TASK_SECONDS = SOCKET_RESOLVE_SECONDS + SOCKET_ADDRESSES_MAX * SOCKET_CONNECT_SECONDS
};

struct socket_answer {
    int32_t number;
    char text[ERROR_MESSAGE_SIZE]; /* with a NUL at its end, and after it */
};

#endif
