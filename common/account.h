/* Users of this system by its own /etc/passwd alone: the name service runs code of others in the process that asks. */
#ifndef COMMON_ACCOUNT_H
#define COMMON_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

enum { ACCOUNT_NOBODY = 65534 }; /* the kernel's own for users that have no number (overflowuid) */

struct account {
    uid_t uid;
    gid_t gid; /* the user's primary group */
    char name[64];
};
bool account_find(const char *name, struct account *ret);
bool account_find_uid(uid_t uid, struct account *ret);

#endif
