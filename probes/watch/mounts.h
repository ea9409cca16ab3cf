/* The host's mounts: a callback per change of /proc/1/mountinfo (the host's view, not ours), and the parsed table. */
#ifndef PROBES_WATCH_MOUNTS_H
#define PROBES_WATCH_MOUNTS_H

#include <event2/event.h>

#include "common/error.h"
#include "probes/facts/facts.h"

int mounts_parse(const char *text, size_t length, struct mounts_facts **ret, struct error *error);
/* PROC: where the host's /proc is ("/proc"). */
int mounts_read(const char *proc, struct mounts_facts **ret, struct error *error);

struct mounts_watch;
struct mounts_watch *mounts_watch_new(struct event_base *base, const char *proc, void (*changed)(void *user),
                                      void *user, struct error *error);
void mounts_watch_free(struct mounts_watch *watch);

#endif
