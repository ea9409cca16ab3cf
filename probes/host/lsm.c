/* Which security modules the kernel runs.
 *
 * A kernel without the module has no such files: that is an answer, not an error. The list in securityfs is the last
 * word where it can be read, as a module may be loaded with its parameter on and still not be in use. */
#include <errno.h>
#include <string.h>

#include "probes/facts/digest.h"
#include "probes/host/proc.h"

enum { SYSFS_FILE_MAX = 4096 };

/* Reads a one-line file; false when it does not exist. Other errors are returned in RET_R. */
static bool read_line(const struct host_root *root, const char *path, struct str *ret, int *ret_r, struct error *error)
{
    int r = host_read(root, path, SYSFS_FILE_MAX, ret, error);

    *ret_r = r == -ENOENT || r == -ENOTDIR ? 0 : r;
    if (r < 0)
        return false;
    if (ret->length)
        ret->data[strcspn(ret->data, "\n")] = '\0';
    return true;
}

static bool list_holds(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = list;; at++) {
        size_t size = strcspn(at, ",");

        if (size == length && strncmp(at, name, size) == 0)
            return true;
        at += size;
        if (!*at)
            return false;
    }
}

/* What a person who judges the host's hardening wants to know; what cannot be read stays unknown. */
static void read_hardening(const struct host_root *root, struct lsm_facts *facts)
{
    scoped_str kernel = STR_INIT, aslr = STR_INIT, lockdown = STR_INIT;
    char *begin, *end;
    int r;

    if (read_line(root, "/proc/sys/kernel/osrelease", &kernel, &r, NULL))
        facts->kernel = arena_strdup(facts->facts.arena, str_text(&kernel));
    facts->aslr = read_line(root, "/proc/sys/kernel/randomize_va_space", &aslr, &r, NULL) ? atoi(str_text(&aslr)) : -1;
    if (!read_line(root, "/sys/kernel/security/lockdown", &lockdown, &r, NULL) || !lockdown.data)
        return;
    begin = strchr(lockdown.data, '['); /* "none [integrity] confidentiality" */
    end = begin ? strchr(begin, ']') : NULL;
    if (end)
        facts->lockdown = arena_strndup(facts->facts.arena, begin + 1, (size_t)(end - begin - 1));
}

int proc_read_lsm(const struct host_root *root, struct lsm_facts **ret, struct error *error)
{
    scoped_str apparmor = STR_INIT, enforce = STR_INIT, list = STR_INIT;
    bool has_apparmor, has_selinux, ignored;
    struct lsm_facts *facts;
    struct arena *arena;
    struct hash hash;
    int r;

    has_apparmor = read_line(root, "/sys/module/apparmor/parameters/enabled", &apparmor, &r, error);
    if (r < 0)
        return r;
    has_selinux = read_line(root, "/sys/fs/selinux/enforce", &enforce, &r, error);
    if (r < 0)
        return r;
    ignored = !read_line(root, "/sys/kernel/security/lsm", &list, &r, NULL) || !list.length || !*list.data;
    if (error)
        *error = ERROR_INIT;

    arena = arena_new(sizeof *facts + 64);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->apparmor = has_apparmor && str_text(&apparmor)[0] == 'Y' && (ignored || list_holds(list.data, "apparmor"));
    facts->selinux = has_selinux;
    facts->selinux_enforcing = has_selinux && str_text(&enforce)[0] == '1';
    facts->lsm_list = ignored ? NULL : arena_strdup(arena, list.data);
    read_hardening(root, facts);
    hash_init(&hash);
    digest_number(&hash, facts->apparmor);
    digest_number(&hash, facts->selinux);
    digest_number(&hash, facts->selinux_enforcing);
    digest_text(&hash, facts->lsm_list);
    digest_text(&hash, facts->kernel);
    digest_text(&hash, facts->lockdown);
    digest_number(&hash, facts->aslr);
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}
