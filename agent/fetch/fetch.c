/* Fetching: one place where inputs meet probes.
 *
 * Inputs of the engine go out as requests and come back from the loop. Of the host's, what may block (the bus, the name
 * service) is read in workers, and what takes a right by helpers; the others are a few system calls and are read at
 * once. */
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/fetch/fetch_internal.h"
#include "common/log.h"
#include "probes/daemon/daemon_config.h"

static void on_engine_path(const char *path, void *user)
{
    struct fetcher *fetcher = user;

    (void)path;
    evaluator_stale(fetcher->evaluator, INPUT_GROUP, NULL, "socket");
    docker_retry(fetcher->docker);
}

/* The probe of each input. Each ends in evaluator_fetched() or evaluator_fetch_failed(), at once or later. */
static void fetch(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    switch (kind) {
    case INPUT_VERSION:
    case INPUT_INFO:
    case INPUT_CONTAINERS:
    case INPUT_IMAGES:
    case INPUT_NETWORKS:
    case INPUT_CONTAINER:
    case INPUT_IMAGE:
    case INPUT_HISTORY:
    case INPUT_EXEC:
        fetch_document(fetcher, kind, key);
        break;
    case INPUT_UNITS:
        fetch_units(fetcher, key);
        break;
    case INPUT_DAEMON:
        fetch_daemon(fetcher, key);
        break;
    case INPUT_LSM:
        fetch_lsm(fetcher, key);
        break;
    case INPUT_MOUNTS:
        fetch_mounts(fetcher, key);
        break;
    case INPUT_GROUP:
        fetch_group(fetcher, key);
        break;
    case INPUT_AUDIT:
        fetch_audit(fetcher, key);
        break;
    case INPUT_ENVIRONMENT:
        fetch_environment(fetcher, key);
        break;
    case INPUT_LISTENERS:
        fetch_listeners(fetcher, key);
        break;
    case INPUT_CERTIFICATES:
        fetch_certificates(fetcher, key);
        break;
    case INPUT_SERVICES:
        fetch_services(fetcher, key);
        break;
    case INPUT_TASKS:
        fetch_tasks(fetcher, key);
        break;
    case INPUT_SECRETS:
        fetch_secrets(fetcher, key);
        break;
    case INPUT_UNLOCK_KEY:
        fetch_unlock_key(fetcher, key);
        break;
    case INPUT_FILES:
        fetch_files(fetcher, key);
        break;
    case INPUT_PROCESSES:
        fetch_processes(fetcher, key);
        break;
    case INPUT_LAYERS:
        fetch_layers(fetcher, key);
        break;
    case INPUT_SCAN:
        fetch_scan(fetcher, key);
        break;
    case INPUT_KIND_COUNT:
        break;
    }
}

/* Of the host, what has watches that were asked for once is read when they are armed. */
void fetcher_fetch(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    if (input_types[kind].from_engine || input_types[kind].key != INPUT_KEY_NONE)
        fetch(fetcher, kind, key);
    else
        fetch_when_watched(fetcher, fetch, kind, key);
}

void fetcher_engine_changed(struct fetcher *fetcher)
{
    evaluator_stale(fetcher->evaluator, INPUT_DAEMON, NULL, "engine:connected");
}

/* What users' own rules read of the engine's documents. */
static void keep_documents(struct fetcher *fetcher)
{
    static const struct {
        enum subject_kind subject;
        enum docker_document document;
    } documents[] = {{SUBJECT_CONTAINER, DOCUMENT_CONTAINER},
                     {SUBJECT_IMAGE, DOCUMENT_IMAGE},
                     {SUBJECT_NETWORK, DOCUMENT_NETWORK_LIST},
                     {SUBJECT_SWARM, DOCUMENT_SERVICE_LIST}};
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);

    for (size_t d = 0; d < countof(documents); d++) {
        scoped_str pointers = STR_INIT;

        for (size_t i = 0; i < rules->count; i++) {
            const struct check_input in = {.rule = &rules->rules[i]};

            if (in.rule->enabled && in.rule->check->documents && in.rule->check->subject == documents[d].subject)
                str_printf(&pointers, "%s%s\n", pointers.length ? "" : "\n", check_param(&in, "pointer")->string);
        }
        docker_keep(fetcher->docker, documents[d].document, str_text(&pointers));
    }
}

void fetcher_rules_changed(struct fetcher *fetcher, const struct config *config)
{
    size_t before = fetcher->sources.count;

    fetcher->config = config;
    fetch_collect_sources(fetcher);
    keep_documents(fetcher);
    if (fetcher->sources.count > before)
        evaluator_stale(fetcher->evaluator, INPUT_UNITS, NULL, "reload"); /* some may be of other units */
    for (size_t i = before; i < fetcher->sources.count; i++)
        evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, "reload");
}

void fetcher_sweep_files(struct fetcher *fetcher, const char *cause)
{
    watching_retry(fetcher->watching);
    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if (input_types[kind].swept && input_types[kind].key == INPUT_KEY_NONE)
            evaluator_stale(fetcher->evaluator, (enum input_kind)kind, NULL, cause);
    for (size_t i = 0; i < fetcher->sources.count; i++)
        evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, cause);
}

const struct watcher_counters *fetcher_watcher_counters(const struct fetcher *fetcher)
{
    return watching_counters(fetcher->watching);
}

int fetcher_new(const struct fetcher_options *options, struct fetcher **ret, struct error *error)
{
    struct fetcher *fetcher = mem_alloc(sizeof *fetcher);
    int r;

    fetcher->base = options->base;
    fetcher->config = options->config;
    fetcher->keeps_state = options->keeps_state;
    fetcher->docker = options->docker;
    fetcher->evaluator = options->evaluator;
    fetcher->workers = options->workers;
    fetcher->launch = options->launch;
    fetcher->daemon_memory = options->daemon_memory;
    fetcher->scan = options->scan;
    fetcher->scan_user = options->user;
    fetch_init_rechecks(fetcher);
    r = host_root_open(fetcher->config->host_root, &fetcher->root, error);
    if (r < 0) {
        fetcher_free(fetcher);
        return r;
    }
    fetch_make_helpers(fetcher);
    fetch_init_watches(fetcher, fetch_on_record);
    *ret = fetcher;
    return 0;
}

void fetcher_start(struct fetcher *fetcher)
{
    fetch_collect_sources(fetcher);
    keep_documents(fetcher);
    fetch_watch_mounts(fetcher);
    if (fetch_engine_socket(fetcher))
        fetcher->socket =
            watching_add(fetcher->watching, fetch_engine_socket(fetcher), WATCH_PATH, on_engine_path, fetcher);
    fetcher->pid_file = watching_add(fetcher->watching, "/run/docker.pid", WATCH_PATH, on_engine_path, fetcher);
    fetch_watch_host(fetcher);
    fetch_give_up_rights();
    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if (input_types[kind].key == INPUT_KEY_NONE)
            evaluator_stale(fetcher->evaluator, (enum input_kind)kind, NULL, "start");
    for (size_t i = 0; i < fetcher->sources.count; i++)
        evaluator_stale(fetcher->evaluator, INPUT_FILES, fetcher->sources.items[i]->name, "start");
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    batch_free(fetcher->path_batch);
    fetch_free_processes(fetcher);
    fetch_free_requests(fetcher);
    fetch_free_rechecks(fetcher);
    fetch_free_units(fetcher);
    fetch_free_images(fetcher);
    fetch_free_sources(fetcher);
    fetch_free_host(fetcher);
    watched_free(fetcher->pid_file);
    watched_free(fetcher->socket);
    mounts_watch_free(fetcher->mounts);
    fetch_free_watches(fetcher);
    fetch_free_helpers(fetcher);
    host_root_close(fetcher->root);
    free(fetcher);
}
