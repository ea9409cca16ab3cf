/* Lists of system calls in a filter (seccomp(2), through libseccomp: the kernel's own form differs by machine). */
#ifndef PROBES_WORKER_SYSTEM_CALLS_H
#define PROBES_WORKER_SYSTEM_CALLS_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* ACTION for each of CALLS (SCMP_SYS(…)); those that this machine does not have are passed over. 0 or a negative errno.
 */
int system_calls_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count);
/* Allows memory that is not executable, mapped or made so later: mmap(2) and mprotect(2). */
int system_calls_allow_data(scmp_filter_ctx filter);
/* seccomp_load(3): 0 or a negative errno. libseccomp 2.5 crashes when memory runs out while it makes the kernel's
 * program: that is mem_end(). */
int system_calls_load(scmp_filter_ctx filter);

DEFINE_CLEANUP(scmp_filter_ctx, cleanup_filter, seccomp_release)

#endif
