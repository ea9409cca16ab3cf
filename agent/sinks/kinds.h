/* What is particular to each kind of sink; sink.c does what is common to all. Its words for the configuration are in
 * agent/config/sink_config.h. A new kind is a row in each. */
#ifndef AGENT_SINKS_KINDS_H
#define AGENT_SINKS_KINDS_H

#include "agent/sinks/formats.h"
#include "agent/sinks/transport.h"

struct sink_functions {
    transport_open *open;
    record_format *format;
    transport_write *write;
    transport_arrived *arrived; /* NULL: what is written has arrived */
    bool answers;               /* what has arrived its program has taken, and says so: it is read when that comes */
    bool reopens;               /* at SIGHUP: what it writes to is found by a path that may be another file by now */
};
extern const struct sink_functions sink_functions[SINK_KIND_COUNT];

#endif
