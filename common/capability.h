/* What of root's power this process has (capabilities(7)). */
#ifndef COMMON_CAPABILITY_H
#define COMMON_CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* A set of capabilities: one bit each. */
#define CAPABILITY(number) (UINT64_C(1) << (number))

/* Gives up all that are not KEPT: permitted, effective, inheritable and with these ambient ones. Another program that
 * root starts has those of the bounding set again, unless new privileges are ruled out (PR_SET_NO_NEW_PRIVS). 0 or a
 * negative errno. */
int capability_keep(uint64_t kept);
/* Takes all that are not KEPT out of the bounding set, for good. 0 or a negative errno; -EPERM: there are such, and
 * without CAP_SETPCAP they stay. */
int capability_bound(uint64_t kept);
bool capability_has(unsigned number); /* in effect */

#endif
