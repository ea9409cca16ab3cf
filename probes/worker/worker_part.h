/* A part of a worker's work on hostile data, in a process with limits of its own: an endless loop, a crash, or using up
 * all memory is an error of this part alone, and the worker goes on. */
#ifndef PROBES_WORKER_WORKER_PART_H
#define PROBES_WORKER_WORKER_PART_H

#include "probes/worker/worker.h"

struct part_options {
    worker_run *run;
    const void *argument;
    size_t limit;         /* bytes of output */
    unsigned cpu_seconds; /* of processor time, which a busy machine does not use up */
    size_t memory;        /* bytes of data (RLIMIT_DATA); without effect under AddressSanitizer */
    uint64_t capabilities;
    const struct host_root *root; /* whose descriptor is kept; NULL: none */
};

/* In a worker, which waits for it. 0 with what RUN gave appended to OUTPUT; a negative errno of RUN's with ERROR;
 * -ETIME: it used up its processor time; -ENOTRECOVERABLE: it crashed, or ran out of memory; -EFBIG: it wrote more than
 * LIMIT; -EOWNERDEAD: it was killed from outside, was started once more, and was killed again. */
int part_run(const struct part_options *options, struct str *output, struct error *error);

/* Called in the part: it has that many seconds of processor time from now on. */
void part_allow_cpu(unsigned seconds);

#endif
