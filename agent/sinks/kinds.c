/* The kinds of sinks. */
#include "agent/sinks/kinds.h"

#include "agent/sinks/network.h"

const struct sink_functions sink_functions[SINK_KIND_COUNT] = {
    [SINK_JOURNALD] = {transport_open_local, format_journal, transport_write_journal, NULL, false},
    [SINK_SYSLOG_LOCAL] = {transport_open_local, format_syslog, transport_write_datagram, NULL, false},
    [SINK_SYSLOG_UDP] = {transport_open_udp, format_syslog, transport_write_datagram, NULL, false},
    [SINK_SYSLOG_TCP] = {transport_open_tcp, format_syslog_stream, transport_write_stream, transport_arrived_stream,
                         false},
    [SINK_SYSLOG_TLS] = {transport_open_tls, format_syslog_stream, transport_write_tls, transport_arrived_tls, false},
    [SINK_FILE] = {transport_open_file, format_line, transport_write_file, NULL, true},
};
