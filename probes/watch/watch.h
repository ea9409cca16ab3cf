/* "Look again" watches on host paths, over inotify.
 *
 * A watch on a path calls back whenever what is there may have changed: the file, its inode (writes through hard
 * links), any directory on the way, any symlink on the way, appearance and removal. It does not report what happened;
 * the receiver looks again. After queue overflow every watch is called; after a mount those whose path passes its mount
 * point, once watcher_mounts_changed() hears of it.
 * Several paths may share directories: kernel watches are shared and counted. A path that does not exist is watched
 * through its nearest existing ancestor. Callbacks come from the loop, coalesced per wake-up (once per path). */
#ifndef PROBES_WATCH_WATCH_H
#define PROBES_WATCH_WATCH_H

#include <event2/event.h>

#include "common/file.h"
#include "probes/watch/mounts.h"

struct watcher;
struct watch;

typedef void watch_changed(const char *path, void *user);

struct watcher *watcher_new(struct event_base *base, const struct host_root *root, struct error *error);
void watcher_free(struct watcher *watcher);

enum watch_scope {
    WATCH_PATH,
    WATCH_TREE,        /* with everything below PATH; files count when they are closed */
    WATCH_TREE_WRITES, /* and each write to a file there, for those that are kept open */
};

/* Never NULL: a watch that is refused is kept, counted and logged once, and what cannot be watched is not noticed until
 * somebody looks. The kernel refuses beyond its limit for all of a user's processes. A tree is watched to a depth of 32
 * and up to 8,192 directories, or an eighth of that limit, but always up to 1,024. CHANGED must not free the watch
 * it is called for. */
struct watch *watch_add(struct watcher *watcher, const char *path, enum watch_scope scope, watch_changed *changed,
                        void *user);
void watch_free(struct watch *watch); /* NULL is fine */

/* Arms anew and calls every watch whose path, or a symlink on its way, leads through one of the mount points, and those
 * on trees that hold one. */
void watcher_mounts_changed(struct watcher *watcher, const struct mount_changes *changes);

/* Tries once more what was refused, before everything is looked at anyhow (a sweep): calls nobody. */
void watcher_retry(struct watcher *watcher);

struct watcher_counters {
    uint64_t wakeups, events, overflows;
    unsigned paths, kernel_watches, refused; /* refused: paths that could not be watched just now */
};
const struct watcher_counters *watcher_counters(const struct watcher *watcher);

#endif
