/* The container that this process runs in. */
#ifndef PROBES_HOST_OWN_CONTAINER_H
#define PROBES_HOST_OWN_CONTAINER_H

#include <stdbool.h>

enum { OWN_CONTAINER_SIZE = 65 }; /* 64 hexadecimal digits and the NUL */

/* The id that docker and podman give it. Every container of theirs has /etc/hostname, /etc/hosts and /etc/resolv.conf
 * mounted from a folder that is named by its id, also with the host's namespaces, under any cgroup version, and
 * whatever its hostname; nothing that runs in another container can change what this process sees there. MOUNTINFO: the
 * text of /proc/self/mountinfo, proc_pid_mountinfo(5). False: in none. */
bool own_container_parse(const char *mountinfo, char ret[OWN_CONTAINER_SIZE]);
bool own_container_read(char ret[OWN_CONTAINER_SIZE]);

#endif
