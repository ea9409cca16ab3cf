/* systemd units through sd-bus: where a unit's file is, its drop-ins and its main process. Where systemd does not run
 * (or the host root is another tree) the unit search path is read instead. */
#ifndef PROBES_HOST_UNITS_H
#define PROBES_HOST_UNITS_H

#include "common/file.h"
#include "common/vec.h"
#include "probes/facts/facts.h"

struct unit_paths {
    char *fragment; /* NULL: no such unit */
    char **drop_ins;
    size_t drop_in_count;
    pid_t main_pid; /* 0 unknown */
    bool stopped;   /* systemd says that it is inactive, or on its way there */
};
/* UNIT: "docker.service". 0 also when there is no such unit (fragment NULL). Blocks at most 1 s on the bus. */
int unit_lookup(const struct host_root *root, const char *unit, struct unit_paths *ret, struct error *error);
void unit_paths_deinit(struct unit_paths *paths);

/* Folders where a unit file or its drop-ins may appear, for watching: /etc/systemd/system … ; NULL-terminated. */
extern const char *const unit_search_path[];

#endif
