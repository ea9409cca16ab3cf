/* What lies on the host besides files of sources and mounts: dockerd's options, kernel, audit, the socket's group,
 * profiles, listening sockets. What may block (the name service, libaudit) runs in workers. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "common/log.h"
#include "probes/daemon/daemon_config.h"
#include "probes/daemon/daemon_memory.h"
#include "probes/daemon/daemon_wire.h"
#include "probes/environment/environment.h"
#include "probes/host/groups.h"
#include "probes/host/listeners.h"
#include "probes/host/node_certificates.h"
#include "probes/host/proc.h"
#include "probes/worker/handed.h"

static void on_daemon_path(const char *path, void *user)
{
    struct fetcher *fetcher = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    if (str_ends(path, ".socket") || str_ends(path, ".socket.d"))
        evaluator_stale(fetcher->evaluator, INPUT_UNITS, NULL, cause.data);
    evaluator_stale(fetcher->evaluator, INPUT_DAEMON, NULL, cause.data);
}

static void watch_config_file(struct fetcher *fetcher, const char *path)
{
    if (str_equal(path, fetcher->watched_config))
        return;
    watched_free(fetcher->daemon_json);
    free(fetcher->watched_config);
    fetcher->watched_config = mem_strdup(path);
    fetcher->daemon_json = path ? watching_add(fetcher->watching, path, WATCH_PATH, on_daemon_path, fetcher) : NULL;
}

static void on_daemon(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct wire_reader reader = {.at = output, .left = length};
    struct error error = ERROR_INIT;
    struct daemon_facts *facts = number ? NULL : daemon_take(&reader, &error);
    int r = number ? error_set(&error, number, "%s", why) : facts ? 0 : -EPROTO;

    fetcher->daemon_worker = NULL;
    if (facts && daemon_memory_apply(fetcher->daemon_memory, facts, &error) < 0)
        log_warning("what dockerd was configured with at its start will not be known after a restart: %s", error.text);
    docker_set_engine_pid(fetcher->docker, facts ? facts->pid : 0);
    if (facts && !str_equal(facts->config_path, fetcher->watched_config)) {
        watch_config_file(fetcher, facts->config_path); /* and read it once more: it was not watched just now */
        evaluator_stale(fetcher->evaluator, INPUT_DAEMON, NULL, "daemon");
    }
    fetch_deliver(fetcher, INPUT_DAEMON, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

void fetch_daemon(struct fetcher *fetcher, const char *key)
{
    const struct units_facts *units = store_units(evaluator_store(fetcher->evaluator), NULL);
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_DAEMON, NULL))
        return;
    roles_ask_daemon(&message, docker_peer_pid(fetcher->docker), docker_is_podman(fetcher->docker), units);
    fetcher->daemon_worker = fetch_ask(fetcher, ROLE_PROCESSES, PROCESSES_DAEMON, &message, on_daemon, fetcher, &error);
    if (!fetcher->daemon_worker)
        on_daemon(NULL, 0, error.number, error.message, fetcher);
}

void fetch_lsm(struct fetcher *fetcher, const char *key)
{
    struct lsm_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_LSM, NULL))
        return;
    r = proc_read_lsm(fetcher->root, &facts, &error);
    fetch_deliver(fetcher, INPUT_LSM, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

static void on_environment(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct wire_reader reader = {.at = output, .left = length};
    struct error error = ERROR_INIT;
    struct environment_facts *facts = number ? NULL : environment_take(&reader, &error);
    int r = number ? error_set(&error, number, "%s", why) : facts ? 0 : -EPROTO;

    fetcher->environment_worker = NULL;
    fetch_deliver(fetcher, INPUT_ENVIRONMENT, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

void fetch_environment(struct fetcher *fetcher, const char *key)
{
    const struct daemon_facts *daemon = store_daemon(evaluator_store(fetcher->evaluator), NULL);
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_ENVIRONMENT, NULL))
        return;
    roles_ask_environment(&message, daemon ? daemon->content_trust : NULL, daemon ? daemon->process_error : NULL);
    fetcher->environment_worker =
        fetch_ask(fetcher, ROLE_FILES, FILES_ENVIRONMENT, &message, on_environment, fetcher, &error);
    if (!fetcher->environment_worker)
        on_environment(NULL, 0, error.number, error.message, fetcher);
}

static void on_listeners(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct wire_reader reader = {.at = output, .left = length};
    struct error error = ERROR_INIT;
    struct listener_facts *facts = number ? NULL : listeners_take(&reader, &error);
    int r = number ? error_set(&error, number, "%s", why) : facts ? 0 : -EPROTO;

    fetcher->listeners_worker = NULL;
    fetch_deliver(fetcher, INPUT_LISTENERS, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

void fetch_listeners(struct fetcher *fetcher, const char *key)
{
    const struct daemon_facts *daemon = store_daemon(evaluator_store(fetcher->evaluator), NULL);
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_LISTENERS, NULL))
        return;
    roles_ask_listeners(&message, daemon ? daemon->pid : 0);
    fetcher->listeners_worker =
        fetch_ask(fetcher, ROLE_PROCESSES, PROCESSES_LISTENERS, &message, on_listeners, fetcher, &error);
    if (!fetcher->listeners_worker)
        on_listeners(NULL, 0, error.number, error.message, fetcher);
}

/* ---- The swarm node's certificates ---- */

static void on_certificates(const char *path, void *user)
{
    struct fetcher *fetcher = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    evaluator_stale(fetcher->evaluator, INPUT_CERTIFICATES, NULL, cause.data);
    evaluator_stale(fetcher->evaluator, INPUT_INFO, NULL, cause.data); /* the cluster's CA may have changed with them */
    evaluator_stale(fetcher->evaluator, INPUT_UNLOCK_KEY, NULL, cause.data); /* which locks the node's own key */
}

/* A manager writes all that changes in the cluster to its log, whichever manager was told: also what has no event, such
 * as the validity of certificates. It does so before /info tells of it. */
static void on_raft_log(const char *path, void *user)
{
    (void)path;
    fetch_recheck_later(user, INPUT_INFO, "");
}

static void watch_swarm(struct fetcher *fetcher)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    bool wanted = info && info->data_root && !docker_is_remote(fetcher->docker) && !str_empty(info->swarm_state);
    scoped(cleanup_free) char *path = wanted ? mem_printf("%s/%s", info->data_root, node_certificates_folder) : NULL;
    scoped(cleanup_free) char *log = wanted ? mem_printf("%s/swarm/raft", info->data_root) : NULL;

    if (str_equal(path, fetcher->watched_certificates))
        return; /* a watch that is made anew would miss what happens meanwhile */
    watched_free(fetcher->certificates);
    watched_free(fetcher->raft_log);
    free(fetcher->watched_certificates);
    fetcher->watched_certificates = take(path);
    fetcher->certificates = fetcher->raft_log = NULL;
    if (!wanted)
        return;
    fetcher->certificates =
        watching_add(fetcher->watching, fetcher->watched_certificates, WATCH_TREE, on_certificates, fetcher);
    fetcher->raft_log = watching_add(fetcher->watching, log, WATCH_TREE_WRITES, on_raft_log, fetcher);
}

static void on_certificate_facts(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct wire_reader reader = {.at = output, .left = length};
    struct error error = ERROR_INIT;
    struct certificate_facts *facts = number ? NULL : node_certificates_take(&reader, &error);
    int r = number ? error_set(&error, number, "%s", why) : facts ? 0 : -EPROTO;

    fetcher->certificates_worker = NULL;
    fetch_deliver(fetcher, INPUT_CERTIFICATES, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

static void read_certificates(struct fetcher *fetcher, enum input_kind kind, const char *key)
{
    const struct info_facts *info = store_info(evaluator_store(fetcher->evaluator), NULL);
    bool is_node = info && !str_empty(info->swarm_state) && strcmp(info->swarm_state, "inactive") != 0;
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    (void)kind;
    (void)key;
    roles_ask_certificates(&message, is_node ? info->data_root : NULL);
    fetcher->certificates_worker =
        fetch_ask(fetcher, ROLE_FILES, FILES_CERTIFICATES, &message, on_certificate_facts, fetcher, &error);
    if (!fetcher->certificates_worker)
        on_certificate_facts(NULL, 0, error.number, error.message, fetcher);
}

void fetch_certificates(struct fetcher *fetcher, const char *key)
{
    if (fetch_refuse_remote(fetcher, INPUT_CERTIFICATES, NULL))
        return;
    watch_swarm(fetcher);
    fetch_when_watched(fetcher, read_certificates, INPUT_CERTIFICATES, key);
}

/* ---- The socket's group ---- */

/* Appends "105,4": the groups of the sockets that were read, and of their access control lists. */
static void groups_of_sockets(const struct fileset_facts *sockets, struct str *ret)
{
    for (size_t i = 0; sockets && i < sockets->count; i++) {
        const struct file_facts *file = &sockets->items[i];

        if (file->error || !S_ISSOCK(file->mode))
            continue;
        str_printf(ret, "%s%u", ret->length ? "," : "", (unsigned)file->gid);
        for (size_t k = 0; k < file->acl.count; k++)
            if (file->acl.entries[k].is_group)
                str_printf(ret, ",%u", (unsigned)file->acl.entries[k].id);
    }
}

/* What is to be looked up: "i" and groups by id; without a socket "n" and the group that dockerd would give it. */
static char *groups_wanted(const struct fetcher *fetcher, const struct fileset_facts *sockets)
{
    const struct daemon_facts *daemon = store_daemon(evaluator_store(fetcher->evaluator), NULL);
    const char *option = daemon ? daemon_option(daemon, "group", NULL) : NULL;
    scoped_str ids = STR_INIT;

    groups_of_sockets(sockets, &ids);
    if (ids.length)
        return mem_printf("i%s", ids.data);
    return mem_printf("n%s", str_empty(option) ? "docker" : option);
}

static const struct fileset_facts *sockets_of(const struct fetcher *fetcher)
{
    return store_files(evaluator_store(fetcher->evaluator), FETCH_SOCKETS, NULL);
}

/* Sockets that changed meanwhile have other groups: those are looked up before anything is judged by these. */
static void on_group(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct group_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped(cleanup_free) char *wanted = groups_wanted(fetcher, sockets_of(fetcher));
    int r;

    fetcher->group_worker = NULL;
    if (!str_equal(wanted, fetcher->groups_asked)) {
        fetch_group(fetcher, NULL);
        return;
    }
    r = number ? error_set(&error, number, "%s", why) : groups_parse(output, length, &facts, &error);
    fetch_deliver(fetcher, INPUT_GROUP, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

void fetch_group(struct fetcher *fetcher, const char *key)
{
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_GROUP, NULL))
        return;
    free(fetcher->groups_asked);
    fetcher->groups_asked = groups_wanted(fetcher, sockets_of(fetcher));
    str_append(&message, fetcher->groups_asked);
    fetcher->group_worker = fetch_ask(fetcher, ROLE_FILES, FILES_GROUPS, &message, on_group, fetcher, &error);
    if (!fetcher->group_worker)
        fetch_deliver(fetcher, INPUT_GROUP, NULL, -error.number, NULL, &error);
}

void fetch_groups_of_sockets(struct fetcher *fetcher, const struct fileset_facts *sockets)
{
    scoped(cleanup_free) char *wanted = groups_wanted(fetcher, sockets);

    if (!str_equal(wanted, fetcher->groups_asked))
        evaluator_stale(fetcher->evaluator, INPUT_GROUP, NULL, "sockets");
}

/* ---- Audit ---- */

static void on_audit(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    struct audit_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r = number ? error_set(&error, number, "%s", why) : audit_merge_take(output, length, &facts, &error);

    fetcher->audit_worker = NULL;
    if (facts && fetcher->audit_watch)
        audit_watch_await(fetcher->audit_watch, facts->kernel_state == AUDIT_KERNEL_READ && !facts->enabled);
    fetch_deliver(fetcher, INPUT_AUDIT, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

/* The kernel's rules are listed, or cannot be: the files are read, and both merged, by another helper. */
static void on_kernel_rules(const char *output, size_t length, int number, const char *why, void *user)
{
    struct fetcher *fetcher = user;
    scoped_str message = STR_INIT, rules = STR_INIT;
    struct error error = ERROR_INIT;

    if (!number)
        str_append_n(&rules, output, length);
    roles_ask_audit(&message, number ? NULL : str_text(&rules), number, why);
    fetcher->audit_worker = fetch_ask(fetcher, ROLE_FILES, FILES_AUDIT, &message, on_audit, fetcher, &error);
    if (!fetcher->audit_worker)
        on_audit(NULL, 0, error.number ? error.number : EIO, error.message, fetcher);
}

static void on_audit_change(void *user)
{
    struct fetcher *fetcher = user;

    evaluator_stale(fetcher->evaluator, INPUT_AUDIT, NULL, "audit");
}

/* Once, not at each sweep. */
static void report_deaf(struct fetcher *fetcher, const struct error *why)
{
    if (!fetcher->audit_deaf_told)
        log_info("cannot watch the kernel's audit rules (%s): they are read again at every sweep", why->text);
    fetcher->audit_deaf_told = true;
}

/* What changed before it came is read once more. */
static void on_audit_socket(int fd, const struct error *why, void *user)
{
    struct fetcher *fetcher = user;
    struct error error = ERROR_INIT;

    fetcher->audit_news = NULL;
    if (fd >= 0)
        fetcher->audit_watch = audit_watch_new(fetcher->base, fd, on_audit_change, fetcher, &error);
    if (!fetcher->audit_watch) {
        report_deaf(fetcher, fd >= 0 ? &error : why);
        return;
    }
    fetcher->audit_deaf_told = false;
    on_audit_change(fetcher);
}

/* The socket stays usable when the helper that has handed it over ends. */
static void listen_to_audit(struct fetcher *fetcher)
{
    struct error error = ERROR_INIT;

    if (fetcher->audit_watch || fetcher->audit_news)
        return;
    fetcher->audit_news =
        handed_ask(fetcher->base, fetcher->helpers[ROLE_AUDIT], AUDIT_NEWS, on_audit_socket, fetcher, &error);
    if (!fetcher->audit_news)
        report_deaf(fetcher, &error);
}

void fetch_audit(struct fetcher *fetcher, const char *key)
{
    struct error error = ERROR_INIT;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_AUDIT, NULL))
        return;
    listen_to_audit(fetcher);
    fetcher->audit_worker = fetch_ask(fetcher, ROLE_AUDIT, AUDIT_LIST, NULL, on_kernel_rules, fetcher, &error);
    if (!fetcher->audit_worker)
        on_kernel_rules(NULL, 0, error.number, error.message, fetcher);
}

/* ---- Watches ---- */

/* Which input is stale when a host file changes. */
static const struct host_path {
    const char *path;
    bool tree;
    enum input_kind input;
} host_paths[] = {
    {"/etc/audit/rules.d", true, INPUT_AUDIT},
    {"/etc/audit/audit.rules", false, INPUT_AUDIT},
    {"/etc/group", false, INPUT_GROUP},
    {"/etc/gshadow", false, INPUT_GROUP},
    {"/etc/passwd", false, INPUT_GROUP},
    {"/etc/nsswitch.conf", false, INPUT_GROUP},
    {"/etc/environment", false, INPUT_ENVIRONMENT},
    {"/var/lib/dpkg/status", false, INPUT_ENVIRONMENT},
    {"/lib/apk/db/installed", false, INPUT_ENVIRONMENT},
    {"/usr/local/bin/docker", false, INPUT_ENVIRONMENT},
    {"/etc/profile", false, INPUT_ENVIRONMENT},
    {"/etc/profile.d", true, INPUT_ENVIRONMENT},
    {"/etc/systemd/system.conf", false, INPUT_ENVIRONMENT},
    {"/etc/systemd/system.conf.d", true, INPUT_ENVIRONMENT},
};

static void on_host_path(const char *path, void *user)
{
    struct fetcher *fetcher = user;
    scoped_str cause = STR_INIT;

    str_printf(&cause, "inotify:%s", path);
    for (size_t i = 0; i < countof(host_paths); i++)
        if (strcmp(host_paths[i].path, path) == 0)
            evaluator_stale(fetcher->evaluator, host_paths[i].input, NULL, cause.data);
}

static void add_daemon_watch(const char *path, bool tree, void *user)
{
    struct fetcher *fetcher = user;

    vec_push(&fetcher->host_watches,
             watching_add(fetcher->watching, path, tree ? WATCH_TREE : WATCH_PATH, on_daemon_path, fetcher));
}

void fetch_watch_host(struct fetcher *fetcher)
{
    for (size_t i = 0; i < countof(host_paths); i++)
        vec_push(&fetcher->host_watches,
                 watching_add(fetcher->watching, host_paths[i].path, host_paths[i].tree ? WATCH_TREE : WATCH_PATH,
                              on_host_path, fetcher));
    daemon_watch_paths(add_daemon_watch, fetcher);
}

void fetch_free_host(struct fetcher *fetcher)
{
    worker_cancel(fetcher->audit_worker);
    worker_cancel(fetcher->group_worker);
    worker_cancel(fetcher->daemon_worker);
    worker_cancel(fetcher->environment_worker);
    worker_cancel(fetcher->listeners_worker);
    worker_cancel(fetcher->certificates_worker);
    handed_cancel(fetcher->audit_news);
    audit_watch_free(fetcher->audit_watch);
    for (size_t i = 0; i < fetcher->host_watches.count; i++)
        watched_free(fetcher->host_watches.items[i]);
    vec_free(&fetcher->host_watches);
    watched_free(fetcher->certificates);
    watched_free(fetcher->raft_log);
    watched_free(fetcher->daemon_json);
    free(fetcher->groups_asked);
    free(fetcher->watched_config);
    free(fetcher->watched_certificates);
}
