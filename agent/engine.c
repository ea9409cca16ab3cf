/* The life of the engine, and the rules it goes by. engine_internal.h tells which file holds what. */
#include "agent/engine_internal.h"

static const struct config config_none;

static void index_rules(struct engine *engine)
{
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        engine->rules_of[kind].count = 0;
    for (size_t i = 0; i < engine->rules->count; i++) {
        const struct rule *rule = &engine->rules->rules[i];

        if (rule->enabled)
            vec_push(&engine->rules_of[rule->check->subject], rule);
    }
}

static void ensure_single_subjects(struct engine *engine)
{
    static const enum subject_kind single[] = {SUBJECT_HOST, SUBJECT_DAEMON, SUBJECT_SWARM};

    for (size_t i = 0; i < countof(single); i++)
        if (engine->rules_of[single[i]].count)
            subject_ensure(engine, single[i], subject_kind_name(single[i]), NULL);
}

static const struct rule *same_rule(const struct engine *engine, const struct rule *old)
{
    const struct rule *rule = rule_set_find(engine->rules, old->slug);

    return rule && rule->enabled && rule->check->subject == old->check->subject ? rule : NULL;
}

void engine_set_rules(struct engine *engine, struct rule_set *rules, const struct config *config)
{
    struct rule_set *old = engine->rules;
    struct subject *subject;
    size_t at = 0;

    engine->rules = rules;
    engine->config = config;
    index_rules(engine);
    exceptions_index(engine);
    engine->cause = "reload";
    while ((subject = subject_next(engine, &at))) {
        enum subject_kind kind = subject->kind;

        for (size_t i = subject->pair_count; i-- > 0;) {
            const struct rule *rule = same_rule(engine, subject->pairs[i].rule);

            if (rule)
                subject->pairs[i].rule = rule;
            else
                subject_drop_pair(engine, subject, &subject->pairs[i], "reload");
        }
        for (size_t i = 0; kind != SUBJECT_FILE && i < engine->rules_of[kind].count; i++)
            if (!subject_pair(subject, engine->rules_of[kind].items[i]))
                subject_add_pair(engine, subject, engine->rules_of[kind].items[i]);
        for (size_t i = 0; i < subject->pair_count; i++)
            engine_evaluate(engine, subject, &subject->pairs[i]);
    }
    ensure_single_subjects(engine);
    recheck_arm(engine, exceptions_next_expiry(engine));
    engine->cause = NULL;
    rule_set_free(old);
}

struct engine *engine_new(struct event_base *base, struct rule_set *rules, const struct config *config,
                          const struct clock *clock, const struct engine_callbacks *callbacks)
{
    struct engine *engine = mem_alloc(sizeof *engine);

    engine->base = base;
    engine->rules = rules;
    engine->config = config ? config : &config_none;
    engine->clock = clock;
    engine->callbacks = *callbacks;
    engine->store = store_new();
    engine->closed_execs = map_new(NULL);
    engine->execs = execs_new(clock_now(clock));
    engine->state_fd = -1;
    check_result_init(&engine->scratch);
    inputs_init(engine);
    subjects_init(engine);
    joins_init(engine);
    settle_init(engine);
    recheck_init(engine);
    index_rules(engine);
    exceptions_index(engine);
    ensure_single_subjects(engine);
    recheck_arm(engine, exceptions_next_expiry(engine));
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    state_deinit(engine);
    exceptions_free(engine);
    transitions_deinit(engine);
    agent_states_deinit(engine);
    subjects_deinit(engine);
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        map_free(engine->inputs[kind]);
    check_result_deinit(&engine->scratch);
    event_free(engine->settle_event);
    event_free(engine->recheck_timer);
    store_free(engine->store);
    map_free(engine->closed_execs);
    execs_free(engine->execs);
    map_free(engine->joiners);
    rule_set_free(engine->rules);
    free(engine);
}
