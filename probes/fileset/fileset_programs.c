/* Where the engine's programs are: those that run are asked of /proc, the others looked up as dockerd would, in its own
 * search path. */
#include <errno.h>
#include <string.h>

#include "probes/fileset/fileset_paths.h"
#include "probes/host/proc.h"

static const char default_search_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static bool is_program(const struct host_root *root, const char *path)
{
    struct stat st;

    return host_stat(root, path, &st, NULL) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

static bool holds(const struct path_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], path) == 0)
            return true;
    return false;
}

static void add_path(struct path_list *list, const char *path)
{
    if (!holds(list, path))
        vec_push(list, mem_strdup(path));
}

static void look_up(const struct host_root *root, const char *name, const char *search, bool candidates,
                    struct path_list *ret)
{
    scoped(cleanup_free) char *copy = mem_strdup(search);
    char *rest = copy;

    for (char *folder; (folder = strsep(&rest, ":"));) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, name);

        if (folder[0] != '/')
            continue;
        if (candidates) {
            add_path(ret, path);
        } else if (is_program(root, path)) {
            add_path(ret, path);
            return;
        }
    }
}

/* ---- Programs that are installed more than once ---- */

enum { SETTINGS_MAX = 65536 };

/* The value that a line of the file gives NAME, from after it and one of SEPARATORS; appended to SEARCH as more
 * folders.
 */
static void add_search_path(const struct host_root *root, const char *file, const char *name, const char *separators,
                            struct str *search)
{
    scoped_str text = STR_INIT;
    size_t length = strlen(name);

    if (host_read(root, file, SETTINGS_MAX, &text, NULL) < 0)
        return;
    for (const char *line = str_text(&text); line; line = strchr(line, '\n')) {
        const char *value;

        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || !strchr(separators, line[length]) || !line[length])
            continue;
        value = line + length + strspn(line + length, " \t=\"");
        value += str_starts(value, "PATH=") ? strlen("PATH=") : 0;
        str_append_char(search, ':');
        str_append_n(search, value, strcspn(value, "\"'\r\n \t#"));
    }
}

/* Where a user of this host finds a program: dockerd's own search path, and that of whoever logs in. */
static void every_search_path(const struct host_root *root, const char *search, struct str *ret)
{
    str_printf(ret, "%s:%s:/snap/bin", search, default_search_path);
    add_search_path(root, "/etc/environment", "PATH", "=", ret);
    add_search_path(root, "/etc/login.defs", "ENV_PATH", " \t", ret);
    add_search_path(root, "/etc/login.defs", "ENV_SUPATH", " \t", ret);
}

/* Is it a file that the list has under another name, by a link or a folder's? */
static bool is_same_file(const struct host_root *root, const struct path_list *list, const char *path)
{
    struct stat st, other;

    if (host_stat(root, path, &st, NULL) < 0)
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (host_stat(root, list->items[i], &other, NULL) == 0 && st.st_dev == other.st_dev &&
            st.st_ino == other.st_ino)
            return true;
    return false;
}

static void look_up_every(const struct host_root *root, const char *name, const char *search, bool candidates,
                          struct path_list *ret)
{
    scoped_str folders = STR_INIT;
    char *rest;

    every_search_path(root, search, &folders);
    rest = folders.data;
    for (char *folder; (folder = strsep(&rest, ":"));) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, name);

        if (folder[0] == '/' && (candidates || (is_program(root, path) && !is_same_file(root, ret, path))))
            add_path(ret, path);
    }
    if (candidates) {
        add_path(ret, "/etc/environment");
        add_path(ret, "/etc/login.defs");
    }
}

/* ---- Runtimes ---- */

/* The default runtime as it is configured: a path, a program's name, or a shim's type. */
static const char *default_runtime(const struct info_facts *info)
{
    const char *name = info && !str_empty(info->default_runtime) ? info->default_runtime : "runc";
    size_t length = strlen(name);

    for (size_t i = 0; info && i < info->runtimes.count; i++) {
        const char *runtime = info->runtimes.items[i];

        if (strncmp(runtime, name, length) == 0 && runtime[length] == '=' && runtime[length + 1])
            return runtime + length + 1;
    }
    return name;
}

static const char shim_type[] = "io.containerd.";

/* A shim's program, as containerd finds it by its type: io.containerd.kata.v2 is containerd-shim-kata-v2. For the
 * caller to free. */
static char *shim_program(const char *type)
{
    char *program;

    if (strcmp(type, "io.containerd.runtime.v1.linux") == 0)
        return mem_strdup("containerd-shim");
    program = mem_printf("containerd-shim-%s", type + strlen(shim_type));
    for (char *dot = program; (dot = strchr(dot, '.'));)
        *dot = '-';
    return program;
}

/* The default runtime's path or program, for the caller to free. */
static char *runtime_program(const struct info_facts *info)
{
    const char *runtime = default_runtime(info);

    return str_starts(runtime, shim_type) ? shim_program(runtime) : mem_strdup(runtime);
}

/* The shim that runs the containers of one of the engine's RUNTIMES ("name=path" or "name=type"): a path, or a
 * program's name, for the caller to free. What has only a path is run by runc's. */
static char *shim_of(const char *runtime)
{
    const char *value = strchr(runtime, '='), *slash;
    scoped(cleanup_free) char *name = mem_strndup(runtime, value ? (size_t)(value - runtime) : strlen(runtime));

    value = value ? value + 1 : "";
    slash = strrchr(value, '/');
    if (value[0] == '/' && str_starts(slash + 1, "containerd-shim"))
        return mem_strdup(value);
    if (str_starts(value, shim_type))
        return shim_program(value);
    return str_starts(name, shim_type) ? shim_program(name) : mem_strdup("containerd-shim-runc-v2");
}

static void add_shims(const struct host_root *root, const struct info_facts *info, const char *search, bool candidates,
                      struct path_list *ret)
{
    for (size_t i = 0; i < (info && info->runtimes.count ? info->runtimes.count : 1); i++) {
        scoped(cleanup_free) char *shim = shim_of(info && info->runtimes.count ? info->runtimes.items[i] : "runc=");

        if (shim[0] == '/')
            add_path(ret, shim);
        else
            look_up(root, shim, search, candidates, ret);
    }
}

/* dockerd has containerd within itself: there is neither a process nor a socket of it. */
static bool is_embedded(const struct host_root *root, const struct daemon_facts *daemon)
{
    static const char feature[] = "embedded-containerd=";
    bool embedded = false;

    for (size_t i = 0; i < daemon->option_count; i++)
        if (strcmp(daemon->options[i].name, "feature") == 0 && str_starts(daemon->options[i].value, feature))
            embedded = strcmp(daemon->options[i].value + strlen(feature), "true") == 0;
    return embedded && (daemon->pid <= 0 || proc_find_child(root, daemon->pid, "containerd") <= 0);
}

/* ---- All ---- */

static bool is_of_containerd(const char *name)
{
    return strcmp(name, "@shims") == 0 || str_starts(name, "containerd") || str_starts(name, "docker-containerd");
}

static void add_named(const struct host_root *root, const char *name, const struct fileset_context *context,
                      const char *search, bool candidates, struct path_list *ret)
{
    static const char every[] = "every ";
    const struct daemon_facts *daemon = context->daemon;
    scoped(cleanup_free) char *runtime = strcmp(name, "@runtime") == 0 ? runtime_program(context->info) : NULL;

    if (is_of_containerd(name) && is_embedded(root, daemon))
        return;
    if (str_starts(name, every))
        look_up_every(root, name + strlen(every), search, candidates, ret);
    else if (strcmp(name, "@shims") == 0)
        add_shims(root, context->info, search, candidates, ret);
    else if (strcmp(name, "dockerd") == 0 && daemon->exe && daemon->exe[0] == '/')
        add_path(ret, daemon->exe);
    else if (strcmp(name, "dockerd") == 0 && daemon->arguments.count && daemon->arguments.items[0][0] == '/')
        add_path(ret, daemon->arguments.items[0]);
    else if (strcmp(name, "containerd") == 0 && daemon->containerd_exe)
        add_path(ret, daemon->containerd_exe);
    else if (runtime && runtime[0] == '/')
        add_path(ret, runtime);
    else
        look_up(root, runtime ? runtime : name, search, candidates, ret);
}

/* The engine's own program is never left out: what is judged without it would pass by accident. */
static int must_be_there(const struct host_root *root, const struct path_list *list, size_t at, struct error *error)
{
    struct stat st;
    int r = at < list->count ? host_stat(root, list->items[at], &st, NULL) : -ENOENT;

    return r < 0 ? error_set(error, -r, "dockerd's program%s%s: %s", at < list->count ? " " : "",
                             at < list->count ? list->items[at] : "", error_reason(-r))
                 : 0;
}

int fileset_programs(const struct host_root *root, const char *names, const struct fileset_context *context,
                     bool candidates, struct path_list *ret, struct error *error)
{
    scoped(cleanup_free) char *copy = mem_strdup(names);
    const struct daemon_facts *daemon = context->daemon;
    char *rest = copy;

    if (!daemon)
        return error_set(error, ENODATA, "dockerd's options are not known yet");
    if (daemon->process_error && !candidates)
        return error_set(error, EACCES, "dockerd's process cannot be seen: %s", daemon->process_error);
    for (char *name; (name = strsep(&rest, ","));) {
        size_t before = ret->count;
        int r = 0;

        add_named(root, name, context, str_empty(daemon->search_path) ? default_search_path : daemon->search_path,
                  candidates, ret);
        if (strcmp(name, "dockerd") == 0 && !candidates && !daemon->podman)
            r = must_be_there(root, ret, before, error);
        if (r < 0)
            return r;
    }
    return 0;
}
