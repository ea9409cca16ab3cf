/* The capabilities of this process (capabilities(7)). */
#ifndef COMMON_CAPABILITY_H
#define COMMON_CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* A set of capabilities: one bit each. */
#define CAPABILITY(number) (UINT64_C(1) << (number))

/* Removes all that are not KEPT from the permitted, effective, inheritable and ambient sets. A program that root
 * executes has those of the bounding set again, unless PR_SET_NO_NEW_PRIVS is set. 0 or a negative errno. */
int capability_keep(uint64_t kept);
/* Removes all that are not KEPT from the bounding set, for good. 0 or a negative errno; -EPERM: that takes CAP_SETPCAP.
 */
int capability_bound(uint64_t kept);
bool capability_has(unsigned number); /* in effect */
/* Why something was refused with NUMBER, an errno, for people: "needs CAP_SYS_PTRACE" where it is EACCES or EPERM and
 * one of NEEDED (of those that read the host) is not in effect, else the error's own text. A constant. */
const char *capability_why(int number, uint64_t needed);
/* Removes all that are not GIVEN, and has a program that this process executes keep those (the ambient set). 0 or a
 * negative errno. */
int capability_hand_on(uint64_t given);

#endif
