/* The agent: probes on one side, the engine in the middle, sinks and the query API on the other, on one event loop.
 *
 * What happens outside (an event of the engine, a wake-up of a watch, a change of the mounts, a timer) only marks
 * inputs stale; the fetcher reads them. Nothing here judges. See agent/evaluator/evaluator.h for what happens in
 * between. */
#include "agent/agent.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>

#include "agent/agent_internal.h"
#include "common/log.h"
#include "common/text.h"
#include "probes/daemon/daemon_memory.h"
#include "probes/host/own_container.h"

/* Transitions that are not stored yet, before evaluating waits for the disk. */
enum { WAITING_MAX = 4096 };

/* Once for each configuration: waivers and attestations that have no effect (any more). */
static void tell_exceptions(const struct agent *agent)
{
    const struct config *config = agent->config;
    usec_t now = clock_now(&clock_system);

    for (size_t i = 0; i < config->waiver_count; i++) {
        const struct waiver *waiver = &config->waivers[i];
        bool expired = waiver->expires && waiver->expires <= now;

        if (expired || !evaluator_waiver_matches(agent->evaluator, waiver))
            log_warning("%s:%u: the waiver of %s for %s %s", waiver->file, waiver->line, waiver->rule,
                        waiver->subject ? waiver->subject : "*",
                        expired ? "has expired and no longer applies" : "matches no failed finding");
    }
    for (size_t i = 0; i < config->attestation_count; i++) {
        const struct attestation *attestation = &config->attestations[i];
        bool expired = attestation->expires && attestation->expires <= now;

        if (expired || !evaluator_attestation_matches(agent->evaluator, attestation))
            log_warning("%s:%u: the attestation of %s for %s %s", attestation->file, attestation->line,
                        attestation->rule, attestation->subject ? attestation->subject : "*",
                        expired ? "has expired and no longer applies" : "matches no manual finding");
    }
}

static void when_settled(struct agent *agent)
{
    bool scanned = agent->scanning;
    size_t at = 0;

    if (!agent->connected && !agent->gave_up_waiting)
        return;
    if (agent->once && evaluator_has_background_work(agent->evaluator))
        return;
    if (agent->scanning) {
        agent->scanning = false;
        agent->scan_duration_ms = (clock_monotonic() - agent->scan_clock) / 1000;
        agent->scan_subjects = 0;
        while (evaluator_next_subject(agent->evaluator, &at))
            agent->scan_subjects++;
        if (agent->connected)
            evaluator_agent_state(agent->evaluator, "agent-events", true, M_("the full scan is complete"), "scan");
        agent->first_scan_done = agent->first_scan_done || agent->connected;
        log_info("full scan: %zu subjects in %lld ms", agent->scan_subjects, (long long)agent->scan_duration_ms);
        agent_tell_ready(agent);
        if (agent->once)
            event_base_loopbreak(agent->base);
    }
    if (agent->first_scan_done && !evaluator_has_background_work(agent->evaluator))
        agent_end_initial(agent);
    if (agent->connected && !agent->once && !agent->exceptions_told) {
        agent->exceptions_told = true;
        tell_exceptions(agent);
    }
    if (scanned && agent->snapshots && evaluator_is_complete(agent->evaluator))
        snapshots_start(agent->snapshots, agent->events);
    if (scanned && !agent->once)
        malloc_trim(0); /* the scan needed more than what is kept of it */
}

static void on_settled(void *user)
{
    struct agent *agent = user;

    when_settled(agent);
    if (agent->server)
        server_settled(agent->server);
}

static void on_transition(struct transition *transition, void *user)
{
    struct agent *agent = user;

    agent_status_changed(agent);
    if (!agent->events)
        return;
    event_store_append(agent->events, transition);
    if (transition->is_agent && !transition->is_entry)
        agent_note_states(agent);
    if (event_store_waiting(agent->events) >= WAITING_MAX)
        evaluator_hold(agent->evaluator, true);
}

static void on_stored(struct transition *transition, void *user)
{
    struct agent *agent = user;

    if (transition->event_at)
        lag_observe(&agent->lag, clock_now(&clock_system) - transition->event_at);
    if (event_store_waiting(agent->events) <= WAITING_MAX / 4)
        evaluator_hold(agent->evaluator, false);
    if (agent->server)
        server_transition(agent->server, transition);
}

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    struct agent *agent = user;

    fetcher_fetch(agent->fetcher, kind, key);
}

static void on_connected(enum docker_gap gap, void *user)
{
    static const char *const gaps[] = {
        [DOCKER_GAP_RING] = M_("more events than the engine keeps may have occurred while the stream was down"),
        [DOCKER_GAP_RESTART] = M_("the engine was restarted: its earlier events are lost"),
        [DOCKER_GAP_DROPPED] = M_("the engine dropped events"),
    };
    struct agent *agent = user;

    agent->connected = true;
    log_info("connected to %s, API %s", agent->address.host_text, docker_api_version(agent->docker));
    evaluator_set_engine_reachable(agent->evaluator, true);
    fetcher_engine_changed(agent->fetcher);
    evaluator_agent_state(agent->evaluator, "agent-engine", true, M_("connected to the engine"), "engine:connected");
    if (gap != DOCKER_GAP_NONE && gap != DOCKER_GAP_FIRST)
        evaluator_agent_state(agent->evaluator, "agent-events", false, gaps[gap], "engine:connected");
    agent_scan(agent, agent->scan_duration_ms < 0 ? "start" : "engine:connected");
}

static void on_resumed(void *user)
{
    agent_scan(user, "engine:resumed");
}

static void on_gap(enum docker_gap gap, void *user)
{
    struct agent *agent = user;

    (void)gap;
    evaluator_agent_state(agent->evaluator, "agent-events", false, M_("the engine dropped events"), "engine:gap");
    agent_scan(agent, "engine:gap");
}

static enum http_gate may_connect(const char **ret_why, void *user)
{
    struct agent *agent = user;

    return fetcher_may_connect(agent->fetcher, ret_why);
}

static void on_disconnected(const char *why, void *user)
{
    struct agent *agent = user;
    scoped_str rest = STR_INIT;

    if (agent->connected)
        log_warning("lost %s: %s", agent->address.host_text,
                    message_without_context(why, agent->address.host_text, &rest));
    agent->connected = false;
    agent_await_engine(agent, why);
    evaluator_agent_state(agent->evaluator, "agent-engine", false, why, "engine:lost");
    if (agent->scan_duration_ms >= 0 || agent->gave_up_waiting)
        evaluator_set_engine_reachable(agent->evaluator, false);
}

static void on_broker_changed(const char *why, void *user)
{
    struct agent *agent = user;

    if (agent->docker)
        docker_way_changed(agent->docker, why);
}

static int on_start_broker(int listener, void *user, int *ret_alive, struct error *error)
{
    const struct agent *agent = user;

    return launch_serve(agent->launch, ROLE_ENGINE, listener, ret_alive, error);
}

static const char *on_silent(void *user)
{
    struct agent *agent = user;

    return broker_silent(agent->broker);
}

static void on_signal(evutil_socket_t number, short what, void *user)
{
    struct agent *agent = user;

    (void)what;
    if (number == SIGHUP)
        agent_reload(agent);
    else
        event_base_loopbreak(agent->base);
}

static void add_signals(struct agent *agent)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < countof(numbers); i++) {
        agent->signals[i] = evsignal_new(agent->base, numbers[i], on_signal, agent);
        evsignal_add(agent->signals[i], NULL);
    }
}

static void on_view(void *user, struct agent_view *ret)
{
    agent_view(user, ret);
}

static void on_scan(void *user, const char *cause)
{
    agent_scan(user, cause);
}

static size_t on_resend(void *user, const char *sink)
{
    struct agent *agent = user;

    return snapshots_resend(agent->snapshots, sink);
}

static void on_restored(const struct store_finding *finding, void *user)
{
    struct agent *agent = user;

    evaluator_restore(agent->evaluator, &(struct restored_finding){.slug = finding->slug,
                                                                   .kind = finding->kind,
                                                                   .id = finding->id,
                                                                   .name = finding->name,
                                                                   .extra = finding->extra,
                                                                   .status = finding->status,
                                                                   .waived = finding->waived,
                                                                   .seq = finding->seq,
                                                                   .since = finding->since});
}

static void on_note(const char *name, const char *text, void *user)
{
    const struct agent *agent = user;

    if (agent->events)
        event_store_note(agent->events, name, text);
}

static void on_store_state(void *user)
{
    struct agent *agent = user;
    const char *trouble = event_store_trouble(agent->events);

    agent_set_origin(agent);
    snapshots_check(agent->snapshots);
    evaluator_agent_state(agent->evaluator, "agent-store", !trouble,
                          trouble ? trouble : M_("the store can be written again"), "store");
}

static int open_store(struct agent *agent, struct error *error)
{
    scoped(cleanup_free) char *path = mem_printf("%s/agent.db", agent->config->state_dir);
    const struct event_store_options options = {.base = agent->base,
                                                .workers = agent->workers,
                                                .path = path,
                                                .limits = agent_store_limits(agent->config),
                                                .finding = on_restored,
                                                .note = agent_on_note,
                                                .stored = on_stored,
                                                .state = on_store_state,
                                                .user = agent};
    int r = event_store_new(&options, &agent->events, error);

    if (r < 0)
        return r;
    agent_identify(agent);
    evaluator_restored(agent->evaluator, event_store_last_seq(agent->events));
    agent_end_states(agent);
    if (event_store_trouble(agent->events))
        on_store_state(agent);
    return 0;
}

static void on_sink_trouble(const char *why, void *user)
{
    struct agent *agent = user;

    evaluator_agent_state(agent->evaluator, "agent-sinks", !why, why ? why : M_("all sinks deliver again"), "timer");
}

static int open_outputs(struct agent *agent, struct error *error)
{
    const struct server_backend backend = {.view = on_view,
                                           .scan = on_scan,
                                           .resend = on_resend,
                                           .socket = &agent->socket,
                                           .workers = agent->workers,
                                           .network = fetcher_network(agent->fetcher),
                                           .user = agent};
    int r;

    agent->snapshots = snapshots_new(&(struct snapshot_options){.base = agent->base,
                                                                .evaluator = agent->evaluator,
                                                                .sinks = &agent->sinks,
                                                                .clock = &clock_system,
                                                                .machine = agent->machine});
    agent_hash_config(agent);
    r = open_store(agent, error);
    if (r < 0)
        return r;
    agent_set_origin(agent);
    agent->sinks.trouble = on_sink_trouble;
    agent->sinks.user = agent;
    sink_list_configure(&agent->sinks, agent->base, fetcher_network(agent->fetcher), agent->events, &agent->origin,
                        agent->config->sinks, agent->config->sink_count);
    return server_new(agent->base, &backend, agent->config, &agent->server, error);
}

/* Logs libevent's own messages, which may be repeated at every turn of the loop. */
static void log_for_libevent(int severity, const char *text)
{
    static struct log_limit limit; /* libevent gives its callback nothing to keep it in */
    static const enum log_level levels[] = {[EVENT_LOG_DEBUG] = LOG_LEVEL_DEBUG,
                                            [EVENT_LOG_MSG] = LOG_LEVEL_INFO,
                                            [EVENT_LOG_WARN] = LOG_LEVEL_WARNING,
                                            [EVENT_LOG_ERR] = LOG_LEVEL_ERROR};
    enum log_level level = severity >= 0 && (size_t)severity < countof(levels) ? levels[severity] : LOG_LEVEL_WARNING;
    unsigned held_back;

    if (!log_allowed(&limit, clock_monotonic(), &held_back))
        return;
    if (held_back)
        log_message(level, "libevent: %s (%u more before)", text, held_back);
    else
        log_message(level, "libevent: %s", text);
}

int agent_new(const struct config_arguments *arguments, bool once, struct launch *launch, struct agent **ret,
              struct error *error)
{
    struct agent *agent = mem_alloc(sizeof *agent);
    struct rule_set *rules = NULL;
    struct docker_callbacks docker_callbacks = {.connected = on_connected,
                                                .disconnected = on_disconnected,
                                                .event = agent_on_event,
                                                .resumed = on_resumed,
                                                .gap = on_gap,
                                                .may_connect = may_connect,
                                                .silent = on_silent,
                                                .user = agent};
    struct evaluator_callbacks evaluator_callbacks = {.fetch = on_fetch,
                                                      .transition = on_transition,
                                                      .settled = on_settled,
                                                      .note = on_note,
                                                      .engine = agent_on_engine,
                                                      .user = agent};
    scoped(cleanup_free) char *broker_path = NULL;
    char own_container[OWN_CONTAINER_SIZE];
    int r;

    agent->arguments = *arguments;
    agent->launch = launch;
    agent->once = once;
    agent->started = clock_now(&clock_system);
    agent->scan_duration_ms = -1;
    agent->clock_fd = -1;
    agent->socket.fd = -1;
    r = agent_load_config(arguments, &agent->config, &rules, error);
    if (r < 0)
        goto fail;
    event_set_log_callback(log_for_libevent);
    agent->base = event_base_new();
    agent->workers = workers_new(agent->base);
    agent->evaluator =
        evaluator_new(agent->base, agent->workers, rules, agent->config, &clock_system, &evaluator_callbacks);
    agent->daemon_memory = daemon_memory_new(agent->config->state_dir, !once); /* which another user may not read */
    r = agent_become_user(agent, error);
    if (r < 0)
        goto fail;
    if (own_container_read(own_container))
        evaluator_leave_out(agent->evaluator, own_container);
    r = docker_address_parse(agent->config->docker_host, agent->config->docker_cert_path, agent->config->docker_tls,
                             agent->config->tls_ca, agent->config->tls_cert, agent->config->tls_key, &agent->address,
                             error);
    if (r < 0)
        goto fail;
    if (agent->config->docker_context)
        log_info("the engine is %s, by the docker context \"%s\"", agent->address.host_text,
                 agent->config->docker_context);
    if (launch->folder)
        broker_path = mem_printf("%s/%s.sock", launch->folder, role_name(ROLE_ENGINE));
    agent->broker = broker_new(&(struct broker_options){.base = agent->base,
                                                        .engine = agent->address.host_text,
                                                        .path = broker_path,
                                                        .start = on_start_broker,
                                                        .changed = on_broker_changed,
                                                        .user = agent},
                               error);
    if (agent->broker) {
        agent->address.broker = mem_strdup(broker_socket(agent->broker));
        agent->docker = docker_new(agent->base, &agent->address, &docker_callbacks, error);
    }
    if (!agent->docker) {
        r = -EIO;
        goto fail;
    }
    r = fetcher_new(&(struct fetcher_options){.base = agent->base,
                                              .workers = agent->workers,
                                              .config = agent->config,
                                              .keeps_state = !once,
                                              .launch = launch,
                                              .daemon_memory = agent->daemon_memory,
                                              .docker = agent->docker,
                                              .evaluator = agent->evaluator,
                                              .scan = on_scan,
                                              .user = agent},
                    &agent->fetcher, error);
    if (r < 0)
        goto fail;
    if (once)
        agent_identify(agent);
    else
        r = open_outputs(agent, error);
    if (r < 0)
        goto fail;
    *ret = agent;
    return 0;
fail:
    agent_free(agent);
    return r;
}

void agent_free(struct agent *agent)
{
    if (!agent)
        return;
    for (size_t i = 0; i < countof(agent->signals); i++)
        if (agent->signals[i])
            event_free(agent->signals[i]);
    agent_free_timers(agent);
    agent_stop_notifying(agent);
    if (agent->server)
        server_free(agent->server);
    server_socket_close(&agent->socket);
    snapshots_free(agent->snapshots);
    sink_list_deinit(&agent->sinks);
    if (agent->events && agent->evaluator)
        evaluator_write_notes(agent->evaluator);
    event_store_free(agent->events);
    free(agent->known_engine);
    free(agent->initial_stream);
    free(agent->known_exceptions);
    free(agent->known_states);
    fetcher_free(agent->fetcher);
    daemon_memory_free(agent->daemon_memory);
    docker_free(agent->docker);
    broker_free(agent->broker);
    evaluator_free(agent->evaluator);
    docker_address_deinit(&agent->address);
    config_free(agent->config);
    if (agent->launch && agent->workers)
        launch_end(agent->launch, agent->workers);
    workers_free(agent->workers);
    if (agent->base)
        event_base_free(agent->base);
    free(agent);
}

int agent_run(struct agent *agent, struct error *error)
{
    add_signals(agent);
    agent_add_timers(agent);
    agent_start_notifying(agent);
    if (!agent->once) {
        agent_watch_clock(agent);
        agent_enter_exceptions(agent, "start");
    }
    fetcher_start(agent->fetcher);
    docker_start(agent->docker);
    if (event_base_dispatch(agent->base) < 0)
        return error_set(error, EIO, "the event loop failed");
    if (fetcher_has_lost_launcher(agent->fetcher) && !agent->once)
        return error_set(error, ECHILD, "the launcher has ended: the agent has to be started anew");
    agent_tell_stop();
    if (agent->once && !agent->connected) {
        const char *host = agent->address.host_text, *why = docker_why_not(agent->docker);
        scoped_str rest = STR_INIT;

        return error_set(error, ENOTCONN, "%s: %s", host,
                         why ? message_without_context(why, host, &rest) : M_("no answer"));
    }
    return 0;
}
