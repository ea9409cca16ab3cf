/* Fetching: one place where inputs meet probes.
 *
 * Inputs of the engine go out as requests and come back from the loop; those of the host (files, dockerd's arguments,
 * processes, LSMs) are a few system calls and are read at once. Every file source has watches on the paths that could
 * change it. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "common/log.h"
#include "probes/daemon/daemon_config.h"
#include "probes/host/units.h"

const char *fetch_engine_socket(const struct fetcher *fetcher)
{
    return docker_socket(fetcher->docker);
}

void fetch_deliver(struct fetcher *fetcher, enum input_kind kind, const char *key, int r, struct facts *facts,
                   const struct error *error)
{
    if (r < 0)
        evaluator_fetch_failed(fetcher->evaluator, kind, key, -r, error->text);
    else
        evaluator_fetched(fetcher->evaluator, kind, key, facts);
}

bool fetch_refuse_remote(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    if (docker_is_remote(fetcher->docker))
        evaluator_fetch_failed(
            fetcher->evaluator, kind, key, EREMOTE,
            "the engine runs on another host, whose files and processes cannot be read from this one");
    return docker_is_remote(fetcher->docker);
}

static void on_engine_path(const char *path, void *user)
{
    struct fetcher *fetcher = user;

    (void)path;
    evaluator_stale(fetcher->evaluator, INPUT_GROUP, NULL, "socket");
    docker_retry(fetcher->docker);
}

static void fetch_now(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    switch (kind) {
    case INPUT_VERSION:
    case INPUT_INFO:
    case INPUT_NETWORKS:
    case INPUT_SERVICES:
    case INPUT_SECRETS:
    case INPUT_UNLOCK_KEY:
    case INPUT_HISTORY:
    case INPUT_CONTAINERS:
    case INPUT_IMAGES:
    case INPUT_CONTAINER:
    case INPUT_IMAGE:
    case INPUT_EXEC:
        fetch_from_engine(fetcher, kind, key);
        break;
    case INPUT_LAYERS:
        fetch_layers(fetcher, key);
        break;
    case INPUT_SCAN:
        fetch_scan(fetcher, key);
        break;
    case INPUT_FILES:
        if (!fileset_needs_info(key) || !fetch_defer(fetcher, kind, key))
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
        if (!fetch_defer(fetcher, kind, key))
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
            fetch_processes_again(fetcher, key);
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
    evaluator_stale(fetcher->evaluator, INPUT_DAEMON, NULL, "engine:connected");
}

static void keep_documents(struct fetcher *fetcher)
{
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);
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
    evaluator_stale(fetcher->evaluator, INPUT_MOUNTS, NULL, "reload"); /* other folders may be judged */
    for (size_t i = before; i < fetcher->sources.count; i++) {
        fetch_watch_source(fetcher->sources.items[i]);
        evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, "reload");
    }
}

void fetcher_sweep_files(struct fetcher *fetcher, const char *cause)
{
    static const enum input_kind swept[] = {INPUT_DAEMON,       INPUT_LSM,         INPUT_MOUNTS,    INPUT_GROUP,
                                            INPUT_AUDIT,        INPUT_ENVIRONMENT, INPUT_LISTENERS, INPUT_INFO,
                                            INPUT_CERTIFICATES, INPUT_UNLOCK_KEY};

    for (size_t i = 0; i < countof(swept); i++)
        evaluator_stale(fetcher->evaluator, swept[i], NULL, cause);
    for (size_t i = 0; i < fetcher->sources.count; i++)
        evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, cause);
}

void fetcher_sweep_processes(struct fetcher *fetcher, const char *cause)
{
    VEC(char *) running = {0};
    size_t at = 0;
    const char *id;
    const struct facts *facts;

    while (store_next(evaluator_store(fetcher->evaluator), INPUT_CONTAINER, &at, &id, &facts))
        if (((const struct container_facts *)facts)->running)
            vec_push(&running, mem_strdup(id));
    for (size_t i = 0; i < running.count; i++) {
        evaluator_stale(fetcher->evaluator, INPUT_PROCESSES, running.items[i], cause);
        free(running.items[i]);
    }
    vec_free(&running);
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

int fetcher_new(struct event_base *base, struct workers *workers, const struct config *config, bool keeps_state,
                struct docker *docker, struct evaluator *evaluator, struct fetcher **ret, struct error *error)
{
    struct fetcher *fetcher = mem_alloc(sizeof *fetcher);
    int r;

    fetcher->base = base;
    fetcher->config = config;
    fetcher->keeps_state = keeps_state;
    fetcher->docker = docker;
    fetcher->evaluator = evaluator;
    fetch_init_looks(fetcher);
    fetcher->later_timer = evtimer_new(base, on_later, fetcher);
    fetcher->workers = workers;
    r = host_root_open(config->host_root, &fetcher->root, error);
    if (r == 0 && strcmp(host_root_path(fetcher->root), "/") == 0)
        host_root_open("/proc/1/root", &fetcher->outside, NULL); /* whose own root it may be */
    if (r == 0)
        r = fetch_make_helpers(fetcher, error);
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
    static const enum input_kind once[] = {INPUT_VERSION,    INPUT_INFO,         INPUT_LSM,         INPUT_MOUNTS,
                                           INPUT_GROUP,      INPUT_AUDIT,        INPUT_ENVIRONMENT, INPUT_LISTENERS,
                                           INPUT_CONTAINERS, INPUT_IMAGES,       INPUT_NETWORKS,    INPUT_SERVICES,
                                           INPUT_SECRETS,    INPUT_CERTIFICATES, INPUT_UNLOCK_KEY};

    fetch_collect_sources(fetcher);
    keep_documents(fetcher);
    fetch_watch_mounts(fetcher);
    if (fetch_engine_socket(fetcher))
        fetcher->socket =
            watch_add(fetcher->watcher, fetch_engine_socket(fetcher), WATCH_PATH, on_engine_path, fetcher);
    fetcher->pid_file = watch_add(fetcher->watcher, "/run/docker.pid", WATCH_PATH, on_engine_path, fetcher);
    fetch_watch_host(fetcher);
    fetch_start_records(fetcher);
    /* Everything is expected before the first is read: what completes at once must know what it has to wait for. Which
     * dockerd is judged is known when its socket answers, and so are its options and files. */
    evaluator_expect(fetcher->evaluator, INPUT_DAEMON, NULL, "start");
    for (size_t i = 0; i < countof(once); i++)
        evaluator_expect(fetcher->evaluator, once[i], NULL, "start");
    for (size_t i = 0; i < fetcher->sources.count; i++)
        evaluator_expect(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, "start");
    for (size_t i = 0; i < countof(once); i++)
        if (!waits_for_engine(once[i], NULL))
            evaluator_stale(fetcher->evaluator, once[i], NULL, "start");
    for (size_t i = 0; i < fetcher->sources.count; i++) {
        fetch_watch_source(fetcher->sources.items[i]);
        if (!waits_for_engine(INPUT_FILES, fetcher->sources.items[i]->name))
            evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, "start");
    }
}

void fetcher_without_engine(struct fetcher *fetcher)
{
    evaluator_stale(fetcher->evaluator, INPUT_DAEMON, NULL, "engine:unreachable");
    evaluator_stale(fetcher->evaluator, INPUT_GROUP, NULL, "engine:unreachable");
    evaluator_stale(fetcher->evaluator, INPUT_CERTIFICATES, NULL, "engine:unreachable");
    evaluator_stale(fetcher->evaluator, INPUT_LISTENERS, NULL, "engine:unreachable");
    evaluator_stale(fetcher->evaluator, INPUT_ENVIRONMENT, NULL, "engine:unreachable");
    for (size_t i = 0; i < fetcher->sources.count; i++)
        evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, "engine:unreachable");
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    fetch_free_requests(fetcher);
    fetch_free_looks(fetcher);
    for (size_t i = 0; i < fetcher->later.count; i++)
        free(fetcher->later.items[i].key);
    vec_free(&fetcher->later);
    fetch_free_images(fetcher);
    fetch_free_sources(fetcher);
    fetch_free_host(fetcher);
    watch_free(fetcher->pid_file);
    watch_free(fetcher->socket);
    mounts_watch_free(fetcher->mounts);
    record_watch_free(fetcher->records);
    watcher_free(fetcher->watcher);
    host_root_close(fetcher->outside);
    host_root_close(fetcher->root);
    event_free(fetcher->later_timer);
    free(fetcher);
}
