/* From a source to its files: the grammar of sources, and the daemon's options turned into paths.
 *
 * A relative path of an option is taken from dockerd's working directory if that can be read, else from /. If
 * daemon.json could not be parsed, an option that the command line does not set is unknown, which is an error and not
 * the default. */
#include "probes/fileset/fileset_paths.h"

#include <errno.h>
#include <string.h>

#include "probes/host/socket_unit.h"
#include "probes/host/units.h"

enum { SOCKETS_MAX = 256 };

static const char default_socket[] = "/var/run/docker.sock";

static void add_path(struct path_list *list, const char *path)
{
    vec_push(list, mem_strdup(path));
}

/* ---- Sources ---- */

static bool absolute_paths(const char *text)
{
    for (;;) {
        if (*text != '/')
            return false;
        text = strchr(text, ',');
        if (!text)
            return true;
        text++;
    }
}

static bool unit_name(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot && dot != text && dot[1] && !strchr(text, '/') && text[0] != '.';
}

static bool option_name(const char *text)
{
    return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static bool program_names(const char *text)
{
    return *text && !strchr(text, '/') && *text != ',' && !strstr(text, ",,");
}

static bool nothing(const char *text)
{
    return !*text;
}

static const struct source_kind {
    const char *prefix;
    enum fileset_kind kind;
    bool (*valid)(const char *rest);
    const char *wanted;
} source_kinds[] = {
    {"path:", FILESET_PATH, absolute_paths, "comma-separated absolute paths"},
    {"content:", FILESET_CONTENT, absolute_paths, "comma-separated absolute paths"},
    {"tree:", FILESET_TREE, absolute_paths, "an absolute path"},
    {"folders:", FILESET_FOLDERS, absolute_paths, "an absolute path"},
    {"unit:", FILESET_UNIT, unit_name, "a unit's name"},
    {"option:", FILESET_OPTION, option_name, "an option's name"},
    {"sockets:", FILESET_SOCKETS, nothing, "nothing"},
    {"containerd-sockets:", FILESET_CONTAINERD, nothing, "nothing"},
    {"daemon.json:", FILESET_CONFIG, nothing, "nothing"},
    {"data-root:", FILESET_DATA_ROOT, nothing, "nothing"},
    {"program:", FILESET_PROGRAM, program_names, "comma-separated program names"},
};

int fileset_source_parse(const char *source, enum fileset_kind *ret_kind, const char **ret_rest, struct error *error)
{
    for (size_t i = 0; i < countof(source_kinds); i++) {
        const struct source_kind *kind = &source_kinds[i];
        const char *rest;

        if (!str_starts(source, kind->prefix))
            continue;
        rest = source + strlen(kind->prefix);
        if (!kind->valid(rest))
            return error_set(error, EINVAL, "\"%s\": expected %s after \"%s\"", source, kind->wanted, kind->prefix);
        *ret_kind = kind->kind;
        *ret_rest = rest;
        return 0;
    }
    return error_set(error, EINVAL,
                     "unknown file source \"%s\" (expected path:, content:, tree:, folders:, unit:, option:, sockets:, "
                     "containerd-sockets:, daemon.json:, data-root:, program:)",
                     source);
}

/* ---- Units ---- */

/* The Unix sockets that docker.socket opens for dockerd. */
static int add_activated_sockets(const struct host_root *root, const struct units_facts *units, struct path_list *ret,
                                 struct error *error)
{
    scoped(path_list_deinit) struct path_list found = {0};
    int r = socket_unit_streams(root, units, socket_unit_docker, socket_unit_default_socket, &found, error);

    for (size_t i = 0; r == 0 && i < found.count; i++)
        if (found.items[i][0] == '/')
            add_path(ret, found.items[i]);
    return r;
}

/* ---- Options ---- */

static int check_known(const struct daemon_facts *daemon, const char *name, struct error *error)
{
    if (!daemon->config_error || daemon_option(daemon, name, NULL))
        return 0;
    return error_set(error, EBADMSG, "option %s is unknown: %s: %s", name,
                     daemon->config_path ? daemon->config_path : "", daemon->config_error);
}

static char *from_working_folder(const struct daemon_facts *daemon, const char *path)
{
    const char *folder = daemon->working_folder;

    if (path[0] == '/')
        return mem_strdup(path);
    return mem_printf("%s/%s", folder && folder[1] ? folder : "", path);
}

/* What only dockerd's process shows, and could not be seen, would be necessary for WHAT. */
static int refuse_unseen(const struct daemon_facts *daemon, const char *what, struct error *error)
{
    return daemon->process_error
               ? error_set(error, EACCES, "%s: dockerd's process cannot be seen: %s", what, daemon->process_error)
               : 0;
}

/* Where dockerd looks for a TLS file that is not configured. tlsverify turns TLS on whatever its value. */
static int default_tls_file(const struct daemon_facts *daemon, const char *name, char **ret, struct error *error)
{
    static const struct {
        const char *option, *file;
    } files[] = {{"tlscacert", "ca.pem"}, {"tlscert", "cert.pem"}, {"tlskey", "key.pem"}};

    if (!daemon_option_bool(daemon, "tls", false, NULL) && str_empty(daemon_option(daemon, "tlsverify", NULL)))
        return 0;
    for (size_t i = 0; i < countof(files); i++)
        if (strcmp(files[i].option, name) == 0) {
            *ret = mem_printf("%s/%s", daemon->tls_folder ? daemon->tls_folder : "/root/.docker", files[i].file);
            return refuse_unseen(daemon, name, error);
        }
    return 0;
}

static int add_option(const struct daemon_facts *daemon, const char *name, struct path_list *ret, struct error *error)
{
    scoped(cleanup_free) char *fallback = NULL;
    const char *value = daemon_option(daemon, name, NULL);
    int r = check_known(daemon, name, error);

    if (r < 0)
        return r;
    if (str_empty(value)) {
        r = default_tls_file(daemon, name, &fallback, error);
        value = fallback;
    } else if (value[0] != '/') {
        r = refuse_unseen(daemon, name, error);
    }
    if (r == 0 && !str_empty(value))
        vec_push(ret, from_working_folder(daemon, value));
    return r;
}

/* What dockerd listens on without a host, or with an empty one. */
static char *default_host(const struct daemon_facts *daemon)
{
    return daemon->rootless && !str_empty(daemon->runtime_folder) ? mem_printf("%s/docker.sock", daemon->runtime_folder)
                                                                  : mem_strdup(default_socket);
}

static int add_sockets(const struct host_root *root, const struct fileset_context *context, struct path_list *ret,
                       struct error *error)
{
    static const char scheme[] = "unix://";
    const struct daemon_facts *daemon = context->daemon;
    const char *engine_socket = context->engine_socket;
    bool has_host = false;
    int r = check_known(daemon, "host", error);

    if (r == 0)
        r = check_known(daemon, "group", error);
    if (r == 0 && daemon->rootless)
        r = refuse_unseen(daemon, "its sockets", error);
    if (r < 0)
        return r;
    if (engine_socket)
        add_path(ret, engine_socket);
    for (size_t i = 0; i < daemon->option_count && ret->count < SOCKETS_MAX; i++) {
        const struct daemon_option *option = &daemon->options[i];
        const char *path = option->value + strlen(scheme);

        if (strcmp(option->name, "host") != 0)
            continue;
        has_host = true;
        if (!*option->value)
            vec_push(ret, default_host(daemon));
        else if (str_starts(option->value, scheme))
            vec_push(ret, *path ? from_working_folder(daemon, path) : mem_strdup(default_socket));
    }
    /* Another engine's socket does not show where a dockerd that was not found would listen. */
    if (!has_host && (daemon->pid > 0 || !engine_socket))
        vec_push(ret, default_host(daemon));
    return socket_unit_activates(daemon) ? add_activated_sockets(root, context->units, ret, error) : 0;
}

/* A rootless engine's containerd is its user's, as all that it starts. */
static int add_containerd_sockets(const struct daemon_facts *daemon, const struct info_facts *info,
                                  struct path_list *ret, struct error *error)
{
    const char *address = info ? info->containerd_address : NULL, *exec_root;
    int r = 0;

    if (str_empty(address)) {
        r = check_known(daemon, "containerd", error);
        address = daemon_option(daemon, "containerd", NULL);
    }
    if (r < 0)
        return r;
    exec_root = daemon_option(daemon, "exec-root", NULL);
    if (!str_empty(address) && address[0] == '/' && !daemon->rootless)
        add_path(ret, address);
    add_path(ret, "/run/containerd/containerd.sock");
    if (!daemon->rootless)
        vec_push(ret, mem_printf("%s/containerd/containerd.sock",
                                 !str_empty(exec_root) && exec_root[0] == '/' ? exec_root : "/run/docker"));
    return 0;
}

/* ---- All of them ---- */

static void add_listed(const char *paths, struct path_list *ret)
{
    scoped(cleanup_free) char *copy = mem_strdup(paths);
    char *rest = copy;

    for (char *path; (path = strsep(&rest, ","));)
        add_path(ret, path);
}

static int add_data_root(const struct fileset_context *context, struct path_list *ret, struct error *error)
{
    const char *root = context->info ? context->info->data_root : daemon_option(context->daemon, "data-root", NULL);

    if (str_empty(root))
        return error_set(error, ENODATA, "the engine's data root is unknown");
    add_path(ret, root);
    return 0;
}

int fileset_paths(const struct host_root *root, enum fileset_kind kind, const char *rest,
                  const struct fileset_context *context, struct path_list *ret, struct error *error)
{
    const struct daemon_facts *daemon = context->daemon;

    switch (kind) {
    case FILESET_PATH:
    case FILESET_CONTENT:
    case FILESET_TREE:
    case FILESET_FOLDERS:
        add_listed(rest, ret);
        return 0;
    case FILESET_UNIT:
        return unit_files(root, context->units, rest, ret, error);
    case FILESET_OPTION:
    case FILESET_SOCKETS:
    case FILESET_CONTAINERD:
    case FILESET_CONFIG:
    case FILESET_DATA_ROOT:
    case FILESET_PROGRAM:
        break;
    }
    if (!daemon)
        return error_set(error, ENODATA, "dockerd's options are not known yet");
    if (kind == FILESET_OPTION)
        return add_option(daemon, rest, ret, error);
    if (kind == FILESET_SOCKETS)
        return add_sockets(root, context, ret, error);
    if (kind == FILESET_CONTAINERD)
        return add_containerd_sockets(daemon, context->info, ret, error);
    if (kind == FILESET_DATA_ROOT)
        return add_data_root(context, ret, error);
    if (kind == FILESET_PROGRAM)
        return fileset_programs(root, rest, context, false, ret, error);
    if (daemon->config_path)
        add_path(ret, daemon->config_path);
    return 0;
}
