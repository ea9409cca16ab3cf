/* The kinds of sinks. */
#include "agent/sinks/kinds.h"

#include "agent/sinks/network.h"
#include "agent/sinks/relp_transport.h"

const struct sink_functions sink_functions[SINK_KIND_COUNT] = {
    [SINK_JOURNALD] = {transport_open_local, format_journal, transport_write_journal, .arrived = NULL},
    [SINK_SYSLOG_LOCAL] = {transport_open_local, format_syslog, transport_write_datagram, .arrived = NULL},
    [SINK_SYSLOG_UDP] = {transport_open_udp, format_syslog_udp, transport_write_datagram, .arrived = NULL},
    [SINK_SYSLOG_TCP] = {transport_open_tcp, format_syslog_stream, transport_write_stream,
                         .arrived = transport_arrived_stream},
    [SINK_SYSLOG_TLS] = {transport_open_tls, format_syslog_stream, transport_write_tls,
                         .arrived = transport_arrived_tls},
    [SINK_SYSLOG_RELP] = {transport_open_tcp, format_syslog, transport_write_relp, transport_arrived_relp,
                          .answers = true},
    [SINK_SYSLOG_RELPS] = {transport_open_tls, format_syslog, transport_write_relp, transport_arrived_relp,
                           .answers = true},
    [SINK_FILE] = {transport_open_file, format_line, transport_write_file, .reopens = true},
};
