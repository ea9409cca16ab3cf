/* Fetching: one place where inputs meet probes.
 *
 * Inputs of the engine go out as requests and come back from the loop; those of the host (files, dockerd's arguments,
 * processes, LSMs) are a few system calls and are read at once. Every file source has watches on the paths that could
 * change it; a change of the mounts looks at all of them again. */
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/fetch_internal.h"
#include "common/log.h"
#include "probes/daemon_config.h"
#include "probes/digest.h"
#include "probes/units.h"
#include "probes/unlock_key.h"

const char *fetch_engine_socket(const struct fetcher *fetcher)
{
    return docker_socket(fetcher->docker);
}

void fetch_deliver(struct fetcher *fetcher, enum input_kind kind, const char *key, int r, struct facts *facts,
                   const struct error *error)
{
    if (r < 0)
        engine_fetch_failed(fetcher->engine, kind, key, -r, error->text);
    else
        engine_fetched(fetcher->engine, kind, key, facts);
}

bool fetch_refuse_remote(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    if (docker_is_remote(fetcher->docker))
        engine_fetch_failed(fetcher->engine, kind, key, EREMOTE,
                            "the engine runs on another host, whose files and processes cannot be read from this one");
    return docker_is_remote(fetcher->docker);
}

static void unlink_request(struct request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
}

static void request_free(struct request *request)
{
    if (request->again)
        event_free(request->again);
    facts_free(request->held ? &request->held->facts : NULL);
    free(request->key);
    free(request);
}

/* A node that left a swarm loses the networks of it some seconds later, of which newer engines tell nothing. */
static void await_leaving(struct fetcher *fetcher)
{
    enum { LOOKS = 60 };
    const struct network_list_facts *networks = store_networks(engine_store(fetcher->engine), NULL);
    const struct info_facts *info = store_info(engine_store(fetcher->engine), NULL);
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
    unlink_request(request);
    if (facts && request->kind == INPUT_CONTAINER)
        fetch_end_record(request->fetcher, (const struct container_facts *)facts);
    if (facts)
        engine_fetched(request->fetcher->engine, request->kind, request->key, facts);
    else
        engine_fetch_failed(request->fetcher->engine, request->kind, request->key, number, why);
    if (request->kind == INPUT_NETWORKS)
        await_leaving(request->fetcher);
    if (request->kind == INPUT_IMAGE && number != ENOTCONN)
        fetch_image_came(request->fetcher, request->key, !facts, why);
    request_free(request);
}

static struct request *request_new(struct fetcher *fetcher, enum input_kind kind, const char *key)
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

static void on_engine_path(const char *path, void *user)
{
    struct fetcher *fetcher = user;

    (void)path;
    engine_stale(fetcher->engine, INPUT_GROUP, NULL, "socket");
    docker_retry(fetcher->docker);
}

static void on_mounts(void *user)
{
    struct fetcher *fetcher = user;

    watcher_rescan(fetcher->watcher);
    engine_stale(fetcher->engine, INPUT_MOUNTS, NULL, "mounts");
}

/* ---- What waits for /info ---- */

static bool defer(struct fetcher *fetcher, enum input_kind kind, const char *key)
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
    const struct facts *before = store_get(engine_store(fetcher->engine), INPUT_INFO, NULL, NULL);
    bool changed = facts && (!before || before->digest != facts->digest), joined = false;

    if (changed) { /* deferred: they are read when /info is known */
        fetch_refresh_sources(fetcher, fileset_needs_info, "info");
        engine_stale(fetcher->engine, INPUT_CERTIFICATES, NULL, "info");
        engine_stale(fetcher->engine, INPUT_UNLOCK_KEY, NULL, "info");
    }
    if (changed && before)
        joined = swarm_differs((const struct info_facts *)before, (const struct info_facts *)facts);
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

static void on_processes_again(evutil_socket_t fd, short what, void *user)
{
    struct request *request = user;

    (void)fd;
    (void)what;
    unlink_request(request);
    fetch_processes(request->fetcher, request->key, true);
    request_free(request);
}

/* The container's process is gone and its end not told yet, or a newer one not known: told a moment later. */
static void look_again(struct fetcher *fetcher, const char *key)
{
    static const struct timeval moment = {.tv_usec = 250000};
    struct request *request = request_new(fetcher, INPUT_PROCESSES, key);

    request->again = evtimer_new(fetcher->base, on_processes_again, request);
    evtimer_add(request->again, &moment);
}

static void fetch_services(struct fetcher *fetcher)
{
    const struct info_facts *info = store_info(engine_store(fetcher->engine), NULL);

    if (defer(fetcher, INPUT_SERVICES, NULL))
        return;
    if (info && !info->swarm_control)
        engine_fetch_failed(fetcher->engine, INPUT_SERVICES, NULL, ENODATA, "only a swarm manager knows the services");
    else
        docker_fetch_service_list(fetcher->docker, on_answer, request_new(fetcher, INPUT_SERVICES, NULL));
}

/* Does a rule ask since when the key is the same? It is not so much as asked for otherwise. */
static bool tracks_unlock_key(const struct fetcher *fetcher)
{
    const struct rule_set *rules = engine_rules(fetcher->engine);

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
    const struct info_facts *info = store_info(engine_store(fetcher->engine), NULL);

    if (defer(fetcher, INPUT_UNLOCK_KEY, NULL))
        return;
    if (!tracks_unlock_key(fetcher))
        engine_fetch_failed(fetcher->engine, INPUT_UNLOCK_KEY, NULL, ENODATA, "params.track is not set");
    else if (!info || !info->swarm_control || info->autolock != TRI_TRUE)
        engine_fetch_failed(fetcher->engine, INPUT_UNLOCK_KEY, NULL, ENODATA,
                            "this node is no manager of a swarm with auto-lock");
    else
        docker_fetch_unlock_key(fetcher->docker, on_unlock_key, request_new(fetcher, INPUT_UNLOCK_KEY, NULL));
}

static void fetch_now(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    switch (kind) {
    case INPUT_VERSION:
        docker_fetch_version(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_INFO:
        fetcher->info_on_its_way = true;
        docker_fetch_info(fetcher->docker, on_info, request_new(fetcher, kind, key));
        break;
    case INPUT_NETWORKS:
        docker_fetch_network_list(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_SERVICES:
        fetch_services(fetcher);
        break;
    case INPUT_UNLOCK_KEY:
        fetch_unlock_key(fetcher);
        break;
    case INPUT_HISTORY:
        docker_fetch_history(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_LAYERS:
        fetch_layers(fetcher, key);
        break;
    case INPUT_SCAN:
        fetch_scan(fetcher, key);
        break;
    case INPUT_CONTAINERS:
        docker_fetch_container_list(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_IMAGES:
        docker_fetch_image_list(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_CONTAINER:
        fetch_begin_record(fetcher, key);
        docker_fetch_container(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_IMAGE:
        docker_fetch_image(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_EXEC:
        docker_fetch_exec(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_FILES:
        if (!fileset_needs_info(key) || !defer(fetcher, kind, key))
            fetch_files(fetcher, key);
        break;
    case INPUT_MOUNTS:
        fetch_mounts(fetcher);
        break;
    case INPUT_GROUP:
        fetch_group(fetcher);
        break;
    case INPUT_AUDIT:
        fetch_audit(fetcher);
        break;
    case INPUT_ENVIRONMENT:
        fetch_environment(fetcher);
        break;
    case INPUT_LISTENERS:
        fetch_listeners(fetcher);
        break;
    case INPUT_CERTIFICATES:
        if (!defer(fetcher, kind, key))
            fetch_certificates(fetcher);
        break;
    case INPUT_DAEMON:
        fetch_daemon(fetcher);
        break;
    case INPUT_LSM:
        fetch_lsm(fetcher);
        break;
    case INPUT_PROCESSES:
        if (!fetch_processes(fetcher, key, false))
            look_again(fetcher, key);
        break;
    case INPUT_KIND_COUNT:
        break;
    }
}

/* One a turn of the loop, so that requests go out and answers come in between. */
static void on_later(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval at_once;
    struct fetcher *fetcher = user;
    struct deferred next = fetcher->later.items[0];

    (void)fd;
    (void)what;
    vec_remove(&fetcher->later, 0);
    if (fetcher->later.count)
        evtimer_add(fetcher->later_timer, &at_once);
    fetch_now(fetcher, next.kind, next.key);
    free(next.key);
}

/* What is read from the host while the loop stands still can wait until the engine has something to do. */
static bool goes_later(const struct fetcher *fetcher, enum input_kind kind)
{
    return !input_is_of_engine(kind) && kind != INPUT_PROCESSES && (fetcher->requests || fetcher->later.count);
}

void fetcher_fetch(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    static const struct timeval at_once;

    if (!goes_later(fetcher, kind)) {
        fetch_now(fetcher, kind, key);
        return;
    }
    vec_push(&fetcher->later, (struct deferred){.kind = kind, .key = mem_strdup(key)});
    evtimer_add(fetcher->later_timer, &at_once);
}

void fetcher_engine_changed(struct fetcher *fetcher)
{
    engine_stale(fetcher->engine, INPUT_DAEMON, NULL, "engine:connected");
}

static void keep_documents(struct fetcher *fetcher)
{
    const struct rule_set *rules = engine_rules(fetcher->engine);
    bool keep = false;

    for (size_t i = 0; i < rules->count; i++)
        keep |= rules->rules[i].enabled && rules->rules[i].check->documents;
    docker_keep_documents(fetcher->docker, keep);
}

void fetcher_rules_changed(struct fetcher *fetcher, const struct config *config)
{
    size_t before = fetcher->sources.count;

    fetcher->config = config;
    fetch_collect_sources(fetcher);
    keep_documents(fetcher);
    for (size_t i = before; i < fetcher->sources.count; i++) {
        fetch_watch_source(fetcher->sources.items[i]);
        engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "reload");
    }
}

void fetcher_sweep_files(struct fetcher *fetcher, const char *cause)
{
    static const enum input_kind swept[] = {INPUT_DAEMON,       INPUT_LSM,         INPUT_MOUNTS,    INPUT_GROUP,
                                            INPUT_AUDIT,        INPUT_ENVIRONMENT, INPUT_LISTENERS, INPUT_INFO,
                                            INPUT_CERTIFICATES, INPUT_UNLOCK_KEY};

    for (size_t i = 0; i < countof(swept); i++)
        engine_stale(fetcher->engine, swept[i], NULL, cause);
    for (size_t i = 0; i < fetcher->sources.count; i++)
        engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, cause);
}

void fetcher_sweep_processes(struct fetcher *fetcher, const char *cause)
{
    VEC(char *) running = {0};
    size_t at = 0;
    const char *id;
    const struct facts *facts;

    while (store_next(engine_store(fetcher->engine), INPUT_CONTAINER, &at, &id, &facts))
        if (((const struct container_facts *)facts)->running)
            vec_push(&running, mem_strdup(id));
    for (size_t i = 0; i < running.count; i++) {
        engine_stale(fetcher->engine, INPUT_PROCESSES, running.items[i], cause);
        free(running.items[i]);
    }
    vec_free(&running);
}

static void arm_looks(struct fetcher *fetcher)
{
    usec_t now = clock_monotonic(), next = 0;
    struct timeval wait;

    for (size_t i = 0; i < fetcher->looks.count; i++)
        if (!next || fetcher->looks.items[i].at < next)
            next = fetcher->looks.items[i].at;
    if (!next)
        return;
    next = next > now ? next - now : 1;
    wait = (struct timeval){.tv_sec = next / USEC_PER_SEC, .tv_usec = next % USEC_PER_SEC};
    evtimer_add(fetcher->look_timer, &wait);
}

static void look(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
{
    const struct container_facts *container;

    if (kind != INPUT_PROCESSES) {
        engine_stale(fetcher->engine, kind, NULL, cause);
        return;
    }
    container = store_container(engine_store(fetcher->engine), id, NULL);
    if (container && container->running)
        engine_stale(fetcher->engine, INPUT_PROCESSES, id, cause);
}

static void on_second_look(evutil_socket_t fd, short what, void *user)
{
    struct fetcher *fetcher = user;
    usec_t now = clock_monotonic();

    (void)fd;
    (void)what;
    for (size_t i = 0; i < fetcher->looks.count;) {
        struct second_look due = fetcher->looks.items[i];

        if (due.at > now) {
            i++;
            continue;
        }
        vec_remove(&fetcher->looks, i);
        look(fetcher, due.kind, due.id, "timer");
        free(due.id);
    }
    arm_looks(fetcher);
}

void fetch_look_later(struct fetcher *fetcher, enum input_kind kind, const char *id)
{
    enum { LOOKS_MAX = 4096 };
    static const usec_t delays[] = {USEC_PER_SEC / 5, 2 * USEC_PER_SEC};
    size_t pending = 0;

    /* Health checks start something all the time: one pair of looks at once is enough. */
    for (size_t i = 0; i < fetcher->looks.count; i++)
        pending += fetcher->looks.items[i].kind == kind && str_equal(fetcher->looks.items[i].id, id);
    for (size_t i = pending; i < countof(delays) && fetcher->looks.count < LOOKS_MAX; i++)
        vec_push(&fetcher->looks,
                 (struct second_look){.kind = kind, .id = mem_strdup(id), .at = clock_monotonic() + delays[i]});
    arm_looks(fetcher);
}

/* Now, and twice again a moment later: what began may not have come to its end. */
static void look_repeatedly(struct fetcher *fetcher, enum input_kind kind, const char *id, const char *cause)
{
    look(fetcher, kind, id, cause);
    fetch_look_later(fetcher, kind, id);
}

void fetcher_look_at_processes(struct fetcher *fetcher, const char *container_id, const char *cause)
{
    look_repeatedly(fetcher, INPUT_PROCESSES, container_id, cause);
}

void fetcher_swarm_changed(struct fetcher *fetcher, const char *cause)
{
    static const enum input_kind kinds[] = {INPUT_NETWORKS, INPUT_SERVICES, INPUT_LISTENERS, INPUT_CERTIFICATES,
                                            INPUT_UNLOCK_KEY};

    for (size_t i = 0; i < countof(kinds); i++)
        look_repeatedly(fetcher, kinds[i], "", cause);
}

void fetcher_engine_reloaded(struct fetcher *fetcher, const char *cause)
{
    look_repeatedly(fetcher, INPUT_INFO, "", cause);
    look(fetcher, INPUT_DAEMON, "", cause);
}

bool fetcher_engine_is_stopped(const struct fetcher *fetcher)
{
    const char *socket = fetch_engine_socket(fetcher);
    scoped(cleanup_free) char *target = NULL;
    scoped(unit_paths_deinit) struct unit_paths unit = {0}, service = {0};
    struct stat st;
    pid_t pid;

    if (!socket || host_stat(fetcher->root, "/run/systemd/system", &st, NULL) < 0 ||
        host_resolve(fetcher->root, socket, &target, NULL) < 0 || !str_equal(target, "/run/docker.sock"))
        return false;
    if (unit_lookup(fetcher->root, "docker.service", &service, NULL) == 0 && service.main_pid > 0 && !service.stopped)
        return false;
    /* One that stops its containers still runs, but takes no connection: one made now would start it again. */
    return unit_lookup(fetcher->root, "docker.socket", &unit, NULL) == 0 && unit.fragment &&
           (service.stopped || daemon_find(fetcher->root, 0, &pid, NULL) < 0);
}

const struct watcher *fetcher_watcher(const struct fetcher *fetcher)
{
    return fetcher->watcher;
}

int fetcher_new(struct event_base *base, const struct config *config, bool keeps_state, struct docker *docker,
                struct engine *engine, struct fetcher **ret, struct error *error)
{
    struct fetcher *fetcher = mem_alloc(sizeof *fetcher);
    int r;

    fetcher->base = base;
    fetcher->config = config;
    fetcher->keeps_state = keeps_state;
    fetcher->docker = docker;
    fetcher->engine = engine;
    fetcher->look_timer = evtimer_new(base, on_second_look, fetcher);
    fetcher->later_timer = evtimer_new(base, on_later, fetcher);
    fetcher->workers = workers_new(base);
    r = host_root_open(config->host_root, &fetcher->root, error);
    if (r == 0 && strcmp(host_root_path(fetcher->root), "/") == 0)
        host_root_open("/proc/1/root", &fetcher->outside, NULL); /* whose own root it may be */
    if (r == 0)
        r = fetch_make_brokers(fetcher, error);
    if (r == 0) {
        fetcher->watcher = watcher_new(base, fetcher->root, error);
        r = fetcher->watcher ? 0 : -error->number;
    }
    if (r < 0) {
        fetcher_free(fetcher);
        return r;
    }
    *ret = fetcher;
    return 0;
}

/* Host inputs that mean nothing before it is known which engine answers. */
static bool waits_for_engine(enum input_kind kind, const char *key)
{
    return kind == INPUT_GROUP || kind == INPUT_CERTIFICATES || kind == INPUT_LISTENERS || kind == INPUT_ENVIRONMENT ||
           (kind == INPUT_FILES && fileset_needs_daemon(key));
}

void fetcher_start(struct fetcher *fetcher)
{
    static const enum input_kind once[] = {INPUT_VERSION,      INPUT_INFO,      INPUT_LSM,         INPUT_MOUNTS,
                                           INPUT_GROUP,        INPUT_AUDIT,     INPUT_ENVIRONMENT, INPUT_LISTENERS,
                                           INPUT_CONTAINERS,   INPUT_IMAGES,    INPUT_NETWORKS,    INPUT_SERVICES,
                                           INPUT_CERTIFICATES, INPUT_UNLOCK_KEY};
    scoped(cleanup_free) char *proc = host_outside_path(fetcher->root, "/proc");
    struct error error = ERROR_INIT;

    fetch_collect_sources(fetcher);
    keep_documents(fetcher);
    fetcher->mounts = mounts_watch_new(fetcher->base, proc, on_mounts, fetcher, &error);
    if (!fetcher->mounts)
        log_warning("changes of the mounts are not watched: %s", error.text);
    if (fetch_engine_socket(fetcher))
        fetcher->socket =
            watch_add(fetcher->watcher, fetch_engine_socket(fetcher), WATCH_PATH, on_engine_path, fetcher);
    fetcher->pid_file = watch_add(fetcher->watcher, "/run/docker.pid", WATCH_PATH, on_engine_path, fetcher);
    fetch_watch_host(fetcher);
    fetch_start_records(fetcher);
    /* Everything is expected before the first is read: what completes at once must know what it has to wait for. Which
     * dockerd is judged is known when its socket answers, and so are its options and files. */
    engine_expect(fetcher->engine, INPUT_DAEMON, NULL, "start");
    for (size_t i = 0; i < countof(once); i++)
        engine_expect(fetcher->engine, once[i], NULL, "start");
    for (size_t i = 0; i < fetcher->sources.count; i++)
        engine_expect(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "start");
    for (size_t i = 0; i < countof(once); i++)
        if (!waits_for_engine(once[i], NULL))
            engine_stale(fetcher->engine, once[i], NULL, "start");
    for (size_t i = 0; i < fetcher->sources.count; i++) {
        fetch_watch_source(fetcher->sources.items[i]);
        if (!waits_for_engine(INPUT_FILES, fetcher->sources.items[i]->name))
            engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "start");
    }
}

void fetcher_without_engine(struct fetcher *fetcher)
{
    engine_stale(fetcher->engine, INPUT_DAEMON, NULL, "engine:unreachable");
    engine_stale(fetcher->engine, INPUT_GROUP, NULL, "engine:unreachable");
    engine_stale(fetcher->engine, INPUT_CERTIFICATES, NULL, "engine:unreachable");
    engine_stale(fetcher->engine, INPUT_LISTENERS, NULL, "engine:unreachable");
    engine_stale(fetcher->engine, INPUT_ENVIRONMENT, NULL, "engine:unreachable");
    for (size_t i = 0; i < fetcher->sources.count; i++)
        engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "engine:unreachable");
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    while (fetcher->requests) {
        struct request *request = fetcher->requests;

        unlink_request(request);
        request_free(request);
    }
    for (size_t i = 0; i < fetcher->looks.count; i++)
        free(fetcher->looks.items[i].id);
    vec_free(&fetcher->looks);
    for (size_t i = 0; i < fetcher->deferred.count; i++)
        free(fetcher->deferred.items[i].key);
    vec_free(&fetcher->deferred);
    for (size_t i = 0; i < fetcher->later.count; i++)
        free(fetcher->later.items[i].key);
    vec_free(&fetcher->later);
    fetch_free_images(fetcher);
    fetch_free_sources(fetcher);
    fetch_free_host(fetcher);
    workers_free(fetcher->workers);
    watch_free(fetcher->pid_file);
    watch_free(fetcher->socket);
    mounts_watch_free(fetcher->mounts);
    record_watch_free(fetcher->records);
    watcher_free(fetcher->watcher);
    host_root_close(fetcher->outside);
    host_root_close(fetcher->root);
    event_free(fetcher->look_timer);
    event_free(fetcher->later_timer);
    free(fetcher);
}
