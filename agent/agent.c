/* The agent: probes on one side, the engine in the middle, sinks and the query API on the other, on one event loop.
 *
 * It translates: an event of the engine, a wake-up of a watch, a change of the mounts, a timer → which inputs are
 * stale. And it fetches: which probe brings which input. Nothing here judges. See agent/engine.h for what happens in
 * between. */
#include "agent/agent.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>

#include "agent/fetch.h"
#include "agent/server.h"
#include "common/log.h"
#include "common/trim.h"

struct agent {
    struct config_arguments arguments;
    struct config *config;
    struct event_base *base;
    struct docker_address address;
    struct docker *docker;
    struct fetcher *fetcher;
    struct engine *engine;
    struct server *server;
    struct sink **sinks;
    size_t sink_count;
    struct event *signals[3];
    struct event *sweep_timer, *top_timer, *start_timer, *watchdog_timer, *clock_event;
    int clock_fd;
    bool once, connected, gave_up_waiting;
    usec_t started, scan_started, scan_clock;
    int64_t scan_duration_ms;
    size_t scan_subjects;
    bool scanning, ready_told, exceptions_told;
    uint64_t events_seen;
};

static const char *from_environment(const char *name)
{
    return getenv(name);
}

void agent_view(const struct agent *agent, struct agent_view *ret)
{
    *ret = (struct agent_view){
        .engine = agent->engine,
        .writable_engine = agent->engine,
        .docker = agent->docker,
        .address = &agent->address,
        .watcher = fetcher_watcher(agent->fetcher),
        .config = agent->config,
        .language = agent->config->language,
        .sinks = agent->sinks,
        .sink_count = agent->sink_count,
        .started = agent->started,
        .scanned = agent->scan_duration_ms >= 0,
        .scan_started = agent->scan_started,
        .scan_duration_ms = agent->scan_duration_ms,
        .scan_subjects = agent->scan_subjects,
        .docker_events_seen = agent->events_seen,
    };
}

void agent_scan(struct agent *agent, const char *cause)
{
    agent->scanning = true;
    agent->scan_started = clock_now(&clock_system);
    agent->scan_clock = clock_monotonic();
    engine_stale_all(agent->engine, cause);
}

static void tell_ready(struct agent *agent)
{
    if (agent->ready_told)
        return;
    agent->ready_told = true;
    sd_notify(0, "READY=1");
}

/* Once for each configuration: waivers and attestations that have no effect (any more). */
static void tell_exceptions(const struct agent *agent)
{
    const struct config *config = agent->config;
    const char *file = config->path ? config->path : "configuration";
    usec_t now = clock_now(&clock_system);

    for (size_t i = 0; i < config->waiver_count; i++) {
        const struct waiver *waiver = &config->waivers[i];
        bool expired = waiver->expires && waiver->expires <= now;

        if (expired || !engine_waiver_matches(agent->engine, waiver))
            log_warning("%s:%u: the waiver of %s for %s %s", file, waiver->line, waiver->rule,
                        waiver->subject ? waiver->subject : "*",
                        expired ? "has expired and does not count" : "matches no failed finding");
    }
    for (size_t i = 0; i < config->attestation_count; i++) {
        const struct attestation *attestation = &config->attestations[i];
        bool expired = attestation->expires && attestation->expires <= now;

        if (expired || !engine_attestation_matches(agent->engine, attestation))
            log_warning("%s:%u: the attestation of %s for %s %s", file, attestation->line, attestation->rule,
                        attestation->subject ? attestation->subject : "*",
                        expired ? "has expired and does not count" : "matches no finding that a person has to judge");
    }
}

static void on_settled(void *user)
{
    struct agent *agent = user;
    struct error error = ERROR_INIT;
    bool scanned = agent->scanning;
    size_t at = 0;

    if (!agent->connected && !agent->gave_up_waiting)
        return;
    if (agent->once && engine_has_background_work(agent->engine))
        return;
    if (agent->scanning) {
        agent->scanning = false;
        agent->scan_duration_ms = (clock_monotonic() - agent->scan_clock) / 1000;
        agent->scan_subjects = 0;
        while (engine_next_subject(agent->engine, &at))
            agent->scan_subjects++;
        if (agent->connected)
            engine_agent_state(agent->engine, "agent-events", true, "the full scan is done", "scan");
        log_info("full scan: %zu subjects in %lld ms", agent->scan_subjects, (long long)agent->scan_duration_ms);
        tell_ready(agent);
        if (agent->once)
            event_base_loopbreak(agent->base);
    }
    if (agent->connected && !agent->once && !agent->exceptions_told) {
        agent->exceptions_told = true;
        tell_exceptions(agent);
    }
    if (engine_save_state(agent->engine, &error) < 0)
        log_error("%s", error.text);
    if (scanned && !agent->once)
        memory_trim();
}

static void on_transition(struct transition *transition, void *user)
{
    struct agent *agent = user;

    for (size_t i = 0; i < agent->sink_count; i++)
        sink_send(agent->sinks[i], transition);
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
        [DOCKER_GAP_RING] = "more events than the engine keeps may have passed while the stream was down",
        [DOCKER_GAP_RESTART] = "the engine was restarted: its earlier events are gone",
        [DOCKER_GAP_DROPPED] = "the engine dropped events",
    };
    struct agent *agent = user;

    agent->connected = true;
    log_info("connected to %s, API %s", agent->address.host_text, docker_api_version(agent->docker));
    engine_set_reachable(agent->engine, true);
    fetcher_engine_changed(agent->fetcher);
    engine_agent_state(agent->engine, "agent-engine", true, "the engine answers", "engine:connected");
    if (gap != DOCKER_GAP_NONE && gap != DOCKER_GAP_FIRST)
        engine_agent_state(agent->engine, "agent-events", false, gaps[gap], "engine:connected");
    agent_scan(agent, agent->scan_duration_ms < 0 ? "start" : "engine:connected");
}

static void on_gap(enum docker_gap gap, void *user)
{
    struct agent *agent = user;

    (void)gap;
    engine_agent_state(agent->engine, "agent-events", false, "the engine dropped events", "engine:gap");
    agent_scan(agent, "engine:gap");
}

/* A stopped engine behind docker.socket stays stopped: connecting would start it. */
static bool may_connect(const char **ret_why, void *user)
{
    struct agent *agent = user;

    *ret_why = "the engine is stopped, and connecting to its socket would start it; waiting until it is started";
    return !fetcher_engine_is_stopped(agent->fetcher);
}

static void on_disconnected(const char *why, void *user)
{
    struct agent *agent = user;

    if (agent->connected)
        log_warning("lost %s: %s", agent->address.host_text, why);
    agent->connected = false;
    engine_agent_state(agent->engine, "agent-engine", false, why, "engine:lost");
    if (agent->scan_duration_ms >= 0 || agent->gave_up_waiting)
        engine_set_reachable(agent->engine, false);
}

static bool action_is(const struct docker_event *event, const char *action)
{
    return strlen(action) == event->action_length && strncmp(event->action, action, event->action_length) == 0;
}

static bool action_among(const struct docker_event *event, const char *const *actions)
{
    for (; *actions; actions++)
        if (action_is(event, *actions))
            return true;
    return false;
}

static void on_exec_event(struct agent *agent, const struct docker_event *event, bool replayed, const char *cause)
{
    const struct exec_event exec = {
        .container = event->id,
        .container_name = event->name,
        .exec_id = event->exec_id,
        .command = event->command,
        .time_nano = event->time_nano,
        .before_start = replayed && agent->scan_duration_ms < 0,
    };

    engine_exec_made(agent->engine, &exec, cause);
}

static void on_container_event(struct agent *agent, const struct docker_event *event, bool replayed, const char *cause)
{
    static const char *const state[] = {"create",  "start",  "restart",       "die", "stop",       "pause",   "unpause",
                                        "rename",  "update", "health_status", "oom", "checkpoint", "restore", "init",
                                        "cleanup", NULL};

    if (!docker_id_valid(event->id))
        return;
    if (action_is(event, "destroy")) {
        engine_gone(agent->engine, INPUT_CONTAINER, event->id, cause);
    } else if (action_is(event, "exec_create")) {
        on_exec_event(agent, event, replayed, cause);
        if (event->started)
            fetcher_look_at_processes(agent->fetcher, event->id, cause);
    } else if (action_is(event, "exec_start")) {
        fetcher_look_at_processes(agent->fetcher, event->id, cause);
    } else if (action_among(event, state)) {
        engine_stale(agent->engine, INPUT_CONTAINER, event->id, cause);
        if (action_is(event, "start"))
            fetcher_look_at_processes(agent->fetcher, event->id, cause);
    }
}

/* Joining or leaving a swarm has no event of its own, but makes and removes its networks. */
static void on_network_event(struct agent *agent, const struct docker_event *event, const char *cause)
{
    engine_stale(agent->engine, INPUT_NETWORKS, NULL, cause);
    if (!str_equal(event->name, "docker_gwbridge") && !str_equal(event->name, "ingress"))
        return;
    engine_stale(agent->engine, INPUT_INFO, NULL, cause);
    fetcher_swarm_changed(agent->fetcher, cause);
}

static void on_event(const struct docker_event *event, bool replayed, void *user)
{
    static const char *const images[] = {"pull",  "tag",    "untag", "delete", "load", "import",
                                         "build", "create", "save",  "prune",  NULL};
    struct agent *agent = user;
    scoped_str cause = STR_INIT;

    agent->events_seen++;
    if (replayed && !agent->connected && agent->scan_duration_ms < 0 && !action_is(event, "exec_create"))
        return; /* the full scan that follows sees what it led to */
    str_printf(&cause, "docker:%s/%.*s", event->type, (int)event->action_length, event->action);
    if (str_equal(event->type, "container")) {
        if (!replayed || action_is(event, "exec_create"))
            on_container_event(agent, event, replayed, cause.data);
    } else if (replayed) {
        return;
    } else if (str_equal(event->type, "network")) {
        if (event->container && docker_id_valid(event->container) &&
            (action_is(event, "connect") || action_is(event, "disconnect")) &&
            store_get(engine_store(agent->engine), INPUT_CONTAINER, event->container, NULL))
            engine_stale(agent->engine, INPUT_CONTAINER, event->container, cause.data);
        if (!action_is(event, "connect") && !action_is(event, "disconnect"))
            on_network_event(agent, event, cause.data);
    } else if (str_equal(event->type, "node") || str_equal(event->type, "service")) {
        engine_stale(agent->engine, INPUT_INFO, NULL, cause.data);
        engine_stale(agent->engine, INPUT_SERVICES, NULL, cause.data);
        engine_stale(agent->engine, INPUT_LISTENERS, NULL, cause.data);
    } else if (str_equal(event->type, "image")) {
        if (action_among(event, images))
            engine_stale(agent->engine, INPUT_IMAGES, NULL, cause.data);
    } else if (str_equal(event->type, "daemon") && action_is(event, "reload")) {
        fetcher_engine_reloaded(agent->fetcher, cause.data);
    }
}

/* The sinks of CONFIG in place of those there are. When one cannot be made, nothing changes. */
static int make_sinks(struct agent *agent, const struct config *config, struct error *error)
{
    struct sink **sinks = mem_alloc((config->sink_count + 1) * sizeof(struct sink *)), **old = agent->sinks;
    size_t old_count = agent->sink_count;
    int r = 0;

    for (size_t i = 0; r == 0 && i < config->sink_count; i++)
        r = sink_new(agent->base, &config->sinks[i], &sinks[i], error);
    if (r == 0) {
        agent->sinks = sinks;
        agent->sink_count = config->sink_count;
    }
    for (size_t i = 0; i < (r == 0 ? old_count : config->sink_count); i++)
        sink_free(r == 0 ? old[i] : sinks[i]);
    free(r == 0 ? old : sinks);
    return r;
}

static bool same_sinks(const struct config *a, const struct config *b)
{
    bool same = a->sink_count == b->sink_count;

    for (size_t i = 0; same && i < a->sink_count; i++) {
        const struct sink_config *x = &a->sinks[i], *y = &b->sinks[i];

        same = x->type == y->type && x->format == y->format && str_equal(x->address, y->address) &&
               x->facility == y->facility && x->min_severity == y->min_severity && x->statuses == y->statuses;
    }
    return same;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || str_equal(a, b);
}

/* What a reload cannot change. */
static void tell_what_needs_a_restart(const struct config *old, const struct config *new)
{
    const struct {
        const char *key;
        bool same;
    } keys[] = {
        {"docker", same_text(old->docker_host, new->docker_host) && same_text(old->tls_ca, new->tls_ca) &&
                       same_text(old->tls_cert, new->tls_cert) && same_text(old->tls_key, new->tls_key)},
        {"socket", same_text(old->socket_path, new->socket_path) && same_text(old->socket_group, new->socket_group) &&
                       old->socket_mode == new->socket_mode},
        {"state_dir", same_text(old->state_dir, new->state_dir)},
        {"host_root", same_text(old->host_root, new->host_root)},
    };

    for (size_t i = 0; i < countof(keys); i++)
        if (!keys[i].same)
            log_warning("reload: \"%s\" has changed; that takes a restart", keys[i].key);
}

static void set_interval(struct event *timer, unsigned seconds)
{
    struct timeval wait = {.tv_sec = seconds};

    if (timer)
        evtimer_add(timer, &wait);
}

static void on_signal(evutil_socket_t number, short what, void *user)
{
    struct agent *agent = user;
    struct error error = ERROR_INIT;
    struct config *config = NULL;
    struct rule_set *rules = NULL;

    (void)what;
    if (number != SIGHUP) {
        event_base_loopbreak(agent->base);
        return;
    }
    sd_notify(0, "RELOADING=1");
    if (config_load(&agent->arguments, from_environment, &config, &error) < 0 ||
        config_load_rules(config, &rules, &error) < 0 ||
        (!same_sinks(config, agent->config) && make_sinks(agent, config, &error) < 0)) {
        log_error("reload: %s; the old configuration stays", error.text);
        engine_agent_state(agent->engine, "agent-config", false, error.text, "reload");
        rule_set_free(rules);
        config_free(config);
    } else {
        struct config *old = agent->config;

        tell_what_needs_a_restart(old, config);
        set_interval(agent->sweep_timer, config->sweep_seconds);
        set_interval(agent->top_timer, config->top_seconds);
        agent->config = config;
        agent->exceptions_told = false;
        engine_expect_all(agent->engine, "reload"); /* nothing is judged anew by what was read before */
        engine_set_rules(agent->engine, rules, config);
        fetcher_rules_changed(agent->fetcher, config);
        engine_agent_state(agent->engine, "agent-config", true, "the configuration was read again", "reload");
        config_free(old);
        agent_scan(agent, "reload");
    }
    sd_notify(0, "READY=1");
}

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    fetcher_sweep_files(agent->fetcher, "timer");
    fetcher_sweep_containers(agent->fetcher, "timer");
}

static void on_top(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    fetcher_sweep_processes(agent->fetcher, "timer");
}

/* No engine within the first seconds: do not hold up the boot, say what can be said. */
static void on_start_timeout(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    if (agent->connected)
        return;
    agent->gave_up_waiting = true;
    engine_agent_state(agent->engine, "agent-engine", false,
                       docker_why_not(agent->docker) ? docker_why_not(agent->docker) : "no answer yet", "start");
    engine_set_reachable(agent->engine, false);
    fetcher_without_engine(agent->fetcher);
    tell_ready(agent);
    if (agent->once)
        event_base_loopbreak(agent->base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
    sd_notify(0, "WATCHDOG=1");
}

/* The wall clock was set: waivers and attestations may have ended, or hold again. */
static void on_clock(evutil_socket_t fd, short what, void *user)
{
    static const struct itimerspec never = {.it_value.tv_sec = INT64_C(1) << 40};
    struct agent *agent = user;
    uint64_t count;
    bool was_set = read(fd, &count, sizeof count) < 0 && errno == ECANCELED;

    (void)what;
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
    if (was_set)
        engine_clock_changed(agent->engine);
}

static void watch_clock(struct agent *agent)
{
    agent->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (agent->clock_fd < 0)
        return; /* the hourly look at the clock remains */
    agent->clock_event = event_new(agent->base, agent->clock_fd, EV_READ | EV_PERSIST, on_clock, agent);
    event_add(agent->clock_event, NULL);
    on_clock(agent->clock_fd, 0, agent);
}

static struct event *add_timer(struct agent *agent, event_callback_fn callback, usec_t interval, bool repeat)
{
    struct event *timer = event_new(agent->base, -1, repeat ? EV_PERSIST : 0, callback, agent);
    struct timeval wait = {.tv_sec = interval / USEC_PER_SEC, .tv_usec = interval % USEC_PER_SEC};

    evtimer_add(timer, &wait);
    return timer;
}

static void add_timers(struct agent *agent)
{
    enum { START_SECONDS = 5, START_ONCE_SECONDS = 15 };
    uint64_t watchdog = 0;

    agent->start_timer =
        add_timer(agent, on_start_timeout, (agent->once ? START_ONCE_SECONDS : START_SECONDS) * USEC_PER_SEC, false);
    if (agent->once)
        return;
    agent->sweep_timer = add_timer(agent, on_sweep, agent->config->sweep_seconds * USEC_PER_SEC, true);
    agent->top_timer = add_timer(agent, on_top, agent->config->top_seconds * USEC_PER_SEC, true);
    if (sd_watchdog_enabled(0, &watchdog) > 0)
        agent->watchdog_timer = add_timer(agent, on_watchdog, (usec_t)watchdog / 2, true);
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

static int make_state_dir(const char *path, struct error *error)
{
    struct stat st;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_system(error, errno, "state_dir: cannot create %s", path);
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return error_set(error, ENOTDIR, "state_dir: %s is not a directory", path);
    return 0;
}

static int open_outputs(struct agent *agent, struct error *error)
{
    int r;

    r = make_sinks(agent, agent->config, error);
    if (r < 0)
        return r;
    r = make_state_dir(agent->config->state_dir, error);
    if (r < 0)
        return r;
    r = engine_load_state(agent->engine, agent->config->state_dir, error);
    if (r < 0)
        return r;
    return server_new(agent->base, agent, agent->config, &agent->server, error);
}

int agent_new(const struct config_arguments *arguments, bool once, struct agent **ret, struct error *error)
{
    struct agent *agent = mem_alloc(sizeof *agent);
    struct rule_set *rules = NULL;
    struct docker_callbacks docker_callbacks = {.connected = on_connected,
                                                .disconnected = on_disconnected,
                                                .event = on_event,
                                                .gap = on_gap,
                                                .may_connect = may_connect,
                                                .user = agent};
    struct engine_callbacks engine_callbacks = {
        .fetch = on_fetch, .transition = on_transition, .settled = on_settled, .user = agent};
    int r;

    agent->arguments = *arguments;
    agent->once = once;
    agent->started = clock_now(&clock_system);
    agent->scan_duration_ms = -1;
    agent->clock_fd = -1;
    r = config_load(arguments, from_environment, &agent->config, error);
    if (r < 0)
        goto fail;
    r = config_load_rules(agent->config, &rules, error);
    if (r < 0)
        goto fail;
    agent->base = event_base_new();
    agent->engine = engine_new(agent->base, rules, agent->config, &clock_system, &engine_callbacks);
    r = docker_address_parse(agent->config->docker_host, agent->config->docker_cert_path,
                             agent->config->docker_tls_verify, agent->config->tls_ca, agent->config->tls_cert,
                             agent->config->tls_key, &agent->address, error);
    if (r < 0)
        goto fail;
    agent->docker = docker_new(agent->base, &agent->address, &docker_callbacks, error);
    if (!agent->docker) {
        r = -EIO;
        goto fail;
    }
    r = fetcher_new(agent->base, agent->config, !once, agent->docker, agent->engine, &agent->fetcher, error);
    if (r < 0)
        goto fail;
    if (!once) {
        r = open_outputs(agent, error);
        if (r < 0)
            goto fail;
    }
    *ret = agent;
    return 0;
fail:
    agent_free(agent);
    return r;
}

void agent_free(struct agent *agent)
{
    struct event *events[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};

    if (!agent)
        return;
    events[0] = agent->signals[0], events[1] = agent->signals[1], events[2] = agent->signals[2];
    events[3] = agent->sweep_timer, events[4] = agent->top_timer, events[5] = agent->start_timer;
    events[6] = agent->watchdog_timer, events[7] = agent->clock_event;
    for (size_t i = 0; i < countof(events); i++)
        if (events[i])
            event_free(events[i]);
    if (agent->clock_fd >= 0)
        close(agent->clock_fd);
    if (agent->server)
        server_free(agent->server);
    for (size_t i = 0; i < agent->sink_count; i++)
        sink_free(agent->sinks[i]);
    free(agent->sinks);
    fetcher_free(agent->fetcher);
    docker_free(agent->docker);
    engine_free(agent->engine);
    docker_address_deinit(&agent->address);
    config_free(agent->config);
    if (agent->base)
        event_base_free(agent->base);
    free(agent);
}

int agent_run(struct agent *agent, struct error *error)
{
    add_signals(agent);
    add_timers(agent);
    if (!agent->once)
        watch_clock(agent);
    fetcher_start(agent->fetcher);
    docker_start(agent->docker);
    if (event_base_dispatch(agent->base) < 0)
        return error_set(error, EIO, "the event loop failed");
    sd_notify(0, "STOPPING=1");
    if (agent->once && !agent->connected) {
        const char *host = agent->address.host_text, *why = docker_why_not(agent->docker);

        return why && str_starts(why, host) ? error_set(error, ENOTCONN, "%s", why)
                                            : error_set(error, ENOTCONN, "%s: %s", host, why ? why : "no answer");
    }
    return 0;
}
