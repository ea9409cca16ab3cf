/* Where helpers come from.
 *
 * Under systemd each role listens at FOLDER/ROLE.sock. Where somebody starts the agent by hand, in a container or with
 * --once, the launcher does what systemd does: it is forked before anything is parsed, keeps the rights of all roles
 * and nothing else, and starts a role as a program and a user of its own each time the agent asks for it. It reads
 * nothing but which role, and the sockets that go to it; it ends with the agent, and the roles with it. */
#ifndef AGENT_LAUNCH_LAUNCH_H
#define AGENT_LAUNCH_LAUNCH_H

#include <sys/types.h>

#include "agent/config/config.h"
#include "agent/launch/user.h"
#include "probes/roles/roles.h"

struct workers;

struct launch {
    const char *folder; /* of sockets; NULL: there is none */
    int fd;             /* of the launcher, readable when it has ended; -1: there is none */
    pid_t pid;
    bool has_rights;        /* of root: without them there is only the role engine */
    struct agent_user user; /* that the agent becomes: known before launch_begin() */
};

/* Forks the launcher. ARGUMENTS, ONCE: the roles are started with the same. 0, or a negative errno with ERROR. */
int launch_begin(const struct config_arguments *arguments, bool once, struct launch *ret, struct error *error);
void launch_end(struct launch *launch, struct workers *workers); /* and all roles */
/* A connection to ROLE, at whose other end it serves or is about to; the caller closes it. Does not block. 0, or a
 * negative errno with ERROR. */
int launch_connect(const struct launch *launch, const char *role, int *ret_fd, struct error *error);
/* Has the launcher start ROLE on the listening socket LISTENER, in the place of the one before. RET_ALIVE: a socket
 * that ends with it, and at whose end it ends; the caller closes it. Does not block. 0, or a negative errno with ERROR.
 */
int launch_serve(const struct launch *launch, enum role role, int listener, int *ret_alive, struct error *error);

#endif
