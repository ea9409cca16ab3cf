/* The audit rules in the host's files. Only audit*.c include this. */
#ifndef PROBES_AUDIT_AUDIT_DISK_H
#define PROBES_AUDIT_AUDIT_DISK_H

#include "probes/audit/audit.h"

/* Sets the disk members of FACTS, disk_error if they cannot be read; texts are allocated in its arena. */
void audit_read_disk(const struct host_root *root, struct audit_facts *facts);
/* Sets the targets of the RULES' paths, allocated in ARENA. */
void audit_find_targets(const struct host_root *root, struct arena *arena, struct audit_rule *rules, size_t count);

#endif
