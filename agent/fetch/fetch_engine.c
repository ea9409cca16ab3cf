/* What comes from the engine: requests under way and their answers, and what waits for /info. */
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/fetch/fetch_internal.h"
#include "probes/docker/docker_parse.h"
#include "probes/facts/digest.h"
#include "probes/host/unlock_key.h"

struct request *fetch_request_new(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    struct request *request = mem_alloc(sizeof *request);

    request->fetcher = fetcher;
    request->kind = kind;
    request->key = mem_strdup(key);
    request->next = fetcher->requests;
    request->link = &fetcher->requests;
    if (request->next)
        request->next->link = &request->next;
    fetcher->requests = request;
    return request;
}

void fetch_request_unlink(struct request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
}

void fetch_request_free(struct request *request)
{
    if (request->again)
        event_free(request->again);
    facts_free(request->held ? &request->held->facts : NULL);
    free(request->key);
    free(request);
}

void fetch_free_requests(struct fetcher *fetcher)
{
    while (fetcher->requests) {
        struct request *request = fetcher->requests;

        fetch_request_unlink(request);
        fetch_request_free(request);
    }
    for (size_t i = 0; i < fetcher->deferred.count; i++)
        free(fetcher->deferred.items[i].key);
    vec_free(&fetcher->deferred);
}

/* A node that left a swarm loses the networks of it some seconds later, of which newer engines tell nothing. */
static void await_leaving(struct fetcher *fetcher)
{
    enum { LOOKS = 60 };
    const struct network_list_facts *networks = store_networks(evaluator_store(fetcher->evaluator), NULL);
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    bool left = false;

    for (size_t i = 0; networks && i < networks->count; i++)
        left = left || str_equal(networks->items[i].scope, "swarm");
    if (!left || !info || !str_equal(info->swarm_state, "inactive"))
        fetcher->leaving = 0;
    else if (fetcher->leaving++ < LOOKS)
        fetch_look_later(fetcher, INPUT_NETWORKS, "");
}

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

    if (request->kind != INPUT_CONTAINER || number != EPROTO || request->again)
        return false;
    request->again = evtimer_new(request->fetcher->base, on_again, request);
    evtimer_add(request->again, &moment);
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

void fetch_finish(struct request *request, struct facts *facts, int number, const char *why)
{
    fetch_request_unlink(request);
    if (facts && request->kind == INPUT_CONTAINER)
        fetch_end_record(request->fetcher, (const struct container_facts *)facts);
    if (facts)
        evaluator_fetched(request->fetcher->evaluator, request->kind, request->key, facts);
    else
        evaluator_fetch_failed(request->fetcher->evaluator, request->kind, request->key, number, why);
    if (request->kind == INPUT_NETWORKS)
        await_leaving(request->fetcher);
    if (request->kind == INPUT_IMAGE && number != ENOTCONN)
        fetch_image_came(request->fetcher, request->key, !facts, why);
    fetch_request_free(request);
}

bool fetch_defer(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    if (!fetcher->info_on_its_way)
        return false;
    vec_push(&fetcher->deferred, (struct deferred){.kind = kind, .key = mem_strdup(key)});
    return true;
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
    bool changed = facts && (!before || before->digest != facts->digest), joined = false;

    if (changed) { /* deferred: they are read when /info is known */
        fetch_refresh_sources(fetcher, fileset_needs_info, "info");
        evaluator_stale(fetcher->evaluator, INPUT_CERTIFICATES, NULL, "info");
        evaluator_stale(fetcher->evaluator, INPUT_UNLOCK_KEY, NULL, "info");
    }
    if (changed && before) {
        joined = swarm_differs((const struct info_facts *)before, (const struct info_facts *)facts);
        if (!str_equal(((const struct info_facts *)before)->data_root, ((const struct info_facts *)facts)->data_root))
            evaluator_stale(fetcher->evaluator, INPUT_MOUNTS, NULL, "info"); /* mounts above another folder matter */
    }
    on_answer(facts, number, why, user);
    fetcher->info_on_its_way = false;
    if (joined)
        fetcher_swarm_changed(fetcher, "info");
    if (changed) {
        fetch_watch_swarm(fetcher);
        fetch_find_records(fetcher);
    }
    for (size_t i = 0; i < fetcher->sources.count && changed; i++)
        if (fileset_needs_info(fetcher->sources.items[i]->name))
            fetch_watch_source(fetcher->sources.items[i]);
    while (fetcher->deferred.count) {
        struct deferred next = fetcher->deferred.items[0];

        vec_remove(&fetcher->deferred, 0);
        fetcher_fetch(fetcher, next.kind, next.key);
        free(next.key);
    }
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

    if (fetch_defer(fetcher, kind, NULL))
        return;
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

static void fetch_unlock_key(struct fetcher *fetcher)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);

    if (fetch_defer(fetcher, INPUT_UNLOCK_KEY, NULL))
        return;
    if (!tracks_unlock_key(fetcher))
        evaluator_fetch_failed(fetcher->evaluator, INPUT_UNLOCK_KEY, NULL, ENODATA, "params.track is not set");
    else if (!info || !info->swarm_control || info->autolock != TRI_TRUE)
        evaluator_fetch_failed(fetcher->evaluator, INPUT_UNLOCK_KEY, NULL, ENODATA,
                               "this node is not a manager of a swarm with auto-lock");
    else
        docker_fetch_unlock_key(fetcher->docker, on_unlock_key, fetch_request_new(fetcher, INPUT_UNLOCK_KEY, NULL));
}

void fetch_from_engine(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    switch (kind) {
    case INPUT_VERSION:
        docker_fetch_version(fetcher->docker, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_INFO:
        fetcher->info_on_its_way = true;
        docker_fetch_info(fetcher->docker, on_info, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_NETWORKS:
        docker_fetch_network_list(fetcher->docker, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_SERVICES:
        fetch_of_manager(fetcher, kind, "services", docker_fetch_service_list, on_answer);
        break;
    case INPUT_SECRETS:
        fetch_of_manager(fetcher, kind, "secrets", docker_fetch_secret_list, on_secrets);
        break;
    case INPUT_UNLOCK_KEY:
        fetch_unlock_key(fetcher);
        break;
    case INPUT_HISTORY:
        docker_fetch_history(fetcher->docker, key, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_CONTAINERS:
        docker_fetch_container_list(fetcher->docker, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_IMAGES:
        docker_fetch_image_list(fetcher->docker, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_CONTAINER:
        fetch_begin_record(fetcher, key);
        docker_fetch_container(fetcher->docker, key, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_IMAGE:
        docker_fetch_image(fetcher->docker, key, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    case INPUT_EXEC:
        docker_fetch_exec(fetcher->docker, key, on_answer, fetch_request_new(fetcher, kind, key));
        break;
    default:
        break;
    }
}
