/* Watches the records that dockerd keeps of containers that do not run.
 *
 * dockerd sends no event when a container that does not run is connected to a network (daemon/container_operations.go,
 * ConnectToNetwork: the event comes with the endpoint), but it writes the container's config.v2.json, in one move, as
 * it does for every change. One inotify watch on each such container's directory shows that; a container that runs is
 * not watched, since its changes have events and its record is written at every health check. */
#ifndef PROBES_WATCH_RECORD_WATCH_H
#define PROBES_WATCH_RECORD_WATCH_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "common/error.h"

struct record_watch;

/* The record of container ID was written, and the container was not read (record_watch_begin()) within a moment after.
 * ID is borrowed for the call. */
typedef void record_changed(const char *id, void *user);

/* NULL and ERROR when inotify refuses. */
struct record_watch *record_watch_new(struct event_base *base, record_changed *changed, void *user,
                                      struct error *error);
/* ENDED is called when a directory that was watched is one no more. */
void record_watch_on_end(struct record_watch *records, record_changed *ended);
void record_watch_free(struct record_watch *records); /* NULL is fine */

/* Container ID is about to be read. From now on FOLDER, the one with its record, is watched, and what was written
 * before is reported no more. */
void record_watch_begin(struct record_watch *records, const char *id, const char *folder);
void record_watch_end(struct record_watch *records, const char *id); /* it runs */
/* False: the directory could not be watched, so changes go unseen. */
bool record_watch_has(const struct record_watch *records, const char *id);

DEFINE_CLEANUP(struct record_watch *, cleanup_record_watch, record_watch_free)

#endif
