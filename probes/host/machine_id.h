/* Which machine this is: an id that is made of the machine id (machine-id(5)) and that nobody can make into it again.
 */
#ifndef PROBES_HOST_MACHINE_ID_H
#define PROBES_HOST_MACHINE_ID_H

#include "common/file.h"

enum { MACHINE_ID_SIZE = 33 }; /* 32 hex digits and the NUL */

/* As sd_id128_get_machine_app_specific(3) with the application id ede6a10f-d5c0-4e54-9bd3-65c5cd006305, of the machine
 * whose files ROOT has. 0, or a negative errno with ERROR: -ENOENT there is none, -EINVAL it is not what machine-id(5)
 * says. */
int machine_id_read(const struct host_root *root, char ret[MACHINE_ID_SIZE], struct error *error);

#endif
