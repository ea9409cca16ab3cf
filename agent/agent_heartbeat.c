/* Heartbeats: for each sink a record that the agent is alive, with what it has found in numbers, so that a receiver
 * sees by the next one what it has missed. Nothing is counted for it: all of it is kept as it changes. */
#include <inttypes.h>
#include <stdio.h>

#include "agent/agent_internal.h"
#include "agent/sinks/fields.h"

static const enum verdict open_statuses[] = {VERDICT_MANUAL, VERDICT_FAIL, VERDICT_ERROR};

/* Findings by status and by severity of their rule. */
static void write_counts(const struct evaluator *evaluator, struct json_out *out)
{
    unsigned counts[VERDICT_COUNT][SEVERITY_COUNT];

    evaluator_count(evaluator, counts);
    json_out_object(out, "findings");
    for (enum verdict verdict = VERDICT_NOT_APPLICABLE; verdict < VERDICT_COUNT; verdict++) {
        json_out_object(out, verdict_name(verdict));
        for (enum severity severity = SEVERITY_LOW; severity < SEVERITY_COUNT; severity++)
            json_out_int(out, severity_name(severity), counts[verdict][severity]);
        json_out_end_object(out);
    }
    json_out_end_object(out);
}

/* Of what FILTER lets through of one status. */
static struct open_findings open_of(const struct evaluator *evaluator, const struct store_filter *filter,
                                    enum verdict status)
{
    struct open_findings sum = {0};

    for (enum severity severity = filter->min_severity; severity < SEVERITY_COUNT; severity++) {
        const struct open_findings open = evaluator_open(evaluator, status, severity);

        sum.count += open.count;
        sum.digest += open.digest;
    }
    sum.digest &= FINDING_DIGEST_MASK;
    return sum;
}

/* As text: readers of JSON that take numbers for doubles keep 53 bits of the 56. */
static void write_digest(struct json_out *out, const char *key, uint64_t digest)
{
    char text[FINDING_DIGEST_DIGITS + 1];

    snprintf(text, sizeof text, "%0*" PRIx64, FINDING_DIGEST_DIGITS, digest);
    json_out_string(out, key, text);
}

/* "count" and "digest": of what the sink has been sent; "digests": of each of its statuses. */
static void write_open(const struct evaluator *evaluator, const struct store_filter *filter, struct json_out *out)
{
    uint64_t count = 0, digest = 0;

    json_out_object(out, "digests");
    for (size_t i = 0; i < countof(open_statuses); i++) {
        const struct open_findings open = open_of(evaluator, filter, open_statuses[i]);

        if (!(filter->statuses & 1u << open_statuses[i]))
            continue;
        write_digest(out, verdict_name(open_statuses[i]), open.digest);
        count += open.count;
        digest += open.digest;
    }
    json_out_end_object(out);
    json_out_int(out, "count", (int64_t)count);
    write_digest(out, "digest", digest & FINDING_DIGEST_MASK);
}

/* A heartbeat is sent before what waits. "pending" 0: nothing does that the digest takes into account. */
static void write_sink(const struct agent *agent, const struct sink *sink, struct json_out *out)
{
    struct sink_status status;

    sink_status(sink, &status);
    json_out_object(out, "sink");
    json_out_int(out, "sent", (int64_t)status.sent);
    json_out_int(out, "pending", (int64_t)(status.pending + event_store_waiting(agent->events)));
    json_out_int(out, "lost", (int64_t)status.dropped);
    json_out_end_object(out);
}

static void write_state(const struct agent_view *view, struct json_out *out)
{
    bool ready;

    json_out_array(out, "reasons");
    ready = view_health(view, out);
    json_out_end_array(out);
    json_out_string(out, "state", ready ? "ready" : view->scanned ? "degraded" : "starting");
}

static void beat(const struct agent *agent, const struct agent_view *view, struct sink *sink)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct event_cursor_options options;

    sink_describe_cursor(sink, &options);
    json_out_object(out, NULL);
    json_out_time(out, "at", clock_now(&clock_system));
    json_out_int(out, "seq", (int64_t)evaluator_last_seq(agent->evaluator));
    write_open(agent->evaluator, &options.filter, out);
    write_counts(agent->evaluator, out);
    write_state(view, out);
    json_out_string(out, "configuration", agent->config_hash);
    write_sink(agent, sink, out);
    json_out_end_object(out);
    event_cursor_insert(sink_cursor(sink), ITEM_HEARTBEAT, json_out_text(out, NULL));
}

void agent_beat(struct agent *agent)
{
    struct agent_view view;

    agent_set_origin(agent);
    agent_view(agent, &view);
    for (size_t i = 0; i < agent->sinks.count; i++)
        if (sink_cursor(agent->sinks.items[i]))
            beat(agent, &view, agent->sinks.items[i]);
}

/* The SHA-256 of the configuration as it is in force, whatever its layout: its document, and what the command line and
 * the environment may put in its place. */
void agent_hash_config(struct agent *agent)
{
    const struct config *config = agent->config;
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text;
    size_t length;

    json_out_object(out, NULL);
    json_out_value(out, "document", config->document ? json_root(config->document) : NULL);
    json_out_string(out, "docker_host", agent->address.host_text);
    json_out_string(out, "socket", config->socket_path);
    json_out_string(out, "state_dir", config->state_dir);
    json_out_string(out, "host_root", config->host_root);
    json_out_string(out, "data_dir", config->data_dir);
    json_out_end_object(out);
    text = json_out_text(out, &length);
    sha256_text(text, length, agent->config_hash);
}
