/* systemd units: where a unit's file is, its drop-ins, its main process and whether it runs.
 *
 * systemd is asked over sd-bus, which may block, so it is asked in a worker for all units at once (units_run). Where it
 * does not run, does not answer, or the host root is another tree, the unit search path is read as systemd does. */
#ifndef PROBES_HOST_UNITS_H
#define PROBES_HOST_UNITS_H

#include "common/file.h"
#include "common/vec.h"
#include "probes/facts/facts.h"
#include "probes/worker/worker.h"

struct units_request {
    const struct host_root *root;
    const struct string_list *names; /* "docker.service"; at most UNITS_MAX */
};
enum { UNITS_MAX = 256 };
/* In a worker that keeps no capability; its argument is a struct units_request. Takes at most a few seconds, also where
 * the bus accepts and then keeps silent. */
worker_run units_run;
/* OUTPUT: of units_run. 0, or -EPROTO with ERROR. */
int units_parse(const char *output, size_t length, struct units_facts **ret, struct error *error);
/* NULL: UNITS (may be NULL) does not hold it. */
const struct unit_facts *units_find(const struct units_facts *units, const char *name);

struct unit_paths {
    char *fragment; /* NULL: no such unit */
    char **drop_ins;
    size_t drop_in_count;
    pid_t main_pid; /* 0: unknown */
    bool stopped;   /* systemd says that it is inactive, or on its way there */
};
/* UNIT ("docker.service") as UNITS has it; what they do not hold (they may be NULL) is looked for in the search path.
 * 0 also when there is no such unit (fragment NULL); -EINVAL with ERROR when UNIT is no unit's name. Does not block on
 * the bus. */
int unit_lookup(const struct host_root *root, const struct units_facts *units, const char *unit, struct unit_paths *ret,
                struct error *error);
void unit_paths_deinit(struct unit_paths *paths);

/* Directories where a unit file or its drop-ins may appear, for watching: /etc/systemd/system …; NULL-terminated. */
extern const char *const unit_search_path[];

#endif
