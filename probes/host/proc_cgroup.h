/* The members of one control group, from the cgroup file system. */
#ifndef PROBES_HOST_PROC_CGROUP_H
#define PROBES_HOST_PROC_CGROUP_H

#include "common/file.h"
#include "common/vec.h"

typedef VEC(pid_t) pid_vec;

/* Appends the processes of a group and of those below it, sorted, at most LIMIT. CONTROLLERS and PATH are a line of
 * PID's cgroup file ("" for v2). Succeeds only if the file system is mounted in its usual place and PID, a supposed
 * member, really is in the group: then the list comes from the kernel. 0, or a negative errno with RET untouched. */
int cgroup_list(const struct host_root *root, const char *controllers, const char *path, pid_t pid, size_t limit,
                pid_vec *ret);

#endif
