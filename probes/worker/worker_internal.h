/* Shared by worker.c (the loop's side), worker_child.c (the child's), worker_part.c, helper.c and helper_serve.c.
 * Nobody else includes this. */
#ifndef PROBES_WORKER_WORKER_INTERNAL_H
#define PROBES_WORKER_WORKER_INTERNAL_H

#include <sys/types.h>

#include "probes/worker/worker.h"

/* ---- worker_child.c ---- */

/* How a child begins. */
struct child_start {
    pid_t parent;    /* the child dies with it */
    bool same_group; /* of processes; else one of its own */
    bool serves;     /* until the parent ends: signals that end that one in order are not meant for it */
    const int *kept; /* descriptors beyond the standard ones; -1: passed over */
    size_t kept_count;
    uint64_t capabilities;
};
/* Resets signals, closes all descriptors but the standard ones and KEPT, which become close-on-exec, sets no_new_privs
 * and gives up all capabilities but CAPABILITIES. 0, or a negative errno of giving up capabilities. */
int child_begin(const struct child_start *start);
/* All but the standard ones and KEPT (-1: passed over), which become close-on-exec. */
void child_close_others(const int *kept, size_t count);
/* Lowers its priority, and takes back the agent's protection from the OOM killer (OOMScoreAdjust=). */
void child_stand_back(void);
/* From now on the process and its group end once nobody will read from the pipe FD, which it writes to. */
void child_end_with_reader(int fd);
/* Calls RUN, writes its result to FD and exits. BEGUN: the result of child_begin(), which is reported if it failed. */
void child_run(int fd, int begun, worker_run *run, const void *argument) __attribute__((noreturn));

/* Parses what child_run() wrote: a byte for success or failure, the output or else an errno as a byte and the error's
 * text, and an end mark, without which nothing counts. 0 with RET_TEXT, within OUTPUT, being the output; a positive
 * errno with RET_TEXT being the error's text; -EPROTO: the child ended early. */
int child_result(struct str *output, const char **ret_text, size_t *ret_length);
enum { CHILD_MARKS = 2 }; /* bytes beyond the output */

/* ---- worker.c ---- */

/* Where the result of a child comes from. */
struct worker_source {
    int fd;    /* taken over */
    pid_t pid; /* 0: not a child of this process */
    size_t limit;
    unsigned timeout_ms;
    worker_done *done;
    void *user;
    /* Not NULL: called once when the output ends early, for a descriptor of another try; a negative errno: there is
     * none, and ERROR says why. */
    int (*retry)(void *retry_user, struct error *error);
    void (*explain)(const void *retry_user, struct error *error); /* with RETRY: why that ended early, too */
    void *retry_user;
    void (*retry_free)(void *retry_user); /* called with the worker's end */
};
struct worker *worker_listen(struct workers *workers, const struct worker_source *source);

/* Kills a child, WITH_GROUP also those of its process group, and reaps it when it has gone. */
void workers_kill(struct workers *workers, pid_t pid, bool with_group);
struct event_base *workers_base(const struct workers *workers);

#endif
