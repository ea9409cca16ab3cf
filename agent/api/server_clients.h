/* Who is connected to the query API: caps in total and for each user, and an end for those who never finish a request.
 *
 * evhttp neither counts connections nor tells of their end, and its time-out begins anew with each byte. Connections
 * are therefore known here by descriptor and socket cookie (SO_COOKIE, socket(7)): one is over when its descriptor
 * bears another cookie. At the cap in total nothing more is accepted until one ends; a user beyond the cap of one is
 * hung up. */
#ifndef AGENT_API_SERVER_CLIENTS_H
#define AGENT_API_SERVER_CLIENTS_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>

struct clients;

enum { CLIENTS_MAX = 256, CLIENTS_OF_A_USER_MAX = 32 };

/* Looks after what HTTP accepts on SOCKET. SECONDS: how long a connection may be open without a finished request. */
struct clients *clients_new(struct event_base *base, struct evhttp *http, struct evhttp_bound_socket *socket,
                            unsigned seconds);
void clients_free(struct clients *clients); /* after evhttp_free() */

/* A whole request came on FD; FOLLOWS: it is answered for as long as the client likes. */
void clients_served(struct clients *clients, evutil_socket_t fd, bool follows);

#endif
