/* Ports as images, engines and rule files write them: "80", "80/tcp", "8000-8010/udp". Without a protocol it is TCP,
 * whose case does not matter (OCI image specification, ExposedPorts). */
#ifndef AGENT_CHECKS_PORTS_H
#define AGENT_CHECKS_PORTS_H

#include <stdbool.h>

#include "probes/facts/facts.h"

struct port_range {
    unsigned first, last;
    char protocol[8]; /* in lower case */
};

/* False if TEXT is neither a port nor a range from 1 to 65535. */
bool port_parse(const char *text, struct port_range *ret);
/* Is all of PORT within RANGE? */
bool port_within(const struct port_range *port, const struct port_range *range);
/* Is PORT in one of the entries of ALLOWED, or the single port that it is matched by a glob there ("80?0/tcp", "*")? */
bool port_allowed(const struct string_list *allowed, const struct port_range *port);

#endif
