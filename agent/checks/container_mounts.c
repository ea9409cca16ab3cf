/* Host directories, sockets and mount propagation inside containers. Paths are compared by component, at the place that
 * the engine was given and at the place where the host's symlinks lead. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"

/* The directory or file of the host that MOUNT shows, cleaned and at its target, or NULL: a bind's source, and what a
 * local volume binds in the guise of a volume. */
static const char *shown(const struct mount_facts *mount, struct str *buffer)
{
    const char *source = strcmp(mount->type, "bind") == 0 ? mount->source : mount->device;

    if (!source || *source != '/')
        return NULL;
    check_path_clean(mount->resolved ? mount->resolved : source, buffer);
    return buffer->data;
}

/* "/etc", or "/srv/link -> /etc" and "volume conf -> /etc". */
static void print_source(const struct mount_facts *mount, const char *path, struct str *out)
{
    if (mount->device)
        str_printf(out, "volume %s -> %s", mount->name ? mount->name : mount->source, path);
    else if (strcmp(mount->source, path) != 0)
        str_printf(out, "%s -> %s", mount->source, path);
    else
        str_append(out, path);
}

/* Adds a mount to those that a new container should be without. */
static void list_destination(const struct mount_facts *mount, struct str *places)
{
    str_append(places, places->length ? ", " : "");
    text_shell_quote(places, mount->destination);
}

static void remedy_without(const struct check_input *in, struct check_result *out, const char *how,
                           const struct str *places)
{
    scoped_str text = STR_INIT;

    str_printf(&text, "%s %s", how, str_text(places));
    check_remedy_recreate(in, out, text.data);
}

/* When nothing was found: error for a mount of which it is not known what it shows, else pass with TEXT. */
static void say_clean(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                      const char *text)
{
    for (size_t i = 0; i < c->mount_count; i++)
        if (c->mounts[i].unknown) {
            scoped_str what = STR_INIT;

            str_printf(&what, "the mount at %s", c->mounts[i].destination);
            check_error(in, out, what.data, c->mounts[i].unknown);
        }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "%s", text);
}

/* The sensitive directory that PATH is or is below, or NULL. */
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
    scoped_str cleaned = STR_INIT, places = STR_INIT;

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct mount_facts *mount = &c->mounts[i];
        const char *path = shown(mount, &cleaned), *directory = path ? sensitive_directory(path) : NULL;
        scoped_str source = STR_INIT;

        /* Whether a read-only source is a directory or a file makes no difference: what may be mounted is listed. */
        if (!directory || (!mount->rw && is_allowed(in, path)))
            continue;
        print_source(mount, path, &source);
        if (strcmp(path, directory) != 0)
            str_printf(&source, " (in %s)", directory);
        check_say(in, out, VERDICT_FAIL, "%s is mounted %s at %s", source.data, mount->rw ? "writable" : "read-only",
                  mount->destination);
        list_destination(mount, &places);
    }
    if (out->verdict == VERDICT_NONE)
        say_clean(in, out, c, "no sensitive host directory is mounted");
    else
        remedy_without(in, out, "without the mount at", &places);
}

void check_container_mount_propagation(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    scoped_str places = STR_INIT;

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const char *propagation = c->mounts[i].propagation;

        if (strcmp(propagation, "shared") != 0 && strcmp(propagation, "rshared") != 0)
            continue;
        check_say(in, out, VERDICT_FAIL, "%s at %s has propagation %s", c->mounts[i].source, c->mounts[i].destination,
                  propagation);
        list_destination(&c->mounts[i], &places);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no mount has shared propagation");
    else
        remedy_without(in, out, "with rprivate or rslave propagation for the mount at", &places);
}

/* /var/run is /run on every current distribution: one spelling for both. */
static const char *without_var(const char *path)
{
    return check_path_within(path, "/var/run") ? path + strlen("/var") : path;
}

/* Is PATH the socket, or a directory that holds it? A name in SOCKET that is "*" is any. */
static bool holds(const char *path, const char *socket)
{
    path = without_var(path);
    socket = without_var(socket);
    for (;;) {
        size_t here, there;

        path += strspn(path, "/");
        socket += strspn(socket, "/");
        if (!*path)
            return true;
        here = strcspn(path, "/");
        there = strcspn(socket, "/");
        if (!there || (!(there == 1 && *socket == '*') && (here != there || strncmp(path, socket, here) != 0)))
            return false;
        path += here;
        socket += there;
    }
}

static const char *last_name(const char *path)
{
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/* PATH is cleaned. A file named like an engine's socket counts as one at any place: rootless engines keep theirs in
 * their users' directories. */
static const char *socket_inside(const struct check_input *in, const char *path)
{
    const struct string_list *known = &check_param(in, "sockets")->list;
    const struct fileset_facts *used = store_files(in->store, "sockets:", NULL);

    for (size_t i = 0; i < known->count; i++) {
        if (holds(path, known->items[i]))
            return known->items[i];
        if (strcmp(last_name(path), last_name(known->items[i])) == 0)
            return path;
    }
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

/* As it was given, and where that leads. */
static const char *socket_in_mount(const struct check_input *in, const struct mount_facts *mount, const char *path,
                                   struct str *buffer)
{
    const char *socket = socket_inside(in, path);

    if (socket || !mount->resolved)
        return socket;
    check_path_clean(mount->device ? mount->device : mount->source, buffer);
    return socket_inside(in, buffer->data);
}

void check_container_engine_socket(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why;
    bool sockets_known = store_files(in->store, "sockets:", &why) != NULL, has_bind = false;
    scoped_str cleaned = STR_INIT, given = STR_INIT, places = STR_INIT;

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct mount_facts *mount = &c->mounts[i];
        const char *path = shown(mount, &cleaned), *socket = path ? socket_in_mount(in, mount, path, &given) : NULL;
        scoped_str source = STR_INIT;

        has_bind |= path != NULL;
        if (!socket)
            continue;
        print_source(mount, path, &source);
        if (strcmp(without_var(mount->source), without_var(socket)) == 0)
            check_say(in, out, VERDICT_FAIL, "mounts the engine's socket %s at %s", socket, mount->destination);
        else
            check_say(in, out, VERDICT_FAIL, "mounts %s at %s, which exposes the engine's socket %s", source.data,
                      mount->destination, socket);
        list_destination(mount, &places);
    }
    if (out->verdict == VERDICT_NONE && has_bind && !sockets_known)
        check_error(in, out, "engine sockets", why);
    else if (out->verdict == VERDICT_NONE)
        say_clean(in, out, c, "no engine socket is mounted");
    else
        remedy_without(in, out, "without the mount at", &places);
}
