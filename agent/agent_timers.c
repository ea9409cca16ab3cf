/* What time brings: sweeps over what cannot be watched, the end of waiting for the engine, and a wall clock that
 * was set. */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/agent_internal.h"
#include "common/log.h"

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    fetcher_sweep_files(agent->fetcher, "timer");
    fetcher_sweep_containers(agent->fetcher, "timer");
    evaluator_retry_failed(agent->evaluator);
}

static void on_top(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    fetcher_sweep_processes(agent->fetcher, "timer");
}

/* How long the engine is waited for: before a daemon that has none yet is ready, and by --once. */
enum { START_SECONDS = 5, START_ONCE_SECONDS = 15 };

/* No engine within the first seconds: do not delay the boot, report what is known. */
static void on_start_timeout(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    if (agent->connected)
        return;
    agent->gave_up_waiting = true;
    evaluator_agent_state(agent->evaluator, "agent-engine", false,
                          docker_why_not(agent->docker) ? docker_why_not(agent->docker) : M_("no answer yet"), "start");
    evaluator_set_engine_reachable(agent->evaluator, false);
    agent_tell_ready(agent);
    if (agent->once)
        event_base_loopbreak(agent->base);
}

static void tell_waiting(struct agent *agent, const char *why)
{
    scoped_str rest = STR_INIT;

    if (agent->waiting_told)
        return;
    agent->waiting_told = true;
    log_warning("waiting up to %d s for %s: %s", START_ONCE_SECONDS, agent->address.host_text,
                message_without_context(why, agent->address.host_text, &rest));
}

void agent_await_engine(struct agent *agent, const char *why)
{
    static const struct timeval wait = {.tv_sec = START_ONCE_SECONDS};

    if (!agent->once)
        return;
    tell_waiting(agent, why);
    if (!evtimer_pending(agent->start_timer, NULL))
        evtimer_add(agent->start_timer, &wait); /* it is lost after it had answered */
}

/* Whoever accepts a connection and answers nothing gives no reason. */
static void on_silence(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    if (!agent->connected)
        tell_waiting(agent, docker_why_not(agent->docker));
}

static void on_heartbeat(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    agent_beat(user);
}

static void on_snapshot(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;

    (void)fd;
    (void)what;
    snapshots_check(agent->snapshots);
}

static struct event *add_timer(struct agent *agent, event_callback_fn callback, usec_t interval, bool repeat)
{
    struct event *timer = event_new(agent->base, -1, repeat ? EV_PERSIST : 0, callback, agent);
    struct timeval wait = {.tv_sec = interval / USEC_PER_SEC, .tv_usec = interval % USEC_PER_SEC};

    evtimer_add(timer, &wait);
    return timer;
}

static void set_interval(struct event *timer, unsigned seconds)
{
    struct timeval wait = {.tv_sec = seconds};

    if (timer && seconds)
        evtimer_add(timer, &wait);
    else if (timer)
        evtimer_del(timer);
}

void agent_add_timers(struct agent *agent)
{
    enum { SILENCE_SECONDS = 1, SNAPSHOT_SECONDS = 60 };

    agent->start_timer =
        add_timer(agent, on_start_timeout, (agent->once ? START_ONCE_SECONDS : START_SECONDS) * USEC_PER_SEC, false);
    if (agent->once) {
        agent->silence_timer = add_timer(agent, on_silence, SILENCE_SECONDS * USEC_PER_SEC, false);
        return;
    }
    agent->sweep_timer = add_timer(agent, on_sweep, agent->config->sweep_seconds * USEC_PER_SEC, true);
    agent->top_timer = add_timer(agent, on_top, agent->config->process_seconds * USEC_PER_SEC, true);
    agent->heartbeat_timer = event_new(agent->base, -1, EV_PERSIST, on_heartbeat, agent);
    set_interval(agent->heartbeat_timer, agent->config->heartbeat_seconds);
    agent->snapshot_timer = add_timer(agent, on_snapshot, SNAPSHOT_SECONDS * USEC_PER_SEC, true);
}

void agent_set_intervals(struct agent *agent, const struct config *config)
{
    set_interval(agent->sweep_timer, config->sweep_seconds);
    set_interval(agent->top_timer, config->process_seconds);
    set_interval(agent->heartbeat_timer, config->heartbeat_seconds);
}

/* The wall clock was set: waivers and attestations may have ended, or hold again. And what was compared by time (which
 * record is newer than a reading) may have been judged wrong, so everything is looked at. */
static void on_clock(evutil_socket_t fd, short what, void *user)
{
    static const struct itimerspec never = {.it_value.tv_sec = INT64_C(1) << 40};
    struct agent *agent = user;
    uint64_t count;
    bool was_set = read(fd, &count, sizeof count) < 0 && errno == ECANCELED;

    (void)what;
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
    if (!was_set)
        return;
    evaluator_clock_changed(agent->evaluator);
    agent_enter_exceptions(agent, "clock");
    docker_clock_changed(agent->docker);
    if (agent->connected)
        agent_scan(agent, "clock");
}

void agent_watch_clock(struct agent *agent)
{
    agent->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (agent->clock_fd < 0)
        return; /* the hourly look at the clock remains */
    agent->clock_event = event_new(agent->base, agent->clock_fd, EV_READ | EV_PERSIST, on_clock, agent);
    event_add(agent->clock_event, NULL);
    on_clock(agent->clock_fd, 0, agent);
}

void agent_free_timers(struct agent *agent)
{
    struct event *events[] = {agent->sweep_timer, agent->top_timer,       agent->start_timer,    agent->silence_timer,
                              agent->clock_event, agent->heartbeat_timer, agent->snapshot_timer, agent->expiry_timer};

    for (size_t i = 0; i < countof(events); i++)
        if (events[i])
            event_free(events[i]);
    if (agent->clock_fd >= 0)
        close(agent->clock_fd);
}
