/* Transports over UDP and TCP. Each opening looks the name of the host up anew and tries its addresses one after the
 * other. */
#ifndef AGENT_SINKS_NETWORK_H
#define AGENT_SINKS_NETWORK_H

#include "agent/sinks/transport.h"

transport_open transport_open_udp, transport_open_tcp;
transport_write transport_write_stream;
transport_arrived transport_arrived_stream; /* what the peer's kernel has acknowledged (tcp(7), SIOCOUTQ) */

/* For transport_close(). NULL is fine. */
void opening_cancel(struct opening *opening);

#endif
