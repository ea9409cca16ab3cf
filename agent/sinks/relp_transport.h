/* Transports over RELP, in TCP or TLS: what has arrived is what the receiver's program has taken. The session begins
 * with the first record of a connection; a record's place in the stream is its count in the session. */
#ifndef AGENT_SINKS_RELP_TRANSPORT_H
#define AGENT_SINKS_RELP_TRANSPORT_H

#include "agent/sinks/transport.h"

transport_write transport_write_relp;
transport_arrived transport_arrived_relp;

/* For transport_close(), before anything else: says goodbye where that is possible. NULL is fine. */
struct relp_connection;
void relp_connection_end(struct relp_connection *connection);

#endif
