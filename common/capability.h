/* What of root's power this process has (capabilities(7)). */
#ifndef COMMON_CAPABILITY_H
#define COMMON_CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* A set of capabilities: one bit each. */
#define CAPABILITY(number) (UINT64_C(1) << (number))

/* Gives up for good all that is not KEPT. 0 or a negative errno. */
int capability_keep(uint64_t kept);
bool capability_has(unsigned number); /* in effect */

#endif
