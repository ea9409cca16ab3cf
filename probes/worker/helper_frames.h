/* What the agent and a helper say to each other: packets (SOCK_SEQPACKET) of one fixed form, of which each is a head
 * and, of a short request, its message. A message that is too long for a packet is in a file in memory
 * (memfd_create(2)), whose descriptor comes after the pipe's; only the task's own process reads it. Shared by helper.c
 * (the agent's side) and helper_serve.c (the helper's); nobody else includes this.
 *
 * The helper says hello when it serves the connection. It has taken a request when it has made a process for it, and is
 * done with it when that process has ended; the answer itself goes through the pipe that came with the request
 * (SCM_RIGHTS), as child_run() writes it. */
#ifndef PROBES_WORKER_HELPER_FRAMES_H
#define PROBES_WORKER_HELPER_FRAMES_H

#include <stdint.h>
#include <sys/socket.h>

enum helper_frame_kind {
    HELPER_HELLO = 'h',
    HELPER_REQUEST = 'r',      /* with the pipe's descriptor */
    HELPER_LONG_REQUEST = 'l', /* also with the message's */
    HELPER_TAKEN = 't',
    HELPER_DONE = 'd'
};

enum {
    HELPER_VERSION = 1,
    HELPER_AT_ONCE = 8, /* requests of which the helper has not said DONE, where the role does not say otherwise */
    HELPER_AT_ONCE_MAX = 64,
    HELPER_INLINE_MAX = 4096,
    HELPER_DESCRIPTORS_MAX = 2
};

struct helper_frame {
    uint32_t kind;
    uint32_t id;         /* of the request; of a hello the version */
    uint32_t task;       /* of a request; else 0 */
    uint32_t timeout_ms; /* of a request, 0: the task's own; else 0 */
    uint32_t length;     /* of the message in the packet; else 0 */
};

union helper_control {
    struct cmsghdr header;
    char space[CMSG_SPACE(HELPER_DESCRIPTORS_MAX * sizeof(int))];
};

#endif
