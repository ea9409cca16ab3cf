/* Who is in the groups that may use the engine's sockets, according to the host's name service: supplementary members
 * and users whose primary group one of them is. */
#ifndef PROBES_HOST_GROUPS_H
#define PROBES_HOST_GROUPS_H

#include "common/file.h"
#include "probes/facts/facts.h"
#include "probes/worker/worker.h"

/* GROUP: a name or, as dockerd takes it too, a number; BY_ID: numbers, separated by commas. With the host's own root
 * the name service (NSS: files, LDAP, sssd …) is asked, which may block: in a worker; OUTPUT is for groups_parse(). */
struct groups_request {
    const struct host_root *root;
    const char *group;
    bool by_id;
};
worker_run groups_run;
/* The same by a helper, whose argument is a host root: the message is "n" or, with BY_ID, "i" and the group. */
worker_run groups_run_asked;

/* A name that does not exist results in facts without items, a number in one without entries. The caller frees RET. 0
 * or a negative errno. */
int groups_parse(const char *output, size_t length, struct group_facts **ret, struct error *error);

#endif
