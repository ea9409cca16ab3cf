/* The role `engine`, which has the engine's connection and serves the agent as its broker. */
#ifndef AGENT_HELPER_ENGINE_H
#define AGENT_HELPER_ENGINE_H

#include "probes/docker/broker_serve.h"

/* Serves with no more rights and system calls than the engine's address takes, after READY was called. Returns 0 when
 * it was ended, or a negative errno with ERROR. */
int engine_serve(const struct broker_service *service, void (*ready)(void), struct error *error);

#endif
