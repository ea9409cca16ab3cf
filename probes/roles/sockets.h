/* Sockets of the internet, which the agent may not make: the role network resolves, connects and listens, and hands the
 * socket over (SCM_RIGHTS). It does that for the addresses of its own configuration alone.
 *
 * What comes is looked at: one socket of the internet, of the type that was asked for, connected or listening. Anything
 * else is closed, and an error. */
#ifndef PROBES_ROLES_SOCKETS_H
#define PROBES_ROLES_SOCKETS_H

#include <event2/event.h>

#include "probes/roles/roles.h"
#include "probes/worker/helper.h"

struct socket_request;

/* From the loop, once. FD: the caller's, non-blocking and close-on-exec; -1: none, for NUMBER, an errno, and WHY. The
 * request has ended. */
typedef void socket_done(int fd, int number, const char *why, void *user);

struct socket_options {
    struct event_base *base;
    struct helper *helper; /* of role network; NULL: it is not running */
    enum network_task task;
    const char *address; /* as the configuration has it: "tls://siem.example:6514", "127.0.0.1:9323" */
    int type;            /* SOCK_STREAM, SOCK_DGRAM */
    socket_done *done;
    void *user;
};
/* NULL with ERROR: the role is not running, or cannot be asked. */
struct socket_request *socket_ask(const struct socket_options *options, struct error *error);
/* DONE will not be called. NULL is fine. */
void socket_cancel(struct socket_request *request);

#endif
