/* Findings for people: grouped by rule or by subject, the worst first, a few of each group, and how many there are. */
#ifndef AGENT_CTL_GROUPS_H
#define AGENT_CTL_GROUPS_H

#include "agent/ctl/ctl.h"

struct groups;

/* MORE: the command, up to what names a group, that shows the rest of one; it is copied. SHOWN: of each group, 0 for
 * all. */
struct groups *groups_new(const struct ctl *ctl, bool by_subject, const char *more, size_t shown);
void groups_free(struct groups *groups);
/* False: there are too many to be kept. */
bool groups_add(struct groups *groups, const struct json *finding);
/* Prints all groups, and a line with how many findings there are. */
void groups_print(struct groups *groups);

DEFINE_CLEANUP(struct groups *, cleanup_groups, groups_free)

#endif
