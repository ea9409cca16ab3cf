/* How records leave: one descriptor, of a kind of its own to open and to write. Nothing here blocks. */
#ifndef AGENT_SINKS_TRANSPORT_H
#define AGENT_SINKS_TRANSPORT_H

#include <sys/types.h>

#include "agent/sinks/packets.h"
#include "common/error.h"
#include "probes/worker/worker.h"

struct transport {
    struct event_base *base;
    struct workers *workers;
    const char *address; /* a path, or host:port */
    int fd;              /* -1: closed */
    /* From the loop: an opening that took its time has ended. NUMBER 0: it is open. Else an errno and WHY. */
    void (*opened)(int number, const char *why, void *user);
    void *user;
    struct opening *opening; /* UDP and TCP: under way */
    dev_t device;            /* of a file, as it was opened */
    ino_t inode;
};

/* 0; -EINPROGRESS: OPENED will be called; another negative errno with ERROR. TRANSPORT is closed before. */
typedef int transport_open(struct transport *transport, struct error *error);
/* Writes what is left of PACKET, or a part of it; returns how much. Negative errno: -EAGAIN when the descriptor is not
 * writable now; anything else means that TRANSPORT is of no use any more. */
typedef ssize_t transport_write(struct transport *transport, const struct packet *packet);
/* How many bytes of what was written since it was opened have arrived, as far as that can be known. */
typedef uint64_t transport_arrived(const struct transport *transport, uint64_t written);

/* Datagrams to a Unix socket. */
transport_open transport_open_local;
transport_write transport_write_datagram; /* of any socket */
transport_write transport_write_journal;  /* which takes a record of any length */

/* A file that is appended to, whole records only. Where its path has become another file (logrotate), or none, it is
 * opened anew before the next record. */
transport_open transport_open_file;
transport_write transport_write_file;

/* Ends an opening too: OPENED will not be called. */
void transport_close(struct transport *transport);

#endif
