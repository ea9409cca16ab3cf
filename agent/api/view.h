/* The agent's state as JSON documents: the bodies of the query API, and what --once prints. Pure reading. */
#ifndef AGENT_API_VIEW_H
#define AGENT_API_VIEW_H

#include "agent/evaluator/finding_filter.h"
#include "agent/evaluator/score.h"
#include "agent/report/report.h"
#include "agent/sinks/sink.h"
#include "agent/store/event_store.h"
#include "agent/words/words.h"
#include "probes/docker/docker.h"
#include "probes/watch/watch.h"
#include "probes/worker/helper.h"

/* How long after an event of the engine a transition that it led to was stored. */
enum { LAG_BUCKET_COUNT = 11 };
struct lag_histogram {
    uint64_t counts[LAG_BUCKET_COUNT + 1]; /* of each bucket alone; the last one has no upper bound */
    usec_t sum;
};
void lag_observe(struct lag_histogram *lag, usec_t time);

/* What the query API shows besides the findings. */
struct agent_view {
    const struct evaluator *evaluator;
    struct evaluator *writable_engine; /* for acknowledgements */
    const struct docker *docker;
    const struct docker_address *address;
    const struct watcher_counters *watcher;
    const char *host, *machine;         /* "": unknown */
    struct event_store *events;         /* NULL: --once */
    const struct record_origin *origin; /* of the records that sinks send; NULL: --once */
    const struct config *config;
    enum language language; /* of the texts: as configured, or as a request asked */
    struct sink *const *sinks;
    size_t sink_count;
    struct helper *const *helpers;
    size_t helper_count;
    const struct broker *broker; /* one more helper */
    usec_t started;
    bool scanned; /* the first full scan is complete */
    usec_t scan_started;
    int64_t scan_duration_ms; /* of the last full scan; -1: none yet */
    size_t scan_subjects;
    uint64_t docker_events_seen;
    const struct lag_histogram *lag; /* NULL: nothing was measured */
    const struct room_counts *api;   /* NULL: nobody can ask */
};

/* An answer ends with the finding that makes it longer than this; "next" is the place to continue at. */
enum { VIEW_PAGE_BYTES = 1024 * 1024 };

void view_status(const struct agent_view *view, struct json_out *out);
/* Prometheus' text format. */
void view_metrics(const struct agent_view *view, struct str *out);
/* NAME="VALUE", escaped as that format asks. */
void metrics_label(struct str *out, const char *name, const char *value);
/* What is judged, kind, id and name of each: for completion, so no more than 2,000. */
void view_subjects(const struct agent_view *view, struct json_out *out);
void view_rules(const struct agent_view *view, struct json_out *out);
int view_rule(const struct agent_view *view, const char *rule, struct json_out *out, struct error *error); /* -ENOENT */
/* Member "params": what RULE's check takes, with type, bounds, the shipped value and the one that holds. */
void view_params(const struct rule *rule, struct json_out *out);
int view_findings(const struct agent_view *view, const struct finding_filter *filter, struct json_out *out,
                  struct error *error);
/* Writes TEXT (may be NULL), which may hold messages, in the view's language. */
void view_write_text(const struct agent_view *view, struct json_out *out, const char *key, const char *text);
/* Is the agent ready? If not, appends the reasons to the array open in OUT (may be NULL). */
bool view_health(const struct agent_view *view, struct json_out *out);

/* Members "profile", "waivers", "attestations", "excluded" and "exclude" of the status. */
void view_policy(const struct agent_view *view, struct json_out *out);
/* Everything; the caller chooses. VIEW's parts outlive RET. */
void view_report_source(const struct agent_view *view, struct report_source *ret);

#endif
