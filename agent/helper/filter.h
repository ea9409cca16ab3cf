/* What system calls a helper may make. */
#ifndef AGENT_HELPER_FILTER_H
#define AGENT_HELPER_FILTER_H

#include "probes/roles/roles.h"

/* From now on this process and its children may make the calls that ROLE needs; others fail with EPERM. The scanner's
 * may make all but those that no scanner needs. For good; it requires no_new_privs. 0, or a negative errno with ERROR.
 */
int filter_load(enum role role, struct error *error);

#endif
