/* The audit rules that lie in the host's files. Only audit_files.c includes this. */
#ifndef PROBES_AUDIT_AUDIT_DISK_H
#define PROBES_AUDIT_AUDIT_DISK_H

#include "probes/audit/audit.h"

/* Fills in FACTS' disk members. */
void audit_read_disk(const struct host_root *root, struct audit_facts *facts);
/* Fills in what the RULES' paths lead to; the texts go to ARENA. */
void audit_find_targets(const struct host_root *root, struct arena *arena, struct audit_rule *rules, size_t count);

#endif
