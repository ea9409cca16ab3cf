/* The broker as the agent sees it: a process that alone connects to the engine (broker_serve.h), started here, watched,
 * and started again when it ends or does not answer any more: at once the first time, then after a wait that doubles
 * while it keeps ending. The agent reaches the engine through the broker's socket, which nobody else can, and may only
 * GET the paths of a list (broker_request.h). */
#ifndef PROBES_DOCKER_BROKER_H
#define PROBES_DOCKER_BROKER_H

#include "probes/docker/http.h"
#include "probes/worker/worker.h"

struct broker;

struct broker_options {
    struct event_base *base;
    struct workers *workers;
    const struct docker_address *address; /* must outlive it */
    /* From the loop: it is away, and WHY; NULL: it is there again. May be NULL. */
    void (*changed)(const char *why, void *user);
    void *user;
};

/* NULL with ERROR: no socket or no process could be made. */
struct broker *broker_new(const struct broker_options *options, struct error *error);
void broker_free(struct broker *broker); /* ends the process; NULL is fine */

const char *broker_socket(const struct broker *broker); /* its path, for struct docker_address */
/* Something that was asked for does not come: what is known of the broker to be the reason, one line; NULL: nothing. It
 * is asked whether it is alive, so that more is known in a moment. */
const char *broker_silent(struct broker *broker);
pid_t broker_pid(const struct broker *broker); /* 0: there is no process just now */
unsigned broker_restarts(const struct broker *broker);

#endif
