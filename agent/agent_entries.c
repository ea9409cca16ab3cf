/* What people did, as entries of the history: a reload, and exceptions (waivers and attestations) that begin and end.
 *
 * The store remembers which ones applied, one JSON object a line: what has begun or ended while the agent was not
 * running is entered at its next start. */
#include <string.h>

#include "agent/agent_internal.h"
#include "common/json_in.h"
#include "common/map.h"

/* A waiver or an attestation. */
struct exception {
    const char *noun, *rule, *subject, *by, *why;
    enum verdict status; /* of an attestation */
    usec_t expires;      /* 0: never */
};

static struct exception of_waiver(const struct waiver *waiver)
{
    return (struct exception){"waiver",       waiver->rule, waiver->subject, waiver->by,
                              waiver->reason, VERDICT_NONE, waiver->expires};
}

static struct exception of_attestation(const struct attestation *attestation)
{
    return (struct exception){"attestation",         attestation->rule,   attestation->subject, attestation->by,
                              attestation->evidence, attestation->status, attestation->expires};
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

/* The caller frees. */
static char *exception_write(const struct exception *exception)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_string(out, "noun", exception->noun);
    json_out_string(out, "rule", exception->rule);
    json_out_string(out, "subject", exception->subject);
    json_out_string(out, "by", exception->by);
    json_out_string(out, "why", exception->why);
    json_out_string(out, "status", verdict_name(exception->status));
    json_out_int(out, "expires", exception->expires);
    json_out_end_object(out);
    return mem_strdup(json_out_text(out, NULL));
}

/* Texts belong to LINE. */
static struct exception exception_read(const struct json *line)
{
    return (struct exception){.noun = json_text(json_get(line, "noun"), "exception"),
                              .rule = json_text(json_get(line, "rule"), ""),
                              .subject = json_string(json_get(line, "subject")),
                              .by = json_string(json_get(line, "by")),
                              .why = json_string(json_get(line, "why")),
                              .expires = json_int(json_get(line, "expires"), 0)};
}

enum turn { TURN_BEGINS, TURN_REMOVED, TURN_EXPIRED };

/* "the waiver of 5.4 for * by x begins (reason)" */
static void write_turn(struct str *out, const struct exception *exception, enum turn turn)
{
    const char *rule = exception->rule, *scope = exception->subject ? exception->subject : "*";
    const char *by = exception->by ? exception->by : "?";
    bool is_waiver = strcmp(exception->noun, "waiver") == 0;

    switch (turn) {
    case TURN_BEGINS:
        if (is_waiver)
            message_add(out, "the waiver of %s for %s by %s begins", rule, scope, by);
        else
            message_add(out, "the attestation of %s for %s by %s begins", rule, scope, by);
        break;
    case TURN_REMOVED:
        if (is_waiver)
            message_add(out, "the waiver of %s for %s by %s ends: it was removed", rule, scope, by);
        else
            message_add(out, "the attestation of %s for %s by %s ends: it was removed", rule, scope, by);
        break;
    case TURN_EXPIRED:
        if (is_waiver)
            message_add(out, "the waiver of %s for %s by %s ends: it has expired", rule, scope, by);
        else
            message_add(out, "the attestation of %s for %s by %s ends: it has expired", rule, scope, by);
        break;
    }
    if (exception->why)
        message_add(out, " (%s)", exception->why);
}

static void enter_exception(struct agent *agent, const struct exception *exception, enum turn turn, const char *cause)
{
    const struct rule *rule = rule_set_find(evaluator_rules(agent->evaluator), exception->rule);
    const char *slug = rule ? rule->slug : exception->rule, *scope = exception->subject ? exception->subject : "*";
    bool is_waiver = strcmp(exception->noun, "waiver") == 0;
    scoped_str evidence = STR_INIT;

    write_turn(&evidence, exception, turn);
    evaluator_entry(agent->evaluator, &(struct entry){.slug = is_waiver ? "agent-waiver" : "agent-attestation",
                                                      .title = is_waiver ? N_("A waiver") : N_("An attestation"),
                                                      .evidence = evidence.data,
                                                      .cause = cause,
                                                      .subject_id = exception->rule,
                                                      .subject_name = scope,
                                                      .why = exception->why,
                                                      .rules = &slug,
                                                      .rule_count = 1});
}

/* Enters the lines of OF that WITHOUT does not have. BEGIN: they begin, else they end. */
static void enter_differences(struct agent *agent, const char *of, const char *without, bool begin, usec_t now,
                              const char *cause)
{
    struct map *others = map_new(NULL);

    for (const char *at = without, *end; *at; at = end + 1) {
        scoped(cleanup_free) char *line = NULL;

        end = strchrnul(at, '\n');
        line = mem_strndup(at, (size_t)(end - at));
        map_set(others, line, others);
        if (!*end)
            break;
    }
    for (const char *at = of, *end; *at; at = end + 1) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped(cleanup_free) char *line = NULL;

        end = strchrnul(at, '\n');
        line = mem_strndup(at, (size_t)(end - at));
        if (!map_get(others, line) && json_parse(line, strlen(line), NULL, &doc, NULL) == 0) {
            const struct exception exception = exception_read(json_root(doc));

            enter_exception(agent, &exception,
                            begin                      ? TURN_BEGINS
                            : applies(&exception, now) ? TURN_REMOVED
                                                       : TURN_EXPIRED,
                            cause);
        }
        if (!*end)
            break;
    }
    map_free(others);
}

/* Those that apply at NOW, a line for each; RET_NEXT: when the next one ends, if that is earlier. */
static void write_exceptions(const struct config *config, usec_t now, struct str *out, usec_t *ret_next)
{
    for (size_t i = 0; i < exception_count(config); i++) {
        const struct exception exception = exception_at(config, i);
        scoped(cleanup_free) char *line = NULL;

        if (!applies(&exception, now))
            continue;
        if (exception.expires && exception.expires < *ret_next)
            *ret_next = exception.expires;
        line = exception_write(&exception);
        str_printf(out, "%s\n", line);
    }
}

static void on_expiry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    agent_enter_exceptions(user, "timer");
}

/* Looks again when the next one expires, or in an hour: the wall clock may be set. */
void agent_enter_exceptions(struct agent *agent, const char *cause)
{
    usec_t now = clock_now(&clock_system), next = now + 3600 * USEC_PER_SEC;
    scoped_str current = STR_INIT;
    struct timeval wait;

    write_exceptions(agent->config, now, &current, &next);
    if (!str_equal(agent->known_exceptions, str_text(&current))) {
        if (agent->known_exceptions) {
            enter_differences(agent, agent->known_exceptions, str_text(&current), false, now, cause);
            enter_differences(agent, str_text(&current), agent->known_exceptions, true, now, cause);
        }
        free(agent->known_exceptions);
        agent->known_exceptions = mem_strdup(str_text(&current));
        event_store_note(agent->events, EXCEPTIONS_NOTE, agent->known_exceptions);
    }
    if (!agent->expiry_timer)
        agent->expiry_timer = evtimer_new(agent->base, on_expiry, agent);
    wait = (struct timeval){.tv_sec = (next - now) / USEC_PER_SEC, .tv_usec = (next - now) % USEC_PER_SEC};
    evtimer_add(agent->expiry_timer, &wait);
}

void agent_enter_reload(struct agent *agent)
{
    evaluator_entry(agent->evaluator, &(struct entry){.slug = "agent-reload",
                                                      .title = N_("The configuration was reloaded"),
                                                      .evidence = M_("the configuration was reloaded"),
                                                      .cause = "reload",
                                                      .configuration = agent->config_hash});
    agent_enter_exceptions(agent, "reload");
}
