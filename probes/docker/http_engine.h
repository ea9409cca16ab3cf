/* A connection to the engine itself, over its socket, TCP or TLS, as bytes. The only file of the program that connects
 * to an engine, and the broker the only process that uses it. */
#ifndef PROBES_DOCKER_HTTP_ENGINE_H
#define PROBES_DOCKER_HTTP_ENGINE_H

#include <event2/event.h>
#include <sys/types.h>

#include "probes/docker/http.h"

struct http_engine;

/* Begins to connect; NULL with ERROR: ENOMEM. CONNECTED is called once from the loop, and may free the connection.
 * NUMBER 0: it is there, TLS included. Else an errno (ETIMEDOUT after CONNECT_MS) and WHY, one line. */
struct http_engine *http_engine_connect(struct event_base *base, const struct docker_address *address,
                                        unsigned connect_ms, void (*connected)(int number, const char *why, void *user),
                                        void *user, struct error *error);
void http_engine_free(struct http_engine *engine); /* NULL is fine */

/* Of one that is connected: readable or writable when another try may give more. */
int http_engine_fd(const struct http_engine *engine);
/* How many bytes were taken or given; -EAGAIN; another negative errno: the connection is of no more use. Receiving, 0
 * is the end. */
ssize_t http_engine_send(struct http_engine *engine, const void *data, size_t length);
ssize_t http_engine_receive(struct http_engine *engine, void *data, size_t size);
const char *http_engine_why(const struct http_engine *engine); /* of the last failure, "": nothing is known */

/* The pid of the process that listens on the engine's socket (SO_PEERCRED: the one that called listen(), 1 under socket
 * activation), 0 over TCP, or a negative errno. Opens and closes one connection. */
int http_engine_peer_pid(const struct docker_address *address);

#endif
