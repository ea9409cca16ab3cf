/* The files that make up a systemd unit, and what docker.socket listens on. UNITS: see unit_lookup(). */
#ifndef PROBES_HOST_SOCKET_UNIT_H
#define PROBES_HOST_SOCKET_UNIT_H

#include "common/error.h"
#include "common/file.h"
#include "common/vec.h"
#include "probes/facts/facts.h"

struct path_list {
    char **items; /* owned */
    size_t count, size;
};
void path_list_deinit(struct path_list *list);

/* Appends the unit's file and its drop-ins; nothing if there is no such unit. 0, or a negative errno with ERROR. */
int unit_files(const struct host_root *root, const struct units_facts *units, const char *unit, struct path_list *ret,
               struct error *error);
/* Calls BACK with each path where UNIT's files may appear (systemd.unit(5)); TREE: a directory of them. */
void unit_places(const char *unit, void (*back)(const char *path, bool tree, void *user), void *user);

/* Appends what docker.socket listens on: paths and TCP addresses as they are written; without the unit Docker's own
 * path. 0, or a negative errno with ERROR. */
int socket_unit_streams(const struct host_root *root, const struct units_facts *units, struct path_list *ret,
                        struct error *error);
/* Does dockerd listen on sockets that docker.socket hands it? DAEMON may be NULL. */
bool socket_unit_activates(const struct daemon_facts *daemon);

#endif
