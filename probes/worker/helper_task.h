/* The helper's side: a process of its own that keeps one right and does nothing with it but the tasks of its role.
 *
 * Each request is done in a process forked for it, which keeps only what its task needs; one that hangs is ended, and
 * one that crashes is the end of this answer alone. A request of any other form than that of helper_frames.h ends the
 * helper. It ends with its connection, too: whoever supervises it starts another one. */
#ifndef PROBES_WORKER_HELPER_TASK_H
#define PROBES_WORKER_HELPER_TASK_H

#include "probes/worker/worker.h"

enum { HELPER_MESSAGE_MAX = 16 << 20, HELPER_TASKS_MAX = 12 };

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
    const void *argument;
    const struct host_root *root, *outside; /* whose descriptors its process keeps; NULL: none */
    const int *descriptor;                  /* that its process keeps; NULL: none */
    uint64_t capabilities;                  /* that its process keeps, of those that the helper has */
    unsigned timeout_ms;                    /* not 0; a request may ask for less */
    bool background;                        /* as in struct worker_options */
};

struct helper_role {
    const char *name;
    const struct helper_task *tasks;
    size_t count;
    unsigned at_once;   /* requests under way, up to 64; 0: 8. Others wait on the agent's side */
    void (*tick)(void); /* called at least every TICK_MS while it serves or waits; NULL: is not */
    unsigned tick_ms;
};

/* Serves one connection: that of FD, a SOCK_SEQPACKET socket, or the first that FD accepts when it listens. Only this
 * process's user, root and PEER (the agent's user) are served; others' connections are closed. Returns 0 when the
 * connection has ended, or a negative errno with ERROR: of the socket, or -EPROTO for a packet of another form. */
int helper_serve(int fd, uid_t peer, const struct helper_role *role, struct error *error);

#endif
