/* Whose records these are: what every record that a sink sends says of its sender. */
#include <unistd.h>

#include "agent/agent_internal.h"

void agent_set_origin(struct agent *agent)
{
    gethostname(agent->hostname, sizeof agent->hostname - 1);
    agent->origin = (struct record_origin){
        .host = agent->hostname,
        .machine = "",
        .engine = "",
        .benchmark = agent->config->benchmark,
        .stream = event_store_stream(agent->events),
    };
}
