/* Which probe brings which input, and which watch makes which input stale. */
#ifndef AGENT_FETCH_FETCH_H
#define AGENT_FETCH_FETCH_H

#include "agent/evaluator/evaluator.h"
#include "probes/docker/docker.h"
#include "probes/watch/watch.h"
#include "probes/worker/worker.h"

struct daemon_memory;
struct fetcher;
struct helper;
struct launch;

struct fetcher_options {
    struct event_base *base;
    struct workers *workers; /* they belong to BASE and outlive the fetcher */
    const struct config *config;
    bool keeps_state;                    /* what is found in image layers is kept in the state directory */
    struct launch *launch;               /* where helpers come from; it outlives the fetcher */
    struct daemon_memory *daemon_memory; /* of the state directory; it outlives the fetcher */
    struct docker *docker;
    struct evaluator *evaluator;
    void (*scan)(void *user, const char *cause); /* starts a full scan: a helper is back */
    void *user;
};
int fetcher_new(const struct fetcher_options *options, struct fetcher **ret, struct error *error);
void fetcher_free(struct fetcher *fetcher);
void fetcher_start(struct fetcher *fetcher); /* watches, and the first reading of what lies on the host */
void fetcher_fetch(struct fetcher *fetcher, enum input_kind kind, const char *key);

void fetcher_engine_changed(struct fetcher *fetcher); /* another dockerd may answer now */
/* Another configuration holds, and other file sources may be read now. */
void fetcher_rules_changed(struct fetcher *fetcher, const struct config *config);
void fetcher_sweep_files(struct fetcher *fetcher, const char *cause);
/* Of containers, those that do not run and whose changes nothing tells of. */
void fetcher_sweep_containers(struct fetcher *fetcher, const char *cause);
void fetcher_sweep_processes(struct fetcher *fetcher, const char *cause);
/* Reads a container's processes a moment later, when what was started has become what it runs. */
void fetcher_container_started(struct fetcher *fetcher, const char *container_id);
void fetcher_exec_started(struct fetcher *fetcher, const char *container_id);
/* What it has as its health check was started: its processes are read within half a minute. */
void fetcher_health_check_ran(struct fetcher *fetcher, const char *container_id);
/* Its health may have changed: it is read, once a second at most. */
void fetcher_health_changed(struct fetcher *fetcher, const char *container_id, const char *cause);
/* It has ended and the engine is about to remove it: it is only read if that does not happen within a moment. */
void fetcher_container_leaves(struct fetcher *fetcher, const char *container_id);
bool fetcher_container_is_leaving(const struct fetcher *fetcher, const char *container_id);
/* Networks, services, listeners and certificates, now and again a moment later. */
void fetcher_swarm_changed(struct fetcher *fetcher, const char *cause);
/* dockerd read its configuration again, AT that time. It reports that before it switches debugging on or off
 * (cmd/dockerd/daemon.go, reloadConfig), so /info is read again a moment later. */
void fetcher_engine_reloaded(struct fetcher *fetcher, usec_t at, const char *cause);
/* May the engine's socket be connected to? CLOSED where systemd holds it and no engine runs behind it: a connection
 * would start one. See struct docker_callbacks. */
enum http_gate fetcher_may_connect(struct fetcher *fetcher, const char **ret_why);
const struct watcher_counters *fetcher_watcher_counters(const struct fetcher *fetcher);
/* CONFIG is about to hold: helpers that it needs and the one before did not are started; that of role network is
 * started anew when it has other addresses, so that it knows those of CONFIG whatever becomes of the file. */
void fetcher_renew_helpers(struct fetcher *fetcher, const struct config *config);
/* Where the helper of role network is, or NULL while the configuration does without; as long as the fetcher. */
struct helper *const *fetcher_network(const struct fetcher *fetcher);
/* Of each role, for the query API; NULL where a role is not necessary. */
struct helper *const *fetcher_helpers(const struct fetcher *fetcher, size_t *ret_count);
/* The launcher has ended, and nobody can start a helper. Unless it runs but once, the agent has ended its loop for
 * that.
 */
bool fetcher_has_lost_launcher(const struct fetcher *fetcher);

#endif
