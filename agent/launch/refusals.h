/* What system calls the agent itself cannot make. */
#ifndef AGENT_LAUNCH_REFUSALS_H
#define AGENT_LAUNCH_REFUSALS_H

#include "common/error.h"

/* From now on neither this process nor its children may execute a program, look into another process, or change mounts,
 * namespaces, users, modules, keys, clocks or the kernel's tracing: those calls fail with EPERM. Nor may they make a
 * socket that is not of this machine (AF_UNIX): EAFNOSUPPORT. Under systemd the unit's filter comes on top. For good;
 * it requires no_new_privs. 0, or a negative errno with ERROR. */
int refusals_load(struct error *error);

#endif
