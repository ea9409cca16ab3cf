/* Read line by line: the file is short, and is asked for at the start and in errors. */
#include "common/account.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

static bool find(const char *name, uid_t uid, struct account *ret)
{
    scoped(cleanup_fclose) FILE *file = fopen("/etc/passwd", "re");

    for (const struct passwd *user; file && (user = fgetpwent(file));)
        if (name ? strcmp(user->pw_name, name) == 0 : user->pw_uid == uid) {
            *ret = (struct account){.uid = user->pw_uid, .gid = user->pw_gid};
            snprintf(ret->name, sizeof ret->name, "%s", user->pw_name);
            return true;
        }
    return false;
}

bool account_find(const char *name, struct account *ret)
{
    return find(name, 0, ret);
}

bool account_find_uid(uid_t uid, struct account *ret)
{
    return find(NULL, uid, ret);
}
