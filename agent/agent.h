/* The one context: configuration, rules, probes, engine, sinks and server, wired together on one loop. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/engine.h"
#include "agent/sink.h"
#include "probes/docker.h"
#include "probes/watch.h"

struct agent;

/* What the query API shows beside the engine's findings. */
struct agent_view {
    const struct engine *engine;
    struct engine *writable_engine; /* for acknowledgements */
    const struct docker *docker;
    const struct docker_address *address;
    const struct watcher *watcher;
    const struct config *config;
    enum language language; /* of the texts: as configured, or as a request asked */
    struct sink *const *sinks;
    size_t sink_count;
    usec_t started;
    bool scanned; /* the first full scan is done */
    usec_t scan_started;
    int64_t scan_duration_ms; /* of the last full scan; -1: none yet */
    size_t scan_subjects;
    uint64_t docker_events_seen;
};
void agent_view(const struct agent *agent, struct agent_view *ret);
void agent_scan(struct agent *agent, const char *cause); /* full re-evaluation */

/* The configuration and its rules, of command line, environment and files. */
int agent_load_config(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                      struct error *error);
int agent_new(const struct config_arguments *arguments, bool once, struct agent **ret, struct error *error);
void agent_free(struct agent *agent);
int agent_run(struct agent *agent, struct error *error); /* until SIGTERM or SIGINT; once: until the scan is done */

#endif
