/* What worker.c and helper.c share. Nobody else includes this. */
#ifndef PROBES_WORKER_WORKER_INTERNAL_H
#define PROBES_WORKER_WORKER_INTERNAL_H

#include <sys/types.h>

#include "probes/worker/worker.h"

/* The child's side, to its end: OPTIONS' work with what it says written to FD. It dies with PARENT. */
void worker_child(int fd, const struct worker_options *options, pid_t parent) __attribute__((noreturn));

/* How every child begins: in a process group of its own, dying with PARENT, with ordinary signals, FD and the host's
 * root its only descriptors beyond the standard ones, and no way to new privileges. */
void worker_begin_child(int fd, const struct worker_options *options, pid_t parent);

/* Hands FD and MESSAGE (NULL: none) to the helper, which starts its work with it. Fails when the helper is no more. */
int helper_ask(struct helper *helper, int fd, const char *message, struct error *error);

#endif
