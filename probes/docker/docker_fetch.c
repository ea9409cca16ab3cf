/* Typed fetches: a path, a request, a parser.
 *
 * A fetch ends exactly once, from the loop: with facts, with the engine's error, or with ENOTCONN when the connection
 * was lost (then its owner asks again after the next one). An answer is reduced to what is read of it while it comes
 * (docker_shapes.c), so that what is held of the six under way at most, together, is bounded: 256 KiB of each, and of
 * one of them as much as its filter allows. Others that are large wait for that one. */
#include "probes/docker/docker_internal.h"

#include <errno.h>
#include <string.h>

#include "common/map.h"
#include "common/text.h"

/* A large document of a busy machine may take long; one that does not come is given up as soon as a small one. */
enum { DOCUMENT_MS = 180000, SLOW_S = 30, CONNECT_MS = 4000, SMALL = 256 * 1024, PAGE_MAX = 64 * 1024 };

/* What is held of an answer that comes. */
struct reading {
    struct json_filter *filter, *own; /* for the facts; for users' own rules, NULL where there are none */
    struct error error, own_error;    /* why a filter refused the answer; number 0: it did not */
    struct str page;                  /* the beginning of an answer that is no JSON but a page */
};

struct fetch {
    TAILQ_ENTRY(fetch) link;
    struct docker *docker;
    struct http_request *request; /* NULL in the failed list */
    enum docker_document document;
    struct reading *reading; /* NULL: nothing has come yet, or it is over */
    bool waits;              /* for the large one */
    docker_fetched *done;
    void *user;
    int number; /* while unconfirmed: how it failed */
    char *why;
};

static struct reading *reading_new(struct docker *docker, enum docker_document document)
{
    struct reading *reading = mem_alloc(sizeof *reading);

    reading->filter = document_filter(document, docker_shape(docker, document));
    if (docker->own[document].shape)
        reading->own = document_own_filter(document, docker->own[document].shape);
    return reading;
}

static void reading_free(struct reading *reading)
{
    if (!reading)
        return;
    json_filter_free(reading->filter);
    json_filter_free(reading->own);
    str_deinit(&reading->page);
    free(reading);
}

static void fetch_free(struct fetch *fetch)
{
    reading_free(fetch->reading);
    free(fetch->why);
    free(fetch);
}

static void complete_fetch(struct fetch *fetch, struct facts *facts, int number, const char *why)
{
    fetch->done(facts, number, number ? why : NULL, fetch->user);
    fetch_free(fetch);
}

/* It holds nothing any more: one that waits may become the large one. */
static void let_go(struct fetch *fetch)
{
    struct docker *docker = fetch->docker;
    struct fetch *next;

    reading_free(take(fetch->reading));
    if (docker->large != fetch)
        return;
    docker->large = NULL;
    TAILQ_FOREACH(next, &docker->fetches, link)
    if (next->waits && next != fetch)
        break;
    if (!next)
        return;
    next->waits = false;
    docker->large = next;
    http_go_on(next->request);
}

static size_t held(const struct reading *reading)
{
    return json_filter_held(reading->filter) + (reading->own ? json_filter_held(reading->own) : 0);
}

static int on_data(const char *data, size_t length, void *user)
{
    struct fetch *fetch = user;
    struct docker *docker = fetch->docker;
    struct reading *reading = fetch->reading;
    bool begins = !reading;

    if (begins)
        reading = fetch->reading = reading_new(docker, fetch->document);
    if (reading->page.length || (begins && docker_is_page(data, length))) {
        str_append_n(&reading->page, data, length);
        return reading->page.length < PAGE_MAX ? 0 : -1;
    }
    if (held(reading) >= SMALL && docker->large != fetch) {
        fetch->waits = docker->large != NULL;
        if (fetch->waits)
            return HTTP_DATA_WAIT;
        docker->large = fetch;
    }
    if (reading->own && !reading->own_error.number &&
        json_filter_feed(reading->own, data, length, &reading->own_error) < 0)
        json_filter_restart(reading->own);
    return json_filter_feed(reading->filter, data, length, &reading->error) < 0 ? -1 : 0;
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

/* The digest then covers it: a rule may read what no check of ours does. */
static void keep_own(struct fetch *fetch, struct facts *facts)
{
    const struct own_shape *own = &fetch->docker->own[fetch->document];
    struct error *error = &fetch->reading->own_error;
    struct hash hash;
    const char *text;
    size_t length;

    facts->pointers = arena_strdup(facts->arena, str_text(&own->pointers));
    if (error->number || json_filter_end(fetch->reading->own, &text, &length, error) < 0) {
        facts->document_error = arena_strdup(facts->arena, error->message);
        return;
    }
    facts->document = arena_strndup(facts->arena, text, length);
    hash_init(&hash);
    hash_bytes(&hash, text, length);
    facts->digest ^= hash_end(&hash);
}

/* What came of an answer of status 200. */
static int read_answer(struct fetch *fetch, struct facts **ret, struct str *why)
{
    struct reading *reading = fetch->reading;
    struct error *error = &reading->error;
    const char *text = "";
    size_t length = 0;
    int r = -error->number;

    if (reading->page.length) {
        str_append(why, "the answer is ");
        docker_describe_page(reading->page.data, reading->page.length, why);
        return EINVAL;
    }
    if (r == 0)
        r = json_filter_end(reading->filter, &text, &length, error);
    if (r < 0)
        error_prefix(error, "%s", document_name(fetch->document));
    else
        r = document_parse(fetch->document, text, length, ret, error);
    if (r < 0)
        str_append(why, error->message);
    else if (reading->own)
        keep_own(fetch, *ret);
    return -r;
}

static void on_done(struct http_request *request, const struct http_response *response, void *user)
{
    struct fetch *fetch = user;
    struct docker *docker = fetch->docker;
    bool ended_here = response->status == 200 && response->error_number == ECANCELED;
    bool is_refusal = response->status && response->status != 200;
    struct facts *facts = NULL;
    scoped_str why = STR_INIT;
    int number = 0;

    (void)request;
    if (is_refusal && !response->error_number) {
        number = errno_of_status(response->status);
        docker_describe_refusal(response, &why);
    } else if (response->error_number && !ended_here) {
        number = response->error_number;
        str_append(&why, response->error_text);
    } else {
        if (!fetch->reading) /* not one byte */
            fetch->reading = reading_new(docker, fetch->document);
        number = read_answer(fetch, &facts, &why);
    }
    let_go(fetch);
    TAILQ_REMOVE(&docker->fetches, fetch, link);
    if (response->error_number && may_mean_its_end(response->error_number) && docker->state == DOCKER_CONNECTED) {
        await_ping(fetch, response->error_number, response->error_text);
        return;
    }
    if (response->error_number == ETIMEDOUT)
        docker_check_alive(docker);
    complete_fetch(fetch, facts, number, str_text(&why));
}

static void fetch_document(struct docker *docker, const char *path, enum docker_document document, docker_fetched *done,
                           void *user)
{
    struct fetch *fetch = mem_alloc(sizeof *fetch);
    scoped(cleanup_free) char *full = mem_printf("/v1.%u%s", docker->minor, path);
    struct http_options options = {.path = full,
                                   .limit = document_limit(document),
                                   .timeout_ms = DOCUMENT_MS,
                                   .connect_timeout_ms = CONNECT_MS,
                                   .slow_s = SLOW_S,
                                   .data = on_data,
                                   .done = on_done,
                                   .user = fetch};

    fetch->docker = docker;
    fetch->document = document;
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

void docker_forget_own(struct docker *docker)
{
    struct fetch *fetch;

    TAILQ_FOREACH(fetch, &docker->fetches, link)
    if (fetch->reading)
        json_filter_free(take(fetch->reading->own));
}

void docker_fail_fetches(struct docker *docker)
{
    struct fetch *fetch;

    while ((fetch = TAILQ_FIRST(&docker->fetches))) {
        http_cancel(fetch->request);
        fetch->request = NULL;
        fetch->waits = false;
        reading_free(take(fetch->reading));
        TAILQ_REMOVE(&docker->fetches, fetch, link);
        TAILQ_INSERT_TAIL(&docker->failed, fetch, link);
    }
    docker->large = NULL;
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
        fetch_free(fetch);
    }
    TAILQ_CONCAT(&docker->failed, &docker->unconfirmed, link);
    while ((fetch = TAILQ_FIRST(&docker->failed))) {
        TAILQ_REMOVE(&docker->failed, fetch, link);
        fetch_free(fetch);
    }
}

static void fetch_named(struct docker *docker, const char *before, const char *id, const char *after,
                        enum docker_document document, docker_fetched *done, void *user)
{
    scoped(cleanup_free) char *encoded = http_encode(id);
    scoped_str path = STR_INIT;

    str_append(&path, before);
    str_append(&path, encoded);
    str_append(&path, after);
    fetch_document(docker, path.data, document, done, user);
}

void docker_fetch_version(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/version", DOCUMENT_VERSION, done, user);
}

void docker_fetch_info(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/info", DOCUMENT_INFO, done, user);
}

void docker_fetch_container_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/containers/json?all=1", DOCUMENT_CONTAINER_LIST, done, user);
}

void docker_fetch_container(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    fetch_named(docker, "/containers/", id, "/json", DOCUMENT_CONTAINER, done, user);
}

void docker_fetch_volume(struct docker *docker, const char *name, docker_fetched *done, void *user)
{
    fetch_named(docker, "/volumes/", name, "", DOCUMENT_VOLUME, done, user);
}

void docker_fetch_image_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/images/json", DOCUMENT_IMAGE_LIST, done, user);
}

void docker_fetch_image(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    enum { MANIFESTS_MINOR = 48 }; /* the first that knows the parameter; podman ignores what it does not know */

    fetch_named(docker, "/images/", id, docker->minor >= MANIFESTS_MINOR ? "/json?manifests=1" : "/json",
                DOCUMENT_IMAGE, done, user);
}

void docker_fetch_exec(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    fetch_named(docker, "/exec/", id, "/json", DOCUMENT_EXEC, done, user);
}

void docker_fetch_history(struct docker *docker, const char *id, docker_fetched *done, void *user)
{
    fetch_named(docker, "/images/", id, "/history", DOCUMENT_HISTORY, done, user);
}

void docker_fetch_network_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/networks", DOCUMENT_NETWORK_LIST, done, user);
}

void docker_fetch_unlock_key(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/swarm/unlockkey", DOCUMENT_UNLOCK_KEY, done, user);
}

void docker_fetch_service_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/services", DOCUMENT_SERVICE_LIST, done, user);
}

void docker_fetch_task_list(struct docker *docker, const char *node, docker_fetched *done, void *user)
{
    /* {"node":{"ID":true}}; an id of a node is letters and digits */
    scoped(cleanup_free) char *path = mem_printf("/tasks?filters=%%7B%%22node%%22%%3A%%7B%%22%.*s%%22%%3Atrue%%7D%%7D",
                                                 (int)strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789"), node);

    fetch_document(docker, path, DOCUMENT_TASK_LIST, done, user);
}

void docker_fetch_secret_list(struct docker *docker, docker_fetched *done, void *user)
{
    fetch_document(docker, "/secrets", DOCUMENT_SECRET_LIST, done, user);
}
