/* What the query API, reports and heartbeats show of the agent just now. */
#include "agent/agent_internal.h"

void agent_view(const struct agent *agent, struct agent_view *ret)
{
    size_t helper_count;
    struct helper *const *helpers = fetcher_helpers(agent->fetcher, &helper_count);

    *ret = (struct agent_view){
        .evaluator = agent->evaluator,
        .writable_engine = agent->evaluator,
        .docker = agent->docker,
        .address = &agent->address,
        .watcher = fetcher_watcher_counters(agent->fetcher),
        .host = agent->hostname,
        .machine = agent->machine,
        .events = agent->events,
        .origin = agent->events ? &agent->origin : NULL,
        .config = agent->config,
        .language = agent->config->language,
        .sinks = agent->sinks.items,
        .sink_count = agent->sinks.count,
        .helpers = helpers,
        .broker = agent->broker,
        .helper_count = helper_count,
        .started = agent->started,
        .scanned = agent->scan_duration_ms >= 0,
        .scan_started = agent->scan_started,
        .scan_duration_ms = agent->scan_duration_ms,
        .scan_subjects = agent->scan_subjects,
        .docker_events_seen = agent->events_seen,
        .lag = &agent->lag,
    };
}
