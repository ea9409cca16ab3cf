/* What systemd is notified of, where it started the agent: that it is ready, reloads and stops; in a line (STATUS=) its
 * score, its counts and what is degraded; and that its loop goes on (the watchdog). See sd_notify(3). */
#include <systemd/sd-daemon.h>

#include "agent/agent_internal.h"

enum { WATCHDOG_PARTS = 4 }; /* it is fed so many times in the time after which it would act */

static void describe(const struct agent *agent, struct str *out)
{
    unsigned counts[VERDICT_COUNT][SEVERITY_COUNT], totals[VERDICT_COUNT] = {0};
    const char *slug, *evidence;
    struct score score;
    size_t at = 0;
    bool any = false;

    evaluator_score(agent->evaluator, &score);
    evaluator_count(agent->evaluator, counts);
    for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
        for (size_t severity = 0; severity < SEVERITY_COUNT; severity++)
            totals[verdict] += counts[verdict][severity];
    if (agent->scan_duration_ms < 0)
        str_append(out, "starting: the first scan is not complete");
    else
        str_printf(out, "score %.0f/100, %u fail, %u waived, %u error, %u manual", score.value,
                   totals[VERDICT_FAIL] - score.waived, score.waived, totals[VERDICT_ERROR], totals[VERDICT_MANUAL]);
    while (evaluator_next_agent_state(agent->evaluator, &at, &slug, &evidence)) {
        str_printf(out, "%s %s", any ? "," : "; degraded:", slug);
        any = true;
    }
}

static void on_status(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;
    scoped_str status = STR_INIT;

    (void)fd;
    (void)what;
    describe(agent, &status);
    if (str_equal(agent->status, status.data))
        return;
    sd_notifyf(0, "STATUS=%s", status.data);
    free(agent->status);
    agent->status = mem_strdup(status.data);
}

void agent_status_changed(struct agent *agent)
{
    static const struct timeval second = {.tv_sec = 1};

    if (agent->status_timer && !evtimer_pending(agent->status_timer, NULL))
        evtimer_add(agent->status_timer, &second);
}

void agent_tell_ready(struct agent *agent)
{
    if (agent->ready_told)
        return;
    agent->ready_told = true;
    sd_notify(0, "READY=1");
    agent_status_changed(agent);
}

void agent_tell_reload(bool begins)
{
    if (begins)
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic());
    else
        sd_notify(0, "READY=1");
}

void agent_tell_stop(void)
{
    sd_notify(0, "STOPPING=1");
}

/* That this timer runs says that the loop turns. What it has put off to later turns must go on, too; nothing here waits
 * for an engine, a disk or a receiver. */
static void on_watchdog(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;
    uint64_t evaluations = evaluator_counters(agent->evaluator)->evaluations;

    (void)fd;
    (void)what;
    if (!evaluator_has_postponed(agent->evaluator) || evaluations != agent->watched_evaluations)
        sd_notify(0, "WATCHDOG=1");
    agent->watched_evaluations = evaluations;
}

void agent_start_notifying(struct agent *agent)
{
    uint64_t watchdog = 0;
    struct timeval wait;

    if (agent->once || !getenv("NOTIFY_SOCKET"))
        return;
    agent->status_timer = evtimer_new(agent->base, on_status, agent);
    agent_status_changed(agent);
    if (sd_watchdog_enabled(0, &watchdog) <= 0)
        return;
    watchdog /= WATCHDOG_PARTS;
    wait = (struct timeval){.tv_sec = (time_t)(watchdog / USEC_PER_SEC),
                            .tv_usec = (suseconds_t)(watchdog % USEC_PER_SEC)};
    agent->watchdog_timer = event_new(agent->base, -1, EV_PERSIST, on_watchdog, agent);
    evtimer_add(agent->watchdog_timer, &wait);
}

void agent_stop_notifying(struct agent *agent)
{
    if (agent->status_timer)
        event_free(agent->status_timer);
    if (agent->watchdog_timer)
        event_free(agent->watchdog_timer);
    free(agent->status);
}
