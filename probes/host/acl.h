/* POSIX access control lists of files (acl(5)), as the kernel hands them out in system.posix_acl_access and
 * system.posix_acl_default. */
#ifndef PROBES_HOST_ACL_H
#define PROBES_HOST_ACL_H

#include <stdbool.h>
#include <stddef.h>

#include "probes/facts/facts.h"

/* Reads the list of the file that FD refers to (O_PATH is enough) into RET, and into RET_DEFAULTS the one that files
 * made in a directory get; a file without one, or on a file system without lists, has present false. Entries are
 * allocated in ARENA and have no names. 0 or a negative errno. */
int acl_read(int fd, struct arena *arena, struct acl_facts *ret, struct acl_facts *ret_defaults);
/* The same from the attribute's LENGTH bytes. 0, or -EBADMSG: they are no such list. */
int acl_parse(const void *bytes, size_t length, struct arena *arena, struct acl_facts *ret);

#endif
