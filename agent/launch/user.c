/* In an order in which each step still has the right that it takes. */
#include "agent/launch/user.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/launch/refusals.h"
#include "common/capability.h"
#include "common/log.h"
#include "common/str.h"

#define AGENT_USER "docker-bench-agent"

int agent_user_find(const char *name, bool once, bool has_helpers, struct agent_user *ret, struct error *error)
{
    struct agent_user user = {.account = {.uid = geteuid(), .gid = getegid()}};

    if (name && !account_find(name, &user.account))
        return error_set(error, ENOENT, "--user: there is no user %s", name);
    if (geteuid() != 0 && name && user.account.uid != geteuid())
        return error_set(error, EPERM, "--user: only root can become %s", name);
    if (geteuid() == 0 && !name && !has_helpers && !account_find(AGENT_USER, &user.account) && once)
        user.account = (struct account){.uid = ACCOUNT_NOBODY, .gid = ACCOUNT_NOBODY, .name = "nobody"};
    user.becomes = user.account.uid != geteuid();
    *ret = user;
    return 0;
}

static int set_user(const struct account *account, struct error *error)
{
    int r = account->uid == ACCOUNT_NOBODY ? setgroups(0, NULL) : initgroups(account->name, account->gid);

    if (r < 0 || setresgid(account->gid, account->gid, account->gid) < 0 ||
        setresuid(account->uid, account->uid, account->uid) < 0)
        return error_system(error, errno, "cannot become the user %s", account->name);
    return 0;
}

int agent_user_become(const struct agent_user *user, struct error *error)
{
    bool can = capability_has(CAP_SETUID) && capability_has(CAP_SETGID);
    int r = capability_bound(0);

    if (r < 0 && r != -EPERM) /* it takes CAP_SETPCAP; under no_new_privs the set gives nothing */
        return error_system(error, -r, "bounding set");
    if (user->becomes && can)
        r = set_user(&user->account, error);
    else if (geteuid() == 0)
        log_info("runs as root's user, without any capability: %s",
                 user->becomes ? "becoming another one takes CAP_SETUID and CAP_SETGID"
                               : "neither --user nor a user " AGENT_USER " is there to become");
    if (user->becomes && can && r < 0)
        return r;
    r = capability_keep(0);
    if (r < 0)
        return error_system(error, -r, "giving up capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_system(error, errno, "no_new_privs");
#ifdef __SANITIZE_ADDRESS__ /* which traces its own process for leaks */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#else
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* other processes of the same user do not see its memory */
#endif
    return refusals_load(error);
}

int agent_user_give(const struct agent_user *user, int fd, const char *path, struct error *error)
{
    if (!user->becomes || !capability_has(CAP_SETUID) || !capability_has(CAP_SETGID))
        return 0;
    if (fchown(fd, user->account.uid, user->account.gid) < 0)
        return error_system(error, errno, "%s: cannot be given to the user %s", path, user->account.name);
    return 0;
}
