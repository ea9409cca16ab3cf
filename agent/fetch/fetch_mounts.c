/* Mounts: read for the rules that judge them, and compared when they change.
 *
 * Every container that starts makes the host mount its file system and its network. No rule reads such a mount and no
 * watched path leads through it, so nothing is read for it. */
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "common/log.h"
#include "probes/daemon/daemon_config.h"

void fetch_mounts(struct fetcher *fetcher, const char *key)
{
    scoped(cleanup_free) char *proc = host_outside_path(fetcher->root, "/proc");
    struct mounts_facts *facts = NULL;
    struct error error = ERROR_INIT;
    int r;

    (void)key;
    if (fetch_refuse_remote(fetcher, INPUT_MOUNTS, NULL))
        return;
    r = mounts_read(proc, &facts, &error);
    if (r == 0)
        mounts_read_configured(fetcher->root, facts);
    fetch_deliver(fetcher, INPUT_MOUNTS, NULL, r, r < 0 ? NULL : &facts->facts, &error);
}

static bool is_reached(const struct mount_changes *changes, const char *path)
{
    return !str_empty(path) && mount_changes_reach(changes, path);
}

/* A file system that is mounted at PATH came or went elsewhere: who mounts it there shares its space. */
static bool share_file_system(const struct mount_changes *changes, const struct mounts_facts *mounts, const char *path)
{
    for (size_t i = 0; !str_empty(path) && i < mounts->count; i++) {
        const struct mount_point *mount = &mounts->items[i];

        if (strcmp(mount->mount_point, path) == 0 && mount_changes_of_device(changes, mount->major, mount->minor))
            return true;
    }
    return false;
}

/* What rules ask of mounts is on which one a directory lies, and who shares its file system: that of dockerd's data,
 * that of containerd's, one that the rule names. */
static bool concern_folder(const struct mount_changes *changes, const struct mounts_facts *mounts, const char *path)
{
    return is_reached(changes, path) || (mounts && share_file_system(changes, mounts, path));
}

/* A rule names the directory. */
static bool concern_folder_of_rule(const struct mount_changes *changes, const struct mounts_facts *mounts,
                                   const struct rule *rule)
{
    const struct param_spec *spec = rule->check->params;

    for (size_t i = 0; spec && spec[i].name; i++)
        if (spec[i].type == PARAM_STRING && concern_folder(changes, mounts, rule->params[i].string))
            return true;
    return false;
}

static bool concern_rules(const struct fetcher *fetcher, const struct mount_changes *changes)
{
    const struct store *store = evaluator_store(fetcher->evaluator);
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);
    const struct info_facts *info = store_info(store, NULL);
    const struct daemon_facts *daemon = store_daemon(store, NULL);
    const struct mounts_facts *mounts = store_mounts(store, NULL);
    const char *root = info ? info->data_root : daemon ? daemon_option(daemon, "data-root", NULL) : NULL;
    const char *name = str_empty(root) ? NULL : strrchr(root, '/');
    scoped(cleanup_free) char *above = name ? mem_strndup(root, (size_t)(name - root)) : NULL; /* for userns-remap */

    if (str_empty(root) || concern_folder(changes, mounts, root) ||
        (mounts && share_file_system(changes, mounts, above)) ||
        concern_folder(changes, mounts, "/var/lib/containerd") ||
        (daemon && concern_folder(changes, mounts, daemon->containerd_root)))
        return true;
    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].enabled && (rules->rules[i].check->reads & INPUT_BIT(INPUT_MOUNTS)) &&
            concern_folder_of_rule(changes, mounts, &rules->rules[i]))
            return true;
    return false;
}

static void on_mounts(const struct mount_changes *changes, void *user)
{
    struct fetcher *fetcher = user;

    watching_mounts_changed(fetcher->watching, changes);
    if (concern_rules(fetcher, changes))
        evaluator_stale(fetcher->evaluator, INPUT_MOUNTS, NULL, "mounts");
}

void fetch_watch_mounts(struct fetcher *fetcher)
{
    scoped(cleanup_free) char *proc = host_outside_path(fetcher->root, "/proc");
    struct error error = ERROR_INIT;

    fetcher->mounts = mounts_watch_new(fetcher->base, proc, on_mounts, fetcher, &error);
    if (!fetcher->mounts)
        log_warning("cannot watch the mount table: %s", error.text);
}
