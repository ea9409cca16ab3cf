/* Snapshots: all that is open, sent to one sink as one record for each finding and an end, so that a receiver that has
 * missed something, or everything until now, knows the same as the agent again. */
#ifndef AGENT_AGENT_SNAPSHOT_H
#define AGENT_AGENT_SNAPSHOT_H

#include "agent/evaluator/evaluator.h"
#include "agent/sinks/sink_list.h"
#include "agent/store/event_store.h"

struct snapshots;

struct snapshot_options {
    struct event_base *base;
    const struct evaluator *evaluator;
    const struct sink_list *sinks; /* as they are at each call */
    const struct clock *clock;
    const char *machine; /* by which the time of the daily one is spread; it lives as long */
};
struct snapshots *snapshots_new(const struct snapshot_options *options);
void snapshots_free(struct snapshots *snapshots);

/* For struct event_store_options: USER are the snapshots. Other notes than theirs are passed over. */
void snapshots_on_note(const char *name, const char *text, void *user);
/* All that was open before the start was found again or closed: from now on snapshots are made, of STORE's cursors. */
void snapshots_start(struct snapshots *snapshots, struct event_store *store);
/* Begins those that are due: for a sink that had none yet in this stream, with this engine, this filter, these
 * severities of the rules and this day, or none since it lost records. One that is under way and does not fit any more
 * begins anew. To be called after any of these has changed, and once a minute. */
void snapshots_check(struct snapshots *snapshots);
/* One is due for each sink whose type or address is SINK. How many there are. */
size_t snapshots_resend(struct snapshots *snapshots, const char *sink);
bool snapshots_are_under_way(const struct snapshots *snapshots);

#endif
