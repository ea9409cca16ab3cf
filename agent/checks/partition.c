/* Rule 1.1: a partition of its own for what Docker keeps. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "probes/daemon/daemon_config.h"

static const struct mount_point *find_mount(const struct mounts_facts *mounts, int id)
{
    for (size_t i = 0; i < mounts->count; i++)
        if (mounts->items[i].id == id)
            return &mounts->items[i];
    return NULL;
}

/* Another file system mounted on the same one, further up, hides it; or hides the one it is mounted on. */
static bool is_hidden(const struct mounts_facts *mounts, const struct mount_point *mount)
{
    for (size_t depth = 0; mount && depth < mounts->count; depth++) {
        for (size_t i = 0; i < mounts->count; i++) {
            const struct mount_point *other = &mounts->items[i];

            if (other->parent == mount->parent && other != mount &&
                strcmp(other->mount_point, mount->mount_point) != 0 &&
                check_path_within(mount->mount_point, other->mount_point))
                return true;
        }
        mount = mount->parent == mount->id ? NULL : find_mount(mounts, mount->parent);
    }
    return false;
}

static const struct mount_point *mount_at(const struct mounts_facts *mounts, const char *path)
{
    for (size_t i = mounts->count; i-- > 0;) /* the last one covers those before it */
        if (strcmp(mounts->items[i].mount_point, path) == 0 && !is_hidden(mounts, &mounts->items[i]))
            return &mounts->items[i];
    return NULL;
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash != path ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup("/");
}

/* The mount that holds PATH. */
static const struct mount_point *mount_of(const struct mounts_facts *mounts, const char *path)
{
    scoped(cleanup_free) char *at = mem_strdup(path);

    for (;;) {
        const struct mount_point *mount = mount_at(mounts, at);
        char *parent;

        if (mount || strcmp(at, "/") == 0)
            return mount;
        parent = parent_of(at);
        free(at);
        at = parent;
    }
}

/* dockerd binds its data root to itself if it needs another propagation: that is not a partition. */
static bool is_own_partition(const struct mounts_facts *mounts, const char *path, const char **ret_why)
{
    const struct mount_point *mount = mount_at(mounts, path), *above;
    scoped(cleanup_free) char *parent = parent_of(path);

    if (!mount) {
        *ret_why = "not a mount point";
        return false;
    }
    above = mount_of(mounts, parent);
    if (above && above->major == mount->major && above->minor == mount->minor && strcmp(path, "/") != 0) {
        *ret_why = "the mount there is part of the file system above it";
        return false;
    }
    return true;
}

/* Under userns-remap the data root is the child "uid.gid" of the configured directory. */
static bool is_remapped_child(const struct info_facts *info, const char *path)
{
    const char *name = strrchr(path, '/');
    size_t digits;

    if (!info || !info->userns || !name)
        return false;
    digits = strspn(++name, "0123456789");
    return digits && name[digits] == '.' && name[digits + 1] &&
           !name[digits + 1 + strspn(name + digits + 1, "0123456789")];
}

static void judge_folder(const struct check_input *in, struct check_result *out, const struct mounts_facts *mounts,
                         const char *path, const char *alternative, const char *what)
{
    const char *why = NULL, *ignored;
    const struct mount_point *holder;
    const char *own = is_own_partition(mounts, path, &why)                             ? path
                      : alternative && is_own_partition(mounts, alternative, &ignored) ? alternative
                                                                                       : NULL;
    scoped_str word = STR_INIT;

    if (own) {
        const struct mount_point *mount = mount_at(mounts, own);

        check_say(in, out, VERDICT_PASS, "%s %s is on %s (%s), mounted at %s", what, path, mount->source, mount->type,
                  mount->mount_point);
        return;
    }
    holder = mount_of(mounts, path);
    check_say(in, out, VERDICT_FAIL, "%s %s is on the file system of %s: %s", what, path,
              holder ? holder->mount_point : "/", why);
    text_shell_quote(&word, alternative ? alternative : path);
    if (!out->remedy.length)
        check_remedy(in, out, "# stop docker, mount a separate file system at %s, move the data there", word.data);
}

/* A containerd that dockerd started itself keeps its data in the data root. */
static bool is_of_dockerd(const char *address, const struct daemon_facts *daemon)
{
    static const char below[] = "containerd/containerd.sock";
    const char *exec_root = daemon ? daemon_option(daemon, "exec-root", NULL) : NULL;
    const char *roots[] = {"/run/docker", "/var/run/docker", exec_root};

    for (size_t i = 0; i < countof(roots); i++) {
        size_t length = roots[i] ? strlen(roots[i]) : 0;

        if (length && strncmp(address, roots[i], length) == 0 && address[length] == '/' &&
            strcmp(address + length + 1, below) == 0)
            return true;
    }
    return false;
}

static void judge_containerd(const struct check_input *in, struct check_result *out, const struct mounts_facts *mounts,
                             const struct info_facts *info, const struct daemon_facts *daemon)
{
    static const char usual_address[] = "/run/containerd/containerd.sock", usual_root[] = "/var/lib/containerd";
    const char *under_var = "/var/run/containerd/containerd.sock";
    const char *address = info->containerd_address, *path = check_param(in, "containerd_root")->string;

    if (str_empty(address) && daemon)
        address = daemon_option(daemon, "containerd", NULL);
    if (!str_empty(address) && is_of_dockerd(address, daemon))
        return;
    if (!*path && daemon && daemon->containerd_root)
        path = daemon->containerd_root;
    if (!*path && (str_empty(address) || strcmp(address, usual_address) == 0 || strcmp(address, under_var) == 0))
        path = usual_root;
    if (*path)
        judge_folder(in, out, mounts, path, NULL, "containerd's root");
    else
        check_error(in, out, address, "the data directory of this containerd is unknown (set params.containerd_root)");
}

/* PATH without slashes at its end. */
static char *trimmed(const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    return mem_strndup(path, length);
}

void check_data_root_partition(const struct check_input *in, struct check_result *out)
{
    const char *why, *given;
    const struct mounts_facts *mounts = store_mounts(in->store, &why);
    const struct info_facts *info = store_info(in->store, NULL);
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    scoped(cleanup_free) char *path = NULL, *parent = NULL;

    if (!mounts) {
        check_error(in, out, "mounts", why);
        return;
    }
    given = info ? info->data_root : daemon ? daemon_option(daemon, "data-root", NULL) : NULL;
    if (str_empty(given)) {
        store_info(in->store, &why);
        check_error(in, out, "info", why);
        return;
    }
    path = trimmed(given);
    if (is_remapped_child(info, path))
        parent = parent_of(path);
    judge_folder(in, out, mounts, path, parent, "the data root");
    if (info && info->containerd_store)
        judge_containerd(in, out, mounts, info, daemon);
}
