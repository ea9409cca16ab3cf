/* How much memory the clients of the query API may make the agent hold, over all connections of all its listeners: the
 * answers that wait to be read, and the requests that are arriving or being answered.
 *
 * A client that asks and never reads costs the agent its answer. Before an answer is made there must be room for it;
 * where there is not, connections are closed for it, the slowest first, and then those of whoever has more than the
 * one who asks. */
#ifndef AGENT_API_SERVER_ROOM_H
#define AGENT_API_SERVER_ROOM_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    ROOM_ANSWERS = 16 * 1024 * 1024, /* bytes of answers */
    ROOM_REQUESTS = 4 * 1024 * 1024, /* of requests, as evhttp keeps them */
    ROOM_SLOW_S = 3,                 /* an answer that has waited longer to be read is slow */
};

struct room;
struct account; /* a connection's */

struct room_counts {
    size_t answers, requests; /* bytes */
    uint64_t closed;          /* connections, to make room */
    uint64_t refused;         /* requests that there was no room for */
};

/* The caller frees, after all accounts. */
struct room *room_new(void);
void room_free(struct room *room);
const struct room_counts *room_counts(const struct room *room);

/* From now on what STREAM, a connection of UID whose socket has that COOKIE, holds is counted. The account does not
 * keep STREAM: a reference to it would keep its events too, on a descriptor that evhttp has closed. It is freed when
 * the connection is over. */
struct account *account_new(struct room *room, struct bufferevent *stream, uint64_t cookie, uid_t uid);
void account_free(struct account *account);

/* SO_COOKIE, socket(7): no two sockets have the same. */
bool room_read_cookie(evutil_socket_t fd, uint64_t *ret);
/* The connection has ended: its descriptor is closed, or another one's. */
bool account_is_over(const struct account *account);

/* Is there room for BYTES more of answers? Closes other connections for it. KEEP: they are counted from now on, until
 * account_arrived(): what answers has been asked for and is not here yet. */
bool account_make_room(struct account *account, size_t bytes, bool keep);
void account_arrived(struct account *account);
/* Its request has been answered, and is no longer held. */
void account_answered(struct account *account);

#endif
