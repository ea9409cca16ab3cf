/* The helpers, of each role one: made, missed and back again; and requests to them. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "common/capability.h"
#include "common/log.h"
#include "probes/worker/helper.h"

enum { ANSWER_MAX = 64 << 20 };

/* What came through the role while it was away is read with everything else when it is back: its findings are errors
 * until then. */
static void on_changed(const char *role, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    scoped_str text = STR_INIT;

    (void)role;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        const char *reason = fetcher->helpers[i] ? helper_why_not(fetcher->helpers[i]) : NULL;

        if (reason)
            str_printf(&text, "%sthe helper %s is not running: %s", text.length ? "; " : "", role_name((enum role)i),
                       reason);
    }
    evaluator_agent_state(fetcher->evaluator, "agent-helpers", !text.length,
                          text.length ? text.data : "all helpers are running again", "helper");
    if (!why && fetcher->scan)
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

/* A scanner's helper keeps what no other one does, so there is none without a scanner. The engine's is the broker. */
static bool is_necessary(const struct fetcher *fetcher, enum role role)
{
    if (role == ROLE_ENGINE)
        return false;
    return role != ROLE_SCANNER || fetcher->config->scanner_command.count;
}

void fetch_make_helpers(struct fetcher *fetcher)
{
    const struct role_context context = {.root = fetcher->root};

    if (fetcher->keeps_state)
        fetcher->layers_cache = mem_printf("%s/layers", fetcher->config->state_dir);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        struct helper_options options = {.role = role_name((enum role)i),
                                         .right = role_rights((enum role)i),
                                         .connect = fetcher->launch->has_rights ? on_connect : NULL,
                                         .changed = on_changed,
                                         .user = fetcher};

        if (!is_necessary(fetcher, (enum role)i))
            continue;
        options.count = role_tasks((enum role)i, &context, options.tasks);
        fetcher->helpers[i] = helper_new(fetcher->workers, &options);
    }
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
