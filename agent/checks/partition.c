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

static bool is_same_file_system(const struct mount_point *a, const struct mount_point *b)
{
    return a->major == b->major && a->minor == b->minor;
}

/* A subvolume of btrfs that is mounted as such, not a folder of one that is bound: what it may use is limited by quota
 * groups, which no mount shows. */
static bool is_subvolume(const struct mount_point *mount)
{
    const char *option = strstr(mount->file_system_options, "subvol=");
    size_t length = strlen(mount->root);

    if (strcmp(mount->type, "btrfs") != 0 || strcmp(mount->root, "/") == 0)
        return false;
    option = option ? option + strlen("subvol=") : NULL;
    return !option || (strncmp(option, mount->root, length) == 0 && (option[length] == ',' || !option[length]));
}

/* A mount elsewhere of what lies outside MOUNT's own part of its file system: it fills the same space. NULL: none. */
static const struct mount_point *find_sharer(const struct mounts_facts *mounts, const struct mount_point *mount)
{
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount_point *other = &mounts->items[i];

        if (is_same_file_system(other, mount) && !check_path_within(other->root, mount->root) &&
            !check_path_within(other->mount_point, mount->mount_point) && !is_hidden(mounts, other))
            return other;
    }
    return NULL;
}

/* How far PATH has a file system for itself alone. WHY and SHARER say what is against it. */
struct place {
    enum verdict verdict;
    const struct mount_point *mount, *sharer;
    const char *why;
};

/* dockerd binds its data root to itself if it needs another propagation: that is not a partition. */
static struct place place_of(const struct mounts_facts *mounts, const char *path)
{
    struct place place = {.verdict = VERDICT_FAIL, .why = "", .mount = mount_at(mounts, path)};
    scoped(cleanup_free) char *parent = parent_of(path);
    const struct mount_point *above = mount_of(mounts, parent);

    if (!place.mount) {
        place.why = "not a mount point";
        return place;
    }
    if (strcmp(path, "/") != 0 && above && is_same_file_system(above, place.mount))
        place.sharer = above;
    else
        place.sharer = find_sharer(mounts, place.mount);
    if (!place.sharer)
        place.verdict = VERDICT_PASS;
    else if (is_subvolume(place.mount))
        place.verdict = VERDICT_MANUAL;
    else
        place.why = "the mount there is part of a file system that is also mounted at";
    return place;
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

static bool is_configured(const struct mounts_facts *mounts, const char *path)
{
    for (size_t i = 0; i < mounts->configured.count; i++) {
        const char *point = mounts->configured.items[i];
        size_t length = strlen(point);

        while (length > 1 && point[length - 1] == '/')
            length--;
        if (strncmp(point, path, length) == 0 && !path[length])
            return true;
    }
    return false;
}

static void judge_folder(const struct check_input *in, struct check_result *out, const struct mounts_facts *mounts,
                         const char *path, const char *alternative, const char *what)
{
    struct place own = place_of(mounts, path), other = {.verdict = VERDICT_FAIL, .why = ""};
    scoped_str word = STR_INIT;

    if (alternative && own.verdict != VERDICT_PASS)
        other = place_of(mounts, alternative);
    if (other.verdict < own.verdict)
        own = other;
    if (own.verdict == VERDICT_PASS) {
        bool lasts = !mounts->has_configured || is_configured(mounts, own.mount->mount_point);

        check_say(in, out, VERDICT_PASS, "%s %s is on %s (%s), mounted at %s%s", what, path, own.mount->source,
                  own.mount->type, own.mount->mount_point,
                  lasts ? ""
                        : M_(", which is in neither /etc/fstab nor a mount unit: it is not there after the next boot"));
    } else if (own.verdict == VERDICT_MANUAL) {
        check_say(
            in, out, VERDICT_MANUAL,
            "%s %s is the btrfs subvolume %s of the file system that is also mounted at %s: whether a quota group "
            "limits it is not known",
            what, path, own.mount->root, own.sharer->mount_point);
    } else {
        const struct mount_point *holder = mount_of(mounts, path);

        check_say(in, out, VERDICT_FAIL, "%s %s is on the file system of %s: %s%s%s", what, path,
                  holder ? holder->mount_point : "/", own.why, own.sharer ? " " : "",
                  own.sharer ? own.sharer->mount_point : "");
        text_shell_quote(&word, alternative ? alternative : path);
        if (!out->remedy.length)
            check_remedy_note(in, out, "stop %s, mount a separate file system at %s, and move the data there",
                              check_is_podman(in)
                                  ? M_("the containers (podman stop --all), podman.socket and podman.service")
                                  : "docker",
                              word.data);
    }
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
                             const struct info_facts *info, const struct daemon_facts *daemon,
                             const char *why_no_daemon)
{
    static const char usual_address[] = "/run/containerd/containerd.sock", usual_root[] = "/var/lib/containerd";
    const char *under_var = "/var/run/containerd/containerd.sock";
    const char *address = info->containerd_address, *path = check_param(in, "containerd_root")->string;

    if (str_empty(address) && daemon)
        address = daemon_option(daemon, "containerd", NULL);
    if (!str_empty(address) && is_of_dockerd(address, daemon))
        return;
    if (!*path && !daemon) { /* a failure is one whatever that root is */
        if (out->verdict == VERDICT_FAIL)
            return;
        check_error(in, out, M_("containerd's root"), why_no_daemon);
        return;
    }
    if (!*path && daemon->containerd_root)
        path = daemon->containerd_root;
    if (!*path && (str_empty(address) || strcmp(address, usual_address) == 0 || strcmp(address, under_var) == 0))
        path = usual_root;
    if (*path)
        judge_folder(in, out, mounts, path, NULL, "containerd's root");
    else
        check_error(in, out, address,
                    M_("the data directory of this containerd is unknown (set params.containerd_root)"));
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
    const char *why, *why_no_info = NULL, *why_no_daemon = NULL, *given;
    const struct mounts_facts *mounts = store_mounts(in->store, &why);
    const struct info_facts *info = store_info(in->store, &why_no_info);
    const struct daemon_facts *daemon = store_daemon(in->store, &why_no_daemon);
    scoped(cleanup_free) char *path = NULL, *parent = NULL;

    if (!mounts) {
        check_error(in, out, M_("mounts"), why);
        return;
    }
    given = info ? info->data_root : daemon ? daemon_option(daemon, "data-root", NULL) : NULL;
    if (str_empty(given)) {
        check_error(in, out, M_("info"), info ? M_("the engine does not report its data root") : why_no_info);
        if (!info && !daemon)
            check_error(in, out, M_("dockerd's options"), why_no_daemon);
        return;
    }
    path = trimmed(given);
    if (is_remapped_child(info, path))
        parent = parent_of(path);
    judge_folder(in, out, mounts, path, parent, "the data root");
    if (info && info->containerd_store)
        judge_containerd(in, out, mounts, info, daemon, why_no_daemon);
}
