/* What the agent's own files share; no other room includes it. A file calls only those before it here: agent_view.c
 * (what is shown), agent_notify.c (to systemd), agent_user.c (root's rights), agent_snapshot.c, agent_origin.c (who
 * sends), agent_heartbeat.c, agent_begin.c (how work begins), agent_events.c (the engine's events), agent_entries.c
 * (what people did), agent_states.c (its own state), agent_reload.c (another configuration), agent_timers.c (what time
 * brings), agent.c (wiring and life). */
#ifndef AGENT_AGENT_INTERNAL_H
#define AGENT_AGENT_INTERNAL_H

#include "agent/agent.h"
#include "agent/agent_snapshot.h"
#include "agent/api/server.h"
#include "agent/fetch/fetch.h"
#include "agent/launch/launch.h"
#include "agent/sinks/sink_list.h"
#include "agent/store/event_store.h"
#include "probes/docker/broker.h"
#include "probes/host/machine_id.h"

struct agent {
    struct config_arguments arguments;
    struct config *config;
    struct event_base *base;
    struct launch *launch;   /* where helpers come from */
    struct workers *workers; /* what may block, of every room that needs it */
    struct docker_address address;
    struct broker *broker; /* the helper that alone connects to the engine */
    struct docker *docker;
    struct daemon_memory *daemon_memory;
    struct fetcher *fetcher;
    struct evaluator *evaluator;
    struct event_store *events;  /* NULL: --once */
    struct server_socket socket; /* of the query API */
    struct server *server;
    struct record_origin origin;                  /* of the records that sinks send */
    char hostname[256], machine[MACHINE_ID_SIZE]; /* "": unknown */
    char *known_engine;                           /* what the store remembers of it */
    char *initial_stream;                         /* whose first full scan is not complete; NULL: none */
    char *known_states;                           /* slugs of what was degraded before this start; NULL: nothing */
    struct sink_list sinks;
    struct snapshots *snapshots; /* NULL: --once */
    char config_hash[65];
    struct event *heartbeat_timer, *snapshot_timer;
    struct event *signals[3];
    struct event *expiry_timer; /* of waivers and attestations */
    char *known_exceptions;     /* that applied when they were last looked at (agent_entries.c); NULL: unknown */
    struct event *sweep_timer, *top_timer, *start_timer, *silence_timer, *clock_event;
    struct event *status_timer, *watchdog_timer; /* NULL: systemd did not start the agent, or asks for none */
    char *status;                                /* that systemd shows */
    uint64_t watched_evaluations;                /* when the watchdog was last fed, or not */
    int clock_fd;
    bool once, connected, gave_up_waiting, waiting_told;
    usec_t started, scan_started, scan_clock;
    int64_t scan_duration_ms;
    size_t scan_subjects;
    bool scanning, first_scan_done, ready_told, exceptions_told;
    uint64_t events_seen;
    struct lag_histogram lag;
};

/* agent_notify.c */
void agent_start_notifying(struct agent *agent);
void agent_stop_notifying(struct agent *agent);
void agent_status_changed(struct agent *agent); /* maybe: the line that systemd shows, at most once a second */
void agent_tell_ready(struct agent *agent);     /* once */
void agent_tell_reload(bool begins);            /* or ends */
void agent_tell_stop(void);

/* agent_user.c */
/* Makes what takes root to make, and gives up root's rights: 0, or a negative errno with ERROR. */
int agent_become_user(struct agent *agent, struct error *error);

/* agent_origin.c */
void agent_set_origin(struct agent *agent);                         /* as configuration, engine and store are now */
void agent_on_note(const char *name, const char *text, void *user); /* for event_store_new(): USER is the agent */
void agent_on_engine(const char *engine, void *user);               /* for struct evaluator_callbacks */
/* The evaluator learns whose findings it makes, before it has anything to judge, and whether the store is new. */
void agent_identify(struct agent *agent);
void agent_end_initial(struct agent *agent); /* the first full scan is complete, with all that it began */

/* agent_heartbeat.c */
void agent_beat(struct agent *agent);        /* one heartbeat to each sink */
void agent_hash_config(struct agent *agent); /* of the configuration and the engine's address */

/* agent_events.c */
/* Which inputs an event makes stale. For struct docker_callbacks: USER is the agent. */
void agent_on_event(const struct docker_event *event, bool replayed, void *user);

/* agent_entries.c */
#define EXCEPTIONS_NOTE "exceptions" /* the name of its note in the store */
void agent_enter_reload(struct agent *agent);
/* Enters the waivers and attestations that have begun or ended, now and when one expires. CAUSE: what led to it. */
void agent_enter_exceptions(struct agent *agent, const char *cause);

/* agent_states.c */
#define STATES_NOTE "degraded"               /* the name of its note in the store */
void agent_note_states(struct agent *agent); /* a state has changed */
void agent_end_states(struct agent *agent);  /* at the start */

/* agent_reload.c */
/* SIGHUP: opens the files of sinks anew and reads the configuration again; an invalid one is logged, and changes
 * nothing.
 */
void agent_reload(struct agent *agent);
struct store_limits agent_store_limits(const struct config *config); /* history.days and history.size */

/* agent_timers.c */
void agent_add_timers(struct agent *agent);
/* --once: the engine has not answered, or is lost, because of WHY. What is waited for is said once; a bounded time
 * later the agent gives up. */
void agent_await_engine(struct agent *agent, const char *why);
void agent_set_intervals(struct agent *agent, const struct config *config);
void agent_free_timers(struct agent *agent);
void agent_watch_clock(struct agent *agent); /* what follows when the wall clock is set */

#endif
