/* Rule 1.3: how up to date the engine is, by the releases that the rule's list knows. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/distribution.h"
#include "common/text.h"

#define DAY (24 * 3600 * USEC_PER_SEC)

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

/* ---- Fixes ---- */

/* A line is "27.1.1,26.1.5 CVE-2024-41110". */
static const char *names_of_fix(const char *fix)
{
    const char *space = strchr(fix, ' ');

    return space ? space + strspn(space, " ") : "";
}

/* The next of the versions at *AT, of at most SIZE - 1 bytes; false: there is none. */
static bool next_version(const char **at, char *ret, size_t size)
{
    size_t length = strcspn(*at, ", ");

    if (!length || length >= size)
        return false;
    memcpy(ret, *at, length);
    ret[length] = '\0';
    *at += length + ((*at)[length] == ',');
    return true;
}

bool check_is_fix(const char *line)
{
    const char *at = line;
    char version[32];
    size_t count = 0;

    while (*at && *at != ' ') {
        if (!next_version(&at, version, sizeof version) || !check_is_dotted(version))
            return false;
        count++;
    }
    return count && *names_of_fix(line);
}

static bool is_same_minor(const char *a, const char *b)
{
    const char *dot = strchr(b, '.');
    size_t length = dot ? (size_t)(dot - b) + 1 + strcspn(dot + 1, ".") : strlen(b);

    return strlen(a) >= length && memcmp(a, b, length) == 0 && (a[length] == '.' || !a[length]);
}

/* BRANCH: the maintained one of VERSION; NULL: none. What another branch fixed a maintained one may have fixed too,
 * under a number that the list does not know. */
static bool lacks_fix(const char *version, const struct release *branch, const char *fix)
{
    const char *at = fix;
    char fixed[32], latest[32] = "0";
    bool of_branch = !branch;

    while (*at != ' ' && next_version(&at, fixed, sizeof fixed)) {
        if (is_same_minor(version, fixed) && !is_older(version, fixed))
            return false;
        of_branch = of_branch || is_of_branch(fixed, branch->branch);
        if (check_version_compare(fixed, latest) > 0)
            memcpy(latest, fixed, sizeof latest);
    }
    return of_branch && is_older(version, latest);
}

static void name_lacking(const struct check_input *in, struct check_result *out, const char *version,
                         const struct release *branch)
{
    const struct string_list *fixes = &check_param(in, "fixes")->list;
    scoped_str names = STR_INIT;

    for (size_t i = 0; i < fixes->count; i++)
        if (lacks_fix(version, branch, fixes->items[i]))
            str_printf(&names, "%s%s", names.length ? " " : "", names_of_fix(fixes->items[i]));
    if (!names.length)
        return;
    check_fact_string(in, out, "unfixed", names.data);
    check_say(in, out, VERDICT_FAIL, "it has no fixes for %s", names.data);
}

/* ---- Releases ---- */

/* A list of releases, read. */
struct known {
    struct release branch; /* of the version; empty: none */
    char newest[sizeof((struct release *)NULL)->newest];
};

static bool read_list(const struct check_input *in, struct check_result *out, const char *version, struct known *ret)
{
    const struct string_list *releases = &check_param(in, "releases")->list;
    struct release release;

    *ret = (struct known){.newest = "0"};
    for (size_t i = 0; i < releases->count; i++) {
        if (!read_release(releases->items[i], &release)) {
            check_error(in, out, "params.releases", releases->items[i]);
            return false;
        }
        if (check_version_compare(release.newest, ret->newest) > 0)
            memcpy(ret->newest, release.newest, sizeof ret->newest);
        if (is_of_branch(version, release.branch))
            ret->branch = release;
    }
    return true;
}

static void judge_by_list(const struct check_input *in, struct check_result *out, const char *version,
                          const struct known *known)
{
    const struct release *branch = &known->branch;
    usec_t end = end_of(branch);

    if (!*branch->branch && check_version_compare(version, known->newest) > 0) {
        check_say(in, out, VERDICT_PASS, "engine %s is newer than every known release", version);
    } else if (!*branch->branch) {
        check_say(in, out, VERDICT_FAIL, "engine %s: its branch has reached end of life (latest release: %s)", version,
                  known->newest);
    } else if (end && end <= in->now) {
        check_say(in, out, VERDICT_FAIL, "engine %s: branch %s has not been maintained since %s", version,
                  branch->branch, branch->end);
    } else if (is_older(version, branch->newest)) {
        check_say(in, out, VERDICT_FAIL, "engine %s is older than %s, the latest release of its branch", version,
                  branch->newest);
    } else {
        check_say(in, out, VERDICT_PASS, "engine %s is the latest known release of branch %s", version, branch->branch);
        if (end && (!out->recheck || end < out->recheck))
            out->recheck = end;
    }
    if (out->verdict == VERDICT_FAIL)
        name_lacking(in, out, version, *branch->branch && (!end || end > in->now) ? branch : NULL);
}

/* A list that is too old does not show that an engine is up to date; that it is not, it does. */
static void judge_age_of_list(const struct check_input *in, struct check_result *out, const char *version,
                              const char *dated, usec_t at)
{
    usec_t old = at + check_param(in, "max_list_days")->number * DAY;

    if (out->verdict != VERDICT_PASS)
        return;
    if (old < in->now)
        check_say(in, out, VERDICT_MANUAL, "the list of releases dates from %s and is too old to judge engine %s",
                  dated, version);
    else if (!out->recheck || old + 1 < out->recheck)
        out->recheck = old + 1;
}

/* Where the package came from: Docker's own name the platform. */
static void remedy(const struct check_input *in, struct check_result *out, const struct version_facts *version)
{
    static const struct package_names docker = {"docker-ce docker-ce-cli containerd.io",
                                                "docker-ce docker-ce-cli containerd.io", NULL, NULL, NULL},
                                      distribution = {"docker.io", "moby-engine", "docker", "docker", "docker"},
                                      podman = {"podman", "podman", "podman", "podman", "podman"};
    bool is_docker = version->platform && str_starts(version->platform, "Docker Engine");
    scoped_str command = STR_INIT;

    if (out->verdict == VERDICT_PASS || out->verdict == VERDICT_ERROR)
        return;
    if (check_upgrade_command(in, version->is_podman ? &podman : is_docker ? &docker : &distribution, &command))
        check_remedy(in, out, "%s", command.data);
    out->fix.need = FIX_DECISION;
    out->fix.effect = FIX_RESTARTS;
}

static void judge_by_floor(const struct check_input *in, struct check_result *out, const char *version,
                           const char *floor, const struct release *branch)
{
    if (!is_older(version, floor)) {
        check_say(in, out, VERDICT_PASS, "engine %s is not older than the required %s", version, floor);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "engine %s is older than the required %s", version, floor);
    name_lacking(in, out, version, branch);
}

static void judge_version(const struct check_input *in, struct check_result *out, const struct version_facts *version)
{
    const char *floor = check_param(in, "minimum")->string, *dated = check_param(in, "list_date")->string;
    struct known known;
    usec_t at, end;

    if (*floor && version->is_podman) {
        check_say(in, out, is_older(version->version, floor) ? VERDICT_FAIL : VERDICT_PASS,
                  is_older(version->version, floor) ? "podman %s is older than the required %s"
                                                    : "podman %s is not older than the required %s",
                  version->version, floor);
        return;
    }
    if (version->is_podman) {
        check_say(in, out, VERDICT_MANUAL, "podman %s: its releases are not in the list; set params.minimum",
                  version->version);
        return;
    }
    if (!read_list(in, out, version->version, &known))
        return;
    end = end_of(&known.branch);
    if (*floor) {
        judge_by_floor(in, out, version->version, floor,
                       *known.branch.branch && (!end || end > in->now) ? &known.branch : NULL);
        return;
    }
    if (!check_param(in, "releases")->list.count || !read_day(dated, &at)) {
        check_error(in, out, "params.releases", M_("there is no list of releases (lists/engine-version.json)"));
        return;
    }
    check_fact_string(in, out, "list_date", dated);
    judge_by_list(in, out, version->version, &known);
    judge_age_of_list(in, out, version->version, dated, at);
}

void check_engine_version(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct version_facts *version = store_version(in->store, &why);

    if (!version) {
        check_error(in, out, M_("version"), why);
        return;
    }
    check_fact_string(in, out, "version", version->version);
    if (!check_is_version(version->version)) {
        check_error(in, out, M_("version"), M_("the engine's version is not a version number"));
        return;
    }
    judge_version(in, out, version);
    remedy(in, out, version);
}
