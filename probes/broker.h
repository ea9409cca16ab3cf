/* A process that keeps a capability which the agent itself gives up.
 *
 * It is made at the start, keeps nothing but this capability and a socket to the agent, and does one thing when it is
 * asked: it starts the work that it was made for, in a worker. It takes no words: whoever gets hold of the agent gets
 * this work done and no more. It ends with the agent. */
#ifndef PROBES_BROKER_H
#define PROBES_BROKER_H

#include <stdint.h>

#include "common/error.h"
#include "probes/worker.h"

struct broker;

/* Of OPTIONS: run, argument, timeout_ms (rounded up to seconds) and capabilities. NULL with ERROR. */
struct broker *broker_new(const struct worker_options *options, struct error *error);
void broker_free(struct broker *broker); /* NULL is fine */

#endif
