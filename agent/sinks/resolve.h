/* Names of hosts to addresses, as the name service answers at this moment (getaddrinfo(3): /etc/hosts, DNS by the
 * resolv.conf of now, systemd-resolved). It may block, so it runs in a worker. */
#ifndef AGENT_SINKS_RESOLVE_H
#define AGENT_SINKS_RESOLVE_H

#include <netinet/in.h>

#include "probes/worker/worker.h"

enum { ADDRESSES_MAX = 16 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct address_list {
    union address items[ADDRESSES_MAX]; /* the preferred one first */
    size_t count;
};

/* From the loop. LIST is not empty and valid during the call; NULL: WHY names the host and the reason. */
typedef void resolved(const struct address_list *list, const char *why, void *user);

struct resolution;

/* HOST: a name or an address; PORT in digits. NULL with ERROR when no worker could be started. */
struct resolution *resolve_start(struct workers *workers, const char *host, const char *port, resolved *done,
                                 void *user, struct error *error);
/* DONE will not be called. NULL is fine. */
void resolve_cancel(struct resolution *resolution);

/* Without asking anybody: false when HOST is not an address but a name. */
bool resolve_numeric(const char *host, const char *port, struct address_list *ret);
/* Of the address in it, as connect(2) takes it. */
socklen_t address_length(const union address *address);

#endif
