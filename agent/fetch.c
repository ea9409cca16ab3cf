/* Fetching: one place where inputs meet probes.
 *
 * Inputs of the engine go out as requests and come back from the loop; those of the host (files, dockerd's arguments,
 * processes, LSMs) are a few system calls and are read at once. Every file source has watches on the paths that could
 * change it; a change of the mounts looks at all of them again. */
#include "agent/fetch.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/vec.h"
#include "probes/daemon_config.h"
#include "probes/digest.h"
#include "probes/fileset.h"
#include "probes/mounts.h"
#include "probes/proc.h"
#include "probes/units.h"

struct fetcher;

/* A file source that some rule reads, and its watches. */
struct source {
    struct fetcher *fetcher;
    char *name;
    VEC(struct watch *) watches;
};

/* A request under way: which input its answer is for. */
struct request {
    struct fetcher *fetcher;
    enum input_kind kind;
    char *key;
    struct request *next, **link;
};

/* Containers whose processes are read again a moment after something started in them. */
struct second_look {
    char *id;
    usec_t at; /* monotonic */
};

struct fetcher {
    struct event_base *base;
    const struct config *config;
    struct docker *docker;
    struct engine *engine;
    struct host_root *root;
    struct watcher *watcher;
    struct mounts_watch *mounts;
    VEC(struct source *) sources;
    struct watch *daemon_json, *pid_file, *socket;
    char *watched_config;
    struct request *requests;
    struct event *look_timer;
    VEC(struct second_look) looks;
};

static void read_input(struct fetcher *fetcher, enum input_kind kind, const char *key, int r, struct facts *facts,
                       const struct error *error)
{
    if (r < 0)
        engine_fetch_failed(fetcher->engine, kind, key, -r, error->text);
    else
        engine_fetched(fetcher->engine, kind, key, facts);
}

static void unlink_request(struct request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
}

static void request_free(struct request *request)
{
    free(request->key);
    free(request);
}

static const char *engine_socket(const struct fetcher *fetcher)
{
    return docker_socket(fetcher->docker);
}

/* Where the sources of binds lead on the host: what a symlink hides is judged at its target. */
static void resolve_mounts(struct fetcher *fetcher, struct container_facts *container)
{
    struct hash hash;

    if (!engine_socket(fetcher))
        return; /* another machine's paths */
    hash_init(&hash);
    digest_number(&hash, (int64_t)container->facts.digest);
    for (size_t i = 0; i < container->mount_count; i++) {
        struct mount_facts *mount = &container->mounts[i];
        scoped(cleanup_free) char *target = NULL;

        if (!str_equal(mount->type, "bind") || mount->source[0] != '/' ||
            host_resolve(fetcher->root, mount->source, &target, NULL) < 0 || str_equal(target, mount->source))
            continue;
        mount->resolved = arena_strdup(container->facts.arena, target);
        digest_text(&hash, target);
    }
    container->facts.digest = hash_end(&hash);
}

static void on_answer(struct facts *facts, int number, const char *why, void *user)
{
    struct request *request = user;

    unlink_request(request);
    if (facts && request->kind == INPUT_CONTAINER)
        resolve_mounts(request->fetcher, (struct container_facts *)facts);
    if (facts)
        engine_fetched(request->fetcher->engine, request->kind, request->key, facts);
    else
        engine_fetch_failed(request->fetcher->engine, request->kind, request->key, number, why);
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

static void on_path_changed(const char *path, void *user)
{
    struct source *source = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    engine_stale(source->fetcher->engine, INPUT_FILES, source->name, cause.data);
}

static void add_source_watch(const char *path, bool tree, void *user)
{
    struct source *source = user;

    vec_push(&source->watches, watch_add(source->fetcher->watcher, path, tree, on_path_changed, source));
}

static void drop_watches(struct source *source)
{
    for (size_t i = 0; i < source->watches.count; i++)
        watch_free(source->watches.items[i]);
    source->watches.count = 0;
}

/* Which paths a source means depends on dockerd's options: called again when those change. */
static void watch_source(struct source *source)
{
    struct fetcher *fetcher = source->fetcher;

    drop_watches(source);
    fileset_watch_paths(fetcher->root, source->name, store_daemon(engine_store(fetcher->engine), NULL),
                        engine_socket(fetcher), add_source_watch, source);
}

static void add_source(struct fetcher *fetcher, const char *name)
{
    struct source *source;

    for (size_t i = 0; i < fetcher->sources.count; i++)
        if (str_equal(fetcher->sources.items[i]->name, name))
            return;
    source = mem_alloc(sizeof *source);
    source->fetcher = fetcher;
    source->name = mem_strdup(name);
    vec_push(&fetcher->sources, source);
}

static void collect_sources(struct fetcher *fetcher)
{
    const struct rule_set *rules = engine_rules(fetcher->engine);

    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];

        if (!rule->enabled || !(rule->check->reads & INPUT_BIT(INPUT_FILES)))
            continue;
        add_source(fetcher, rule->check->subject == SUBJECT_FILE ? rule_file_source(rule) : "sockets:");
    }
}

static void on_daemon_json(const char *path, void *user)
{
    struct fetcher *fetcher = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    engine_stale(fetcher->engine, INPUT_DAEMON, NULL, cause.data);
}

static void on_engine_path(const char *path, void *user)
{
    struct fetcher *fetcher = user;

    (void)path;
    docker_retry(fetcher->docker);
}

static void on_mounts(void *user)
{
    struct fetcher *fetcher = user;

    watcher_rescan(fetcher->watcher);
}

static void fetch_files(struct fetcher *fetcher, const char *name)
{
    struct fileset_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = fileset_read(fetcher->root, name, store_daemon(engine_store(fetcher->engine), NULL), engine_socket(fetcher),
                         &facts, &error);

    read_input(fetcher, INPUT_FILES, name, r, r < 0 ? NULL : &facts->facts, &error);
}

static void watch_config_file(struct fetcher *fetcher, const char *path)
{
    if (str_equal(path, fetcher->watched_config))
        return;
    watch_free(fetcher->daemon_json);
    free(fetcher->watched_config);
    fetcher->watched_config = mem_strdup(path);
    fetcher->daemon_json = path ? watch_add(fetcher->watcher, path, false, on_daemon_json, fetcher) : NULL;
}

static void fetch_daemon(struct fetcher *fetcher)
{
    struct daemon_facts *facts = NULL;
    struct error error = ERROR_INIT;
    const struct facts *before = store_get(engine_store(fetcher->engine), INPUT_DAEMON, NULL, NULL);
    uint64_t digest = before ? before->digest : 0;
    const struct daemon_facts *daemon;
    pid_t pid = 0;
    bool found = daemon_find(fetcher->root, docker_peer_pid(fetcher->docker), &pid, &error) == 0;
    int r = daemon_config_read(fetcher->root, found ? pid : 0, found ? NULL : error.text, &facts, &error);

    docker_set_engine_pid(fetcher->docker, found ? pid : 0);
    read_input(fetcher, INPUT_DAEMON, NULL, r, r < 0 ? NULL : &facts->facts, &error);
    daemon = store_daemon(engine_store(fetcher->engine), NULL);
    if (!daemon || (before && daemon->facts.digest == digest))
        return;
    watch_config_file(fetcher, daemon->config_path);
    for (size_t i = 0; i < fetcher->sources.count; i++)
        if (fileset_needs_daemon(fetcher->sources.items[i]->name)) {
            watch_source(fetcher->sources.items[i]);
            engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "daemon");
        }
}

static void fetch_lsm(struct fetcher *fetcher)
{
    struct lsm_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = proc_read_lsm(fetcher->root, &facts, &error);

    read_input(fetcher, INPUT_LSM, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

static void fetch_processes(struct fetcher *fetcher, const char *id)
{
    const struct container_facts *container = store_container(engine_store(fetcher->engine), id, NULL);
    struct process_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = container && container->pid
                ? proc_container_processes(fetcher->root, (pid_t)container->pid, id, &facts, &error)
                : error_set(&error, ESRCH, "it does not run");

    read_input(fetcher, INPUT_PROCESSES, id, r, r < 0 ? NULL : &facts->facts, &error);
}

void fetcher_fetch(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    switch (kind) {
    case INPUT_VERSION:
        docker_fetch_version(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_INFO:
        docker_fetch_info(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_CONTAINERS:
        docker_fetch_container_list(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_IMAGES:
        docker_fetch_image_list(fetcher->docker, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_CONTAINER:
        docker_fetch_container(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_IMAGE:
        docker_fetch_image(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_EXEC:
        docker_fetch_exec(fetcher->docker, key, on_answer, request_new(fetcher, kind, key));
        break;
    case INPUT_FILES:
        fetch_files(fetcher, key);
        break;
    case INPUT_DAEMON:
        fetch_daemon(fetcher);
        break;
    case INPUT_LSM:
        fetch_lsm(fetcher);
        break;
    case INPUT_PROCESSES:
        fetch_processes(fetcher, key);
        break;
    case INPUT_KIND_COUNT:
        break;
    }
}

void fetcher_engine_changed(struct fetcher *fetcher)
{
    engine_stale(fetcher->engine, INPUT_DAEMON, NULL, "engine:connected");
}

void fetcher_rules_changed(struct fetcher *fetcher)
{
    size_t before = fetcher->sources.count;

    collect_sources(fetcher);
    for (size_t i = before; i < fetcher->sources.count; i++) {
        watch_source(fetcher->sources.items[i]);
        engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "reload");
    }
}

void fetcher_sweep_files(struct fetcher *fetcher, const char *cause)
{
    engine_stale(fetcher->engine, INPUT_DAEMON, NULL, cause);
    engine_stale(fetcher->engine, INPUT_LSM, NULL, cause);
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

static void look(struct fetcher *fetcher, const char *id, const char *cause)
{
    const struct container_facts *container = store_container(engine_store(fetcher->engine), id, NULL);

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
        look(fetcher, due.id, "timer");
        free(due.id);
    }
    arm_looks(fetcher);
}

void fetcher_look_at_processes(struct fetcher *fetcher, const char *container_id, const char *cause)
{
    enum { LOOKS_MAX = 4096 };
    static const usec_t delays[] = {USEC_PER_SEC / 5, 2 * USEC_PER_SEC};

    look(fetcher, container_id, cause);
    for (size_t i = 0; i < fetcher->looks.count; i++)
        if (str_equal(fetcher->looks.items[i].id, container_id))
            return; /* health checks start something all the time: one pair of looks at once is enough */
    for (size_t i = 0; i < countof(delays) && fetcher->looks.count < LOOKS_MAX; i++)
        vec_push(&fetcher->looks,
                 (struct second_look){.id = mem_strdup(container_id), .at = clock_monotonic() + delays[i]});
    arm_looks(fetcher);
}

bool fetcher_engine_is_stopped(const struct fetcher *fetcher)
{
    const char *socket = engine_socket(fetcher);
    scoped(cleanup_free) char *target = NULL;
    scoped(unit_paths_deinit) struct unit_paths unit = {0};
    struct stat st;
    pid_t pid;

    if (!socket || host_stat(fetcher->root, "/run/systemd/system", &st, NULL) < 0 ||
        host_resolve(fetcher->root, socket, &target, NULL) < 0 || !str_equal(target, "/run/docker.sock"))
        return false;
    return unit_lookup(fetcher->root, "docker.socket", &unit, NULL) == 0 && unit.fragment &&
           daemon_find(fetcher->root, 0, &pid, NULL) < 0;
}

const struct watcher *fetcher_watcher(const struct fetcher *fetcher)
{
    return fetcher->watcher;
}

int fetcher_new(struct event_base *base, const struct config *config, struct docker *docker, struct engine *engine,
                struct fetcher **ret, struct error *error)
{
    struct fetcher *fetcher = mem_alloc(sizeof *fetcher);
    int r;

    fetcher->base = base;
    fetcher->config = config;
    fetcher->docker = docker;
    fetcher->engine = engine;
    fetcher->look_timer = evtimer_new(base, on_second_look, fetcher);
    r = host_root_open(config->host_root, &fetcher->root, error);
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

void fetcher_start(struct fetcher *fetcher)
{
    static const enum input_kind once[] = {INPUT_VERSION, INPUT_INFO, INPUT_LSM, INPUT_CONTAINERS, INPUT_IMAGES};
    scoped(cleanup_free) char *proc = host_outside_path(fetcher->root, "/proc");
    struct error error = ERROR_INIT;

    collect_sources(fetcher);
    fetcher->mounts = mounts_watch_new(fetcher->base, proc, on_mounts, fetcher, &error);
    if (!fetcher->mounts)
        log_warning("changes of the mounts are not watched: %s", error.text);
    if (engine_socket(fetcher))
        fetcher->socket = watch_add(fetcher->watcher, engine_socket(fetcher), false, on_engine_path, fetcher);
    fetcher->pid_file = watch_add(fetcher->watcher, "/run/docker.pid", false, on_engine_path, fetcher);
    for (size_t i = 0; i < countof(once); i++)
        engine_stale(fetcher->engine, once[i], NULL, "start");
    engine_stale(fetcher->engine, INPUT_DAEMON, NULL, "start");
    for (size_t i = 0; i < fetcher->sources.count; i++) {
        watch_source(fetcher->sources.items[i]);
        engine_stale(fetcher->engine, INPUT_FILES, fetcher->sources.items[i]->name, "start");
    }
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
    for (size_t i = 0; i < fetcher->sources.count; i++) {
        drop_watches(fetcher->sources.items[i]);
        vec_free(&fetcher->sources.items[i]->watches);
        free(fetcher->sources.items[i]->name);
        free(fetcher->sources.items[i]);
    }
    vec_free(&fetcher->sources);
    watch_free(fetcher->daemon_json);
    watch_free(fetcher->pid_file);
    watch_free(fetcher->socket);
    free(fetcher->watched_config);
    mounts_watch_free(fetcher->mounts);
    watcher_free(fetcher->watcher);
    host_root_close(fetcher->root);
    event_free(fetcher->look_timer);
    free(fetcher);
}
