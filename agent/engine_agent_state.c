/* The agent's own state: what is degraded in it, told as transitions like any finding. */
#include "agent/engine_internal.h"

void engine_agent_state(struct engine *engine, const char *slug, bool ready, const char *evidence, const char *cause)
{
    size_t i = 0;

    while (i < engine->agent_states.count && !str_equal(engine->agent_states.items[i].slug, slug))
        i++;
    if (ready && i == engine->agent_states.count)
        return;
    if (ready) {
        free(engine->agent_states.items[i].slug);
        free(engine->agent_states.items[i].evidence);
        vec_remove(&engine->agent_states, i);
    } else if (i < engine->agent_states.count) {
        free(engine->agent_states.items[i].evidence);
        engine->agent_states.items[i].evidence = mem_strdup(evidence);
        return;
    } else {
        vec_push(&engine->agent_states,
                 (struct agent_state){.slug = mem_strdup(slug), .evidence = mem_strdup(evidence)});
    }
    engine->last_seq++;
    state_append_seq(engine);
    engine_publish(engine, transition_for_agent(slug, ready, !ready, evidence, cause, engine->last_seq,
                                                clock_now(engine->clock), "agent"));
}

bool engine_next_agent_state(const struct engine *engine, size_t *at, const char **ret_slug, const char **ret_evidence)
{
    if (*at >= engine->agent_states.count)
        return false;
    *ret_slug = engine->agent_states.items[*at].slug;
    *ret_evidence = engine->agent_states.items[*at].evidence;
    (*at)++;
    return true;
}

void agent_states_deinit(struct engine *engine)
{
    for (size_t i = 0; i < engine->agent_states.count; i++) {
        free(engine->agent_states.items[i].slug);
        free(engine->agent_states.items[i].evidence);
    }
    vec_free(&engine->agent_states);
}
