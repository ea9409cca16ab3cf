/* How records leave: one descriptor, of a kind of its own to open and to write. Nothing here blocks. */
#ifndef AGENT_SINKS_TRANSPORT_H
#define AGENT_SINKS_TRANSPORT_H

#include <sys/types.h>

#include "agent/config/sink_config.h"
#include "agent/sinks/packets.h"
#include "common/error.h"
#include "probes/worker/helper.h"

struct transport {
    struct event_base *base;
    struct helper *const *network; /* role network, which makes sockets; *NETWORK may be NULL, and another one later */
    const char *url;               /* as the configuration has it */
    const char *address;           /* a path, or host:port */
    int fd;                        /* -1: closed */
    uint64_t written;              /* of a stream, since it was opened: bytes as the peer gets them; RELP: frames */
    uint64_t unread_max;           /* of a stream: bytes that its peer may have acknowledged and not read, at most */
    /* From the loop: an opening that took its time has ended. NUMBER 0: it is open. Else an errno and WHY. */
    void (*opened)(int number, const char *why, void *user);
    void *user;
    struct opening *opening; /* UDP, TCP and TLS: under way */
    const struct sink_tls *tls_settings;
    struct tls_context *tls_context; /* the owner frees it; NULL: nothing was read yet */
    struct tls *tls;                 /* NULL: plain */
    struct relp_connection *relp;    /* NULL: no session has begun */
    dev_t device;                    /* of a file, as it was opened */
    ino_t inode;
};

/* 0; -EINPROGRESS: OPENED will be called; another negative errno with ERROR. TRANSPORT is closed before. */
typedef int transport_open(struct transport *transport, struct error *error);
/* Writes what is left of PACKET, or a part of it; returns how much. Negative errno: -EAGAIN when the descriptor is not
 * writable now, -EBUSY when the peer must answer first; anything else means that TRANSPORT is of no use any more, for
 * the reason in ERROR if that is set. */
typedef ssize_t transport_write(struct transport *transport, const struct packet *packet, struct error *error);
/* RET: how much of what was WRITTEN has arrived, as far as that can be known. 0; a negative errno as above:
 * what has not arrived never will. */
typedef int transport_arrived(struct transport *transport, uint64_t *ret, struct error *error);

/* Datagrams to a Unix socket. */
transport_open transport_open_local;
transport_write transport_write_datagram; /* of any socket */
transport_write transport_write_journal;  /* which takes a record of any length */

/* A file that is appended to, whole records only. Where its path has become another file (logrotate), or none, it is
 * opened anew before the next record. Half a line, which is what a kill or a power cut leaves, is removed at opening.
 */
transport_open transport_open_file;
transport_write transport_write_file;

/* Ends an opening too: OPENED will not be called. */
void transport_close(struct transport *transport);

#endif
