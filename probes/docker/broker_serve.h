/* The broker's process: it alone connects to the engine. Each client's connection leads to one connection of the
 * engine's, made at its first request and closed with it. A request that broker_request_parse() lets through is sent on
 * as one that is written here; the engine's answer is passed back unread, as much at a time as the client takes. */
#ifndef PROBES_DOCKER_BROKER_SERVE_H
#define PROBES_DOCKER_BROKER_SERVE_H

#include "probes/docker/http.h"

/* Serves whoever connects to the listening socket FD until ALIVE (a socket; -1: none) ends. It never reads from ALIVE.
 * A negative errno with ERROR when it cannot begin. */
int broker_serve(int fd, int alive, const struct docker_address *address, struct error *error);

#endif
