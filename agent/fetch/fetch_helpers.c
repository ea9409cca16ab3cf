/* The helpers, of each role one: made, missed and back again; and requests to them. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "common/capability.h"
#include "common/log.h"
#include "probes/worker/helper.h"

enum { ANSWER_MAX = 64 << 20 };

static void report_state(const struct fetcher *fetcher)
{
    scoped_str text = STR_INIT;

    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        const char *reason = fetcher->helpers[i] ? helper_why_not(fetcher->helpers[i]) : NULL;

        if (!reason)
            continue;
        str_append(&text, text.length ? "; " : "");
        message_add(&text, "the helper %s is not running: %s", role_name((enum role)i), reason);
    }
    evaluator_agent_state(fetcher->evaluator, "agent-helpers", !text.length,
                          text.length ? text.data : M_("all helpers are running again"), "helper");
}

/* What came through the role while it was away is read with everything else when it is back: its findings are errors
 * until then. Nothing is read through that of the network. */
static void on_changed(const char *role, const char *why, void *user)
{
    struct fetcher *fetcher = user;

    report_state(fetcher);
    if (!why && fetcher->scan && !str_equal(role, role_name(ROLE_NETWORK)))
        fetcher->scan(fetcher->scan_user, "helper");
}

static int on_connect(const char *role, void *user, int *ret_fd, struct error *error)
{
    const struct fetcher *fetcher = user;

    return launch_connect(fetcher->launch, role, ret_fd, error);
}

/* Nothing comes from the launcher but its end. */
static void on_launcher(evutil_socket_t fd, short what, void *user)
{
    struct fetcher *fetcher = user;

    (void)fd;
    (void)what;
    log_error("the launcher has ended: helpers cannot be started any more");
    fetcher->lost = true;
    if (fetcher->keeps_state)
        event_base_loopbreak(fetcher->base);
}

bool fetcher_has_lost_launcher(const struct fetcher *fetcher)
{
    return fetcher->lost;
}

static bool is_of_network(const struct sink_config *sink)
{
    return sink_kinds[sink->kind].scheme != NULL;
}

static bool has_network(const struct config *config)
{
    bool has = config->metrics_listen != NULL;

    for (size_t i = 0; i < config->sink_count; i++)
        has |= is_of_network(&config->sinks[i]);
    return has;
}

/* A scanner's helper keeps what no other one does, so there is none without a scanner; and there is none of the network
 * where nothing is sent there. The engine's is the broker. */
static bool is_necessary(const struct fetcher *fetcher, const struct config *config, enum role role)
{
    switch (role) {
    case ROLE_SCANNER:
        return config->scanner_command.count;
    case ROLE_NETWORK:
        return fetcher->keeps_state && has_network(config);
    case ROLE_ENGINE:
        return false;
    default:
        return true;
    }
}

static bool needs_rights(enum role role)
{
    return role != ROLE_NETWORK;
}

static void make_helper(struct fetcher *fetcher, enum role role)
{
    const struct role_context context = {.root = fetcher->root};
    bool may_start = fetcher->launch->has_rights || !needs_rights(role);
    struct helper_options options = {.role = role_name(role),
                                     .right = role_rights(role),
                                     .at_once = role_at_once(role),
                                     .connect = may_start ? on_connect : NULL,
                                     .changed = on_changed,
                                     .user = fetcher};

    options.count = role_tasks(role, &context, options.tasks);
    fetcher->helpers[role] = helper_new(fetcher->workers, &options);
}

void fetch_make_helpers(struct fetcher *fetcher)
{
    if (fetcher->keeps_state)
        fetcher->layers_cache = mem_printf("%s/layers", fetcher->config->state_dir);
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (is_necessary(fetcher, fetcher->config, (enum role)i))
            make_helper(fetcher, (enum role)i);
    if (fetcher->launch->fd >= 0) {
        fetcher->launcher = event_new(fetcher->base, fetcher->launch->fd, EV_READ, on_launcher, fetcher);
        event_add(fetcher->launcher, NULL);
    }
}

void fetch_free_helpers(struct fetcher *fetcher)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        helper_free(fetcher->helpers[i]);
    if (fetcher->launcher)
        event_free(fetcher->launcher);
    free(fetcher->layers_cache);
}

static bool sends_to(const struct config *config, const char *address)
{
    for (size_t i = 0; i < config->sink_count; i++)
        if (is_of_network(&config->sinks[i]) && str_equal(config->sinks[i].address, address))
            return true;
    return false;
}

/* Everything of the network that OF has is in IN, too. */
static bool has_all(const struct config *in, const struct config *of)
{
    for (size_t i = 0; i < of->sink_count; i++)
        if (is_of_network(&of->sinks[i]) && !sends_to(in, of->sinks[i].address))
            return false;
    return !of->metrics_listen || str_equal(in->metrics_listen, of->metrics_listen);
}

void fetcher_renew_helpers(struct fetcher *fetcher, const struct config *config)
{
    struct helper **network = &fetcher->helpers[ROLE_NETWORK];

    if (*network && (!has_all(fetcher->config, config) || !has_all(config, fetcher->config))) {
        bool was_away = helper_why_not(*network) != NULL;

        helper_free(take(*network));
        if (was_away)
            report_state(fetcher);
    }
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (!fetcher->helpers[i] && is_necessary(fetcher, config, (enum role)i))
            make_helper(fetcher, (enum role)i);
}

struct helper *const *fetcher_network(const struct fetcher *fetcher)
{
    return &fetcher->helpers[ROLE_NETWORK];
}

struct helper *const *fetcher_helpers(const struct fetcher *fetcher, size_t *ret_count)
{
    *ret_count = ROLE_COUNT;
    return fetcher->helpers;
}

void fetch_give_up_rights(void)
{
    int r = capability_keep(0);

    if (r < 0)
        log_warning("capabilities cannot be given up: %s", strerror(-r));
}

bool fetch_is_silent(const struct fetcher *fetcher, enum role role)
{
    return fetcher->helpers[role] && helper_is_silent(fetcher->helpers[role]);
}

struct worker *fetch_ask(struct fetcher *fetcher, enum role role, unsigned task, const struct str *message,
                         worker_done *done, void *user, struct error *error)
{
    return fetch_ask_within(fetcher, role, task, message, 0, done, user, error);
}

struct worker *fetch_ask_within(struct fetcher *fetcher, enum role role, unsigned task, const struct str *message,
                                unsigned timeout_ms, worker_done *done, void *user, struct error *error)
{
    const struct helper_request request = {.task = task,
                                           .message = message ? str_text(message) : NULL,
                                           .length = message ? message->length : 0,
                                           .limit = ANSWER_MAX,
                                           .timeout_ms = timeout_ms,
                                           .done = done,
                                           .user = user};

    if (fetcher->helpers[role])
        return helper_ask(fetcher->helpers[role], &request, error);
    error_set(error, EPIPE, "needs %s: the helper %s begins when the agent is started again", role_rights(role),
              role_name(role));
    return NULL;
}
