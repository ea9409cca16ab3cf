/* How work begins: the configuration is loaded, a full scan is started, systemd is notified that the agent is ready. */
#include <systemd/sd-daemon.h>

#include "agent/agent_internal.h"

static const char *from_environment(const char *name)
{
    return getenv(name);
}

int agent_load_config(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                      struct error *error)
{
    int r = config_load(arguments, from_environment, ret, error);

    if (r < 0)
        return r;
    r = config_load_rules(*ret, ret_rules, error);
    if (r < 0) {
        config_free(*ret);
        *ret = NULL;
    }
    return r;
}

void agent_scan(struct agent *agent, const char *cause)
{
    agent->scanning = true;
    agent->scan_started = clock_now(&clock_system);
    agent->scan_clock = clock_monotonic();
    evaluator_stale_all(agent->evaluator, cause);
}

void agent_tell_ready(struct agent *agent)
{
    if (agent->ready_told)
        return;
    agent->ready_told = true;
    sd_notify(0, "READY=1");
}

void agent_view(const struct agent *agent, struct agent_view *ret)
{
    *ret = (struct agent_view){
        .evaluator = agent->evaluator,
        .writable_engine = agent->evaluator,
        .docker = agent->docker,
        .address = &agent->address,
        .watcher = fetcher_watcher(agent->fetcher),
        .events = agent->events,
        .origin = agent->events ? &agent->origin : NULL,
        .config = agent->config,
        .language = agent->config->language,
        .sinks = agent->sinks.items,
        .sink_count = agent->sinks.count,
        .started = agent->started,
        .scanned = agent->scan_duration_ms >= 0,
        .scan_started = agent->scan_started,
        .scan_duration_ms = agent->scan_duration_ms,
        .scan_subjects = agent->scan_subjects,
        .docker_events_seen = agent->events_seen,
        .lag = &agent->lag,
    };
}
