/* The broker as the agent sees it: the role `engine` of the helpers, a process that alone connects to the engine
 * (broker_serve.h). The agent reaches the engine through the broker's socket, which nobody else can, and may only GET
 * the paths of a list (broker_request.h).
 *
 * Under systemd the socket is a unit's, and a connection to it starts the process. Elsewhere the socket is made here,
 * and START has somebody start a process on it. In either case it is watched: when it ends, does not answer any more or
 * answers nonsense, it is given up and started again, at once the first time, then after a wait that doubles while that
 * goes on. */
#ifndef PROBES_DOCKER_BROKER_H
#define PROBES_DOCKER_BROKER_H

#include "probes/docker/http.h"

struct broker;

struct broker_options {
    struct event_base *base;
    const char *engine; /* the engine's address as the agent has it (host_text): the broker has to have the same */
    const char *path;   /* of a socket where somebody else starts it; NULL: it gets one of its own, and START */
    /* Has a process started that serves LISTENER, for which descriptor stays the caller's, in the place of the one that
     * was started before. RET_ALIVE: a socket whose other end only that process has, and at whose end it ends; the
     * broker closes it. 0, or a negative errno with ERROR. */
    int (*start)(int listener, void *user, int *ret_alive, struct error *error);
    /* From the loop: it is away, and WHY; NULL: it is there again. May be NULL. */
    void (*changed)(const char *why, void *user);
    void *user;
};

/* It is started from the loop. NULL with ERROR: no socket could be made. */
struct broker *broker_new(const struct broker_options *options, struct error *error);
void broker_free(struct broker *broker); /* a process that START made ends; NULL is fine */

const char *broker_socket(const struct broker *broker); /* its path, for struct docker_address */
/* Something that was asked for does not come: what is known of the broker to be the reason, one line; NULL: nothing. It
 * is asked whether it is alive, so that more is known in a moment. */
const char *broker_silent(struct broker *broker);
const char *broker_why_not(const struct broker *broker);    /* why it is away; NULL: it is there */
const char *broker_last_error(const struct broker *broker); /* why it was away the last time; NULL: it never was */
unsigned broker_restarts(const struct broker *broker);      /* how often it was started again */

#endif
