/* The agent's own state: what is degraded in it is reported as a transition like any finding. */
#include "agent/evaluator/evaluator_internal.h"

void evaluator_agent_state(struct evaluator *evaluator, const char *slug, bool ready, const char *evidence,
                           const char *cause)
{
    size_t i = 0;

    while (i < evaluator->agent_states.count && !str_equal(evaluator->agent_states.items[i].slug, slug))
        i++;
    if (ready && i == evaluator->agent_states.count)
        return;
    if (ready) {
        free(evaluator->agent_states.items[i].slug);
        free(evaluator->agent_states.items[i].evidence);
        vec_remove(&evaluator->agent_states, i);
    } else if (i < evaluator->agent_states.count) {
        free(evaluator->agent_states.items[i].evidence);
        evaluator->agent_states.items[i].evidence = mem_strdup(evidence);
        return;
    } else {
        vec_push(&evaluator->agent_states,
                 (struct agent_state){.slug = mem_strdup(slug), .evidence = mem_strdup(evidence)});
    }
    evaluator->last_seq++;
    publish_transition(evaluator, transition_for_agent(evaluator, slug, ready, !ready, evidence, cause,
                                                       evaluator->last_seq, clock_now(evaluator->clock), "agent"));
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
    for (size_t i = 0; i < evaluator->agent_states.count; i++) {
        free(evaluator->agent_states.items[i].slug);
        free(evaluator->agent_states.items[i].evidence);
    }
    vec_free(&evaluator->agent_states);
}
