/* Metrics over TCP, for a Prometheus on the same host. */
#ifndef AGENT_API_SERVER_METRICS_H
#define AGENT_API_SERVER_METRICS_H

#include "agent/config/config.h"

struct server;
struct metrics_listener;

/* Listens where CONFIG says (metrics.listen, which is there). SERVER must outlive it; CONFIG is only read. 0 or a
 * negative errno. */
int metrics_listener_new(struct server *server, const struct config *config, struct metrics_listener **ret,
                         struct error *error);
void metrics_listener_free(struct metrics_listener *listener); /* NULL is fine */

#endif
