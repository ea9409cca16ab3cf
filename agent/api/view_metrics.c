/* GET /metrics: the agent in numbers, in Prometheus' text format (0.0.4), made on request from what is counted anyway.
 * Series are by rule and by sink, never by container: what a host runs does not change their number. */
#include <string.h>

#include "agent/api/server_room.h"
#include "agent/api/view.h"
#include "probes/docker/broker.h"
#include "probes/roles/roles.h"

enum { EXPIRING_DAYS = 30 };

static const struct {
    usec_t limit;
    const char *text;
} lag_buckets[LAG_BUCKET_COUNT] = {
    {5000, "0.005"}, {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"}, {100000, "0.1"},  {250000, "0.25"},
    {500000, "0.5"}, {1000000, "1"},  {2500000, "2.5"}, {5000000, "5"},  {10000000, "10"},
};

void lag_observe(struct lag_histogram *lag, usec_t time)
{
    size_t bucket = 0;

    if (time < 0) /* the engine's clock is ahead of this one */
        time = 0;
    while (bucket < LAG_BUCKET_COUNT && time > lag_buckets[bucket].limit)
        bucket++;
    lag->counts[bucket]++;
    lag->sum += time;
}

void metrics_label(struct str *out, const char *name, const char *value)
{
    str_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n')
            str_append(out, "\\n");
        else if (*value == '"' || *value == '\\')
            str_printf(out, "\\%c", *value);
        else
            str_append_char(out, *value);
    }
    str_append_char(out, '"');
}

static void family(struct str *out, const char *name, const char *type, const char *help)
{
    str_printf(out, "# HELP docker_bench_agent_%s %s\n# TYPE docker_bench_agent_%s %s\n", name, help, name, type);
}

static void sample(struct str *out, const char *name, uint64_t value)
{
    str_printf(out, "docker_bench_agent_%s %llu\n", name, (unsigned long long)value);
}

/* A sample with one label. */
static void labelled(struct str *out, const char *name, const char *label, const char *text, uint64_t value)
{
    str_printf(out, "docker_bench_agent_%s{", name);
    metrics_label(out, label, text);
    str_printf(out, "} %llu\n", (unsigned long long)value);
}

static void append_seconds(struct str *out, usec_t time)
{
    str_printf(out, "%lld.%06lld\n", (long long)(time / USEC_PER_SEC), (long long)(time % USEC_PER_SEC));
}

static void seconds(struct str *out, const char *name, usec_t time)
{
    str_printf(out, "docker_bench_agent_%s ", name);
    append_seconds(out, time);
}

static void finding_count(struct str *out, const struct rule *rule, const char *status, unsigned count)
{
    str_append(out, "docker_bench_agent_findings{");
    metrics_label(out, "rule", rule->slug);
    str_append_char(out, ',');
    metrics_label(out, "severity", severity_name(rule->severity));
    str_append_char(out, ',');
    metrics_label(out, "status", status);
    str_printf(out, "} %u\n", count);
}

/* Each rule has its failures, even if there are none, so that a rate or an alert sees them end. */
static void write_findings(const struct agent_view *view, struct str *out)
{
    const struct rule_set *rules = evaluator_rules(view->evaluator);

    family(out, "findings", "gauge",
           "Findings by rule, severity and status; failures that a waiver covers have the status waived.");
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];
        unsigned counts[VERDICT_COUNT], waived;

        if (!rule->enabled)
            continue;
        evaluator_rule_verdict(view->evaluator, rule, counts);
        waived = evaluator_rule_waived(view->evaluator, rule);
        counts[VERDICT_FAIL] -= waived;
        for (enum verdict v = VERDICT_NOT_APPLICABLE; v < VERDICT_COUNT; v++)
            if (counts[v] || v == VERDICT_FAIL)
                finding_count(out, rule, verdict_name(v), counts[v]);
        if (waived)
            finding_count(out, rule, "waived", waived);
    }
}

static void write_score(const struct agent_view *view, struct str *out)
{
    struct score score;

    evaluator_score(view->evaluator, &score);
    family(out, "score_ratio", "gauge", "Share of the scored rules that pass, from 0 to 1.");
    if (score.counted)
        str_printf(out, "docker_bench_agent_score_ratio %.4f\n", (double)score.passed / score.counted);
}

static void write_lag(const struct agent_view *view, struct str *out)
{
    static const struct lag_histogram none;
    const struct lag_histogram *lag = view->lag ? view->lag : &none;
    uint64_t count = 0;

    family(out, "event_lag_seconds", "histogram",
           "Time from an event of the engine until a transition that it led to was stored.");
    for (size_t i = 0; i <= LAG_BUCKET_COUNT; i++) {
        count += lag->counts[i];
        labelled(out, "event_lag_seconds_bucket", "le", i < LAG_BUCKET_COUNT ? lag_buckets[i].text : "+Inf", count);
    }
    seconds(out, "event_lag_seconds_sum", lag->sum);
    sample(out, "event_lag_seconds_count", count);
}

static void write_transitions(const struct agent_view *view, struct str *out)
{
    const struct evaluator_counters *counters = evaluator_counters(view->evaluator);

    family(out, "transitions_total", "counter",
           "Findings that came to a status since the agent started; gone: their subject went away.");
    for (enum verdict v = VERDICT_NONE; v < VERDICT_COUNT; v++)
        labelled(out, "transitions_total", "status", v == VERDICT_NONE ? "gone" : verdict_name(v),
                 counters->transitions_by_verdict[v]);
}

static void write_execs(const struct agent_view *view, struct str *out)
{
    struct exec_counts counts = evaluator_exec_counts(view->evaluator);

    family(out, "exec_findings", "gauge", "Findings of docker exec; equal execs of a container are one.");
    sample(out, "exec_findings", counts.open);
    family(out, "exec_findings_dropped_total", "counter",
           "Findings of docker exec that ended since there were more than are kept.");
    sample(out, "exec_findings_dropped_total", counts.dropped);
}

static void write_times(const struct agent_view *view, struct str *out)
{
    family(out, "scan_duration_seconds", "gauge", "How long the last full scan took.");
    if (view->scan_duration_ms >= 0)
        seconds(out, "scan_duration_seconds", view->scan_duration_ms * 1000);
    family(out, "last_event_timestamp_seconds", "gauge", "When the last event of the engine came.");
    if (docker_last_event(view->docker))
        seconds(out, "last_event_timestamp_seconds", docker_last_event(view->docker));
    family(out, "start_time_seconds", "gauge", "When the agent started.");
    seconds(out, "start_time_seconds", view->started);
}

/* ---- Sinks ---- */

static uint64_t sent(const struct sink_status *status)
{
    return status->sent;
}

static uint64_t lost(const struct sink_status *status)
{
    return status->dropped;
}

static uint64_t pending(const struct sink_status *status)
{
    return status->pending;
}

static uint64_t is_up(const struct sink_status *status)
{
    return str_equal(sink_state(status, clock_monotonic()), "ok");
}

static void write_sinks(const struct agent_view *view, struct str *out)
{
    static const struct {
        const char *name, *type, *help;
        uint64_t (*value)(const struct sink_status *status);
    } families[] = {
        {"sink_sent_total", "counter", "Records that arrived since the agent started.", sent},
        {"sink_lost_total", "counter", "Records that the store had no room for before they could be sent.", lost},
        {"sink_pending", "gauge", "Records that have not arrived yet.", pending},
        {"sink_up", "gauge", "1: the last record that was tried was sent; 0: the sink is retrying or stuck.", is_up},
    };

    for (size_t f = 0; f < countof(families); f++) {
        family(out, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < view->sink_count; i++) {
            scoped(cleanup_free) char *name = NULL;
            struct sink_status status;

            sink_status(view->sinks[i], &status);
            name = mem_printf("%s:%s", status.type, status.address); /* no two sinks have the same */
            labelled(out, families[f].name, "sink", name, families[f].value(&status));
        }
    }
}

/* ---- The agent itself ---- */

static void write_waivers(const struct agent_view *view, struct str *out)
{
    const struct config *config = view->config;
    usec_t now = clock_now(&clock_system), soon = now + EXPIRING_DAYS * 86400 * USEC_PER_SEC;
    uint64_t expiring = 0, expired = 0;

    for (size_t i = 0; i < config->waiver_count; i++) {
        usec_t expires = config->waivers[i].expires;

        expired += expires && expires <= now;
        expiring += expires > now && expires <= soon;
    }
    family(out, "waivers", "gauge", "Waivers of the configuration.");
    sample(out, "waivers", config->waiver_count);
    family(out, "waivers_expiring", "gauge", "Waivers that end within 30 days.");
    sample(out, "waivers_expiring", expiring);
    family(out, "waivers_expired", "gauge", "Waivers that have ended and no longer apply.");
    sample(out, "waivers_expired", expired);
}

static void write_store(const struct agent_view *view, struct str *out)
{
    const struct event_store *events = view->events;

    family(out, "store_trouble", "gauge", "1: new transitions are not on disk.");
    sample(out, "store_trouble", events && event_store_trouble(events));
    family(out, "store_size_bytes", "gauge", "What the store of transitions occupies on disk, with its log.");
    sample(out, "store_size_bytes", events ? event_store_size(events) : 0);
    family(out, "store_retention_limit_bytes", "gauge", "history.size: beyond it the oldest transitions go.");
    sample(out, "store_retention_limit_bytes", view->config->history_bytes);
    family(out, "store_oldest_timestamp_seconds", "gauge", "When the oldest transition that is kept happened.");
    if (events && event_store_oldest_time(events))
        seconds(out, "store_oldest_timestamp_seconds", event_store_oldest_time(events));
}

static void write_states(const struct agent_view *view, struct str *out)
{
    const char *slug, *evidence;
    size_t at = 0;

    family(out, "ready", "gauge", "1: the first full scan is complete and nothing is degraded, as /healthz answers.");
    sample(out, "ready", view_health(view, NULL));
    family(out, "degraded", "gauge", "1 for each part of the agent that is degraded, such as agent-engine.");
    while (evaluator_next_agent_state(view->evaluator, &at, &slug, &evidence))
        labelled(out, "degraded", "reason", slug, 1);
    family(out, "helper_up", "gauge", "1: the helper process of that role is running.");
    for (size_t i = 0; i < view->helper_count; i++)
        if (view->helpers[i]) /* else it is not necessary */
            labelled(out, "helper_up", "role", helper_role(view->helpers[i]), !helper_why_not(view->helpers[i]));
    if (view->broker)
        labelled(out, "helper_up", "role", role_name(ROLE_ENGINE), !broker_why_not(view->broker));
    family(out, "helper_restarts_total", "counter", "How often the helper process of that role was started again.");
    for (size_t i = 0; i < view->helper_count; i++)
        if (view->helpers[i])
            labelled(out, "helper_restarts_total", "role", helper_role(view->helpers[i]),
                     helper_restarts(view->helpers[i]));
    if (view->broker)
        labelled(out, "helper_restarts_total", "role", role_name(ROLE_ENGINE), broker_restarts(view->broker));
    family(out, "engine_connected", "gauge", "1: the engine's events are being received.");
    sample(out, "engine_connected", docker_is_connected(view->docker));
    family(out, "benchmark_info", "gauge", "The active benchmark.");
    labelled(out, "benchmark_info", "benchmark", evaluator_rules(view->evaluator)->active->name, 1);
    family(out, "build_info", "gauge", "The agent's version.");
    labelled(out, "build_info", "version", PROGRAM_VERSION, 1);
}

static void write_api(const struct room_counts *api, struct str *out)
{
    family(out, "api_queued_bytes", "gauge", "Answers of the query API that wait to be read.");
    sample(out, "api_queued_bytes", api->answers);
    family(out, "api_request_bytes", "gauge", "Requests to the query API that are arriving or being answered.");
    sample(out, "api_request_bytes", api->requests);
    family(out, "api_closed_total", "counter", "Connections that were closed because too much waited to be read.");
    sample(out, "api_closed_total", api->closed);
    family(out, "api_refused_total", "counter", "Requests that were refused because too much waited to be read.");
    sample(out, "api_refused_total", api->refused);
}

void view_metrics(const struct agent_view *view, struct str *out)
{
    write_findings(view, out);
    write_score(view, out);
    write_lag(view, out);
    write_execs(view, out);
    write_times(view, out);
    write_transitions(view, out);
    write_sinks(view, out);
    write_waivers(view, out);
    write_states(view, out);
    write_store(view, out);
    write_api(view->api ? view->api : &(struct room_counts){0}, out);
}
