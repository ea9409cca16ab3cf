/* The agent's own state across starts: what was degraded when it ended is reported as ready by the next one, which
 * reports anew what still is. */
#include <string.h>

#include "agent/agent_internal.h"

void agent_note_states(struct agent *agent)
{
    const char *slug, *evidence;
    scoped_str slugs = STR_INIT;
    size_t at = 0;

    while (evaluator_next_agent_state(agent->evaluator, &at, &slug, &evidence))
        str_printf(&slugs, "%s%s", slugs.length ? " " : "", slug);
    event_store_note(agent->events, STATES_NOTE, slugs.length ? slugs.data : NULL);
}

void agent_end_states(struct agent *agent)
{
    scoped(cleanup_free) char *slugs = take(agent->known_states);

    for (char *rest = slugs, *slug; (slug = strsep(&rest, " "));)
        if (*slug)
            evaluator_agent_state_ended(agent->evaluator, slug, M_("the agent was restarted"));
}
