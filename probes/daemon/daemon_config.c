/* The dockerd that is judged, its arguments and its configuration file.
 *
 * It is the one that serves the engine's socket. The peer's process id is trusted if the process is a docker daemon by
 * its own arguments or program; a proxy in front of it, or another engine, leaves no dockerd to judge, and reporting
 * that is better than judging some other daemon of the host. The configuration file is read as it is now, which need
 * not be what dockerd read at its start. */
#include "probes/daemon/daemon_config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "probes/daemon/containerd.h"
#include "probes/daemon/daemon_age.h"
#include "probes/daemon/daemon_options.h"
#include "probes/daemon/daemon_places.h"
#include "probes/daemon/daemon_podman.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/facts/digest.h"
#include "probes/host/addresses.h"
#include "probes/host/proc.h"
#include "probes/host/socket_unit.h"
#include "probes/host/units.h"

enum { ARGUMENTS_MAX = 16384 };

static const char default_config[] = "/etc/docker/daemon.json";

/* ---- Finding the process ---- */

/* "docker daemon", as engines before 1.12 were begun. */
static bool is_docker_daemon(const struct string_list *arguments)
{
    const char *program = arguments->count > 1 ? arguments->items[0] : "", *slash = strrchr(program, '/');

    return str_starts(slash ? slash + 1 : program, "docker") && strcmp(arguments->items[1], "daemon") == 0;
}

static bool is_dockerd(const struct host_root *root, pid_t pid)
{
    struct arena *arena = arena_new(1024);
    struct string_list arguments;
    char exe[PATH_MAX];
    bool found = false;

    if (proc_read_link(root, pid, "exe", exe, sizeof exe) == 0) {
        const char *name = strrchr(exe, '/');

        found = name && str_starts(name, "/dockerd"); /* dockerd-current, "dockerd (deleted)"; no docker-proxy */
    }
    if (!found && proc_read_cmdline(root, pid, arena, &arguments, NULL) == 0)
        found = options_name_dockerd(arguments.items, arguments.count) || is_docker_daemon(&arguments);
    arena_free(arena);
    return found;
}

static int read_pid_file(const struct host_root *root, pid_t *ret_pid, struct error *error)
{
    static const char path[] = "/var/run/docker.pid";
    scoped_str text = STR_INIT;
    char *end;
    long pid;
    int r = host_read(root, path, 64, &text, error);

    if (r == -ENOENT)
        return error_set(
            error, ENOENT,
            "no dockerd was found on this host: neither the socket, docker.service nor %s identifies its process",
            path);
    if (r < 0)
        return r;
    errno = 0;
    pid = strtol(str_text(&text), &end, 10);
    if (errno || end == text.data || end[strspn(end, " \t\r\n")] || pid <= 0 || pid > INT_MAX)
        return error_set(error, EBADMSG, "%s does not contain a process id", path);
    if (!is_dockerd(root, (pid_t)pid))
        return error_set(error, ESRCH, "%s is stale: process %ld is not dockerd", path, pid);
    *ret_pid = (pid_t)pid;
    return 0;
}

int daemon_find(const struct host_root *root, const struct units_facts *units, pid_t peer_pid, pid_t *ret_pid,
                struct error *error)
{
    scoped(unit_paths_deinit) struct unit_paths unit = {0};

    if (peer_pid > 0 && is_dockerd(root, peer_pid)) {
        *ret_pid = peer_pid;
        return 0;
    }
    if (peer_pid > 1) {
        char state_file[64];
        scoped_str name = STR_INIT;

        snprintf(state_file, sizeof state_file, "/proc/%d/comm", (int)peer_pid);
        if (host_read(root, state_file, 64, &name, NULL) < 0)
            return error_set(error, ESRCH, "process %d, which serves the engine's socket, cannot be read",
                             (int)peer_pid);
        return error_set(error, ENOENT, "process %d, which serves the engine's socket, is not dockerd but \"%.*s\"",
                         (int)peer_pid, (int)strcspn(str_text(&name), "\n"), str_text(&name));
    }
    if (unit_lookup(root, units, "docker.service", &unit, NULL) == 0 && unit.main_pid > 0 &&
        proc_state(root, unit.main_pid) > 0) {
        *ret_pid = unit.main_pid;
        return 0;
    }
    return read_pid_file(root, ret_pid, error);
}

/* ---- Putting it together ---- */

static void digest_options(struct hash *hash, const struct daemon_option *options, size_t count)
{
    digest_number(hash, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        digest_text(hash, options[i].name);
        digest_text(hash, options[i].value);
        digest_text(hash, options[i].file);
        digest_number(hash, (int64_t)options[i].place);
    }
}

static void digest_places(struct hash *hash, const struct daemon_facts *facts)
{
    digest_number(hash, facts->config_brace_line);
    digest_number(hash, facts->config_is_blank);
    digest_number(hash, (int64_t)facts->config_inside);
    digest_text(hash, facts->config_sha256);
    for (size_t i = 0; i < facts->place_count; i++) {
        const struct config_place *place = &facts->places[i];

        digest_text(hash, place->key);
        digest_text(hash, place->before);
        digest_text(hash, place->value);
        digest_number(hash, place->line);
        digest_number(hash, place->more_lines);
        digest_number(hash, place->nth);
        digest_number(hash, (int64_t)place->at);
        digest_number(hash, (int64_t)place->length);
    }
}

static void digest_list(struct hash *hash, const struct string_list *list)
{
    digest_number(hash, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        digest_text(hash, list->items[i]);
}

void daemon_options_digest(struct daemon_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, facts->pid);
    digest_text(&hash, facts->why_no_pid);
    digest_number(&hash, facts->podman);
    digest_text(&hash, facts->exe);
    digest_text(&hash, facts->process_error);
    digest_text(&hash, facts->working_folder);
    digest_text(&hash, facts->search_path);
    digest_text(&hash, facts->runtime_folder);
    digest_text(&hash, facts->content_trust);
    digest_text(&hash, facts->containerd_exe);
    digest_text(&hash, facts->containerd_root);
    digest_list(&hash, &facts->arguments);
    digest_list(&hash, &facts->activated);
    digest_text(&hash, facts->activated_error);
    digest_list(&hash, &facts->podman_services);
    digest_list(&hash, &facts->own_addresses);
    digest_number(&hash, facts->rootless);
    digest_number(&hash, facts->engine_uid);
    digest_number(&hash, facts->engine_gid);
    digest_text(&hash, facts->tls_folder);
    digest_number(&hash, facts->openrc);
    digest_text(&hash, facts->config_path);
    digest_number(&hash, facts->config_exists);
    digest_text(&hash, facts->config_error);
    digest_places(&hash, facts);
    digest_options(&hash, facts->options, facts->option_count);
    digest_options(&hash, facts->next, facts->next_count);
    digest_number(&hash, (int64_t)facts->start_ticks);
    digest_number(&hash, (int64_t)facts->config_age);
    if (facts->config_age != CONFIG_CURRENT) {
        digest_number(&hash, facts->config_modified);
        digest_number(&hash, facts->config_changed);
    }
    digest_text(&hash, facts->seccomp_path);
    digest_text(&hash, facts->seccomp_error);
    digest_number(&hash, (int64_t)facts->seccomp.choice);
    digest_number(&hash, (int64_t)facts->seccomp.digest);
    digest_number(&hash, facts->seccomp_changed);
    facts->facts.digest = hash_end(&hash);
}

static struct daemon_facts *facts_new(void)
{
    struct arena *arena = arena_new(4096);
    struct daemon_facts *facts = arena_alloc(arena, sizeof *facts);

    facts->facts.arena = arena;
    return facts;
}

static void keep_options(struct daemon_facts *facts, struct option_set *set)
{
    size_t size = set->list.count * sizeof *facts->options;

    facts->option_count = set->list.count;
    facts->options = arena_alloc(facts->facts.arena, size ? size : 1);
    if (size)
        memcpy(facts->options, set->list.items, size);
    vec_free(&set->list);
}

/* Adds the file's options to SET, or records in FACTS why they are unknown. */
static void use_config(struct daemon_facts *facts, struct option_set *set, const char *text, size_t length)
{
    struct error error = ERROR_INIT;

    facts->config_exists = true;
    if (options_from_config(set, text, length, &error) < 0)
        facts->config_error = arena_strdup(facts->facts.arena, error.message);
    else
        daemon_places_read(facts, text, length);
}

static int check_argument_count(size_t count, struct error *error)
{
    if (count > ARGUMENTS_MAX)
        return error_set(error, E2BIG, "dockerd has more than %d arguments", (int)ARGUMENTS_MAX);
    return 0;
}

int daemon_config_parse(const char *const *arguments, size_t argument_count, const char *config, size_t config_length,
                        struct daemon_facts **ret, struct error *error)
{
    struct daemon_facts *facts;
    struct option_set set = {0};
    int r = check_argument_count(argument_count, error);

    if (r < 0)
        return r;
    facts = facts_new();
    set.arena = facts->facts.arena;
    facts->arguments.items = arena_alloc(set.arena, (argument_count + 1) * sizeof *facts->arguments.items);
    for (size_t i = 0; i < argument_count; i++)
        facts->arguments.items[facts->arguments.count++] = arena_strdup(set.arena, arguments[i]);
    options_from_arguments(&set, facts->arguments.items, argument_count);
    if (config)
        use_config(facts, &set, config, config_length);
    keep_options(facts, &set);
    daemon_options_digest(facts);
    *ret = facts;
    return 0;
}

/* ---- Reading ---- */

static const char *read_exe(const struct host_root *root, pid_t pid, struct arena *arena)
{
    static const char deleted[] = " (deleted)"; /* replaced by an upgrade: the path is still valid */
    char exe[PATH_MAX];

    if (pid <= 0 || proc_read_link(root, pid, "exe", exe, sizeof exe) < 0 || exe[0] != '/')
        return NULL;
    if (str_ends(exe, deleted))
        exe[strlen(exe) - strlen(deleted)] = '\0';
    return arena_strdup(arena, exe);
}

static const char *read_variable(const struct host_root *root, pid_t pid, const char *name, struct arena *arena)
{
    scoped(cleanup_free) char *value = proc_read_environment(root, pid, name);

    return arena_strdup(arena, value);
}

/* May the environment of PID be seen? */
static void check_process(const struct host_root *root, pid_t pid, struct daemon_facts *facts)
{
    int r = proc_may_trace(root, pid);

    if (r == -EACCES || r == -EPERM)
        facts->process_error = capability_why(-r, PROC_CAPABILITIES);
}

/* What only who may trace the engine's process PID sees. */
static void look_at_process(const struct host_root *root, pid_t pid, struct daemon_facts *facts)
{
    struct arena *arena = facts->facts.arena;
    char folder[PATH_MAX];

    if (proc_read_link(root, pid, "cwd", folder, sizeof folder) == 0 && folder[0] == '/')
        facts->working_folder = arena_strdup(arena, folder);
    check_process(root, pid, facts);
    facts->exe = read_exe(root, pid, arena);
    facts->search_path = read_variable(root, pid, "PATH", arena);
    facts->runtime_folder = read_variable(root, pid, "XDG_RUNTIME_DIR", arena);
    facts->content_trust = read_variable(root, pid, "DOCKER_CONTENT_TRUST", arena);
}

/* A rootless dockerd has its file in its user's configuration directory. */
static char *rootless_config(const struct host_root *root, pid_t pid)
{
    scoped(cleanup_free) char *folder = proc_read_environment(root, pid, "XDG_CONFIG_HOME");
    scoped(cleanup_free) char *home = folder ? NULL : proc_read_environment(root, pid, "HOME");

    if (!str_empty(folder))
        return mem_printf("%s/docker/daemon.json", folder);
    if (!str_empty(home))
        return mem_printf("%s/.config/docker/daemon.json", home);
    return mem_strdup(default_config);
}

/* What dockerd uses for --rootless by default. One whose environment cannot be seen is, if it is not root's. */
static bool runs_in_rootlesskit(const struct host_root *root, const struct daemon_facts *facts)
{
    scoped(cleanup_free) char *folder =
        facts->pid > 0 ? proc_read_environment(root, facts->pid, "ROOTLESSKIT_STATE_DIR") : NULL;
    uid_t uid;
    gid_t gid;

    if (facts->process_error)
        return proc_read_owner(root, facts->pid, &uid, &gid) == 0 && uid != 0;
    return !str_empty(folder);
}

static bool is_rootless(const struct host_root *root, const struct daemon_facts *facts, const struct option_set *set)
{
    const struct daemon_option *given = options_find(set->list.items, set->list.count, "rootless");

    return given ? options_read_bool(given->value) == TRI_TRUE : runs_in_rootlesskit(root, facts);
}

/* PATH as the process means it. */
static char *from_working_folder(const struct daemon_facts *facts, const char *path)
{
    return path[0] != '/' && facts->working_folder ? mem_printf("%s/%s", facts->working_folder, path)
                                                   : mem_strdup(path);
}

static char *config_file(const struct host_root *root, const struct daemon_facts *facts, const struct option_set *set)
{
    const struct daemon_option *given = options_find(set->list.items, set->list.count, "config-file");

    if (given && given->value[0])
        return from_working_folder(facts, given->value);
    if (facts->rootless)
        return rootless_config(root, facts->pid);
    return mem_strdup(default_config);
}

/* Is which file it is only known by what could not be seen of the process? */
static bool is_config_hidden(const struct daemon_facts *facts, const struct option_set *set)
{
    const struct daemon_option *given = options_find(set->list.items, set->list.count, "config-file");

    if (!facts->process_error)
        return false;
    return given && given->value[0] ? given->value[0] != '/' : facts->rootless;
}

static void read_config(const struct host_root *root, struct daemon_facts *facts, struct option_set *set)
{
    scoped(cleanup_free) char *path = config_file(root, facts, set);
    bool given = options_find(set->list.items, set->list.count, "config-file");
    scoped_str text = STR_INIT;
    int r;

    facts->config_path = arena_strdup(facts->facts.arena, path);
    if (is_config_hidden(facts, set)) {
        facts->config_exists = true;
        facts->config_error = facts->process_error;
        return;
    }
    r = host_read(root, path, DAEMON_CONFIG_FILE_MAX, &text, NULL);
    daemon_age_of_file(root, path, &facts->config_modified, &facts->config_changed);
    if ((r == -ENOENT || r == -ENOTDIR) && !given) {
        if (facts->started)
            facts->config_changed = daemon_age_removed(root, path, facts->started + DAEMON_AGE_SLACK_USEC);
        return;
    }
    if (r < 0) {
        facts->config_exists = r != -ENOENT && r != -ENOTDIR;
        facts->config_error = capability_why(-r, CAPABILITY(CAP_DAC_READ_SEARCH)); /* reported with its path */
        return;
    }
    use_config(facts, set, str_text(&text), text.length);
}

/* The profile that dockerd gives to containers without one of their own. */
static void read_seccomp(const struct host_root *root, struct daemon_facts *facts)
{
    const char *given = daemon_option(facts, "seccomp-profile", NULL);
    scoped(cleanup_free) char *path = NULL;

    if (str_empty(given) || strcmp(given, "unconfined") == 0 || strcmp(given, "builtin") == 0)
        return;
    path = from_working_folder(facts, given);
    facts->seccomp_path = arena_strdup(facts->facts.arena, given);
    daemon_age_of_file(root, path, NULL, &facts->seccomp_changed);
    seccomp_profile_read_file(root, path, facts);
}

/* What systemd listens on for it, if a host is fd://. */
static void read_activated(const struct host_root *root, const struct units_facts *units, struct daemon_facts *facts)
{
    scoped(path_list_deinit) struct path_list streams = {0};
    struct error error = ERROR_INIT;

    if (!socket_unit_activates(facts))
        return;
    if (socket_unit_streams(root, units, socket_unit_docker, socket_unit_default_socket, &streams, &error) < 0) {
        facts->activated_error = arena_strdup(facts->facts.arena, error.message);
        return;
    }
    facts->activated.items = arena_alloc(facts->facts.arena, (streams.count + 1) * sizeof *facts->activated.items);
    for (size_t i = 0; i < streams.count; i++)
        facts->activated.items[facts->activated.count++] = arena_strdup(facts->facts.arena, streams.items[i]);
}

/* Where dockerd (PID, 0 unknown) looks for TLS files that are not configured, for the caller to free. */
static char *default_tls_folder(const struct host_root *root, pid_t pid)
{
    static const struct {
        const char *variable, *below;
    } folders[] = {{"DOCKER_CERT_PATH", ""}, {"DOCKER_CONFIG", ""}, {"HOME", "/.docker"}};

    for (size_t i = 0; pid > 0 && i < countof(folders); i++) {
        scoped(cleanup_free) char *folder = proc_read_environment(root, pid, folders[i].variable);

        if (!str_empty(folder))
            return mem_printf("%s%s", folder, folders[i].below);
    }
    return mem_strdup("/root/.docker");
}

static bool runs_openrc(const struct host_root *root)
{
    struct stat st;

    return host_stat(root, "/run/systemd/system", &st, NULL) < 0 && host_stat(root, "/run/openrc", &st, NULL) == 0;
}

static bool names_receiver(const struct daemon_facts *facts)
{
    for (size_t i = 0; i < facts->option_count; i++)
        if (strcmp(facts->options[i].name, "log-opt") == 0 &&
            (strstr(facts->options[i].value, "-address=") || strstr(facts->options[i].value, "://")))
            return true;
    return false;
}

int daemon_config_read(const struct host_root *root, const struct units_facts *units, pid_t pid, const char *why_no_pid,
                       struct daemon_facts **ret, struct error *error)
{
    struct daemon_facts *facts = facts_new();
    struct option_set set = {.arena = facts->facts.arena};
    scoped(cleanup_free) char *containerd = NULL, *tls_folder = default_tls_folder(root, pid);
    pid_t containerd_pid;
    int r = 0;

    if (pid > 0) {
        facts->pid = pid;
        look_at_process(root, pid, facts);
        proc_started(root, pid, &facts->start_ticks, &facts->started);
        r = proc_read_cmdline(root, pid, set.arena, &facts->arguments, error);
        if (r == 0 && !facts->arguments.count)
            r = error_set(error, ESRCH, "dockerd (process %d) has ended, so its arguments cannot be read", (int)pid);
        if (r == 0)
            r = check_argument_count(facts->arguments.count, error);
    } else {
        facts->why_no_pid = arena_strdup(set.arena, why_no_pid ? why_no_pid : "dockerd's process is unknown");
    }
    if (r < 0) {
        arena_free(facts->facts.arena);
        return r;
    }
    options_from_arguments(&set, facts->arguments.items, facts->arguments.count);
    facts->rootless = is_rootless(root, facts, &set);
    if (facts->rootless)
        proc_read_owner(root, pid, &facts->engine_uid, &facts->engine_gid);
    read_config(root, facts, &set);
    keep_options(facts, &set);
    daemon_age_judge(facts);
    facts->tls_folder = arena_strdup(set.arena, tls_folder);
    facts->openrc = runs_openrc(root);
    read_seccomp(root, facts);
    if (names_receiver(facts))
        addresses_read(root, pid, facts->facts.arena, &facts->own_addresses);
    read_activated(root, units, facts);
    containerd_pid = containerd_find(root, units, facts->pid);
    facts->containerd_exe = read_exe(root, containerd_pid, set.arena);
    containerd = containerd_root(root, containerd_pid);
    facts->containerd_root = arena_strdup(set.arena, containerd);
    daemon_options_digest(facts);
    *ret = facts;
    return 0;
}

void daemon_watch_paths(void (*back)(const char *path, bool tree, void *user), void *user)
{
    unit_places(socket_unit_docker, back, user);
    back(containerd_default_config, false, user);
    daemon_podman_watch_paths(back, user);
}

void daemon_config_engine(const struct host_root *root, const struct units_facts *units, pid_t peer_pid, bool is_podman,
                          struct daemon_facts *facts)
{
    struct option_set set = {.arena = facts->facts.arena};
    char path[64];
    scoped_str name = STR_INIT;
    pid_t listener = 0;
    bool serves;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)peer_pid);
    if (facts->pid > 0)
        return;
    if (peer_pid > 1)
        host_read(root, path, 64, &name, NULL);
    serves = strcmp(str_text(&name), "podman\n") == 0;
    if (!serves && !is_podman)
        return;
    facts->podman = true;
    if (serves || strcmp(str_text(&name), "systemd\n") == 0)
        listener = peer_pid;
    if (serves)
        look_at_process(root, peer_pid, facts);
    else if (listener)
        check_process(root, listener, facts);
    daemon_podman_read(root, units, serves ? peer_pid : 0, listener, facts, &set);
    keep_options(facts, &set);
    daemon_options_digest(facts);
}

/* ---- Asking ---- */

const char *daemon_option(const struct daemon_facts *daemon, const char *name, enum option_place *ret_place)
{
    const struct daemon_option *option = options_find(daemon->options, daemon->option_count, name);

    if (ret_place)
        *ret_place = option ? option->place : OPTION_DEFAULT;
    return option ? option->value : NULL;
}

bool daemon_option_bool(const struct daemon_facts *daemon, const char *name, bool fallback,
                        enum option_place *ret_place)
{
    enum tristate value = options_read_bool(daemon_option(daemon, name, ret_place));

    if (value == TRI_ABSENT && ret_place)
        *ret_place = OPTION_DEFAULT;
    return value == TRI_ABSENT ? fallback : value == TRI_TRUE;
}
