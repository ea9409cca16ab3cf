/* Where the engine's programs are: those that run are asked of /proc, the others looked up as dockerd would, in its own
 * search path. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "probes/daemon/containerd.h"
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

/* A running program's file; one that was replaced while it runs is followed to the new one. */
static bool add_running(const struct host_root *root, pid_t pid, struct path_list *ret)
{
    static const char deleted[] = " (deleted)";
    char exe[PATH_MAX];

    if (pid <= 0 || !proc_read_link(root, pid, "exe", exe, sizeof exe) || exe[0] != '/')
        return false;
    if (str_ends(exe, deleted))
        exe[strlen(exe) - strlen(deleted)] = '\0';
    add_path(ret, exe);
    return true;
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

/* Its path or program; a shim's, as containerd finds it: io.containerd.kata.v2 is containerd-shim-kata-v2. For the
 * caller to free. */
static char *runtime_program(const struct info_facts *info)
{
    static const char shim[] = "io.containerd.";
    const char *runtime = default_runtime(info);
    char *program;

    if (!str_starts(runtime, shim))
        return mem_strdup(runtime);
    program = mem_printf("containerd-shim-%s", runtime + strlen(shim));
    for (char *dot = program; (dot = strchr(dot, '.'));)
        *dot = '-';
    return program;
}

static void add_named(const struct host_root *root, const char *name, const struct fileset_context *context,
                      const char *search, bool candidates, struct path_list *ret)
{
    const struct daemon_facts *daemon = context->daemon;
    scoped(cleanup_free) char *runtime = strcmp(name, "@runtime") == 0 ? runtime_program(context->info) : NULL;

    if (strcmp(name, "dockerd") == 0 && daemon->exe && daemon->exe[0] == '/')
        add_path(ret, daemon->exe);
    else if (strcmp(name, "dockerd") == 0 && daemon->arguments.count && daemon->arguments.items[0][0] == '/')
        add_path(ret, daemon->arguments.items[0]);
    else if (strcmp(name, "containerd") == 0 &&
             add_running(root, containerd_find(root, context->units, daemon->pid), ret))
        return;
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
                             at < list->count ? list->items[at] : "", strerror(-r))
                 : 0;
}

int fileset_programs(const struct host_root *root, const char *names, const struct fileset_context *context,
                     bool candidates, struct path_list *ret, struct error *error)
{
    scoped(cleanup_free) char *copy = mem_strdup(names), *search = NULL;
    const struct daemon_facts *daemon = context->daemon;
    char *rest = copy;

    if (!daemon)
        return error_set(error, ENODATA, "dockerd's options are not known yet");
    if (daemon->pid > 0)
        search = proc_read_environment(root, daemon->pid, "PATH");
    for (char *name; (name = strsep(&rest, ","));) {
        size_t before = ret->count;
        int r = 0;

        add_named(root, name, context, str_empty(search) ? default_search_path : search, candidates, ret);
        if (strcmp(name, "dockerd") == 0 && !candidates && !daemon->podman)
            r = must_be_there(root, ret, before, error);
        if (r < 0)
            return r;
    }
    return 0;
}
