/* Whether the host's clock follows a time source. */
#ifndef AGENT_SINKS_CLOCK_SYNC_H
#define AGENT_SINKS_CLOCK_SYNC_H

#include "agent/sinks/formats.h"

/* What the kernel says; where the agent may not ask it (a unit with ProtectClock=), what systemd-timesyncd left in
 * /run.
 */
enum clock_sync clock_sync_state(void);

#endif
