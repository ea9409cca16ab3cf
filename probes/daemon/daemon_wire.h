/* dockerd's facts between the process that reads them and the agent, and what is necessary to read them. */
#ifndef PROBES_DAEMON_DAEMON_WIRE_H
#define PROBES_DAEMON_DAEMON_WIRE_H

#include "probes/facts/wire.h"

void daemon_put(struct str *out, const struct daemon_facts *facts);
/* The caller frees; NULL with ERROR: READER is broken. */
struct daemon_facts *daemon_take(struct wire_reader *reader, struct error *error);

#endif
