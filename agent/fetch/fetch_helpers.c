/* The helper processes that keep what the agent gives up, one pair for each role, and requests to them. */
#include <errno.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/fetch/fetch_internal.h"
#include "common/capability.h"
#include "common/log.h"

enum { ANSWER_MAX = 64 << 20 };

/* What no helper of a role can do any more, the agent cannot either: it has given up what it takes. */
static void on_helpers_lost(void *user)
{
    struct fetcher *fetcher = user;

    evaluator_agent_state(fetcher->evaluator, "agent-helpers", false,
                          "both helper processes have ended, and only a new start of the agent makes others", "helper");
    if (!fetcher->keeps_state)
        return;
    fetcher->lost = true;
    event_base_loopbreak(fetcher->base);
}

bool fetcher_has_lost_helpers(const struct fetcher *fetcher)
{
    return fetcher->lost;
}

static bool reads_source(const struct rule_set *rules, const char *source)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].enabled && (rules->rules[i].check->reads & INPUT_BIT(INPUT_FILES)) &&
            str_equal(rule_file_source(&rules->rules[i]), source))
            return true;
    return false;
}

/* In a helper, which has the configuration of its start; one that came after that is read where it is. */
static bool knows_source(const char *source, void *user)
{
    struct fetcher *fetcher = user;
    scoped(cleanup_config) struct config *config = NULL;
    struct rule_set *rules = NULL;
    bool known = reads_source(evaluator_rules(fetcher->evaluator), source);

    if (known || fetcher->load_config(fetcher->load_user, &config, &rules, NULL) < 0)
        return known;
    known = reads_source(rules, source);
    rule_set_free(rules);
    return known;
}

static void copy_list(struct arena *arena, const struct string_list *from, struct string_list *ret)
{
    ret->items = arena_alloc(arena, (from->count + 1) * sizeof *ret->items);
    for (ret->count = 0; ret->count < from->count; ret->count++)
        ret->items[ret->count] = arena_strdup(arena, from->items[ret->count]);
}

/* In a helper, as knows_source(). */
static void scanner_command(void *user, struct arena *arena, struct string_list *ret)
{
    struct fetcher *fetcher = user;
    scoped(cleanup_config) struct config *config = NULL;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    int r = fetcher->load_config(fetcher->load_user, &config, &rules, NULL);

    copy_list(arena, r < 0 ? &fetcher->config->scanner_command : &config->scanner_command, ret);
}

/* A scanner's helper keeps what no other one does, so there is none without a scanner. */
static bool is_necessary(const struct fetcher *fetcher, enum role role)
{
    return role != ROLE_SCANNER || fetcher->config->scanner_command.count;
}

int fetch_make_helpers(struct fetcher *fetcher, struct error *error)
{
    fetcher->proc = host_outside_path(fetcher->root, "/proc");
    fetcher->role_context = (struct role_context){.root = fetcher->root,
                                                  .proc = fetcher->proc,
                                                  .outside = fetch_outside(fetcher),
                                                  .knows_source = knows_source,
                                                  .scanner_command = scanner_command,
                                                  .user = fetcher,
                                                  .address = docker_address(fetcher->docker)};
    if (fetcher->keeps_state) {
        fetcher->layers_cache = mem_printf("%s/layers", fetcher->config->state_dir);
        fetcher->role_context.layers_cache = fetcher->layers_cache;
    }
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        struct helper_task tasks[ROLE_TASKS_MAX];
        size_t count = role_tasks((enum role)role, &fetcher->role_context, tasks);

        if (!is_necessary(fetcher, (enum role)role))
            continue;
        fetcher->helpers[role] = helper_new(fetcher->workers, tasks, count, on_helpers_lost, fetcher, error);
        if (!fetcher->helpers[role])
            return -error->number;
    }
    return 0;
}

void fetch_free_helpers(struct fetcher *fetcher)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        helper_free(fetcher->helpers[role]);
    free(fetcher->proc);
    free(fetcher->layers_cache);
}

/* Another user's engine is connected to, again after each of its ends, with CAP_DAC_OVERRIDE where there is that. */
static bool is_another_users(const struct fetcher *fetcher)
{
    const char *socket = fetch_engine_socket(fetcher);
    struct stat st;

    return socket && host_stat(fetcher->root, socket, &st, NULL) == 0 && st.st_uid != geteuid();
}

void fetch_give_up_rights(const struct fetcher *fetcher)
{
    int r = capability_keep(is_another_users(fetcher) ? CAPABILITY(CAP_DAC_OVERRIDE) : 0);

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
    struct worker *worker = NULL;

    if (fetcher->helpers[role])
        worker = helper_ask(fetcher->helpers[role], &request, error);
    else
        error_set(error, EPIPE, "it begins when the agent is started again");
    if (!worker && error->number == EPIPE)
        error_set(error, EPIPE, "needs %s: the helper \"%s\" is not running", role_rights(role), role_name(role));
    return worker;
}
