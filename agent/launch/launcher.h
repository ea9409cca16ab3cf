/* The launcher's process, and what is said to it: one byte, the role, with the sockets that the role gets. */
#ifndef AGENT_LAUNCH_LAUNCHER_H
#define AGENT_LAUNCH_LAUNCHER_H

#include "agent/config/config.h"
#include "agent/launch/user.h"
#include "probes/roles/roles.h"

struct launcher_options {
    const struct config_arguments *arguments;
    bool once; /* nothing is kept in the state directory */
    const struct agent_user *user;
};
/* Until FD, its socket, ends. ARGUMENT: a struct launcher_options. For service_start(). */
void launcher_run(int fd, const void *argument);
enum { LAUNCHER_SOCKETS_MAX = 2 };
/* Does not block; has the launcher start ROLE on SOCKETS, which stay the caller's, and end the one that it started
 * before. 0 or a negative errno. */
int launcher_ask(int fd, enum role role, const int *sockets, size_t count);

#endif
