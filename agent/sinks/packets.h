/* Formatted records of one sink, in order: those that wait, and those that are sent and not confirmed yet. The store
 * has all of them; these are the few that are under way.
 *
 * The last ones that were confirmed stay: a peer's kernel may have acknowledged what its program has not read. The
 * store keeps those too until they are released: the program that takes this one's place may have to send them again.
 */
#ifndef AGENT_SINKS_PACKETS_H
#define AGENT_SINKS_PACKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/str.h"

struct packet {
    TAILQ_ENTRY(packet) link;
    uint64_t number;
    struct str bytes;
    size_t sent;  /* of the bytes */
    uint64_t end; /* of a stream, since it was opened (struct transport, WRITTEN): where it ends; once it is sent */
};

TAILQ_HEAD(packet_list, packet);

struct packets {
    struct packet_list list;
    struct packet *next; /* the first that is not wholly sent; NULL: there is none */
    size_t bytes;        /* of all */
    size_t keep;         /* bytes, of confirmed ones, at least; 0: none is kept */
    size_t unread_max;   /* bytes, of confirmed ones that are not released; KEEP if that is more */
    struct packet_list kept;
    size_t kept_bytes;
    uint64_t confirmed; /* number */
    uint64_t released;  /* number of the last one that will not be sent again, as far as is known */
    uint64_t last;      /* number of the last one that was ever added */
};

void packets_init(struct packets *packets);
void packets_deinit(struct packets *packets);
/* Takes BYTES over, which are empty afterwards. */
void packets_add(struct packets *packets, uint64_t number, struct str *bytes);
/* NEXT is sent, up to END of its stream. */
void packets_sent(struct packets *packets, uint64_t end);
/* Those that are sent and end at or before END are confirmed, and go: RET_COUNT of them, not counting those that had
 * been confirmed before. The number of the last one; 0: there is none. */
uint64_t packets_confirm(struct packets *packets, uint64_t end, size_t *ret_count);
/* Those up to NUMBER, which are confirmed, are released; the last of them stay nevertheless. */
void packets_release(struct packets *packets, uint64_t number);
/* How many are confirmed and not released. */
size_t packets_unreleased(const struct packets *packets);
/* The connection has ended: what is not confirmed will be sent again, as a whole, and before it what is kept, if that
 * may be UNREAD, else that is released. Nothing is kept afterwards. */
void packets_rewind(struct packets *packets, bool unread);
bool packets_are_unconfirmed(const struct packets *packets);

#endif
