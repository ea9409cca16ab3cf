/* What host this is: its distribution, and which security modules the kernel runs.
 *
 * A kernel without the module has no such files: that is an answer, not an error. The list in securityfs is the last
 * word where it can be read, as a module may be loaded with its parameter on and still not be in use. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/facts/digest.h"
#include "probes/host/proc.h"

enum { SYSFS_FILE_MAX = 4096, OS_RELEASE_MAX = 65536 };

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
    facts->aslr = read_line(root, "/proc/sys/kernel/randomize_va_space", &aslr, &r, NULL)
                      ? (int)strtol(str_text(&aslr), NULL, 10)
                      : -1;
    if (!read_line(root, "/sys/kernel/security/lockdown", &lockdown, &r, NULL) || !lockdown.data)
        return;
    begin = strchr(lockdown.data, '['); /* "none [integrity] confidentiality" */
    end = begin ? strchr(begin, ']') : NULL;
    if (end)
        facts->lockdown = arena_strndup(facts->facts.arena, begin + 1, (size_t)(end - begin - 1));
}

/* The value of a line "NAME=value" or NAME="value" of an os-release file; NULL: no such line. */
static const char *release_value(struct arena *arena, const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        const char *value;

        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || line[length] != '=')
            continue;
        value = line + length + 1;
        if (*value == '"' || *value == '\'')
            return arena_strndup(arena, value + 1, strcspn(value + 1, "\"'\n"));
        return arena_strndup(arena, value, strcspn(value, " \t\r\n"));
    }
    return NULL;
}

/* os-release(5): the first of the two places that exists; what cannot be read stays unknown. */
static void read_distribution(const struct host_root *root, struct lsm_facts *facts)
{
    static const char *const places[] = {"/etc/os-release", "/usr/lib/os-release"};
    struct arena *arena = facts->facts.arena;

    for (size_t i = 0; i < countof(places); i++) {
        scoped_str text = STR_INIT;

        if (host_read(root, places[i], OS_RELEASE_MAX, &text, NULL) < 0)
            continue;
        facts->os_id = release_value(arena, str_text(&text), "ID");
        facts->os_version = release_value(arena, str_text(&text), "VERSION_ID");
        facts->os_like = release_value(arena, str_text(&text), "ID_LIKE");
        return;
    }
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
    ignored = !read_line(root, "/sys/kernel/security/lsm", &list, &r, error) || !list.length || !*list.data;
    if (r == -EACCES || r == -EPERM) /* it may say that a module is not in use */
        return r;
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
    read_distribution(root, facts);
    hash_init(&hash);
    digest_number(&hash, facts->apparmor);
    digest_number(&hash, facts->selinux);
    digest_number(&hash, facts->selinux_enforcing);
    digest_text(&hash, facts->lsm_list);
    digest_text(&hash, facts->kernel);
    digest_text(&hash, facts->lockdown);
    digest_number(&hash, facts->aslr);
    digest_text(&hash, facts->os_id);
    digest_text(&hash, facts->os_version);
    digest_text(&hash, facts->os_like);
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}
