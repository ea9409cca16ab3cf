/* What comes from the engine: requests under way and their answers, and what waits for /info. */
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/fetch/fetch_internal.h"
#include "probes/docker/docker_parse.h"
#include "probes/facts/digest.h"
#include "probes/host/unlock_key.h"

static void send_request(struct request *request);

static void on_again(evutil_socket_t fd, short what, void *user)
{
    struct request *request = user;

    (void)fd;
    (void)what;
    request->fetcher->quick_retries--;
    send_request(request);
}

/* Before a failure is reported it is asked again once, a moment later: podman answers 500 for a container that it is
 * just about to remove, a proxy or an engine under load for whatever. Not when many fail at once, not after a time-out,
 * which has taken long already, and not after a refusal. */
static bool ask_again(struct request *request, int number)
{
    enum { QUICK_RETRIES_MAX = 16, MOMENT_US = 400000, SPREAD_US = 200000 };
    struct fetcher *fetcher = request->fetcher;
    struct timeval moment = {.tv_usec = MOMENT_US + (suseconds_t)(fetcher->quick_retries * 7919 % SPREAD_US)};

    if (request->retry_timer || fetcher->quick_retries >= QUICK_RETRIES_MAX ||
        (number != EPROTO && number != ECONNRESET && number != EPIPE && number != EIO))
        return false;
    fetcher->quick_retries++;
    request->retry_timer = evtimer_new(fetcher->base, on_again, request);
    evtimer_add(request->retry_timer, &moment);
    return true;
}

static void on_answer(struct facts *facts, int number, const char *why, void *user)
{
    struct request *request = user;

    if (!facts && ask_again(request, number))
        return;
    if (facts && request->kind == INPUT_CONTAINER)
        fetch_complete_container(request, (struct container_facts *)facts);
    else
        fetch_finish(request, facts, number, why);
}

/* The node joined a swarm or left it, or became a manager: that has no event of its own. */
static bool swarm_differs(const struct info_facts *a, const struct info_facts *b)
{
    return !str_equal(a->swarm_state, b->swarm_state) || a->swarm_control != b->swarm_control;
}

static void on_info(struct facts *facts, int number, const char *why, void *user)
{
    struct fetcher *fetcher = ((struct request *)user)->fetcher;
    const struct facts *before = store_get(evaluator_store(fetcher->evaluator), INPUT_INFO, NULL, NULL);
    bool changed = facts && (!before || before->digest != facts->digest);
    bool joined =
        changed && before && swarm_differs((const struct info_facts *)before, (const struct info_facts *)facts);

    on_answer(facts, number, why, user);
    if (joined)
        fetcher_swarm_changed(fetcher, "info");
    if (changed)
        fetch_find_records(fetcher);
}

/* An engine that does not know the page has no secrets. */
static void on_secrets(struct facts *facts, int number, const char *why, void *user)
{
    struct secret_list_facts *none = NULL;

    if (number == ENOENT && parse_secret_list("[]", strlen("[]"), &none, NULL) == 0)
        on_answer(&none->facts, 0, NULL, user);
    else
        on_answer(facts, number, why, user);
}

/* What only a swarm manager knows; WORD is what. */
static void fetch_of_manager(struct fetcher *fetcher, enum input_kind kind, const char *word)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    scoped(cleanup_free) char *why = mem_printf("only a swarm manager knows the %s", word);

    if (info && !info->swarm_control)
        evaluator_fetch_failed(fetcher->evaluator, kind, NULL, ENODATA, why);
    else
        send_request(fetch_request_new(fetcher, kind, NULL));
}

/* Does a rule ask since when the key is the same? It is not so much as asked for otherwise. */
static bool tracks_unlock_key(const struct fetcher *fetcher)
{
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);

    for (size_t i = 0; i < rules->count; i++) {
        const struct check_input in = {.rule = &rules->rules[i]};

        if (in.rule->enabled && (in.rule->check->reads & INPUT_BIT(INPUT_UNLOCK_KEY)) &&
            check_param(&in, "track")->number)
            return true;
    }
    return false;
}

static void on_unlock_key(struct facts *facts, int number, const char *why, void *user)
{
    struct fetcher *fetcher = ((struct request *)user)->fetcher;
    struct unlock_key_facts *key = (struct unlock_key_facts *)facts;
    struct error error = ERROR_INIT;
    struct hash hash;
    int r;

    if (!facts) {
        on_answer(NULL, number, why, user);
        return;
    }
    r = *key->key ? unlock_key_first_seen(fetcher->config->state_dir, key->key, fetcher->keeps_state,
                                          clock_now(&clock_system), &key->first_seen, &error)
                  : error_set(&error, ENODATA, "the swarm has no unlock key");
    explicit_bzero(key->key, strlen(key->key));
    key->key = NULL;
    hash_init(&hash);
    digest_number(&hash, key->first_seen);
    facts->digest = hash_end(&hash);
    if (r < 0)
        facts_free(facts);
    on_answer(r < 0 ? NULL : facts, -r, error.message, user);
}

void fetch_unlock_key(struct fetcher *fetcher, const char *key)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);

    (void)key;
    if (!tracks_unlock_key(fetcher))
        evaluator_fetch_failed(fetcher->evaluator, INPUT_UNLOCK_KEY, NULL, ENODATA, "params.track is not set");
    else if (!info || !info->swarm_control || info->autolock != TRI_TRUE)
        evaluator_fetch_failed(fetcher->evaluator, INPUT_UNLOCK_KEY, NULL, ENODATA,
                               "this node is not a manager of a swarm with auto-lock");
    else
        send_request(fetch_request_new(fetcher, INPUT_UNLOCK_KEY, NULL));
}

static void send_tasks_request(struct request *request)
{
    const struct info_facts *info = store_info(evaluator_store(request->fetcher->evaluator), NULL);

    docker_fetch_task_list(request->fetcher->docker, info && info->swarm_node_id ? info->swarm_node_id : "", on_answer,
                           request);
}

/* The input itself, not what its answer leads to. */
static void send_request(struct request *request)
{
    struct docker *docker = request->fetcher->docker;

    switch (request->kind) {
    case INPUT_VERSION:
        docker_fetch_version(docker, on_answer, request);
        break;
    case INPUT_INFO:
        docker_fetch_info(docker, on_info, request);
        break;
    case INPUT_CONTAINERS:
        docker_fetch_container_list(docker, on_answer, request);
        break;
    case INPUT_IMAGES:
        docker_fetch_image_list(docker, on_answer, request);
        break;
    case INPUT_NETWORKS:
        docker_fetch_network_list(docker, on_answer, request);
        break;
    case INPUT_SERVICES:
        docker_fetch_service_list(docker, on_answer, request);
        break;
    case INPUT_TASKS:
        send_tasks_request(request);
        break;
    case INPUT_SECRETS:
        docker_fetch_secret_list(docker, on_secrets, request);
        break;
    case INPUT_UNLOCK_KEY:
        docker_fetch_unlock_key(docker, on_unlock_key, request);
        break;
    case INPUT_CONTAINER:
        docker_fetch_container(docker, request->key, on_answer, request);
        break;
    case INPUT_IMAGE:
        docker_fetch_image(docker, request->key, on_answer, request);
        break;
    case INPUT_HISTORY:
        docker_fetch_history(docker, request->key, on_answer, request);
        break;
    case INPUT_EXEC:
        docker_fetch_exec(docker, request->key, on_answer, request);
        break;
    case INPUT_UNITS:
    case INPUT_DAEMON:
    case INPUT_LSM:
    case INPUT_MOUNTS:
    case INPUT_GROUP:
    case INPUT_AUDIT:
    case INPUT_ENVIRONMENT:
    case INPUT_LISTENERS:
    case INPUT_CERTIFICATES:
    case INPUT_FILES:
    case INPUT_PROCESSES:
    case INPUT_LAYERS:
    case INPUT_SCAN:
    case INPUT_KIND_COUNT:
        break;
    }
}

/* ---- What the evaluator asks for ---- */

static void ask_for_document(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    send_request(fetch_request_new(fetcher, kind, key));
}

void fetch_document(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    if (kind != INPUT_CONTAINER) {
        ask_for_document(fetcher, kind, key);
        return;
    }
    fetch_begin_record(fetcher, key);
    fetch_when_watched(fetcher, ask_for_document, kind, key);
}

void fetch_services(struct fetcher *fetcher, const char *key)
{
    (void)key;
    fetch_of_manager(fetcher, INPUT_SERVICES, "services");
}

void fetch_tasks(struct fetcher *fetcher, const char *key)
{
    (void)key;
    fetch_of_manager(fetcher, INPUT_TASKS, "tasks");
}

void fetch_secrets(struct fetcher *fetcher, const char *key)
{
    (void)key;
    fetch_of_manager(fetcher, INPUT_SECRETS, "secrets");
}
