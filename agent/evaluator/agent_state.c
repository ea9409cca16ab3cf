/* The agent's own state: what is degraded in it is reported as a transition like any finding. */
#include "agent/evaluator/evaluator_internal.h"

static void free_state(struct agent_state *state)
{
    free(state->slug);
    free(state->evidence);
}

static void publish_state(struct evaluator *evaluator, struct agent_state *state, bool ready, const char *evidence,
                          const char *cause)
{
    state->reported = !ready;
    evaluator->last_seq++;
    publish_transition(evaluator, transition_for_agent(evaluator, state->slug, ready, !ready, evidence, cause,
                                                       evaluator->last_seq, clock_now(evaluator->clock), "agent"));
}

void evaluator_agent_state(struct evaluator *evaluator, const char *slug, bool ready, const char *evidence,
                           const char *cause)
{
    size_t i = 0;

    while (i < evaluator->agent_states.count && !str_equal(evaluator->agent_states.items[i].slug, slug))
        i++;
    if (ready && i == evaluator->agent_states.count)
        return;
    if (ready) {
        scoped(free_state) struct agent_state state = evaluator->agent_states.items[i];

        vec_remove(&evaluator->agent_states, i);
        if (state.reported)
            publish_state(evaluator, &state, true, evidence, cause);
    } else if (i < evaluator->agent_states.count) {
        free(evaluator->agent_states.items[i].evidence);
        evaluator->agent_states.items[i].evidence = mem_strdup(evidence);
    } else {
        vec_push(&evaluator->agent_states,
                 (struct agent_state){.slug = mem_strdup(slug), .evidence = mem_strdup(evidence)});
        if (!evaluator->engine_awaited)
            publish_state(evaluator, &evaluator->agent_states.items[i], false, evidence, cause);
    }
}

void agent_states_report(struct evaluator *evaluator)
{
    for (size_t i = 0; i < evaluator->agent_states.count; i++) {
        struct agent_state *state = &evaluator->agent_states.items[i];

        if (!state->reported)
            publish_state(evaluator, state, false, state->evidence, evaluator->cause);
    }
}

void agent_states_withdraw(struct evaluator *evaluator)
{
    for (size_t i = 0; i < evaluator->agent_states.count; i++)
        if (evaluator->agent_states.items[i].reported)
            publish_state(evaluator, &evaluator->agent_states.items[i], true,
                          M_("the engine is another one; what lasts is reported again"), "engine:changed");
}

void evaluator_agent_state_ended(struct evaluator *evaluator, const char *slug, const char *evidence)
{
    struct agent_state state = {.slug = (char *)(uintptr_t)slug};

    publish_state(evaluator, &state, true, evidence, "start");
}

void evaluator_entry(struct evaluator *evaluator, const struct entry *entry)
{
    evaluator->last_seq++;
    publish_transition(evaluator,
                       transition_for_entry(evaluator, entry, evaluator->last_seq, clock_now(evaluator->clock)));
}

bool evaluator_next_agent_state(const struct evaluator *evaluator, size_t *at, const char **ret_slug,
                                const char **ret_evidence)
{
    if (*at >= evaluator->agent_states.count)
        return false;
    *ret_slug = evaluator->agent_states.items[*at].slug;
    *ret_evidence = evaluator->agent_states.items[*at].evidence;
    (*at)++;
    return true;
}

void agent_states_deinit(struct evaluator *evaluator)
{
    for (size_t i = 0; i < evaluator->agent_states.count; i++)
        free_state(&evaluator->agent_states.items[i]);
    vec_free(&evaluator->agent_states);
}
