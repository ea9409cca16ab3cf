/* The host's mounts: the parsed table of /proc/1/mountinfo (the host's view, not this process's), and which of them
 * came or went when it changes. */
#ifndef PROBES_WATCH_MOUNTS_H
#define PROBES_WATCH_MOUNTS_H

#include <event2/event.h>

#include "common/error.h"
#include "common/file.h"
#include "probes/facts/facts.h"

int mounts_parse(const char *text, size_t length, struct mounts_facts **ret, struct error *error);
/* PROC: where the host's /proc is ("/proc"). */
int mounts_read(const char *proc, struct mounts_facts **ret, struct error *error);
/* Adds to FACTS where /etc/fstab and mount units mount something (at most 1,024 places). */
void mounts_read_configured(const struct host_root *root, struct mounts_facts *facts);

/* The mount points at which something was mounted or unmounted; options that changed are no change. */
struct mount_changes {
    bool everything;           /* the table could not be read (more than 16,384 mounts): it may be any point */
    const char *const *points; /* in the order of their bytes, each once */
    size_t count;
    const uint64_t
        *devices; /* the file systems that are mounted at the points: major << 32 | minor, ascending, each once */
    size_t device_count;
};
/* PATH, absolute and without symlinks, is one of the points or lies below one: another file may lie there now. */
bool mount_changes_reach(const struct mount_changes *changes, const char *path);
/* The file system MAJOR:MINOR was mounted or unmounted somewhere. */
bool mount_changes_of_device(const struct mount_changes *changes, unsigned major, unsigned minor);
/* A point lies below the directory PATH. */
bool mount_changes_lie_below(const struct mount_changes *changes, const char *path);

/* CHANGES is borrowed for the call. */
typedef void mounts_changed(const struct mount_changes *changes, void *user);

struct mounts_watch;
/* Calls CHANGED from the loop, once for all that changed up to a wake-up. NULL and ERROR when mountinfo cannot be
 * watched. */
struct mounts_watch *mounts_watch_new(struct event_base *base, const char *proc, mounts_changed *changed, void *user,
                                      struct error *error);
void mounts_watch_free(struct mounts_watch *watch); /* NULL is fine */

#endif
