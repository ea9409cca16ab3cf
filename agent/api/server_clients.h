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

#include "agent/api/server_room.h"

struct clients;

enum { CLIENTS_MAX = 256, CLIENTS_OF_A_USER_MAX = 32 };

/* Watches the connections that HTTP accepts on SOCKET, whose error callback it takes. ROOM, which must outlive it: what
 * they may hold together with those of other listeners. SECONDS: how long a connection may be open without a finished
 * request. */
struct clients *clients_new(struct event_base *base, struct evhttp *http, struct evhttp_bound_socket *socket,
                            struct room *room, unsigned seconds);
void clients_free(struct clients *clients); /* after evhttp_free() */

/* The request that came by STREAM is answered: what follows it on the connection is another one, except empty lines. */
void clients_answered(struct clients *clients, struct bufferevent *stream);

/* A whole request has arrived by STREAM; FOLLOWS: it is answered for as long as the client likes. */
void clients_served(struct clients *clients, struct bufferevent *stream, bool follows);

/* As account_make_room() and account_arrived(), for the connection of STREAM. */
bool clients_make_room(struct clients *clients, struct bufferevent *stream, size_t bytes, bool keep);
void clients_arrived(struct clients *clients, struct bufferevent *stream);

/* A connection may be over: from the loop's next turn it is looked for. */
void clients_look(struct clients *clients);

#endif
