/* Which user the agent is, and the end of root's rights.
 *
 * Under systemd it is that of the unit. Where root starts it by hand, in a container or with --once, it becomes the
 * user docker-bench-agent, or another one that --user names, as soon as it has read its configuration. */
#ifndef AGENT_LAUNCH_USER_H
#define AGENT_LAUNCH_USER_H

#include "common/account.h"
#include "common/error.h"

struct agent_user {
    bool becomes; /* it is another one than that who starts the agent */
    struct account account;
};

/* NAME: of --user; NULL: docker-bench-agent if there is that user, else ONCE nobody, else the user stays. HAS_HELPERS:
 * somebody else starts the helpers, for a user whom NAME alone changes. 0; -ENOENT, or -EPERM where only root could
 * become that user, with ERROR. */
int agent_user_find(const char *name, bool once, bool has_helpers, struct agent_user *ret, struct error *error);
/* From now on, and in every process that follows, for good: that user, with its groups, no capability in any set, no
 * other rights by executing a program, and no system call that takes a right (refusals.h). 0, or a negative errno with
 * ERROR. */
int agent_user_become(const struct agent_user *user, struct error *error);
/* Gives what root has just made to USER: PATH, which is no link, is that of FD. 0, or a negative errno with ERROR. */
int agent_user_give(const struct agent_user *user, int fd, const char *path, struct error *error);

#endif
