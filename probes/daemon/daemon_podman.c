/* containers.conf(5): each file's values replace those read before, and an array's elements are added to them where the
 * array holds {append=true}. A service that a user started reads that user's own files too.
 *
 * podman has no daemon: its API is served by "podman system service [URI]", of which there may be several, or by
 * podman.socket. */
#include "probes/daemon/daemon_podman.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "probes/daemon/daemon_age.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/daemon/toml.h"
#include "probes/host/proc.h"
#include "probes/host/socket_unit.h"

enum { CONF_MAX = 1 << 20, DROP_INS_MAX = 256, SERVICES_MAX = 256 };

static const char podman_socket[] = "podman.socket", system_conf[] = "/usr/share/containers/containers.conf",
                  local_conf[] = "/etc/containers/containers.conf",
                  local_drop_ins[] = "/etc/containers/containers.conf.d";

/* ---- containers.conf ---- */

struct conf {
    const struct host_root *root;
    struct daemon_facts *facts;
    struct option_set *set;
    const char *file;
    size_t before;          /* options of earlier files */
    const char *arrays[64]; /* keys of this file's arrays that add to earlier ones */
    size_t array_count;
};

static void push(struct conf *conf, const char *key, const char *value)
{
    vec_push(&conf->set->list, (struct daemon_option){.name = arena_strdup(conf->set->arena, key),
                                                      .value = arena_strdup(conf->set->arena, value),
                                                      .place = OPTION_DAEMON_JSON,
                                                      .file = conf->file});
}

static void drop(struct conf *conf, const char *key, size_t end)
{
    for (size_t i = end; i-- > 0;)
        if (strcmp(conf->set->list.items[i].name, key) == 0) {
            vec_remove(&conf->set->list, i);
            conf->before -= i < conf->before;
        }
}

static void note_array(struct conf *conf, const char *key)
{
    if (conf->array_count < countof(conf->arrays))
        conf->arrays[conf->array_count++] = arena_strdup(conf->set->arena, key);
}

static bool is_array(const struct conf *conf, const char *key)
{
    for (size_t i = 0; i < conf->array_count; i++)
        if (strcmp(conf->arrays[i], key) == 0)
            return true;
    return false;
}

/* Elements of an array come after it under the same key. Whether it adds to earlier ones is known only at its end, so
 * these stay for the present and are dropped by finish_file(). */
static void take_value(const char *key, enum toml_kind kind, const char *value, void *user)
{
    static const char append[] = ".append";
    struct conf *conf = user;

    if (kind == TOML_ARRAY) {
        note_array(conf, key);
        return;
    }
    if (!is_array(conf, key) && !str_ends(key, append))
        drop(conf, key, conf->set->list.count);
    push(conf, key, value);
}

/* Earlier values of arrays that this file sets anew are dropped. */
static void finish_file(struct conf *conf)
{
    for (size_t i = 0; i < conf->array_count; i++) {
        scoped(cleanup_free) char *append = mem_printf("%s.append", conf->arrays[i]);
        const struct daemon_option *added = options_find(conf->set->list.items, conf->set->list.count, append);
        bool adds = added && options_read_bool(added->value) == TRI_TRUE;

        drop(conf, append, conf->set->list.count);
        if (!adds)
            drop(conf, conf->arrays[i], conf->before);
    }
    conf->array_count = 0;
}

static void read_file(struct conf *conf, const char *path)
{
    struct daemon_facts *facts = conf->facts;
    struct arena *arena = facts->facts.arena;
    struct error error = ERROR_INIT;
    scoped_str text = STR_INIT;
    int r = host_read(conf->root, path, CONF_MAX, &text, NULL);

    if (r == -ENOENT || r == -ENOTDIR)
        return;
    facts->config_exists = true;
    conf->file = arena_strdup(arena, path);
    conf->before = conf->set->list.count;
    daemon_age_of_file(conf->root, path, &facts->config_modified, &facts->config_changed);
    if (r < 0)
        error_set(&error, -r, "%s", error_reason(-r));
    else
        r = toml_parse(str_text(&text), text.length, take_value, conf, &error);
    finish_file(conf);
    if (r < 0 && !facts->config_error) {
        facts->config_path = conf->file;
        facts->config_error = arena_strdup(arena, error.message);
    }
}

static void read_folder(struct conf *conf, const char *folder)
{
    char **paths;

    if (host_list(conf->root, folder, ".conf", DROP_INS_MAX, &paths) < 0)
        return;
    for (size_t i = 0; paths[i]; i++) {
        read_file(conf, paths[i]);
        free(paths[i]);
    }
    free(paths);
}

/* The caller frees; NULL: it has none. */
static char *users_folder(const struct host_root *root, pid_t pid)
{
    scoped(cleanup_free) char *home = NULL, *folder = proc_read_environment(root, pid, "XDG_CONFIG_HOME");

    if (!str_empty(folder))
        return mem_printf("%s/containers", folder);
    home = proc_read_environment(root, pid, "HOME");
    return !str_empty(home) ? mem_printf("%s/.config/containers", home) : NULL;
}

static void read_users_own(struct conf *conf, pid_t pid)
{
    scoped(cleanup_free) char *base = users_folder(conf->root, pid);
    scoped(cleanup_free) char *file = base ? mem_printf("%s/containers.conf", base) : NULL;
    scoped(cleanup_free) char *drop_ins = base ? mem_printf("%s/containers.conf.d", base) : NULL;

    if (!base)
        return;
    conf->facts->config_path = arena_strdup(conf->facts->facts.arena, file);
    read_file(conf, file);
    read_folder(conf, drop_ins);
}

static bool is_roots(const struct host_root *root, pid_t pid)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return pid <= 0 || host_stat(root, path, &st, NULL) < 0 || st.st_uid == 0;
}

static void read_conf(const struct host_root *root, pid_t pid, struct daemon_facts *facts, struct option_set *set)
{
    struct conf conf = {.root = root, .facts = facts, .set = set};
    scoped(cleanup_free) char *given = pid > 0 ? proc_read_environment(root, pid, "CONTAINERS_CONF") : NULL;
    scoped(cleanup_free) char *more = pid > 0 ? proc_read_environment(root, pid, "CONTAINERS_CONF_OVERRIDE") : NULL;

    facts->config_exists = false;
    facts->config_error = NULL;
    facts->config_modified = facts->config_changed = 0;
    facts->config_path = local_conf;
    if (pid > 0 && facts->process_error) { /* which files it reads is in its environment */
        facts->config_exists = true;
        facts->config_error = facts->process_error;
    } else if (!str_empty(given)) {
        facts->config_path = arena_strdup(facts->facts.arena, given);
        read_file(&conf, given);
    } else {
        read_file(&conf, system_conf);
        read_file(&conf, local_conf);
        read_folder(&conf, local_drop_ins);
        if (!is_roots(root, pid))
            read_users_own(&conf, pid);
    }
    if (!str_empty(more))
        read_file(&conf, more);
}

/* ---- Where the API is served ---- */

static void add_service(struct daemon_facts *facts, const char *address)
{
    struct string_list *list = &facts->podman_services;

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], address) == 0)
            return;
    if (list->count < SERVICES_MAX)
        list->items[list->count++] = arena_strdup(facts->facts.arena, address);
}

static bool is_tcp(const char *uri)
{
    return strncasecmp(uri, "tcp:", strlen("tcp:")) == 0;
}

/* "podman [options] system service [options] [URI]". */
static void add_process(struct daemon_facts *facts, const struct string_list *arguments)
{
    const char *program = arguments->count ? arguments->items[0] : "", *slash = strrchr(program, '/');
    const char *address = NULL;
    bool verifies = false;
    size_t i = 1;

    if (strcmp(slash ? slash + 1 : program, "podman") != 0)
        return;
    while (i + 1 < arguments->count &&
           (strcmp(arguments->items[i], "system") != 0 || strcmp(arguments->items[i + 1], "service") != 0))
        i++;
    for (i += 2; i < arguments->count; i++) {
        if (is_tcp(arguments->items[i]))
            address = arguments->items[i];
        verifies |= str_starts(arguments->items[i], "--tls-client-ca");
    }
    if (address) {
        scoped_str text = STR_INIT;

        str_printf(&text, "%s%s", address, verifies ? " --tls-client-ca" : "");
        add_service(facts, str_text(&text));
    }
}

static void add_processes(const struct host_root *root, struct daemon_facts *facts)
{
    int fd = host_open(root, "/proc", O_RDONLY | O_DIRECTORY, NULL);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[64];
        scoped_str name = STR_INIT;
        struct string_list arguments;

        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%.16s/comm", entry->d_name);
        if (host_read(root, path, 64, &name, NULL) < 0 || strcmp(str_text(&name), "podman\n") != 0)
            continue;
        if (proc_read_cmdline(root, (pid_t)strtol(entry->d_name, NULL, 10), facts->facts.arena, &arguments, NULL) == 0)
            add_process(facts, &arguments);
    }
    closedir(dir);
}

static void add_activated(const struct host_root *root, const struct units_facts *units, struct daemon_facts *facts)
{
    scoped(path_list_deinit) struct path_list streams = {0};

    if (socket_unit_streams(root, units, podman_socket, NULL, &streams, NULL) < 0)
        return;
    for (size_t i = 0; i < streams.count; i++)
        if (streams.items[i][0] != '/' && streams.items[i][0] != '@' && !str_starts(streams.items[i], "vsock:"))
            add_service(facts, streams.items[i]);
}

/* The profile of containers without one of their own: containers.conf's, else the local one, else the shipped one. */
static void read_seccomp(const struct host_root *root, struct daemon_facts *facts, const struct option_set *set)
{
    static const char *const defaults[] = {"/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"};
    const struct daemon_option *given = options_find(set->list.items, set->list.count, "containers.seccomp_profile");
    const char *path = given && *given->value ? given->value : NULL;
    struct stat st;

    for (size_t i = 0; !path && i < countof(defaults); i++)
        if (host_stat(root, defaults[i], &st, NULL) == 0)
            path = defaults[i];
    if (!path)
        return;
    facts->seccomp_path = arena_strdup(facts->facts.arena, path);
    if (strcmp(path, "unconfined") != 0)
        seccomp_profile_read_file(root, path, facts);
}

void daemon_podman_read(const struct host_root *root, const struct units_facts *units, pid_t pid, pid_t listener,
                        struct daemon_facts *facts, struct option_set *set)
{
    struct arena *arena = facts->facts.arena;

    facts->podman_services =
        (struct string_list){.items = arena_alloc(arena, SERVICES_MAX * sizeof *facts->podman_services.items)};
    facts->rootless = !is_roots(root, listener);
    if (facts->rootless)
        proc_read_owner(root, listener, &facts->engine_uid, &facts->engine_gid);
    if (pid > 0)
        proc_started(root, pid, &facts->start_ticks, &facts->started);
    read_conf(root, listener, facts, set);
    daemon_age_judge(facts);
    read_seccomp(root, facts, set);
    add_processes(root, facts);
    add_activated(root, units, facts);
}

void daemon_podman_watch_paths(void (*back)(const char *path, bool tree, void *user), void *user)
{
    unit_places(podman_socket, back, user);
    back(system_conf, false, user);
    back(local_conf, false, user);
    back(local_drop_ins, true, user);
}
