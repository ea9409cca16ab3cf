/* Another configuration: what it changes at once, and what takes a restart. */
#include "agent/agent_internal.h"
#include "common/log.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || str_equal(a, b);
}

/* What a reload cannot change. */
static void log_what_needs_a_restart(const struct config *old, const struct config *new)
{
    const struct {
        const char *key;
        bool same;
    } keys[] = {
        {"docker", same_text(old->docker_host, new->docker_host) && same_text(old->tls_ca, new->tls_ca) &&
                       same_text(old->tls_cert, new->tls_cert) && same_text(old->tls_key, new->tls_key) &&
                       old->docker_tls == new->docker_tls},
        {"socket", same_text(old->socket_path, new->socket_path) && same_text(old->socket_group, new->socket_group) &&
                       old->socket_mode == new->socket_mode},
        {"metrics.listen", same_text(old->metrics_listen, new->metrics_listen)},
        {"state_dir", same_text(old->state_dir, new->state_dir)},
        {"host_root", same_text(old->host_root, new->host_root)},
    };

    for (size_t i = 0; i < countof(keys); i++)
        if (!keys[i].same)
            log_warning("reload: \"%s\" has changed; restart the agent to apply it", keys[i].key);
}

struct store_limits agent_store_limits(const struct config *config)
{
    return (struct store_limits){.bytes = config->history_bytes,
                                 .age = config->history_days * INT64_C(86400) * USEC_PER_SEC};
}

void agent_reload(struct agent *agent)
{
    struct error error = ERROR_INIT;
    struct config *config = NULL, *old = agent->config;
    struct rule_set *rules = NULL;
    struct store_limits limits;

    agent_tell_reload(true);
    sink_list_reopen(&agent->sinks);
    if (agent_load_config(&agent->arguments, &config, &rules, &error) < 0) {
        log_error("reload: %s; keeping the old configuration", error.text);
        evaluator_agent_state(agent->evaluator, "agent-config", false, error.message, "reload");
    } else {
        fetcher_renew_helpers(agent->fetcher, config);
        sink_list_configure(&agent->sinks, agent->base, fetcher_network(agent->fetcher), agent->events, &agent->origin,
                            config->sinks, config->sink_count);
        log_what_needs_a_restart(old, config);
        limits = agent_store_limits(config);
        event_store_set_limits(agent->events, &limits);
        agent_set_intervals(agent, config);
        agent->config = config;
        agent_hash_config(agent);
        agent_set_origin(agent);
        agent->exceptions_told = false;
        evaluator_expect_all(agent->evaluator, "reload"); /* nothing is judged anew by what was read before */
        evaluator_set_rules(agent->evaluator, rules, config);
        agent_set_origin(agent); /* the old rules are gone */
        fetcher_rules_changed(agent->fetcher, config);
        evaluator_agent_state(agent->evaluator, "agent-config", true, M_("the configuration was reloaded"), "reload");
        agent_enter_reload(agent);
        config_free(old);
        agent_scan(agent, "reload");
    }
    agent_tell_reload(false);
    agent_status_changed(agent);
}
