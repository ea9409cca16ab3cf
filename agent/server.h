/* The query API: HTTP/1.1 and JSON over the Unix socket (evhttp), with peer credentials, caps and streaming. */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

#include "agent/agent.h"

struct server;

/* Takes the socket: a stale file of a dead agent is replaced, a live agent's is an error (EADDRINUSE). Created under a
 * umask, mode and group as configured. A socket handed over by systemd (LISTEN_FDS) is used instead. */
int server_new(struct event_base *base, struct agent *agent, const struct config *config, struct server **ret,
               struct error *error);
void server_free(struct server *server);
void server_transition(struct server *server, struct transition *transition); /* to the followers of /v1/events */

#endif
