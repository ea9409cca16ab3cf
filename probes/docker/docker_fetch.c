/* Typed fetches: a path, a request, a parser.
 *
 * A fetch ends exactly once, from the loop: with facts, with the engine's error, or with ENOTCONN when the connection
 * was lost (then its owner asks again after the next one). Limits: 32 MiB and 30 s a document. */
#include "probes/docker/docker_internal.h"

#include <errno.h>
#include <string.h>

#include "common/map.h"
#include "common/text.h"

enum { DOCUMENT_LIMIT = 32 * 1024 * 1024, DOCUMENT_MS = 30000, CONNECT_MS = 4000 };

typedef int parse_function(const char *data, size_t length, struct facts **ret, struct error *error);

struct fetch {
    TAILQ_ENTRY(fetch) link;
    struct docker *docker;
    struct http_request *request; /* NULL in the failed list */
    parse_function *parse;
    docker_fetched *done;
    void *user;
    int number; /* while unconfirmed: how it failed */
    char *why;
};

/* Parsers return their own type, which begins with struct facts. */
#define PARSE_FACTS(name, type)                                                                                        \
    static int facts_of_##name(const char *data, size_t length, struct facts **ret, struct error *error)               \
    {                                                                                                                  \
        struct type *facts = NULL;                                                                                     \
        int r = parse_##name(data, length, &facts, error);                                                             \
                                                                                                                       \
        if (r == 0)                                                                                                    \
            *ret = &facts->facts;                                                                                      \
        return r;                                                                                                      \
    }

PARSE_FACTS(version, version_facts)
PARSE_FACTS(info, info_facts)
PARSE_FACTS(container_list, container_list_facts)
PARSE_FACTS(container, container_facts)
PARSE_FACTS(image_list, image_list_facts)
PARSE_FACTS(image, image_facts)
PARSE_FACTS(history, history_facts)
PARSE_FACTS(network_list, network_list_facts)
PARSE_FACTS(service_list, service_list_facts)
PARSE_FACTS(task_list, task_list_facts)
PARSE_FACTS(secret_list, secret_list_facts)
PARSE_FACTS(volume, volume_facts)
PARSE_FACTS(unlock_key, unlock_key_facts)
PARSE_FACTS(exec, exec_facts)

static void complete_fetch(struct fetch *fetch, struct facts *facts, int number, const char *why)
{
    fetch->done(facts, number, number ? why : NULL, fetch->user);
    free(fetch->why);
    free(fetch);
}

/* Errors that may be the first sign of the engine's end: a ping decides. */
static bool may_mean_its_end(int number)
{
    return number == ECONNREFUSED || number == ENOENT || number == ECONNRESET || number == EPIPE;
}

static void await_ping(struct fetch *fetch, int number, const char *why)
{
    fetch->number = number == ENOENT ? ECONNREFUSED : number; /* the socket is gone, not the document */
    fetch->why = mem_strdup(why);
    fetch->request = NULL;
    TAILQ_INSERT_TAIL(&fetch->docker->unconfirmed, fetch, link);
    docker_check_alive(fetch->docker);
}

void docker_deliver_unconfirmed(struct docker *docker)
{
    struct fetch *fetch;

    while ((fetch = TAILQ_FIRST(&docker->unconfirmed))) {
        TAILQ_REMOVE(&docker->unconfirmed, fetch, link);
        complete_fetch(fetch, NULL, fetch->number, fetch->why);
    }
}

/* EPROTO where another answer may come soon, EACCES where it hardly will. */
static int errno_of_status(long status)
{
    static const long passing[] = {408, 409, 425, 429}; /* a conflict, too many requests … */

    for (size_t i = 0; i < countof(passing); i++)
        if (status == passing[i])
            return EPROTO;
    return status == 404 ? ENOENT : (status >= 400 && status < 500) || status == 501 ? EACCES : EPROTO;
}

/* The digest then covers all of it: a rule may read what no check of ours does. */
static void keep_document(struct facts *facts, const char *body, size_t length)
{
    struct hash hash;

    facts->document = arena_strndup(facts->arena, body, length);
    hash_init(&hash);
    hash_bytes(&hash, body, length);
    facts->digest ^= hash_end(&hash);
}

static void on_done(struct http_request *request, const struct http_response *response, void *user)
{
    struct fetch *fetch = user;
    struct docker *docker = fetch->docker;
    struct facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str why = STR_INIT;
    int number = 0;

    (void)request;
    TAILQ_REMOVE(&docker->fetches, fetch, link);
    if (response->error_number && may_mean_its_end(response->error_number) && docker->state == DOCKER_CONNECTED) {
        await_ping(fetch, response->error_number, response->error_text);
        return;
    }
    if (response->error_number) {
        number = response->error_number;
        str_append(&why, response->error_text);
        if (number == ETIMEDOUT)
            docker_check_alive(docker);
    } else if (response->status != 200) {
        number = errno_of_status(response->status);
        docker_describe_refusal(response, &why);
    } else if (fetch->parse(response->body, response->length, &facts, &error) < 0) {
        number = error.number;
        if (docker_is_page(response->body, response->length)) {
            str_append(&why, "the answer is ");
            docker_describe_page(response->body, response->length, &why);
        } else {
            str_append(&why, error.text);
        }
    } else if (docker->keep_documents) {
        keep_document(facts, response->body, response->length);
    }
    complete_fetch(fetch, facts, number, str_text(&why));
}

static void fetch_document(struct docker *docker, const char *path, parse_function *parse, docker_fetched *done,
                           void *user)
{
    struct fetch *fetch = mem_alloc(sizeof *fetch);
    scoped(cleanup_free) char *full = mem_printf("/v1.%u%s", docker->minor, path);
    struct http_options options = {.path = full,
                                   .limit = DOCUMENT_LIMIT,
                                   .timeout_ms = DOCUMENT_MS,
                                   .connect_timeout_ms = CONNECT_MS,
                                   .done = on_done,
                                   .user = fetch};

    fetch->docker = docker;
    fetch->parse = parse;
    fetch->done = done;
    fetch->user = user;
    if (docker->state != DOCKER_CONNECTED) {
        TAILQ_INSERT_TAIL(&docker->failed, fetch, link);
        event_active(docker->fail_event, EV_TIMEOUT, 0);
        return;
    }
    TAILQ_INSERT_TAIL(&docker->fetches, fetch, link);
    fetch->request = http_get(docker->http, &options);
}

void docker_fail_fetches(struct docker *docker)
{
    struct fetch *fetch;

    while ((fetch = TAILQ_FIRST(&docker->fetches))) {
        http_cancel(fetch->request);
        fetch->request = NULL;
        TAILQ_REMOVE(&docker->fetches, fetch, link);
        TAILQ_INSERT_TAIL(&docker->failed, fetch, link);
    }
    TAILQ_CONCAT(&docker->failed, &docker->unconfirmed, link);
    if (!TAILQ_EMPTY(&docker->failed))
        event_active(docker->fail_event, EV_TIMEOUT, 0);
}

void docker_deliver_failed(struct docker *docker)
{
    struct fetch *fetch;

    while ((fetch = TAILQ_FIRST(&docker->failed))) {
        TAILQ_REMOVE(&docker->failed, fetch, link);
        complete_fetch(fetch, NULL, ENOTCONN, "the engine is not connected");
    }
}

void docker_free_fetches(struct docker *docker)
{
    struct fetch *fetch;

    while ((fetch = TAILQ_FIRST(&docker->fetches))) {
        http_cancel(fetch->request);
        TAILQ_REMOVE(&docker->fetches, fetch, link);
        free(fetch);
    }
    TAILQ_CONCAT(&docker->failed, &docker->unconfirmed, link);
    while ((fetch = TAILQ_FIRST(&docker->failed))) {
        TAILQ_REMOVE(&docker->failed, fetch, link);
        free(fetch->why);
        free(fetch);
    }
}

static void fetch_named(struct docker *docker, const char *before, const char *id, const char *after,
                        parse_function *parse, docker_fetched *done, void *user)
{
    scoped(cleanup_free) char *encoded = http_encode(id);
    scoped_str path = STR_INIT;

    str_append(&path, before);
    str_append(&path, encoded);
    str_append(&path, after);
    fetch_document(docker, path.data, parse, done, user);
}

void docker_fetch_version(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/version", facts_of_version, done, user);
}

void docker_fetch_info(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/info", facts_of_info, done, user);
}

void docker_fetch_container_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/containers/json?all=1", facts_of_container_list, done, user);
}

void docker_fetch_container(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    fetch_named(docker, "/containers/", id, "/json", facts_of_container, done, user);
}

void docker_fetch_volume(struct docker *docker, const char *name, docker_fetched *done, void *user)
{
    fetch_named(docker, "/volumes/", name, "", facts_of_volume, done, user);
}

void docker_fetch_image_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/images/json", facts_of_image_list, done, user);
}

void docker_fetch_image(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    enum { MANIFESTS_MINOR = 48 }; /* the first that knows the parameter; podman ignores what it does not know */

    fetch_named(docker, "/images/", id, docker->minor >= MANIFESTS_MINOR ? "/json?manifests=1" : "/json",
                facts_of_image, done, user);
}

void docker_fetch_exec(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    fetch_named(docker, "/exec/", id, "/json", facts_of_exec, done, user);
}

void docker_fetch_history(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    fetch_named(docker, "/images/", id, "/history", facts_of_history, done, user);
}

void docker_fetch_network_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/networks", facts_of_network_list, done, user);
}

void docker_fetch_unlock_key(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/swarm/unlockkey", facts_of_unlock_key, done, user);
}

void docker_fetch_service_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/services", facts_of_service_list, done, user);
}

void docker_fetch_task_list(struct docker *docker, const char *node, docker_fetched *done, void *user)
{
    /* {"node":{"ID":true}}; an id of a node is letters and digits */
    scoped(cleanup_free) char *path = mem_printf("/tasks?filters=%%7B%%22node%%22%%3A%%7B%%22%.*s%%22%%3Atrue%%7D%%7D",
                                                 (int)strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789"), node);

    fetch_document(docker, path, facts_of_task_list, done, user);
}

void docker_fetch_secret_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/secrets", facts_of_secret_list, done, user);
}
