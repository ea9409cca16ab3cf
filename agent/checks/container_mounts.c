/* Host directories, sockets and mount propagation inside containers. Paths are compared by component, at the place that
 * the engine was given and at the place where the host's symlinks lead. */
#include <string.h>

#include "agent/checks/checks.h"

static bool is_bind(const struct mount_facts *mount)
{
    return strcmp(mount->type, "bind") == 0;
}

/* The sensitive directory that PATH is or lies in, or NULL. */
static const char *sensitive_directory(const char *path)
{
    static const char *const directories[] = {"/boot", "/dev", "/etc", "/proc", "/sys", "/usr"};

    if (strspn(path, "/") == strlen(path))
        return "/";
    for (size_t i = 0; i < countof(directories); i++)
        if (check_path_within(path, directories[i]))
            return directories[i];
    return str_starts(path, "/lib") ? "/lib" : NULL; /* /lib64 and its like too */
}

static bool is_allowed(const struct check_input *in, const char *path)
{
    const struct string_list *allowed = &check_param(in, "allowed")->list;

    for (size_t i = 0; i < allowed->count; i++)
        if (check_path_within(path, allowed->items[i]))
            return true;
    return false;
}

void check_container_sensitive_mounts(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct mount_facts *mount = &c->mounts[i];
        const char *directory, *path = mount->source;

        if (!is_bind(mount))
            continue;
        directory = sensitive_directory(path);
        if (mount->resolved && (!directory || strcmp(mount->resolved, path) != 0) &&
            sensitive_directory(mount->resolved)) {
            directory = sensitive_directory(mount->resolved);
            path = mount->resolved;
        }
        if (!directory || (!mount->rw && (is_allowed(in, mount->source) || is_allowed(in, path))))
            continue;
        check_say(in, out, VERDICT_FAIL, "%s (in %s) is mounted %s at %s", path, directory,
                  mount->rw ? "writable" : "read-only", mount->destination);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no sensitive host directory is mounted");
    else
        check_remedy_recreate(in, out, "without these mounts");
}

void check_container_mount_propagation(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const char *propagation = c->mounts[i].propagation;

        if (strcmp(propagation, "shared") == 0 || strcmp(propagation, "rshared") == 0)
            check_say(in, out, VERDICT_FAIL, "%s at %s has propagation %s", c->mounts[i].source,
                      c->mounts[i].destination, propagation);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no mount has shared propagation");
    else
        check_remedy_recreate(in, out, "with rprivate or rslave propagation");
}

/* /var/run is /run on every current distribution: one spelling for both. */
static const char *without_var(const char *path)
{
    return check_path_within(path, "/var/run") ? path + strlen("/var") : path;
}

/* Is PATH the socket, or a directory that holds it? */
static bool holds(const char *path, const char *socket)
{
    return check_path_within(without_var(socket), without_var(path));
}

static const char *socket_inside(const struct check_input *in, const char *path)
{
    const struct string_list *known = &check_param(in, "sockets")->list;
    const struct fileset_facts *used = store_files(in->store, "sockets:", NULL);

    for (size_t i = 0; i < known->count; i++)
        if (holds(path, known->items[i]))
            return known->items[i];
    if (used && used->engine_socket && holds(path, used->engine_socket))
        return used->engine_socket;
    for (size_t i = 0; used && i < used->count; i++) {
        if (holds(path, used->items[i].path))
            return used->items[i].path;
        if (used->items[i].target && holds(path, used->items[i].target))
            return used->items[i].target;
    }
    return NULL;
}

void check_container_engine_socket(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why;
    bool sockets_known = store_files(in->store, "sockets:", &why) != NULL, has_bind = false;

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct mount_facts *mount = &c->mounts[i];
        const char *socket;

        if (!is_bind(mount))
            continue;
        has_bind = true;
        socket = socket_inside(in, mount->source);
        if (!socket && mount->resolved)
            socket = socket_inside(in, mount->resolved);
        if (socket)
            check_say(in, out, VERDICT_FAIL, "the engine's socket %s is inside, by the mount of %s at %s", socket,
                      mount->source, mount->destination);
    }
    if (out->verdict == VERDICT_NONE && has_bind && !sockets_known)
        check_error(in, out, "sockets of the engine", why);
    else if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no engine socket is mounted");
    else
        check_remedy_recreate(in, out, "without this mount");
}
