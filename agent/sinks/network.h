/* Transports over UDP, TCP and TLS. Each opening asks the helper of role network for a socket, which looks the name of
 * the host up anew and tries its addresses one after the other. */
#ifndef AGENT_SINKS_NETWORK_H
#define AGENT_SINKS_NETWORK_H

#include "agent/sinks/transport.h"

transport_open transport_open_udp, transport_open_tcp, transport_open_tls;
transport_write transport_write_stream, transport_write_tls;
transport_arrived transport_arrived_stream; /* what the peer's kernel has acknowledged (tcp(7), SIOCOUTQ) */
transport_arrived transport_arrived_tls;    /* the same, once the peer has accepted the agent */

/* For transport_close(). NULL is fine. */
void opening_cancel(struct opening *opening);

#endif
