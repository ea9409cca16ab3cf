/* Watches on host paths, kept by a process that may look at every directory (role files).
 *
 * What is asked of it is a path, a scope, or the id of a container whose record is watched; what it reports is only
 * that something of a watch changed, never a name or a content. Nothing here waits: a watch is armed when what was
 * asked for after it is answered (watching_after()), and until then nothing may be read that it is for.
 *
 * A process that ends, or does not answer for a while, is started again with back-off; then every watch is called,
 * since nobody looked meanwhile. Without it, watches are not called, and changes are noticed by the next sweep. */
#ifndef PROBES_ROLES_WATCHING_H
#define PROBES_ROLES_WATCHING_H

#include <event2/event.h>

#include "probes/watch/mounts.h"
#include "probes/watch/watch.h"
#include "probes/worker/helper.h"

struct watching;
struct watched;

/* The record of container ID was written, and it was not read in the moment after. ID is borrowed for the call. */
typedef void watching_record(const char *id, void *user);

struct watching_options {
    struct event_base *base;
    struct helper *helper; /* of role files; it outlives the watching */
    unsigned task;         /* FILES_WATCH */
    watching_record *record;
    void *user;
};
struct watching *watching_new(const struct watching_options *options);
void watching_free(struct watching *watching); /* NULL is fine; its watches before */

/* As watch_add(). */
struct watched *watching_add(struct watching *watching, const char *path, enum watch_scope scope,
                             watch_changed *changed, void *user);
void watched_free(struct watched *watched); /* NULL is fine */
void watching_mounts_changed(struct watching *watching, const struct mount_changes *changes);
void watching_retry(struct watching *watching);

/* Container ID is about to be read, whose record is in DATA_ROOT/containers/ID: from now on it is watched. FIND: it was
 * read before; it is reported if it was written so lately that this may have been afterwards. */
void watching_begin_record(struct watching *watching, const char *id, const char *data_root, bool find);
void watching_end_record(struct watching *watching, const char *id); /* it runs */
/* Those that KEEP is false for are watched no more. */
void watching_keep_records(struct watching *watching, bool (*keep)(const char *id, void *user), void *user);
bool watching_has_record(const struct watching *watching, const char *id);

/* Calls BACK once, from the loop, when all watches that were asked for before are armed, or will not be. */
void watching_after(struct watching *watching, void (*back)(void *user), void *user);
bool watching_is_settled(const struct watching *watching); /* they are already */

/* As the process last reported them. */
const struct watcher_counters *watching_counters(const struct watching *watching);
unsigned watching_restarts(const struct watching *watching);

#endif
