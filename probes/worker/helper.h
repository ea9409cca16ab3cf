/* Processes that retain capabilities which the agent itself gives up, and use them for a fixed list of tasks.
 *
 * They are forked at the start and have only a socket to the agent. A request is the number of a task and a message;
 * each is done in a process of its own, which keeps the capabilities of its task alone. An attacker who controls the
 * agent can have these tasks done and nothing else. A request of any other form ends the helper. Being small, a helper
 * also forks faster than the agent.
 *
 * There are two of them, because only a living helper can make another one with the same capabilities. When one ends,
 * the other takes over and makes its successor: at once the first time, then after a wait that doubles while they keep
 * ending. When both have ended, the agent has to be restarted. */
#ifndef PROBES_WORKER_HELPER_H
#define PROBES_WORKER_HELPER_H

#include <stdint.h>

#include "common/error.h"
#include "probes/worker/worker.h"

struct helper;

/* The argument of a task's RUN. */
struct helper_work {
    const void *argument; /* that of the task */
    const char *message;  /* of the request, with a NUL after it; "" when there is none */
    size_t length;
};

struct helper_task {
    worker_run *run;
    /* In place of RUN: serves the stream socket FD, from helper_connect(), until its other end is closed. */
    void (*serve)(int fd, const void *argument);
    const void *argument;                   /* as it is at helper_new() */
    const struct host_root *root, *outside; /* whose descriptors are kept; NULL: none */
    uint64_t capabilities;
    unsigned timeout_ms; /* not 0; a request may ask for less */
    bool background;     /* as in struct worker_options */
};

/* Both processes, with the capabilities of all COUNT TASKS. LOST (may be NULL): called from the loop when both have
 * ended. NULL with ERROR when no process could be made. */
struct helper *helper_new(struct workers *workers, const struct helper_task *tasks, size_t count,
                          void (*lost)(void *user), void *user, struct error *error);
/* Not before the workers from helper_ask() have called DONE or been cancelled. NULL is fine. */
void helper_free(struct helper *helper);

struct helper_request {
    unsigned task;       /* its place among TASKS */
    const char *message; /* LENGTH bytes; NULL: none */
    size_t length;
    size_t limit;        /* bytes of output */
    unsigned timeout_ms; /* 0: the task's own */
    worker_done *done;
    void *user;
};
enum { HELPER_MESSAGE_MAX = 16 << 20 };
/* Requests a task. If the process that does it ends early, it is requested once more. NULL with ERROR: EMSGSIZE for a
 * message above HELPER_MESSAGE_MAX bytes, EPIPE when both helpers have ended. */
struct worker *helper_ask(struct helper *helper, const struct helper_request *request, struct error *error);

/* Starts TASK, which has SERVE. The caller closes RET_FD, by which the task ends. 0, or a negative errno with ERROR. */
int helper_connect(struct helper *helper, unsigned task, int *ret_fd, struct error *error);

/* How often a successor was made. */
unsigned helper_restarts(const struct helper *helper);

#endif
