/* Processes that keep capabilities which the agent itself gives up, and do with them what they were made for.
 *
 * They are made at the start, know a fixed list of tasks, and have nothing but a socket to the agent: a request is the
 * number of a task and a short text, and each is done by a process of its own, which keeps the capabilities of this
 * task alone. Whoever gets hold of the agent gets these tasks done and no more. A request of any other form ends the
 * helper. Being small, it also forks at a fraction of what that costs the agent.
 *
 * There are two of them. Only one that lives can make another with the same capabilities, so when one ends, whatever
 * killed it, the other one takes over and makes its successor: at once the first time, then after a wait that doubles
 * while they keep ending. When both are gone there is no way back but a new start of the agent. */
#ifndef PROBES_WORKER_HELPER_H
#define PROBES_WORKER_HELPER_H

#include <stdint.h>

#include "common/error.h"
#include "probes/worker/worker.h"

struct helper;

/* What its RUN gets as its argument. */
struct helper_work {
    const void *argument; /* that of the task */
    const char *message;  /* of the request; "" when there is none */
};

struct helper_task {
    worker_run *run;
    const void *argument;         /* as it is at helper_new() */
    const struct host_root *root; /* whose descriptor is kept; NULL: none */
    uint64_t capabilities;
    unsigned timeout_ms; /* not 0 */
};

/* Both processes, with the capabilities of all COUNT TASKS. LOST (may be NULL): called from the loop when both have
 * ended. NULL with ERROR when no process could be made. */
struct helper *helper_new(struct workers *workers, const struct helper_task *tasks, size_t count,
                          void (*lost)(void *user), void *user, struct error *error);
/* After the workers that it gave have called DONE or been cancelled. NULL is fine. */
void helper_free(struct helper *helper);

struct helper_request {
    unsigned task;       /* its place among TASKS */
    const char *message; /* NULL: none */
    size_t limit;        /* bytes of output */
    worker_done *done;
    void *user;
};
/* Has a task done. When the process that does it ends early it is asked for a second time. NULL with ERROR: -EMSGSIZE
 * for a message above 512 bytes, -EPIPE when both helpers have ended. */
struct worker *helper_ask(struct helper *helper, const struct helper_request *request, struct error *error);

/* How often a successor was made. */
unsigned helper_restarts(const struct helper *helper);

#endif
