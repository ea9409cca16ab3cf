/* A part of a worker's work on hostile data, in a process with limits of its own: an endless loop, a crash, or using up
 * all memory is an error of this part alone, and the worker goes on. A part that parses cuts itself off before it does
 * (part_cut.c): whoever takes it over has what it was handed, and nothing else. */
#ifndef PROBES_WORKER_WORKER_PART_H
#define PROBES_WORKER_WORKER_PART_H

#include "probes/worker/worker.h"

struct part_options {
    worker_run *run; /* standard input and error are /dev/null in it, standard output is not to be written to */
    const void *argument;
    size_t limit;         /* bytes of output */
    unsigned cpu_seconds; /* of processor time, which a busy machine does not use up */
    size_t memory;        /* bytes of data (RLIMIT_DATA); without effect under AddressSanitizer */
    uint64_t capabilities;
    const struct host_root *root; /* whose descriptor is kept; NULL: none */
    const int *kept;              /* descriptors that are kept besides */
    size_t kept_count;
};
enum { PART_KEPT_MAX = 4, PART_TRIES = 2 };

/* In a worker, which waits for it. 0 with what RUN gave appended to OUTPUT; a negative errno of RUN's with ERROR;
 * -ETIME: it used up its processor time; -ENOTRECOVERABLE: it crashed, or ran out of memory; -EFBIG: it wrote more than
 * LIMIT; -EOWNERDEAD: it was killed from outside, was started once more, and was killed again. */
int part_run(const struct part_options *options, struct str *output, struct error *error);

/* The same in two steps, for parts that run at the same time; one that was killed is not started again. OPTIONS outlive
 * it. 0, or a negative errno with ERROR: there is no part to finish. */
struct part {
    const struct part_options *options;
    pid_t pid;
    int fd; /* its output */
};
int part_start(const struct part_options *options, struct part *ret, struct error *error);
int part_finish(struct part *part, struct str *output, struct error *error);
bool part_answers(const struct part *part, int within_ms); /* gives output, or ends */
void part_kill(const struct part *part);                   /* it is still to be finished */

/* Called in the part: it has that many seconds of processor time from now on. */
void part_allow_cpu(unsigned seconds);

/* ---- part_cut.c: called in the part, for good ---- */

/* Before it looks at files by FOLDERS, descriptors of directories: it can open only what lies beneath them, to read.
 * Where the kernel has no Landlock (landlock(7)) nothing changes. */
void part_look_beneath(const int *folders, size_t count);

enum part_calls {
    PART_PARSES,  /* memory, reading what was handed to it, writing its output */
    PART_RECEIVES /* and the sockets that it has: it hands on what comes */
};
/* Before the first byte that others chose is parsed: it gives up all capabilities, closes all descriptors but KEPT (-1:
 * passed over; not if it receives) and may make only the system calls of CALLS. Others, such as opening a file by any
 * name, making or connecting a socket, executing, and other processes, fail with EPERM, whatever the kernel is. 0, or a
 * negative errno with ERROR: it must not go on. */
int part_cut(enum part_calls calls, const int *kept, size_t count, struct error *error);

#endif
