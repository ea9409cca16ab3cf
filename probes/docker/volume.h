/* Local volumes that are no storage of the engine's own but a directory of the host in disguise: docker volume create
 * --opt type=none --opt o=bind --opt device=/etc */
#ifndef PROBES_DOCKER_VOLUME_H
#define PROBES_DOCKER_VOLUME_H

#include "common/json_in.h"
#include "common/memory.h"

/* The directory that a local volume with these driver options binds, or NULL. RET_READ_ONLY: "ro" is among the options.
 */
const char *volume_bound_folder(const char *options, const char *device, bool *ret_read_only);
/* The same of the text of the volume's opts.json, which the local driver keeps beside the volume's data. RET_FOLDER
 * lies in ARENA. -EINVAL when the text is not readable. */
int volume_parse_options(const char *text, size_t length, struct arena *arena, const char **ret_folder,
                         bool *ret_read_only, struct error *error);
/* Is WORD among OPTIONS, which have commas between? */
bool volume_has_option(const char *options, const char *word);

#endif
