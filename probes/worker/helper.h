/* The agent's side of a helper: a process of another program, of a user of its own, which keeps one right that the
 * agent does not have, and uses it for the fixed list of tasks of its role (helper_task.h).
 *
 * A request is the number of a task and a message. Several are under way at once, others
 * wait. A connection that ends, on which nothing comes, or on which anything comes that was not asked for, is closed,
 * and another one is made: at once the first time, then after a wait that doubles while they keep ending. Requests that
 * were under way are made once more; what is asked for while one begins waits for its hello. Once that takes long, each
 * request fails at once, and says why. Processes that do not end take places of others: where those wait for nothing
 * else, the connection is given up, too. */
#ifndef PROBES_WORKER_HELPER_H
#define PROBES_WORKER_HELPER_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "probes/worker/helper_task.h"

struct helper;

struct helper_options {
    const char *role;  /* "audit"; both outlive the helper */
    const char *right; /* "CAP_AUDIT_CONTROL": without the helper it is what the agent lacks */
    /* A connected SOCK_SEQPACKET socket, at whose other end the role serves or is about to; the helper closes it. Does
     * not block. 0 or a negative errno with ERROR. NULL: there is nobody who could start the role. */
    int (*connect)(const char *role, void *user, int *ret_fd, struct error *error);
    /* May be NULL. WHY: requests fail from now on; NULL: they are answered again. */
    void (*changed)(const char *role, const char *why, void *user);
    void *user;
    struct helper_task tasks[HELPER_TASKS_MAX]; /* COUNT of them, of which only the time counts here */
    size_t count;
    unsigned at_once;     /* as in struct helper_role */
    unsigned patience_ms; /* how long nothing may come that has to come at once; 0: 20 s */
};

/* Connects. */
struct helper *helper_new(struct workers *workers, const struct helper_options *options);
/* Not before the workers from helper_ask() have called DONE or been cancelled. NULL is fine. */
void helper_free(struct helper *helper);

struct helper_request {
    unsigned task;       /* its place among the role's */
    const char *message; /* LENGTH bytes; NULL: none */
    size_t length;
    size_t limit;        /* bytes of output */
    unsigned timeout_ms; /* 0: the task's own; the time that it waits for others counts */
    worker_done *done;
    void *user;
};
/* Requests a task. If the process that does it ends early, it is requested once more. DONE gets WORKER_DIED where that
 * fails, too. NULL with ERROR: EMSGSIZE for a message above HELPER_MESSAGE_MAX
 * bytes, WORKER_DIED while the role is not running,
 * EPERM where nobody can start it, EAGAIN for more than 1,024 that wait. */
struct worker *helper_ask(struct helper *helper, const struct helper_request *request, struct error *error);
/* Starts TASK, which has SERVE, now or as soon as the helper takes it; if it does not, RET_FD ends. The caller closes
 * RET_FD, by which the task ends. 0, or a negative errno with ERROR, as helper_ask(). */
int helper_connect(struct helper *helper, unsigned task, int *ret_fd, struct error *error);
unsigned helper_restarts(const struct helper *helper); /* connections that were made anew */
/* It has not said yet that it has taken something that it was sent: it is stopped, or about to answer. */
bool helper_is_silent(const struct helper *helper);
const char *helper_why_not(const struct helper *helper);    /* NULL: requests are answered */
const char *helper_last_error(const struct helper *helper); /* of its connections; NULL: none so far */
const char *helper_role(const struct helper *helper);

#endif
