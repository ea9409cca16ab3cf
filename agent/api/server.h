/* The query API: HTTP/1.1 and JSON over the Unix socket (evhttp), with peer credentials, caps and streaming. */
#ifndef AGENT_API_SERVER_H
#define AGENT_API_SERVER_H

#include "agent/api/server_socket.h"
#include "agent/api/view.h"

struct server;

/* What the server gets from the agent. */
struct server_backend {
    void (*view)(void *user, struct agent_view *ret); /* the agent's state just now */
    void (*scan)(void *user, const char *cause);      /* starts a full re-evaluation */
    /* Sends a snapshot to each sink of that type or address. How many there are. */
    size_t (*resend)(void *user, const char *sink);
    /* Already open: the server takes its descriptor, its file stays the agent's. NULL: the server opens one. */
    struct server_socket *socket;
    struct workers *workers;       /* for what takes long; outlive the server */
    struct helper *const *network; /* the helper of role network, for metrics over TCP; outlives the server */
    void *user;
};

/* Opens the socket: a stale file of a dead agent is replaced, a live agent's is an error (EADDRINUSE). It is created
 * under a umask, with mode and group as configured. A socket passed by systemd (LISTEN_FDS) is used instead. Metrics
 * are answered over TCP too where CONFIG says so. BASE must
 * outlive the server; BACKEND is copied, CONFIG only read. The caller frees RET. 0 or a negative errno. */
int server_new(struct event_base *base, const struct server_backend *backend, const struct config *config,
               struct server **ret, struct error *error);
void server_free(struct server *server);
void server_transition(struct server *server, struct transition *transition); /* to the followers of /v1/events */
void server_settled(struct server *server); /* the evaluator has settled: followers with marks are told */

#endif
