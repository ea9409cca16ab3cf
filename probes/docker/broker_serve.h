/* The broker's process: it alone connects to the engine. Each client's connection leads to one connection of the
 * engine's, made at its first request and closed with it. A request that broker_request_parse() lets through is sent on
 * as one that is written here; the engine's answer is passed back unread, as much at a time as the client takes. */
#ifndef PROBES_DOCKER_BROKER_SERVE_H
#define PROBES_DOCKER_BROKER_SERVE_H

#include <sys/types.h>

#include "probes/docker/http.h"

struct broker_service {
    int fd;      /* listens */
    int alive;   /* a socket at whose end it ends, and which it never reads; -1: none */
    uid_t agent; /* whose connections are served, as are this process's user's and root's; others' are closed */
    const struct docker_address *address; /* the engine's */
    void (*tick)(void);                   /* called from the loop every TICK_MS, and once it begins; NULL: is not */
    unsigned tick_ms;
};
/* Serves whoever connects. A negative errno with ERROR when it cannot begin. */
int broker_serve(const struct broker_service *service, struct error *error);

#endif
