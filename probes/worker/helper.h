/* A process that does one kind of work for the agent, and keeps a capability for it that the agent itself gives up.
 *
 * It is made at the start, keeps nothing but this capability and a socket to the agent, and does one thing when it is
 * asked: it starts the work that it was made for, in a worker. Whoever gets hold of the agent gets this work done and
 * no more. It ends with the agent. Being small it also forks at a fraction of what that costs the agent. */
#ifndef PROBES_WORKER_HELPER_H
#define PROBES_WORKER_HELPER_H

#include <stdint.h>

#include "common/error.h"
#include "probes/worker/worker.h"

struct helper;

/* What its work gets as its argument. */
struct helper_work {
    const void *argument; /* that of OPTIONS */
    const char *message;  /* of whoever asks; "" when there is none */
};

/* Of OPTIONS: run, argument, timeout_ms (rounded up to seconds), capabilities and root. NULL with ERROR. */
struct helper *helper_new(const struct worker_options *options, struct error *error);
void helper_free(struct helper *helper); /* NULL is fine */

#endif
