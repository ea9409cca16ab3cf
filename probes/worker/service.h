/* A process that serves this one over a socket for as long as both live: it keeps what may block, and a right, away
 * from the loop. It has only that socket and the descriptors that its options name, dies with its parent and not by a
 * signal that is meant to end that one in order, and keeps only the capabilities that its options name. */
#ifndef PROBES_WORKER_SERVICE_H
#define PROBES_WORKER_SERVICE_H

#include <sys/types.h>

#include "probes/worker/worker.h"

struct service_options {
    /* In the process, which ends when it returns. ARGUMENT: as it is at the fork. */
    void (*run)(int fd, const void *argument);
    const void *argument;
    uint64_t capabilities;
    const int *kept; /* descriptors that it has besides its socket */
    size_t kept_count;
};
enum { SERVICE_KEPT_MAX = 4 };

/* The caller closes RET_FD, a stream socket. 0, or a negative errno with ERROR. */
int service_start(const struct service_options *options, pid_t *ret_pid, int *ret_fd, struct error *error);
/* Kills it if it still runs, and reaps it when it has gone. */
void service_end(struct workers *workers, pid_t pid);

#endif
