/* Work that may block, in a process of its own: the loop goes on, and a failure there stays there.
 *
 * Nothing here waits: a child that has ended or was killed is reaped on SIGCHLD.
 *
 * worker_start() forks; the child closes every descriptor but its pipe, resets signals, dies with its parent, keeps
 * only the capabilities that its options name, runs RUN and ends. What RUN appends to its output comes to DONE when the
 * child has ended properly; a child that dies, outlives its time or writes more than its limit is an error. */
#ifndef PROBES_WORKER_WORKER_H
#define PROBES_WORKER_WORKER_H

#include <errno.h>
#include <event2/event.h>
#include <stdint.h>

#include "common/error.h"
#include "common/file.h"
#include "common/str.h"

struct workers; /* those of one loop */
struct worker;

/* In the child. 0, or a negative errno (not -ECHILD) with ERROR filled. */
typedef int worker_run(struct str *output, const void *argument, struct error *error);
/* In the parent, from the loop. NUMBER 0: OUTPUT is complete. Else an errno and WHY: that of RUN, ETIMEDOUT, EFBIG, or
 * WORKER_DIED. The worker is freed after it. */
typedef void worker_done(const char *output, size_t length, int number, const char *why, void *user);
enum { WORKER_DIED = ECHILD }; /* it crashed, or was killed from outside */

struct worker_options {
    worker_run *run;
    const void *argument;         /* as it is at the fork */
    size_t limit;                 /* bytes of output */
    unsigned timeout_ms;          /* 0: none */
    uint64_t capabilities;        /* that the child keeps, one bit each, of those this process has */
    bool background;              /* long and not urgent: nice, and killed before the agent when memory is short */
    const struct host_root *root; /* whose descriptor the child keeps; NULL: none */
    int kept;                     /* a descriptor that the child keeps, too; 0: none */
    worker_done *done;
    void *user;
};

/* They own BASE's SIGCHLD. Not freed before their workers have called DONE or been cancelled. */
struct workers *workers_new(struct event_base *base);
/* Children that could not be reaped yet stay zombies until this process ends. NULL is fine. */
void workers_free(struct workers *workers);

/* NULL with ERROR when no process could be made. */
struct worker *worker_start(struct workers *workers, const struct worker_options *options, struct error *error);
/* Kills it; DONE is not called. NULL is fine. */
void worker_cancel(struct worker *worker);

#endif
