/* Host directories, sockets and mount propagation inside containers. Paths are compared by component, at every place of
 * the host that a mount shows; where these are not known, at the paths that the engine was given. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/remedy.h"
#include "common/text.h"
#include "probes/daemon/daemon_config.h"

/* One path of the host that a mount shows. */
struct shown {
    const struct mount_facts *mount;
    const struct mount_place *place; /* NULL: it is not known but by the path that was given */
    const char *given;               /* as the engine was given it: a bind's source, or a volume's device */
    struct str path;                 /* cleaned */
};

/* A bind's source, or one of what a local volume mounts; NULL past the end. */
static const char *given_path(const struct mount_facts *mount, size_t index)
{
    if (strcmp(mount->type, "bind") == 0)
        return index || *mount->source != '/' ? NULL : mount->source;
    return index < mount->devices.count ? mount->devices.items[index] : NULL;
}

/* The path of MOUNT of that INDEX. False: past the end. What a block device holds is also known by the device. */
static bool next_shown(const struct mount_facts *mount, size_t index, struct shown *ret)
{
    const char *given;

    ret->mount = mount;
    ret->place = index < mount->place_count ? &mount->places[index] : NULL;
    given = ret->place                                   ? given_path(mount, 0)
            : mount->place_count && !mount->block_device ? NULL
                                                         : given_path(mount, index - mount->place_count);
    if (!ret->place && !given)
        return false;
    ret->given = given ? given : mount->source;
    check_path_clean(ret->place ? ret->place->path : given, &ret->path);
    return true;
}

/* "/etc", "/srv/link -> /etc", "volume conf -> /etc", "/srv/sub -> /etc". */
static void print_source(const struct shown *shown, struct str *out)
{
    const struct mount_facts *mount = shown->mount;

    if (strcmp(mount->type, "bind") != 0)
        message_add(out, "volume %s -> %s", mount->name ? mount->name : mount->source, shown->path.data);
    else if (shown->place && *shown->place->below)
        str_printf(out, "%s%s -> %s", mount->source, shown->place->below, shown->path.data);
    else if (strcmp(mount->source, shown->path.data) != 0)
        str_printf(out, "%s -> %s", mount->source, shown->path.data);
    else
        str_append(out, shown->path.data);
}

/* The destinations of the mounts that are to be changed, as far as a remedy lists them. */
struct destinations {
    struct str text;
    size_t count;
    bool more;
};

static void list_destination(const struct check_input *in, const struct mount_facts *mount, struct destinations *list)
{
    if (!in->explain || list->more)
        return;
    list->more = !check_remedy_list(&list->text, &list->count, ", ", mount->destination);
    if (list->more)
        str_append(&list->text, list->text.length ? ", …" : "…");
}

static void remedy_without(const struct check_input *in, struct check_result *out, const struct destinations *list)
{
    scoped_str how = STR_INIT, compose = STR_INIT;

    message_add(&how, "without the mount at %s", str_text(&list->text));
    message_add(&compose, "remove what is mounted at %s from volumes", str_text(&list->text));
    check_remedy_recreate(in, out,
                          &(struct remedy_change){.how = how.data,
                                                  .key = "volumes",
                                                  .compose = compose.data,
                                                  .service = "--mount-rm DESTINATION",
                                                  .need = FIX_WORDS});
}

static void remedy_propagation(const struct check_input *in, struct check_result *out, const struct destinations *list)
{
    scoped_str how = STR_INIT, compose = STR_INIT;

    message_add(&how, "with rprivate or rslave propagation for the mount at %s", str_text(&list->text));
    message_add(&compose, "set propagation: rprivate or rslave for what volumes mounts at %s", str_text(&list->text));
    check_remedy_recreate(in, out,
                          &(struct remedy_change){.how = how.data,
                                                  .key = "volumes",
                                                  .compose = compose.data,
                                                  .service = "--mount-rm DESTINATION",
                                                  .need = FIX_WORDS});
}

/* When nothing was found: error for a mount of which it is not known what it shows, else pass with TEXT. */
static void say_clean(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                      const char *text)
{
    for (size_t i = 0; i < c->mount_count; i++)
        if (c->mounts[i].unknown) {
            scoped_str what = STR_INIT;

            message_add(&what, "the mount at %s", c->mounts[i].destination);
            check_error(in, out, what.data, c->mounts[i].unknown);
        }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "%s", text);
}

/* Where the engine keeps everything: whoever writes there is root in every container. */
struct engine_folders {
    const char *data_root, *containerd_root;
};

/* False: unknown, and error has been reported. */
static bool find_engine_folders(const struct check_input *in, struct check_result *out, struct engine_folders *ret)
{
    const char *why_no_info, *why_no_daemon;
    const struct info_facts *info = store_info(in->store, &why_no_info);
    const struct daemon_facts *daemon = store_daemon(in->store, &why_no_daemon);

    *ret = (struct engine_folders){.data_root = info ? info->data_root : NULL,
                                   .containerd_root = daemon && !str_empty(daemon->containerd_root)
                                                          ? daemon->containerd_root
                                                          : "/var/lib/containerd"};
    if (!info || !daemon)
        check_error(in, out, info ? M_("daemon") : M_("info"), info ? why_no_daemon : why_no_info);
    return info && daemon;
}

/* The sensitive directory that SHOWN is or lies in, or NULL. A volume's own storage is no bind, and what the engine
 * itself mounts inside a bind comes from its own directories. */
static const char *sensitive_directory(const struct engine_folders *engine, const struct shown *shown)
{
    static const char *const directories[] = {"/boot", "/dev", "/etc", "/proc", "/root", "/sys", "/usr"};
    const char *const of_engine[] = {engine->data_root, engine->containerd_root};
    const char *path = shown->path.data;
    bool is_bind = strcmp(shown->mount->type, "bind") == 0 && !(shown->place && *shown->place->below);

    if (strspn(path, "/") == strlen(path))
        return "/";
    for (size_t i = 0; i < countof(directories); i++)
        if (check_path_within(path, directories[i]))
            return directories[i];
    for (size_t i = 0; is_bind && i < countof(of_engine); i++)
        if (!str_empty(of_engine[i]) && check_path_within(path, of_engine[i]))
            return of_engine[i];
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

/* Reports the first sensitive directory that MOUNT shows. */
static bool say_sensitive(const struct check_input *in, struct check_result *out, const struct engine_folders *engine,
                          const struct mount_facts *mount)
{
    struct shown shown = {0};
    bool found = false;

    for (size_t i = 0; !found && next_shown(mount, i, &shown); i++) {
        const char *path = shown.path.data, *directory = sensitive_directory(engine, &shown);
        bool is_lower = shown.place && shown.place->layer > 1, writable = mount->rw && !is_lower;
        scoped_str source = STR_INIT;

        /* Whether a read-only source is a directory or a file makes no difference: what may be mounted is listed. */
        if (!directory || (!writable && is_allowed(in, path)))
            continue;
        print_source(&shown, &source);
        if (strcmp(path, directory) != 0)
            message_add(&source, " (in %s)", directory);
        check_say(in, out, VERDICT_FAIL, "%s is mounted %s at %s%s", source.data,
                  writable ? M_("writable") : M_("read-only"), mount->destination,
                  is_lower ? M_(", as a lower layer of an overlay") : "");
        found = true;
    }
    str_deinit(&shown.path);
    return found;
}

void check_container_sensitive_mounts(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    struct check_result unknown;
    struct engine_folders engine;
    struct destinations places = {.text = STR_INIT};
    bool has_bind = false, known;

    if (!c)
        return;
    check_result_init(&unknown);
    known = find_engine_folders(in, &unknown, &engine);
    for (size_t i = 0; i < c->mount_count; i++) {
        has_bind |= strcmp(c->mounts[i].type, "bind") == 0;
        if (say_sensitive(in, out, &engine, &c->mounts[i]))
            list_destination(in, &c->mounts[i], &places);
    }
    if (out->verdict != VERDICT_NONE)
        remedy_without(in, out, &places);
    else if (has_bind && !known)
        check_say(in, out, VERDICT_ERROR, "%s", str_text(&unknown.said));
    else
        say_clean(in, out, c, "no sensitive host directory is mounted");
    check_result_deinit(&unknown);
    str_deinit(&places.text);
}

void check_container_mount_propagation(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    struct destinations places = {.text = STR_INIT};

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        const char *propagation = c->mounts[i].propagation;

        if (strcmp(propagation, "shared") != 0 && strcmp(propagation, "rshared") != 0)
            continue;
        check_say(in, out, VERDICT_FAIL, "%s at %s has propagation %s", c->mounts[i].source, c->mounts[i].destination,
                  propagation);
        list_destination(in, &c->mounts[i], &places);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no mount has shared propagation");
    else
        remedy_propagation(in, out, &places);
    str_deinit(&places.text);
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

/* A file named like an engine's socket counts as one at any place: rootless engines keep theirs in their users'
 * directories. A directory or a regular file of that name is none. */
static const char *socket_shown(const struct check_input *in, const struct shown *shown)
{
    const struct string_list *known = &check_param(in, "sockets")->list;
    const struct fileset_facts *used = store_files(in->store, "sockets:", NULL);
    const char *path = shown->path.data;
    enum place_kind kind = shown->place ? shown->place->kind : PLACE_UNKNOWN;

    if (shown->place && shown->place->socket)
        return shown->place->socket;
    if (kind == PLACE_FILE)
        return NULL;
    for (size_t i = 0; i < known->count; i++) {
        bool is_same = strcmp(last_name(path), last_name(known->items[i])) == 0;

        if (holds(path, known->items[i]) && !(is_same && kind == PLACE_DIRECTORY))
            return known->items[i];
        if (is_same && kind != PLACE_DIRECTORY)
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

/* Reports the first of an engine's sockets that MOUNT shows, or will show to a container that does not run by the path
 * that it was given. */
static bool say_socket(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                       const struct mount_facts *mount)
{
    const struct mount_facts given = {.type = mount->type, .source = mount->source, .devices = mount->devices};
    bool is_file = mount->place_count && mount->places[0].kind == PLACE_FILE; /* by whatever name */
    struct shown shown = {0};
    bool found = false;

    for (size_t i = 0; !found && (next_shown(mount, i, &shown) || (!c->running && !is_file && i == mount->place_count &&
                                                                   next_shown(&given, 0, &shown)));
         i++) {
        const char *socket = socket_shown(in, &shown);
        scoped_str source = STR_INIT;

        if (!socket)
            continue;
        print_source(&shown, &source);
        if (strcmp(without_var(shown.given), without_var(socket)) == 0 && strcmp(mount->type, "bind") == 0)
            check_say(in, out, VERDICT_FAIL, "mounts the engine's socket %s at %s", socket, mount->destination);
        else
            check_say(in, out, VERDICT_FAIL, "mounts %s at %s, which exposes the engine's socket %s", source.data,
                      mount->destination, socket);
        found = true;
    }
    str_deinit(&shown.path);
    return found;
}

void check_container_engine_socket(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why;
    bool sockets_known = store_files(in->store, "sockets:", &why) != NULL, has_path = false;
    struct destinations places = {.text = STR_INIT};

    if (!c)
        return;
    for (size_t i = 0; i < c->mount_count; i++) {
        has_path |= c->mounts[i].place_count || given_path(&c->mounts[i], 0);
        if (say_socket(in, out, c, &c->mounts[i]))
            list_destination(in, &c->mounts[i], &places);
    }
    if (out->verdict == VERDICT_NONE && has_path && !sockets_known)
        check_error(in, out, M_("engine sockets"), why);
    else if (out->verdict == VERDICT_NONE)
        say_clean(in, out, c, "no engine socket is mounted");
    else
        remedy_without(in, out, &places);
    str_deinit(&places.text);
}
