/* Section 1 but its audit rules and partition: the host that the engine runs on. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "probes/daemon/daemon_config.h"

#define DAY (24 * 3600 * USEC_PER_SEC)

/* ---- Hardening ---- */

void check_host_hardened(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct lsm_facts *lsm = store_lsm(in->store, &why);

    if (!lsm) {
        check_say(in, out, VERDICT_MANUAL, "host hardening needs a manual review (kernel: %s)", why);
        return;
    }
    check_fact_string(in, out, "kernel", lsm->kernel);
    check_fact_string(in, out, "security_modules", lsm->lsm_list);
    check_fact_bool(in, out, "apparmor", lsm->apparmor);
    check_fact_bool(in, out, "selinux", lsm->selinux);
    check_fact_bool(in, out, "selinux_enforcing", lsm->selinux_enforcing);
    check_fact_int(in, out, "randomize_va_space", lsm->aslr);
    check_fact_string(in, out, "lockdown", lsm->lockdown);
    check_say(
        in, out, VERDICT_MANUAL,
        "host hardening needs a manual review: kernel %s, security modules %s, address randomization %d, lockdown %s",
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

    check_say(in, out, VERDICT_MANUAL, "%s", *facts ? facts : "needs a manual review");
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
            check_say(in, out, VERDICT_FAIL, "engine %s: branch %s has not been maintained since %s", version,
                      release.branch, release.end);
        else if (is_older(version, release.newest))
            check_say(in, out, VERDICT_FAIL, "engine %s is older than %s, the latest release of its branch", version,
                      release.newest);
        else
            check_say(in, out, VERDICT_PASS, "engine %s is the latest known release of branch %s", version,
                      release.branch);
        return;
    }
    if (check_version_compare(version, newest) > 0)
        check_say(in, out, VERDICT_PASS, "engine %s is newer than every known release", version);
    else
        check_say(in, out, VERDICT_FAIL, "engine %s: its branch has reached end of life", version);
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
        check_error(in, out, "version", "the engine's version is not a version number");
        return;
    }
    if (*floor) {
        if (!is_older(version->version, floor))
            check_say(in, out, VERDICT_PASS, "engine %s is not older than the required %s", version->version, floor);
        else
            check_say(in, out, VERDICT_FAIL, "engine %s is older than the required %s", version->version, floor);
        return;
    }
    if (version->is_podman) {
        check_say(in, out, VERDICT_MANUAL, "podman %s: its releases are not in the list; set params.minimum",
                  version->version);
        return;
    }
    if (!read_day(dated, &at)) {
        check_error(in, out, "params.list_date", "must be a date such as 2026-01-31");
        return;
    }
    check_fact_string(in, out, "list_date", dated);
    if (at + limit < in->now) {
        check_say(in, out, VERDICT_MANUAL, "engine %s: the list of releases dates from %s and is too old to judge it",
                  version->version, dated);
        return;
    }
    out->recheck = at + limit + 1;
    judge_by_list(in, out, version->version);
}
