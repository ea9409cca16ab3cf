/* Where daemon.json has its members, so that a command can replace the value of one and leave all else as it is. */
#ifndef PROBES_DAEMON_DAEMON_PLACES_H
#define PROBES_DAEMON_DAEMON_PLACES_H

#include "probes/facts/facts.h"

/* Sets FACTS' places by TEXT, which has been parsed as JSON; nothing if it is UTF-16, or no object. */
void daemon_places_read(struct daemon_facts *facts, const char *text, size_t length);

#endif
