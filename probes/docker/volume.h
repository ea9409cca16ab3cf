/* Local volumes that are no storage of the engine's own but something of the host in disguise: docker volume create
 * --opt type=none --opt o=bind --opt device=/etc */
#ifndef PROBES_DOCKER_VOLUME_H
#define PROBES_DOCKER_VOLUME_H

#include "common/json_in.h"
#include "common/memory.h"
#include "probes/facts/facts.h"

struct volume_source {
    struct string_list
        devices; /* see struct mount_facts; none: it is the engine's own storage, or no part of this host */
    bool block_device, read_only;
};

/* What a local volume with these driver options mounts, in ARENA. Each of the options may be NULL. */
void volume_read_source(const char *type, const char *options, const char *device, struct arena *arena,
                        struct volume_source *ret);
/* The same of the text of the volume's opts.json, which the local driver keeps beside the volume's data. -EINVAL when
 * the text is not readable. */
int volume_parse_options(const char *text, size_t length, struct arena *arena, struct volume_source *ret,
                         struct error *error);
/* Is WORD among OPTIONS, which have commas between? */
bool volume_has_option(const char *options, const char *word);

#endif
