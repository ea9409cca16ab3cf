/* Section 1 but its audit rules, and content trust: the host that the engine runs on. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "probes/daemon_config.h"

#define DAY (24 * 3600 * USEC_PER_SEC)

/* ---- A partition for Docker's data ---- */

static const struct mount_point *mount_at(const struct mounts_facts *mounts, const char *path)
{
    const struct mount_point *found = NULL; /* the last one covers those before it */

    for (size_t i = 0; i < mounts->count; i++)
        if (strcmp(mounts->items[i].mount_point, path) == 0)
            found = &mounts->items[i];
    return found;
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

/* dockerd binds its data root to itself where it needs another propagation: that is no partition. */
static bool is_own_partition(const struct mounts_facts *mounts, const char *path, const char **ret_why)
{
    const struct mount_point *mount = mount_at(mounts, path), *above;
    scoped(cleanup_free) char *parent = parent_of(path);

    if (!mount) {
        *ret_why = "it is not a mount point";
        return false;
    }
    above = mount_of(mounts, parent);
    if (above && above->major == mount->major && above->minor == mount->minor && strcmp(path, "/") != 0) {
        *ret_why = "what is mounted there is a part of the file system above it";
        return false;
    }
    return true;
}

/* Under userns-remap the data root is the child "uid.gid" of the folder that was configured. */
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

        check_say(in, out, VERDICT_PASS, "%s %s lies on %s (%s), mounted at %s", what, path, mount->source, mount->type,
                  mount->mount_point);
        return;
    }
    holder = mount_of(mounts, path);
    check_say(in, out, VERDICT_FAIL, "%s %s lies on the file system of %s: %s", what, path,
              holder ? holder->mount_point : "/", why);
    text_shell_quote(&word, alternative ? alternative : path);
    if (!out->remedy.length)
        check_remedy(in, out, "# stop docker, mount a file system of its own at %s, move the data there", word.data);
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
        check_error(in, out, address, "it is not known where this containerd keeps its data (params.containerd_root)");
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

/* ---- Hardening ---- */

void check_host_hardened(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct lsm_facts *lsm = store_lsm(in->store, &why);

    if (!lsm) {
        check_say(in, out, VERDICT_MANUAL, "a person must judge how the host is hardened (its kernel: %s)", why);
        return;
    }
    check_fact_string(in, out, "kernel", lsm->kernel);
    check_fact_string(in, out, "security_modules", lsm->lsm_list);
    check_fact_bool(in, out, "apparmor", lsm->apparmor);
    check_fact_bool(in, out, "selinux", lsm->selinux);
    check_fact_bool(in, out, "selinux_enforcing", lsm->selinux_enforcing);
    check_fact_int(in, out, "randomize_va_space", lsm->aslr);
    check_fact_string(in, out, "lockdown", lsm->lockdown);
    check_say(in, out, VERDICT_MANUAL,
              "a person must judge how the host is hardened: kernel %s, security modules %s, address randomization %d, "
              "lockdown %s",
              lsm->kernel ? lsm->kernel : "unknown",
              lsm->lsm_list   ? lsm->lsm_list
              : lsm->apparmor ? "apparmor"
              : lsm->selinux  ? "selinux"
                              : "neither apparmor nor selinux",
              lsm->aslr, lsm->lockdown ? lsm->lockdown : "unknown");
}

/* What only a person can know: passes or fails by attestation. */
void check_manual(const struct check_input *in, struct check_result *out)
{
    const char *facts = check_param(in, "facts")->string;

    check_say(in, out, VERDICT_MANUAL, "%s", *facts ? facts : "a person must judge it");
}

/* ---- Engine version ---- */

bool check_is_version(const char *version)
{
    return *version >= '0' && *version <= '9';
}

bool check_is_dotted(const char *version)
{
    const char *at = version;

    for (;;) {
        size_t digits = strspn(at, "0123456789");

        if (!digits)
            return false;
        at += digits;
        if (*at != '.')
            return !*at || ((*at == '-' || *at == '+' || *at == '~') && at[1] && !strpbrk(at, " \t"));
        at++;
    }
}

/* What comes before the release of that number: "29.0.0-rc.1", "25.0.0-beta.2". */
static bool is_preview(const char *version)
{
    static const char *const marks[] = {"-rc", "-beta", "-alpha", "-tp", "-dev"};

    for (size_t i = 0; i < countof(marks); i++)
        if (strstr(version, marks[i]))
            return true;
    return false;
}

static bool is_older(const char *version, const char *release)
{
    int order = check_version_compare(version, release);

    return order < 0 || (order == 0 && is_preview(version) && !is_preview(release));
}

int check_version_compare(const char *a, const char *b)
{
    for (size_t i = 0; i < 4; i++) {
        char *a_end = NULL, *b_end = NULL;
        unsigned long x = *a >= '0' && *a <= '9' ? strtoul(a, &a_end, 10) : 0;
        unsigned long y = *b >= '0' && *b <= '9' ? strtoul(b, &b_end, 10) : 0;

        if (x != y)
            return x < y ? -1 : 1;
        a = a_end && *a_end == '.' ? a_end + 1 : "";
        b = b_end && *b_end == '.' ? b_end + 1 : "";
    }
    return 0;
}

/* Is VERSION of BRANCH ("29", "25.0")? */
static bool is_of_branch(const char *version, const char *branch)
{
    size_t length = strlen(branch);

    return strncmp(version, branch, length) == 0 && (version[length] == '.' || !version[length]);
}

struct release {
    char branch[16], newest[32], end[16];
};

static bool read_day(const char *day, usec_t *ret)
{
    scoped_str text = STR_INIT;

    str_printf(&text, "%sT00:00:00Z", day);
    return clock_parse(text.data, ret) == 0;
}

bool check_is_day(const char *day)
{
    usec_t at;

    return read_day(day, &at);
}

/* The moment when a branch's maintenance ends; 0: it is not known. */
static usec_t end_of(const struct release *release)
{
    usec_t end;

    return *release->end && read_day(release->end, &end) ? end : 0;
}

/* "branch newest [end of maintenance]" */
static bool read_release(const char *line, struct release *ret)
{
    char more[2];
    int words;

    *ret = (struct release){0};
    words = sscanf(line, "%15s %31s %15s %1s", ret->branch, ret->newest, ret->end, more);
    return (words == 2 || words == 3) && check_is_dotted(ret->branch) && check_is_dotted(ret->newest) &&
           (!*ret->end || end_of(ret) != 0);
}

bool check_is_release(const char *line)
{
    struct release release;

    return read_release(line, &release);
}

static void judge_by_list(const struct check_input *in, struct check_result *out, const char *version)
{
    const struct string_list *releases = &check_param(in, "releases")->list;
    char newest[sizeof((struct release *)NULL)->newest] = "0";
    struct release release;
    usec_t end;

    for (size_t i = 0; i < releases->count; i++) {
        if (!read_release(releases->items[i], &release)) {
            check_error(in, out, "params.releases", releases->items[i]);
            return;
        }
        if (check_version_compare(release.newest, newest) > 0)
            memcpy(newest, release.newest, sizeof newest);
        if (!is_of_branch(version, release.branch))
            continue;
        end = end_of(&release);
        if (end > in->now && end < out->recheck)
            out->recheck = end;
        if (end && end <= in->now)
            check_say(in, out, VERDICT_FAIL, "engine %s: branch %s is not maintained since %s", version, release.branch,
                      release.end);
        else if (is_older(version, release.newest))
            check_say(in, out, VERDICT_FAIL, "engine %s is older than %s, the newest of its branch", version,
                      release.newest);
        else
            check_say(in, out, VERDICT_PASS, "engine %s is the newest of branch %s that is known", version,
                      release.branch);
        return;
    }
    if (check_version_compare(version, newest) > 0)
        check_say(in, out, VERDICT_PASS, "engine %s is newer than every release that is known", version);
    else
        check_say(in, out, VERDICT_FAIL, "engine %s: its branch is past its end of life", version);
}

void check_engine_version(const struct check_input *in, struct check_result *out)
{
    const char *why, *floor = check_param(in, "minimum")->string, *dated = check_param(in, "list_date")->string;
    const struct version_facts *version = store_version(in->store, &why);
    usec_t limit = check_param(in, "max_list_days")->number * DAY, at;

    if (!version) {
        check_error(in, out, "version", why);
        return;
    }
    check_fact_string(in, out, "version", version->version);
    if (!check_is_version(version->version)) {
        check_error(in, out, "version", "the engine's version is no number");
        return;
    }
    if (*floor) {
        if (!is_older(version->version, floor))
            check_say(in, out, VERDICT_PASS, "engine %s is not older than %s, which is wanted", version->version,
                      floor);
        else
            check_say(in, out, VERDICT_FAIL, "engine %s is older than %s, which is wanted", version->version, floor);
        return;
    }
    if (version->is_podman) {
        check_say(in, out, VERDICT_MANUAL, "podman %s: its releases are not in the list; set params.minimum",
                  version->version);
        return;
    }
    if (!read_day(dated, &at)) {
        check_error(in, out, "params.list_date", "not a date such as 2026-01-31");
        return;
    }
    check_fact_string(in, out, "list_date", dated);
    if (at + limit < in->now) {
        check_say(in, out, VERDICT_MANUAL, "engine %s; the list of releases is of %s and too old to judge it",
                  version->version, dated);
        return;
    }
    out->recheck = at + limit + 1;
    judge_by_list(in, out, version->version);
}

/* ---- Who may use the socket ---- */

static bool holds(const struct string_list *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

void check_docker_group_members(const struct check_input *in, struct check_result *out)
{
    const struct string_list *trusted = &check_param(in, "trusted_users")->list;
    const char *why;
    const struct group_facts *groups = store_group(in->store, &why);
    const struct group_item *group;

    if (!groups) {
        check_error(in, out, "group", why);
        return;
    }
    if (!groups->count) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "the group does not exist");
        return;
    }
    group = &groups->items[0];
    check_fact_string(in, out, "group", group->name);
    check_fact_list(in, out, "members", &group->members);
    for (size_t i = 0; i < group->members.count; i++) {
        const char *member = group->members.items[i];
        bool primary = holds(&group->primary, group->primary.count, member);
        scoped_str quoted = STR_INIT, of = STR_INIT;

        if (strcmp(member, "root") == 0 || holds(trusted, trusted->count, member) || holds(&group->members, i, member))
            continue;
        check_say(in, out, VERDICT_FAIL, "%s is in group %s%s and not trusted", member, group->name,
                  primary ? " (its primary group)" : "");
        text_shell_quote(&quoted, member);
        text_shell_quote(&of, group->name);
        if (primary)
            check_remedy(in, out, "usermod -g nogroup %s", quoted.data);
        else
            check_remedy(in, out, "gpasswd -d %s %s", quoted.data, of.data);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "every one of the %zu members of group %s is trusted", group->members.count,
                  group->name);
}
