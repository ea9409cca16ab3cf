/* The evaluator from its creation to its end, and the rules that it applies. evaluator_internal.h lists the other
 * files. */
#include "agent/evaluator/evaluator_internal.h"

static const struct config config_none;

static void index_rules(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        evaluator->rules_of[kind].count = 0;
    for (size_t i = 0; i < evaluator->rules->count; i++) {
        const struct rule *rule = &evaluator->rules->rules[i];

        if (rule->enabled)
            vec_push(&evaluator->rules_of[rule->check->subject], rule);
    }
}

static void ensure_single_subjects(struct evaluator *evaluator)
{
    static const enum subject_kind single[] = {SUBJECT_HOST, SUBJECT_DAEMON, SUBJECT_SWARM};

    for (size_t i = 0; i < countof(single); i++)
        if (evaluator->rules_of[single[i]].count)
            subject_ensure(evaluator, single[i], subject_kind_name(single[i]), NULL);
}

/* For each rule of OLD the one that goes on with its pairs, or NULL. The caller frees. */
static const struct rule **same_rules(const struct evaluator *evaluator, const struct rule_set *old)
{
    const struct rule **same = mem_alloc((old->count + 1) * sizeof *same);

    for (size_t i = 0; i < old->count; i++) {
        const struct rule *rule = rule_set_find(evaluator->rules, old->rules[i].slug);

        if (rule && rule->enabled && rule->check->subject == old->rules[i].check->subject)
            same[i] = rule;
    }
    return same;
}

void evaluator_set_rules(struct evaluator *evaluator, struct rule_set *rules, const struct config *config)
{
    struct rule_set *old = evaluator->rules;
    scoped(cleanup_free) const struct rule **same = NULL;
    struct subject *subject;
    size_t at = 0;

    free(take(evaluator->tallies));
    evaluator->rules = rules;
    same = same_rules(evaluator, old);
    evaluator->config = config;
    index_rules(evaluator);
    exceptions_index(evaluator);
    evaluator->cause = "reload";
    while ((subject = subject_next(evaluator, &at))) {
        enum subject_kind kind = subject->kind;
        bool takes_all;

        excluded_note(evaluator, subject);
        takes_all = kind != SUBJECT_FILE && !subject->excluded && !subject_is_left_out(evaluator, kind, subject->id);
        for (size_t i = subject->pair_count; i-- > 0;) {
            const struct rule *rule = same[subject->pairs[i].rule->index];

            if (rule && !subject->excluded)
                subject->pairs[i].rule = rule;
            else
                subject_drop_pair(evaluator, subject, &subject->pairs[i], "reload");
        }
        for (size_t i = 0; takes_all && i < evaluator->rules_of[kind].count; i++)
            if (!subject_pair(subject, evaluator->rules_of[kind].items[i]))
                subject_add_pair(evaluator, subject, evaluator->rules_of[kind].items[i]);
        for (size_t i = 0; i < subject->pair_count; i++)
            evaluate_in_turn(evaluator, subject, &subject->pairs[i]);
    }
    exec_groups_sweep_later(evaluator);
    tally_count_all(evaluator);
    open_recount(evaluator);
    ensure_single_subjects(evaluator);
    recheck_arm(evaluator, exceptions_next_expiry(evaluator));
    evaluator->cause = NULL;
    rule_set_free(old);
}

struct evaluator *evaluator_new(struct event_base *base, struct workers *workers, struct rule_set *rules,
                                const struct config *config, const struct clock *clock,
                                const struct evaluator_callbacks *callbacks)
{
    struct evaluator *evaluator = mem_alloc(sizeof *evaluator);

    evaluator->base = base;
    evaluator->workers = workers;
    evaluator->rules = rules;
    evaluator->config = config ? config : &config_none;
    evaluator->clock = clock;
    evaluator->callbacks = *callbacks;
    evaluator->store = store_new();
    evaluator->execs = execs_new(clock_now(clock));
    exec_groups_init(evaluator, exec_upkeep);
    check_result_init(&evaluator->scratch);
    slices_init(evaluator);
    inputs_init(evaluator);
    subjects_init(evaluator);
    joins_init(evaluator);
    another_engine_init(evaluator);
    settle_init(evaluator);
    recheck_init(evaluator);
    retry_init(evaluator);
    index_rules(evaluator);
    tally_count_all(evaluator);
    exceptions_index(evaluator);
    ensure_single_subjects(evaluator);
    recheck_arm(evaluator, exceptions_next_expiry(evaluator));
    return evaluator;
}

void evaluator_leave_out(struct evaluator *evaluator, const char *container)
{
    evaluator->left_out = mem_strdup(container);
}

void evaluator_free(struct evaluator *evaluator)
{
    if (!evaluator)
        return;
    map_free(evaluator->restored);
    free(evaluator->left_out);
    identity_deinit(evaluator);
    exceptions_free(evaluator);
    agent_states_deinit(evaluator);
    subjects_deinit(evaluator);
    inputs_deinit(evaluator);
    retry_deinit(evaluator);
    missing_deinit(evaluator);
    slices_deinit(evaluator);
    free(evaluator->tallies);
    check_result_deinit(&evaluator->scratch);
    event_free(evaluator->withdrawn_event);
    event_free(evaluator->settle_event);
    event_free(evaluator->recheck_timer);
    store_free(evaluator->store);
    execs_free(evaluator->execs);
    exec_groups_deinit(evaluator);
    map_free(evaluator->joiners);
    rule_set_free(evaluator->rules);
    free(evaluator);
}
