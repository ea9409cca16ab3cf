/* Metrics over TCP, for a Prometheus on the same host. */
#ifndef AGENT_API_SERVER_METRICS_H
#define AGENT_API_SERVER_METRICS_H

struct helper;
struct server;
struct metrics_listener;

/* Listens on ADDRESS (metrics.listen) as soon as the helper of role network, at NETWORK, hands the socket over; where
 * it cannot, that is logged and tried again after 1 s to a minute. SERVER and NETWORK outlive it. */
struct metrics_listener *metrics_listener_new(struct server *server, const char *address,
                                              struct helper *const *network);
void metrics_listener_free(struct metrics_listener *listener); /* NULL is fine */

#endif
