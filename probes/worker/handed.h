/* A descriptor that takes a right to open, handed over by the helper that has it (SCM_RIGHTS).
 *
 * The helper's task (its SERVE) sends it or says why not, and is done; what it is for, reading it takes no right. */
#ifndef PROBES_WORKER_HANDED_H
#define PROBES_WORKER_HANDED_H

#include <event2/event.h>

#include "common/error.h"

struct helper;

/* In the task, on its SOCKET: sends FD, which the caller closes; below 0: what ERROR says. */
void handed_send(int socket, int fd, const struct error *error);

/* FD is DONE's to close; -1: there is none, and WHY says why. */
typedef void handed_done(int fd, const struct error *why, void *user);
struct handed;
/* Asks HELPER for the descriptor of TASK; DONE is called from the loop, after which RET is freed. NULL with ERROR, as
 * helper_connect(). */
struct handed *handed_ask(struct event_base *base, struct helper *helper, unsigned task, handed_done *done, void *user,
                          struct error *error);
void handed_cancel(struct handed *handed); /* DONE is not called. NULL is fine */

#endif
