/* GET /v1/status: the agent, the engine, the score and what is worst; and the text of --once. */
#include <string.h>
#include <unistd.h>

#include "agent/api/view.h"
#include "agent/evaluator/finding.h"
#include "common/text.h"
#include "common/vec.h"
#include "probes/docker/broker.h"
#include "probes/roles/roles.h"

enum { WORST_COUNT = 10 };

bool view_health(const struct agent_view *view, struct json_out *out)
{
    size_t at = 0;
    const char *slug, *evidence;
    bool ready = view->scanned;

    if (!view->scanned && out)
        view_write_text(view, out, NULL, M_("the first full scan is not complete"));
    while (evaluator_next_agent_state(view->evaluator, &at, &slug, &evidence)) {
        scoped_str reason = STR_INIT;

        message_add(&reason, "%s: %s", slug, evidence);
        ready = false;
        if (out)
            view_write_text(view, out, NULL, reason.data);
    }
    return ready;
}

static void write_agent(const struct agent_view *view, struct json_out *out)
{
    size_t at = 0;
    const char *slug, *evidence;
    bool degraded = evaluator_next_agent_state(view->evaluator, &at, &slug, &evidence);

    json_out_object(out, "agent");
    json_out_string(out, "version", PROGRAM_VERSION);
    json_out_int(out, "pid", getpid());
    json_out_time(out, "started", view->started);
    json_out_string(out, "state", degraded ? "degraded" : view->scanned ? "ready" : N_("starting"));
    json_out_array(out, "reasons");
    view_health(view, out);
    json_out_end_array(out);
    json_out_end_object(out);
}

/* Why the engine is not connected, for a place that shows its address as well; NULL when it is. */
static const char *engine_why_not(const struct agent_view *view, struct str *buffer)
{
    return message_without_context(docker_why_not(view->docker), view->address->host_text, buffer);
}

static void write_engine(const struct agent_view *view, struct json_out *out)
{
    const struct version_facts *version = store_version(evaluator_store(view->evaluator), NULL);
    bool connected = docker_is_connected(view->docker);
    scoped_str rest = STR_INIT;

    json_out_object(out, "engine");
    json_out_string(out, "host", view->address->host_text);
    json_out_string(out, "id", evaluator_engine(view->evaluator));
    json_out_bool(out, "connected", connected);
    json_out_string(out, "version", version ? version->version : NULL);
    json_out_string(out, "api_version", docker_api_version(view->docker));
    json_out_time(out, "since", docker_since(view->docker));
    json_out_time(out, "last_event", docker_last_event(view->docker));
    view_write_text(view, out, "why", engine_why_not(view, &rest));
    json_out_end_object(out);
}

static void write_counts(struct json_out *out, const unsigned counts[VERDICT_COUNT])
{
    for (enum verdict v = VERDICT_NOT_APPLICABLE; v < VERDICT_COUNT; v++)
        json_out_int(out, verdict_name(v), counts[v]);
}

static void count_findings(const struct evaluator *evaluator, unsigned counts[VERDICT_COUNT])
{
    const struct rule_set *rules = evaluator_rules(evaluator);

    memset(counts, 0, VERDICT_COUNT * sizeof *counts);
    for (size_t i = 0; i < rules->count; i++) {
        unsigned of_rule[VERDICT_COUNT];

        evaluator_rule_verdict(evaluator, &rules->rules[i], of_rule);
        for (size_t v = 0; v < VERDICT_COUNT; v++)
            counts[v] += of_rule[v];
    }
}

static void write_sections(const struct agent_view *view, struct json_out *out)
{
    const struct rule_set *rules = evaluator_rules(view->evaluator);

    json_out_array(out, "sections");
    for (size_t s = 0; s < rules->active->section_count; s++) {
        const struct benchmark_section *section = &rules->active->sections[s];
        unsigned counts[VERDICT_COUNT] = {0};

        for (size_t i = 0; i < rules->count; i++)
            if (rules->rules[i].enabled && str_equal(rules->rules[i].section, section->id))
                counts[evaluator_rule_verdict(view->evaluator, &rules->rules[i], NULL)]++;
        json_out_object(out, NULL);
        json_out_string(out, "id", section->id);
        json_out_string(out, "title", section->title[view->language]);
        write_counts(out, counts);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

struct worst {
    const struct subject *subject;
    const struct pair *pair;
};

static bool is_worse(const struct worst *x, const struct worst *y)
{
    if (x->pair->rule->severity != y->pair->rule->severity)
        return x->pair->rule->severity > y->pair->rule->severity;
    if (x->pair->since != y->pair->since)
        return x->pair->since > y->pair->since;
    return x->pair->rule->index < y->pair->rule->index;
}

/* Failures that are not waived, worst first. */
static size_t find_worst(const struct agent_view *view, struct worst ret[WORST_COUNT])
{
    const struct subject *subject;
    size_t at = 0, count = 0;

    while ((subject = evaluator_next_subject(view->evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++) {
            struct worst one = {subject, &subject->pairs[i]};
            size_t place;

            if (one.pair->verdict != VERDICT_FAIL || (count == WORST_COUNT && !is_worse(&one, &ret[count - 1])) ||
                evaluator_waiver(view->evaluator, subject, one.pair))
                continue;
            count += count < WORST_COUNT;
            for (place = count - 1; place && is_worse(&one, &ret[place - 1]); place--)
                ret[place] = ret[place - 1];
            ret[place] = one;
        }
    return count;
}

static void write_worst(const struct agent_view *view, struct json_out *out)
{
    struct worst worst[WORST_COUNT];
    size_t count = find_worst(view, worst);
    struct check_result result;

    check_result_init(&result);
    json_out_array(out, "worst");
    for (size_t i = 0; i < count; i++) {
        check_result_clear(&result);
        evaluator_explain(view->evaluator, worst[i].subject, worst[i].pair, &result);
        json_out_object(out, NULL);
        finding_write(view->evaluator, view->language, worst[i].subject, worst[i].pair,
                      evaluator_waiver(view->evaluator, worst[i].subject, worst[i].pair), &result, false, out);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    check_result_deinit(&result);
}

static void write_by_input(struct json_out *out, const char *key, const uint64_t counts[INPUT_KIND_COUNT])
{
    json_out_object(out, key);
    for (size_t kind = 0; kind < INPUT_KIND_COUNT; kind++)
        json_out_int(out, input_types[kind].name, (int64_t)counts[kind]);
    json_out_end_object(out);
}

static void write_counters(const struct agent_view *view, struct json_out *out)
{
    const struct evaluator_counters *evaluator = evaluator_counters(view->evaluator);
    const struct watcher_counters *watcher = view->watcher;
    struct docker_counters docker;

    docker_counters(view->docker, &docker);
    json_out_object(out, "counters");
    json_out_object(out, "events");
    json_out_int(out, "docker", (int64_t)docker.events);
    json_out_int(out, "replayed", (int64_t)docker.replayed);
    json_out_int(out, "duplicates", (int64_t)docker.duplicates);
    json_out_int(out, "malformed", (int64_t)docker.malformed);
    json_out_int(out, "gaps", (int64_t)docker.gaps);
    json_out_int(out, "inotify", (int64_t)watcher->events);
    json_out_int(out, "inotify_overflows", (int64_t)watcher->overflows);
    json_out_end_object(out);
    json_out_int(out, "requests", (int64_t)docker.requests);
    json_out_int(out, "pings", (int64_t)docker.pings);
    json_out_int(out, "connects", (int64_t)docker.connects);
    json_out_int(out, "bytes", (int64_t)docker.bytes);
    write_by_input(out, "stale", evaluator->stale);
    write_by_input(out, "fetches", evaluator->fetches);
    write_by_input(out, "failures", evaluator->failures);
    write_by_input(out, "changed", evaluator->changed);
    json_out_int(out, "evaluations", (int64_t)evaluator->evaluations);
    json_out_int(out, "transitions", (int64_t)evaluator->transitions);
    json_out_object(out, "transitions_to");
    for (enum verdict v = VERDICT_NONE; v < VERDICT_COUNT; v++)
        json_out_int(out, v == VERDICT_NONE ? "gone" : verdict_name(v), (int64_t)evaluator->transitions_by_verdict[v]);
    json_out_end_object(out);
    json_out_object(out, "watches");
    json_out_int(out, "paths", watcher->paths);
    json_out_int(out, "kernel", watcher->kernel_watches);
    json_out_int(out, "refused", watcher->refused);
    json_out_end_object(out);
    json_out_end_object(out);
}

static void write_execs(const struct agent_view *view, struct json_out *out)
{
    struct exec_counts counts = evaluator_exec_counts(view->evaluator);

    json_out_object(out, "execs");
    json_out_int(out, "findings", (int64_t)counts.open);
    json_out_int(out, "acknowledged", (int64_t)counts.acknowledged);
    json_out_int(out, "limit", EXEC_GROUPS_MAX);
    json_out_int(out, "dropped", (int64_t)counts.dropped);
    json_out_time(out, "dropped_at", counts.dropped_at);
    json_out_end_object(out);
}

static void write_sinks(const struct agent_view *view, struct json_out *out)
{
    json_out_array(out, "sinks");
    for (size_t i = 0; i < view->sink_count; i++) {
        struct sink_status status;

        sink_status(view->sinks[i], &status);
        json_out_object(out, NULL);
        json_out_string(out, "type", status.type);
        json_out_string(out, "address", status.address);
        json_out_string(out, "state", sink_state(&status, clock_monotonic()));
        json_out_int(out, "sent", (int64_t)status.sent);
        json_out_int(out, "pending", (int64_t)status.pending);
        json_out_int(out, "dropped", (int64_t)status.dropped);
        view_write_text(view, out, "last_error", status.last_error);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

static void write_helper(const struct agent_view *view, struct json_out *out, const char *role, bool running,
                         unsigned restarts, const char *last_error)
{
    json_out_object(out, NULL);
    json_out_string(out, "role", role);
    json_out_bool(out, "running", running);
    json_out_int(out, "restarts", restarts);
    view_write_text(view, out, "last_error", last_error);
    json_out_end_object(out);
}

static void write_helpers(const struct agent_view *view, struct json_out *out)
{
    json_out_array(out, "helpers");
    for (size_t i = 0; i < view->helper_count; i++) {
        const struct helper *helper = view->helpers[i];

        if (helper) /* else it is not necessary */
            write_helper(view, out, helper_role(helper), !helper_why_not(helper), helper_restarts(helper),
                         helper_last_error(helper));
    }
    if (view->broker)
        write_helper(view, out, role_name(ROLE_ENGINE), !broker_why_not(view->broker), broker_restarts(view->broker),
                     broker_last_error(view->broker));
    json_out_end_array(out);
}

/* As in every record that a sink sends. */
static void write_origin(const struct agent_view *view, struct json_out *out)
{
    const struct record_origin *origin = view->origin;

    if (!origin)
        return;
    json_out_string(out, "host", origin->host);
    json_out_string(out, "machine", *origin->machine ? origin->machine : NULL);
    json_out_string(out, "stream", origin->stream);
    json_out_int(out, "schema", origin->schema);
}

/* null while no rule counts. */
static void write_score(struct json_out *out, const char *key, unsigned counted, double value)
{
    if (counted)
        json_out_double(out, key, value);
    else
        json_out_null(out, key);
}

void view_status(const struct agent_view *view, struct json_out *out)
{
    const struct benchmark *benchmark = evaluator_rules(view->evaluator)->active;
    unsigned findings[VERDICT_COUNT];
    struct score score;

    evaluator_score(view->evaluator, &score);
    count_findings(view->evaluator, findings);
    write_origin(view, out);
    write_agent(view, out);
    write_engine(view, out);
    json_out_object(out, "benchmark");
    json_out_string(out, "name", benchmark->name);
    json_out_string(out, "title", benchmark->title[view->language]);
    json_out_end_object(out);
    json_out_object(out, "summary");
    json_out_object(out, "rules");
    write_counts(out, score.counts);
    json_out_end_object(out);
    json_out_object(out, "findings");
    write_counts(out, findings);
    json_out_end_object(out);
    json_out_int(out, "waived", score.waived);
    write_sections(view, out);
    json_out_end_object(out);
    write_score(out, "score", score.counted, score.value);
    write_score(out, "score_without_waivers", score.counted, score.without_waivers);
    json_out_int(out, "scored_rules", score.counted);
    json_out_int(out, "last_seq", (int64_t)evaluator_last_seq(view->evaluator));
    write_execs(view, out);
    view_policy(view, out);
    write_sinks(view, out);
    write_helpers(view, out);
    json_out_object(out, "scan");
    json_out_time(out, "started", view->scan_started);
    if (view->scan_duration_ms >= 0)
        json_out_int(out, "duration_ms", view->scan_duration_ms);
    else
        json_out_null(out, "duration_ms");
    json_out_int(out, "subjects", (int64_t)view->scan_subjects);
    json_out_end_object(out);
    write_counters(view, out);
    write_worst(view, out);
}
