/* Members of a group. NSS is asked if the host root is our own; for another tree its files are read, since our name
 * service is not its own. */
#include "probes/host/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "common/json_out.h"
#include "probes/facts/parse_util.h"
#include "probes/worker/helper.h"

enum { FILE_MAX_BYTES = 32 << 20, MEMBERS_MAX = 4096 };

static bool is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 10;
}

/* The group as it is found: one gid may have several names, and a user of any of them may use the socket. */
struct finding {
    char *name;
    gid_t gid;
    struct json_out *members, *primary; /* open arrays of names */
};

static void finding_init(struct finding *finding)
{
    *finding = (struct finding){.members = json_out_new(false), .primary = json_out_new(false)};
    json_out_array(finding->members, NULL);
    json_out_array(finding->primary, NULL);
}

static void finding_deinit(struct finding *finding)
{
    free(finding->name);
    json_out_free(finding->members);
    json_out_free(finding->primary);
}

static void add_primary(struct finding *finding, const char *user)
{
    json_out_string(finding->members, NULL, user);
    json_out_string(finding->primary, NULL, user);
}

static void write_finding(struct str *output, struct finding *finding)
{
    struct json_out *out = json_out_new(false);

    json_out_end_array(finding->members);
    json_out_end_array(finding->primary);
    json_out_object(out, NULL);
    json_out_string(out, "name", finding->name);
    json_out_int(out, "gid", finding->gid);
    json_out_raw(out, "members", json_out_text(finding->members, NULL));
    json_out_raw(out, "primary", json_out_text(finding->primary, NULL));
    json_out_end_object(out);
    str_append(output, json_out_text(out, NULL));
    json_out_free(out);
}

/* The errno that getgrnam(3) and similar functions set when nothing is found differs between services; these mean that
 * the look-up failed. */
static bool is_failure(int number)
{
    static const int failures[] = {EINTR, EIO, EMFILE, ENFILE, ENOMEM, ERANGE, EACCES, EAGAIN, ETIMEDOUT};

    for (size_t i = 0; i < countof(failures); i++)
        if (number == failures[i])
            return true;
    return false;
}

static int look_group_up(const struct groups_request *request, struct finding *finding, struct error *error)
{
    gid_t number = is_number(request->group) ? (gid_t)strtoul(request->group, NULL, 10) : 0;
    struct group *group;

    errno = 0;
    group = request->by_id ? getgrgid(number) : getgrnam(request->group);
    if (!group && !is_failure(errno) && !request->by_id && is_number(request->group)) {
        errno = 0;
        group = getgrgid(number);
    }
    if (!group && is_failure(errno))
        return error_system(error, errno, "the name service does not answer for group %s", request->group);
    if (group || is_number(request->group)) {
        finding->name = mem_strdup(group ? group->gr_name : request->group);
        finding->gid = group ? group->gr_gid : number;
    }
    for (size_t i = 0; group && group->gr_mem[i]; i++)
        json_out_string(finding->members, NULL, group->gr_mem[i]);
    return 0;
}

static int enumerate(struct finding *finding, struct error *error)
{
    setgrent();
    errno = 0;
    for (struct group *group; (group = getgrent()); errno = 0)
        for (size_t i = 0;
             group->gr_gid == finding->gid && strcmp(group->gr_name, finding->name) != 0 && group->gr_mem[i]; i++)
            json_out_string(finding->members, NULL, group->gr_mem[i]);
    if (is_failure(errno))
        return error_system(error, errno, "the name service does not list the groups");
    endgrent();
    setpwent();
    errno = 0;
    for (struct passwd *user; (user = getpwent()); errno = 0)
        if (user->pw_gid == finding->gid && user->pw_uid != 0)
            add_primary(finding, user->pw_name);
    if (is_failure(errno))
        return error_system(error, errno, "the name service does not list the users");
    endpwent();
    return 0;
}

static int ask_name_service(const struct groups_request *request, struct finding *finding, struct error *error)
{
    int r = look_group_up(request, finding, error);

    return r < 0 || !finding->name ? r : enumerate(finding, error);
}

/* ---- Files ---- */

struct entry {
    char *name, *id, *third, *rest; /* group: name:x:gid:members; passwd: name:x:uid:gid:… */
};

static bool next_entry(char **text, struct entry *ret)
{
    for (char *line; (line = strsep(text, "\n"));) {
        *ret = (struct entry){.name = strsep(&line, ":")};
        strsep(&line, ":");
        ret->id = strsep(&line, ":");
        ret->third = strsep(&line, ":");
        ret->rest = line;
        if (ret->id && is_number(ret->id) && *ret->name && *ret->name != '#')
            return true;
    }
    return false;
}

static bool find_group(const char *text, const char *wanted, bool by_id, struct finding *finding)
{
    scoped(cleanup_free) char *copy = mem_strdup(text);
    char *rest = copy;

    for (struct entry entry; next_entry(&rest, &entry);)
        if (by_id ? is_number(wanted) && strtoul(entry.id, NULL, 10) == strtoul(wanted, NULL, 10)
                  : strcmp(entry.name, wanted) == 0) {
            finding->name = mem_strdup(entry.name);
            finding->gid = (gid_t)strtoul(entry.id, NULL, 10);
            return true;
        }
    return false;
}

static void add_members(char *text, struct finding *finding)
{
    for (struct entry entry; next_entry(&text, &entry);)
        if (strtoul(entry.id, NULL, 10) == finding->gid)
            for (char *member; (member = strsep(&entry.third, ","));)
                if (*member)
                    json_out_string(finding->members, NULL, member);
}

static int read_files(const struct groups_request *request, struct finding *finding, struct error *error)
{
    scoped_str groups = STR_INIT, users = STR_INIT;
    char *rest;
    int r = host_read(request->root, "/etc/group", FILE_MAX_BYTES, &groups, error);

    if (r < 0)
        return error_prefix(error, "/etc/group");
    if (!(!request->by_id && find_group(str_text(&groups), request->group, false, finding)) &&
        !find_group(str_text(&groups), request->group, true, finding)) {
        if (!request->by_id || !is_number(request->group))
            return 0;
        finding->name = mem_strdup(request->group);
        finding->gid = (gid_t)strtoul(request->group, NULL, 10);
    }
    if (groups.data)
        add_members(groups.data, finding);
    r = host_read(request->root, "/etc/passwd", FILE_MAX_BYTES, &users, error);
    if (r < 0)
        return error_prefix(error, "/etc/passwd");
    rest = users.data;
    for (struct entry entry; rest && next_entry(&rest, &entry);)
        if (entry.third && is_number(entry.third) && strtoul(entry.third, NULL, 10) == finding->gid &&
            strtoul(entry.id, NULL, 10) != 0)
            add_primary(finding, entry.name);
    return 0;
}

int groups_run(struct str *output, const void *argument, struct error *error)
{
    const struct groups_request *request = argument;
    struct finding finding;
    int r;

    finding_init(&finding);
    r = strcmp(host_root_path(request->root), "/") == 0 ? ask_name_service(request, &finding, error)
                                                        : read_files(request, &finding, error);
    if (r == 0 && finding.name)
        write_finding(output, &finding);
    else if (r == 0)
        str_append(output, "null");
    finding_deinit(&finding);
    return r;
}

int groups_run_asked(struct str *output, const void *argument, struct error *error)
{
    const struct helper_work *work = argument;
    struct groups_request request = {.root = work->argument};

    if (!*work->message)
        return error_set(error, EINVAL, "no group to look up");
    request.group = work->message + 1;
    request.by_id = work->message[0] == 'i';
    return groups_run(output, &request, error);
}

int groups_parse(const char *output, size_t length, struct group_facts **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root;
    struct builder b;
    struct group_facts *facts;
    int r = json_parse(output, length, NULL, &doc, error);

    if (r < 0)
        return error_prefix(error, "groups");
    root = json_root(doc);
    if (json_count(json_get(root, "members")) > MEMBERS_MAX)
        return error_set(error, EFBIG, "groups: more than %d members", (int)MEMBERS_MAX);
    facts = build_begin(&b, sizeof *facts, 512);
    facts->items = arena_alloc(b.arena, sizeof *facts->items);
    if (json_type(root) == JSON_OBJECT) {
        facts->items[0].name = build_text_or(&b, json_get(root, "name"));
        facts->items[0].gid = (gid_t)build_int(&b, json_get(root, "gid"));
        build_list(&b, json_get(root, "members"), "members", &facts->items[0].members);
        build_list(&b, json_get(root, "primary"), "primary", &facts->items[0].primary);
        facts->count = 1;
    }
    build_number(&b, (int64_t)facts->count);
    r = build_end(&b, &facts->facts, "groups", error);
    if (r == 0)
        *ret = facts;
    return r;
}
