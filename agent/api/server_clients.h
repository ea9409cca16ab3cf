/* Who is connected to the query API: caps in total and for each user, and a time limit for those that never finish a
 * request.
 *
 * evhttp neither counts connections nor reports their end, and its time-out restarts with each byte. Connections are
 * therefore identified here by descriptor and socket cookie (SO_COOKIE, socket(7)): one is over when its descriptor has
 * another cookie. At the total cap nothing more is accepted until one ends; connections beyond a user's own cap are
 * closed. While the process is out of descriptors, clients that connect are refused (503), at most once a second. */
#ifndef AGENT_API_SERVER_CLIENTS_H
#define AGENT_API_SERVER_CLIENTS_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>

struct clients;

enum { CLIENTS_MAX = 256, CLIENTS_OF_A_USER_MAX = 32 };

/* Watches the connections that HTTP accepts on SOCKET, whose error callback it takes. SECONDS: how long a connection
 * may be open without a finished request. */
struct clients *clients_new(struct event_base *base, struct evhttp *http, struct evhttp_bound_socket *socket,
                            unsigned seconds);
void clients_free(struct clients *clients); /* after evhttp_free() */

/* The request that came by STREAM is answered: what follows it on the connection is another one, except empty lines. */
void clients_answered(struct clients *clients, struct bufferevent *stream);

/* A whole request has arrived on FD; FOLLOWS: it is answered for as long as the client likes. */
void clients_served(struct clients *clients, evutil_socket_t fd, bool follows);

#endif
