/* What people did, as entries of the history: a reload, and exceptions that begin and end. */
#include "agent/agent_internal.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || str_equal(a, b);
}

/* A waiver or an attestation. */
struct exception {
    const char *noun, *slug, *title;
    const char *rule, *subject, *by, *why;
    int status;
    usec_t expires;
};

static struct exception of_waiver(const struct waiver *waiver)
{
    return (struct exception){"waiver",   "agent-waiver", "A waiver", waiver->rule,   waiver->subject,
                              waiver->by, waiver->reason, 0,          waiver->expires};
}

static struct exception of_attestation(const struct attestation *attestation)
{
    return (struct exception){"attestation",         "agent-attestation",      "An attestation",
                              attestation->rule,     attestation->subject,     attestation->by,
                              attestation->evidence, (int)attestation->status, attestation->expires};
}

static size_t exception_count(const struct config *config)
{
    return config->waiver_count + config->attestation_count;
}

static struct exception exception_at(const struct config *config, size_t i)
{
    return i < config->waiver_count ? of_waiver(&config->waivers[i])
                                    : of_attestation(&config->attestations[i - config->waiver_count]);
}

static bool applies(const struct exception *exception, usec_t at)
{
    return !exception->expires || exception->expires > at;
}

static bool same_exception(const struct exception *a, const struct exception *b)
{
    return a->noun == b->noun && same_text(a->rule, b->rule) && same_text(a->subject, b->subject) &&
           same_text(a->by, b->by) && same_text(a->why, b->why) && a->status == b->status && a->expires == b->expires;
}

static bool has_exception(const struct config *config, const struct exception *wanted)
{
    for (size_t i = 0; i < exception_count(config); i++) {
        const struct exception exception = exception_at(config, i);

        if (same_exception(&exception, wanted))
            return true;
    }
    return false;
}

/* WHAT: "begins", "ends: it has expired" … */
static void enter_exception(struct agent *agent, const struct exception *exception, const char *what, const char *cause)
{
    const struct rule *rule = rule_set_find(evaluator_rules(agent->evaluator), exception->rule);
    const char *slug = rule ? rule->slug : exception->rule, *scope = exception->subject ? exception->subject : "*";
    scoped_str evidence = STR_INIT;

    str_printf(&evidence, "the %s of %s for %s by %s %s", exception->noun, exception->rule, scope,
               exception->by ? exception->by : "?", what);
    if (exception->why)
        str_printf(&evidence, " (%s)", exception->why);
    evaluator_entry(agent->evaluator, &(struct entry){.slug = exception->slug,
                                                      .title = exception->title,
                                                      .evidence = evidence.data,
                                                      .cause = cause,
                                                      .subject_id = exception->rule,
                                                      .subject_name = scope,
                                                      .why = exception->why,
                                                      .rules = &slug,
                                                      .rule_count = 1});
}

static void enter_differences(struct agent *agent, const struct config *of, const struct config *without, usec_t now,
                              const char *what)
{
    for (size_t i = 0; i < exception_count(of); i++) {
        const struct exception exception = exception_at(of, i);

        if (applies(&exception, now) && !has_exception(without, &exception))
            enter_exception(agent, &exception, what, "reload");
    }
}

void agent_enter_reload(struct agent *agent, const struct config *old, const struct config *new)
{
    usec_t now = clock_now(&clock_system);

    evaluator_entry(agent->evaluator, &(struct entry){.slug = "agent-reload",
                                                      .title = "The configuration was read again",
                                                      .evidence = "the configuration was read again at SIGHUP",
                                                      .cause = "reload",
                                                      .configuration = agent->config_hash});
    enter_differences(agent, old, new, now, "ends: it is not in the configuration any more");
    enter_differences(agent, new, old, now, "begins");
}

/* Enters what has expired since the last look, and looks again when the next one does, or in an hour: the wall clock
 * may be set. */
static void on_expiry(evutil_socket_t fd, short what, void *user)
{
    struct agent *agent = user;
    usec_t now = clock_now(&clock_system), next = now + 3600 * USEC_PER_SEC;
    struct timeval wait;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < exception_count(agent->config); i++) {
        const struct exception exception = exception_at(agent->config, i);

        if (applies(&exception, now)) {
            if (exception.expires && exception.expires < next)
                next = exception.expires;
        } else if (agent->expiries_seen && applies(&exception, agent->expiries_seen)) {
            enter_exception(agent, &exception, "ends: it has expired", "timer");
        }
    }
    agent->expiries_seen = now;
    wait = (struct timeval){.tv_sec = (next - now) / USEC_PER_SEC, .tv_usec = (next - now) % USEC_PER_SEC};
    evtimer_add(agent->expiry_timer, &wait);
}

void agent_watch_exceptions(struct agent *agent)
{
    if (!agent->expiry_timer)
        agent->expiry_timer = evtimer_new(agent->base, on_expiry, agent);
    on_expiry(-1, 0, agent);
}
