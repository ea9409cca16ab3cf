/* What comes from the engine: requests under way and their answers, and what waits for /info. */
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/fetch/fetch_internal.h"
#include "probes/docker/docker_parse.h"
#include "probes/facts/digest.h"
#include "probes/host/unlock_key.h"

static void on_answer(struct facts *facts, int number, const char *why, void *user);

static void on_again(evutil_socket_t fd, short what, void *user)
{
    struct request *request = user;

    (void)fd;
    (void)what;
    docker_fetch_container(request->fetcher->docker, request->key, on_answer, request);
}

/* podman answers 500 for a container that it is just about to remove: before an error is told it is asked again. */
static bool ask_again(struct request *request, int number)
{
    static const struct timeval moment = {.tv_usec = 400000};

    if (request->kind != INPUT_CONTAINER || number != EPROTO || request->retry_timer)
        return false;
    request->retry_timer = evtimer_new(request->fetcher->base, on_again, request);
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
static void fetch_of_manager(struct fetcher *fetcher, enum input_kind kind, const char *word,
                             void (*fetch)(struct docker *, docker_fetched *, void *), docker_fetched *back)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    scoped(cleanup_free) char *why = mem_printf("only a swarm manager knows the %s", word);

    if (info && !info->swarm_control)
        evaluator_fetch_failed(fetcher->evaluator, kind, NULL, ENODATA, why);
    else
        fetch(fetcher->docker, back, fetch_request_new(fetcher, kind, NULL));
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
    on_answer(r < 0 ? NULL : facts, -r, error.text, user);
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
        docker_fetch_unlock_key(fetcher->docker, on_unlock_key, fetch_request_new(fetcher, INPUT_UNLOCK_KEY, NULL));
}

/* ---- One function for each input ---- */

void fetch_version(struct fetcher *fetcher, const char *key)
{
    docker_fetch_version(fetcher->docker, on_answer, fetch_request_new(fetcher, INPUT_VERSION, key));
}

void fetch_info(struct fetcher *fetcher, const char *key)
{
    docker_fetch_info(fetcher->docker, on_info, fetch_request_new(fetcher, INPUT_INFO, key));
}

void fetch_networks(struct fetcher *fetcher, const char *key)
{
    docker_fetch_network_list(fetcher->docker, on_answer, fetch_request_new(fetcher, INPUT_NETWORKS, key));
}

void fetch_services(struct fetcher *fetcher, const char *key)
{
    (void)key;
    fetch_of_manager(fetcher, INPUT_SERVICES, "services", docker_fetch_service_list, on_answer);
}

void fetch_secrets(struct fetcher *fetcher, const char *key)
{
    (void)key;
    fetch_of_manager(fetcher, INPUT_SECRETS, "secrets", docker_fetch_secret_list, on_secrets);
}

void fetch_history(struct fetcher *fetcher, const char *id)
{
    docker_fetch_history(fetcher->docker, id, on_answer, fetch_request_new(fetcher, INPUT_HISTORY, id));
}

void fetch_containers(struct fetcher *fetcher, const char *key)
{
    docker_fetch_container_list(fetcher->docker, on_answer, fetch_request_new(fetcher, INPUT_CONTAINERS, key));
}

void fetch_images(struct fetcher *fetcher, const char *key)
{
    docker_fetch_image_list(fetcher->docker, on_answer, fetch_request_new(fetcher, INPUT_IMAGES, key));
}

void fetch_container(struct fetcher *fetcher, const char *id)
{
    fetch_begin_record(fetcher, id);
    docker_fetch_container(fetcher->docker, id, on_answer, fetch_request_new(fetcher, INPUT_CONTAINER, id));
}

void fetch_image(struct fetcher *fetcher, const char *id)
{
    docker_fetch_image(fetcher->docker, id, on_answer, fetch_request_new(fetcher, INPUT_IMAGE, id));
}

void fetch_exec(struct fetcher *fetcher, const char *id)
{
    docker_fetch_exec(fetcher->docker, id, on_answer, fetch_request_new(fetcher, INPUT_EXEC, id));
}
