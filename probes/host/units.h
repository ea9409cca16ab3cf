/* systemd units: where a unit's file is, its drop-ins, its main process and whether it runs.
 *
 * systemd is asked over sd-bus, which may block, so it is asked in a worker for all units at once (units_run). Where it
 * does not run, does not answer, or the host root is another tree, the unit search path is read as systemd does. */
#ifndef PROBES_HOST_UNITS_H
#define PROBES_HOST_UNITS_H

#include "common/file.h"
#include "common/vec.h"
#include "probes/facts/wire.h"
#include "probes/worker/worker.h"

struct units_request {
    const struct host_root *root;
    const struct string_list *names; /* "docker.service"; at most UNITS_MAX */
};
enum { UNITS_MAX = 256 };
/* In a worker that keeps no capability; its argument is a struct units_request. Takes at most a few seconds, even if
 * the bus accepts and then keeps silent. */
worker_run units_run;
/* OUTPUT: of units_run. The caller frees RET. 0, or -EPROTO with ERROR. */
int units_parse(const char *output, size_t length, struct units_facts **ret, struct error *error);
/* What units_parse() and units_take() read. UNITS may be NULL: none is known. */
void units_put(struct str *out, const struct units_facts *units);
/* The caller frees; NULL with ERROR: READER is broken. */
struct units_facts *units_take(struct wire_reader *reader, struct error *error);
/* Owned by UNITS, which may be NULL; NULL: not among them. */
const struct unit_facts *units_find(const struct units_facts *units, const char *name);

struct unit_paths {
    char *fragment; /* NULL: no such unit */
    char **drop_ins;
    size_t drop_in_count;
    pid_t main_pid; /* 0: unknown */
    bool stopped;   /* inactive or deactivating according to systemd */
};
/* Looks UNIT ("docker.service") up in UNITS (may be NULL), else in the search path. The caller deinits RET. 0, also if
 * there is no such unit (fragment NULL); -EINVAL with ERROR if UNIT is not a unit name. Does not block on the bus. */
int unit_lookup(const struct host_root *root, const struct units_facts *units, const char *unit, struct unit_paths *ret,
                struct error *error);
void unit_paths_deinit(struct unit_paths *paths);

/* Directories where a unit file or its drop-ins may appear, for watching: /etc/systemd/system …; NULL-terminated. */
extern const char *const unit_search_path[];

#endif
