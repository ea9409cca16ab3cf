/* A part of a worker's work that hostile data may lead astray, in a process of its own with limits of its own: what it
 * was led to, a loop, a crash, all the memory there is, is an error of this part, and the worker goes on. */
#ifndef PROBES_WORKER_WORKER_PART_H
#define PROBES_WORKER_WORKER_PART_H

#include "probes/worker/worker.h"

struct part_options {
    worker_run *run;
    const void *argument;
    size_t limit;         /* bytes of output */
    unsigned cpu_seconds; /* of processor time: a busy machine does not use it up */
    size_t memory;        /* bytes of data (RLIMIT_DATA); without effect under AddressSanitizer */
    uint64_t capabilities;
    const struct host_root *root; /* whose descriptor is kept; NULL: none */
};

/* In a worker, which waits for it. 0 with what RUN gave appended to OUTPUT; a negative errno of RUN's with ERROR;
 * -ETIME: it used up its processor time; -ENOTRECOVERABLE: it crashed, or ran out of memory; -EFBIG: it wrote more than
 * it may; -EOWNERDEAD: it was killed from outside, and killed again when it was started for a second time. */
int part_run(const struct part_options *options, struct str *output, struct error *error);

/* In the part itself: from now on it has that many seconds of processor time. */
void part_allow_cpu(unsigned seconds);

#endif
