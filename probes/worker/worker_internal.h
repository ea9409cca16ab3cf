/* What the files here share: worker.c (the loop's side), worker_child.c (the child's), worker_part.c and helper.c.
 * Nobody else includes this. */
#ifndef PROBES_WORKER_WORKER_INTERNAL_H
#define PROBES_WORKER_WORKER_INTERNAL_H

#include <sys/types.h>

#include "probes/worker/worker.h"

/* ---- worker_child.c ---- */

/* How a child begins. */
struct child_start {
    pid_t parent;    /* with which it dies */
    bool same_group; /* of processes; else one of its own */
    const int *kept; /* descriptors beyond the standard ones; -1: passed over */
    size_t kept_count;
    uint64_t capabilities;
};
/* With ordinary signals, KEPT its only descriptors beyond the standard ones and none of them for programs that it
 * starts, CAPABILITIES at most, and no way to new privileges. 0, or a negative errno: of giving up capabilities. */
int child_begin(const struct child_start *start);
/* RUN with what it gives written to FD, to the end of this process. BEGUN: what child_begin() gave. */
void child_run(int fd, int begun, worker_run *run, const void *argument) __attribute__((noreturn));

/* What child_run() writes is a byte for how it went, the output or an errno as a byte and the error's text, and an end
 * mark: without the mark nothing of it counts. OUTPUT loses its mark. 0 with the TEXT in OUTPUT; a positive errno with
 * the error's text there; -EPROTO: it ended early. */
int child_result(struct str *output, const char **ret_text, size_t *ret_length);
enum { CHILD_MARKS = 2 }; /* bytes beyond the output */

/* ---- worker.c ---- */

/* Somewhere a child writes what child_run() writes. */
struct worker_source {
    int fd;    /* taken over */
    pid_t pid; /* 0: not a child of this process */
    size_t limit;
    unsigned timeout_ms;
    worker_done *done;
    void *user;
    /* Not NULL: called once when the output ends early, for a descriptor of another try; a negative errno: there is
     * none. */
    int (*retry)(void *retry_user);
    void *retry_user; /* freed with the worker */
};
struct worker *worker_listen(struct workers *workers, const struct worker_source *source);

/* Kills a child, WITH_GROUP also those of its process group, and reaps it when it has gone. */
void workers_kill(struct workers *workers, pid_t pid, bool with_group);
struct event_base *workers_base(const struct workers *workers);

#endif
