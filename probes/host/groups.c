/* Members of groups. NSS is asked if the host root is our own; for another tree its files are read, since our name
 * service is not its own. */
#include "probes/host/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "common/json_out.h"
#include "common/vec.h"
#include "probes/facts/parse_util.h"
#include "probes/worker/helper_task.h"

enum { FILE_MAX_BYTES = 32 << 20, MEMBERS_MAX = 4096, GROUPS_MAX = 64, LINES_MAX = 256 };

static bool is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 10;
}

typedef VEC(char *) text_list;

static void text_list_deinit(text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    vec_free(list);
}

/* An entry of a group. Several may have one name or one gid, and initgroups(3) goes through all of them: a user of any
 * entry is in the group. */
struct line {
    char *name;
    gid_t gid;
    text_list members;
};

/* A group as it is found. */
struct finding {
    char *name;
    gid_t gid;
    bool exists;
    VEC(struct line) lines;
    text_list primary;
};

typedef VEC(struct finding) finding_list;

static void findings_deinit(finding_list *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->items[i];

        free(finding->name);
        for (size_t k = 0; k < finding->lines.count; k++) {
            free(finding->lines.items[k].name);
            text_list_deinit(&finding->lines.items[k].members);
        }
        vec_free(&finding->lines);
        text_list_deinit(&finding->primary);
    }
    vec_free(findings);
}

static void add_finding(finding_list *findings, const char *name, gid_t gid, bool exists)
{
    vec_push(findings, (struct finding){.name = mem_strdup(name), .gid = gid, .exists = exists});
}

/* RET_MEMBERS (may be NULL) is where the entry's members go. False: it is of none of the groups, or there are too many.
 */
static bool add_line(struct finding *finding, const char *name, gid_t gid, text_list **ret_members)
{
    if ((gid != finding->gid && strcmp(name, finding->name) != 0) || finding->lines.count >= LINES_MAX)
        return false;
    vec_push(&finding->lines, (struct line){.name = mem_strdup(name), .gid = gid});
    *ret_members = &finding->lines.items[finding->lines.count - 1].members;
    return true;
}

/* Whom only root's own group has of accounts that cannot log in is as the system is made: "sync", "halt". */
static void add_primary(finding_list *findings, const char *user, uid_t uid, gid_t gid, const char *shell)
{
    static const char *const closed[] = {"nologin", "false", "sync", "halt", "shutdown"};
    const char *slash = shell ? strrchr(shell, '/') : NULL;
    bool can_log_in = true;

    for (size_t i = 0; slash && i < countof(closed); i++)
        can_log_in = can_log_in && strcmp(slash + 1, closed[i]) != 0;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].gid == gid && uid != 0 && (gid != 0 || can_log_in))
            vec_push(&findings->items[i].primary, mem_strdup(user));
}

static void write_list(struct json_out *out, const char *key, const text_list *list)
{
    json_out_array(out, key);
    for (size_t i = 0; i < list->count; i++)
        json_out_string(out, NULL, list->items[i]);
    json_out_end_array(out);
}

static void write_findings(struct str *output, const finding_list *findings)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

    json_out_array(out, NULL);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];

        json_out_object(out, NULL);
        json_out_string(out, "name", finding->name);
        json_out_int(out, "gid", finding->gid);
        json_out_bool(out, "exists", finding->exists);
        write_list(out, "primary", &finding->primary);
        json_out_array(out, "lines");
        for (size_t k = 0; k < finding->lines.count; k++) {
            json_out_object(out, NULL);
            json_out_string(out, "name", finding->lines.items[k].name);
            json_out_int(out, "gid", finding->lines.items[k].gid);
            write_list(out, "members", &finding->lines.items[k].members);
            json_out_end_object(out);
        }
        json_out_end_array(out);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    str_append(output, json_out_text(out, NULL));
}

/* Calls BACK with each gid of a comma-separated list. */
static int each_id(const char *ids, int (*back)(const char *id, finding_list *findings, struct error *error),
                   finding_list *findings, struct error *error)
{
    scoped(cleanup_free) char *copy = mem_strdup(ids);
    char *rest = copy;
    int r = 0;

    for (char *id; r == 0 && (id = strsep(&rest, ","));) {
        if (!is_number(id) || findings->count >= GROUPS_MAX)
            return error_set(error, EINVAL, "\"%s\" is no list of group ids", ids);
        r = back(id, findings, error);
    }
    return r;
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

/* ---- Name service ---- */

static void add_found(finding_list *findings, const struct group *group)
{
    text_list *members;

    add_finding(findings, group->gr_name, group->gr_gid, true);
    if (add_line(&findings->items[findings->count - 1], group->gr_name, group->gr_gid, &members))
        for (size_t i = 0; group->gr_mem[i]; i++)
            vec_push(members, mem_strdup(group->gr_mem[i]));
}

static int look_id_up(const char *id, finding_list *findings, struct error *error)
{
    gid_t gid = (gid_t)strtoul(id, NULL, 10);
    struct group *group;

    errno = 0;
    group = getgrgid(gid);
    if (!group && is_failure(errno))
        return error_system(error, errno, "the name service does not answer for group %s", id);
    if (group)
        add_found(findings, group);
    else
        add_finding(findings, id, gid, false);
    return 0;
}

static int look_name_up(const char *name, finding_list *findings, struct error *error)
{
    struct group *group;

    errno = 0;
    group = getgrnam(name);
    if (!group && is_failure(errno))
        return error_system(error, errno, "the name service does not answer for group %s", name);
    if (!group && is_number(name))
        return look_id_up(name, findings, error);
    if (group)
        add_found(findings, group);
    return 0;
}

static bool has_text(const text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

/* The look-up gave one entry already, maybe with members of several services: it is filled up by the first entry of its
 * name, any other is one more. */
static void add_enumerated(struct finding *finding, const struct group *group, bool *filled_up)
{
    struct line *first = finding->lines.count ? &finding->lines.items[0] : NULL;
    text_list *members = NULL;

    if (first && !*filled_up && strcmp(first->name, group->gr_name) == 0 && first->gid == group->gr_gid) {
        *filled_up = true;
        members = &first->members;
    } else if (!add_line(finding, group->gr_name, group->gr_gid, &members)) {
        return;
    }
    for (size_t i = 0; group->gr_mem[i]; i++)
        if (!has_text(members, group->gr_mem[i]))
            vec_push(members, mem_strdup(group->gr_mem[i]));
}

static int enumerate(finding_list *findings, struct error *error)
{
    bool filled_up[GROUPS_MAX] = {false};

    setgrent();
    errno = 0;
    for (struct group *group; (group = getgrent()); errno = 0)
        for (size_t i = 0; i < findings->count; i++)
            add_enumerated(&findings->items[i], group, &filled_up[i]);
    if (is_failure(errno))
        return error_system(error, errno, "the name service does not list the groups");
    endgrent();
    setpwent();
    errno = 0;
    for (struct passwd *user; (user = getpwent()); errno = 0)
        add_primary(findings, user->pw_name, user->pw_uid, user->pw_gid, user->pw_shell);
    if (is_failure(errno))
        return error_system(error, errno, "the name service does not list the users");
    endpwent();
    return 0;
}

static int ask_name_service(const struct groups_request *request, finding_list *findings, struct error *error)
{
    int r = request->by_id ? each_id(request->group, look_id_up, findings, error)
                           : look_name_up(request->group, findings, error);

    return r < 0 || !findings->count ? r : enumerate(findings, error);
}

/* ---- Files ---- */

struct entry {
    char *name, *id, *third, *rest; /* group: name:x:gid:members; passwd: name:x:uid:gid:… */
};

static const char blanks[] = " \t\r\v\f";

static bool next_entry(char **text, struct entry *ret)
{
    for (char *line; (line = strsep(text, "\n"));) {
        line += strspn(line, blanks);
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

/* NAME, or the number ID. */
static bool find_group(const char *text, const char *name, const char *id, finding_list *findings)
{
    unsigned long gid = id ? strtoul(id, NULL, 10) : 0;
    scoped(cleanup_free) char *copy = mem_strdup(text);
    char *rest = copy;

    for (struct entry entry; next_entry(&rest, &entry);)
        if (name ? strcmp(entry.name, name) == 0 : strtoul(entry.id, NULL, 10) == gid) {
            add_finding(findings, entry.name, (gid_t)strtoul(entry.id, NULL, 10), true);
            return true;
        }
    return false;
}

static void find_ids(const char *text, const char *ids, finding_list *findings)
{
    scoped(cleanup_free) char *copy = mem_strdup(ids);
    char *rest = copy;

    for (char *id; (id = strsep(&rest, ","));)
        if (is_number(id) && findings->count < GROUPS_MAX && !find_group(text, NULL, id, findings))
            add_finding(findings, id, (gid_t)strtoul(id, NULL, 10), false);
}

static void add_members(char *text, finding_list *findings)
{
    for (struct entry entry; next_entry(&text, &entry);)
        for (size_t i = 0; i < findings->count; i++) {
            scoped(cleanup_free) char *names = entry.third ? mem_strdup(entry.third) : NULL;
            char *rest = names;
            text_list *members;

            if (!add_line(&findings->items[i], entry.name, (gid_t)strtoul(entry.id, NULL, 10), &members))
                continue;
            for (char *member; (member = strsep(&rest, ","));) {
                member += strspn(member, blanks); /* as glibc skips them */
                if (*member)
                    vec_push(members, mem_strdup(member));
            }
        }
}

static const char *shell_of(char *rest)
{
    for (int skipped = 0; rest && skipped < 2; skipped++)
        strsep(&rest, ":"); /* what the user is called, home */
    return rest;
}

static int read_files(const struct groups_request *request, finding_list *findings, struct error *error)
{
    scoped_str groups = STR_INIT, users = STR_INIT;
    char *rest;
    int r = host_read(request->root, "/etc/group", FILE_MAX_BYTES, &groups, error);

    if (r < 0)
        return error_prefix(error, "/etc/group");
    if (request->by_id)
        find_ids(str_text(&groups), request->group, findings);
    else if (!find_group(str_text(&groups), request->group, NULL, findings) && is_number(request->group))
        find_ids(str_text(&groups), request->group, findings);
    if (!findings->count)
        return 0;
    if (groups.data)
        add_members(groups.data, findings);
    r = host_read(request->root, "/etc/passwd", FILE_MAX_BYTES, &users, error);
    if (r < 0)
        return error_prefix(error, "/etc/passwd");
    rest = users.data;
    for (struct entry entry; rest && next_entry(&rest, &entry);)
        if (entry.third && is_number(entry.third))
            add_primary(findings, entry.name, (uid_t)strtoul(entry.id, NULL, 10), (gid_t)strtoul(entry.third, NULL, 10),
                        shell_of(entry.rest));
    return 0;
}

static void add_shadow_member(struct finding *finding, const char *group, const char *member)
{
    for (size_t i = 0; i < finding->lines.count; i++) {
        struct line *line = &finding->lines.items[i];

        if (strcmp(line->name, group) != 0)
            continue;
        if (!has_text(&line->members, member))
            vec_push(&line->members, mem_strdup(member));
        return;
    }
}

/* newgrp(1) goes by the members in /etc/gshadow: who is there alone is in the group as well. Where it may not be read,
 * what /etc/group has is all that is known. */
static void add_shadow_members(const struct host_root *root, finding_list *findings)
{
    scoped_str text = STR_INIT;
    char *rest;

    if (host_read(root, "/etc/gshadow", FILE_MAX_BYTES, &text, NULL) < 0)
        return;
    rest = text.data;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        const char *name = strsep(&line, ":");

        strsep(&line, ":"); /* password */
        strsep(&line, ":"); /* administrators */
        for (char *member; (member = strsep(&line, ","));)
            for (size_t i = 0; *member && i < findings->count; i++)
                add_shadow_member(&findings->items[i], name, member);
    }
    if (text.data)
        explicit_bzero(text.data, text.length); /* password hashes */
}

int groups_run(struct str *output, const void *argument, struct error *error)
{
    const struct groups_request *request = argument;
    scoped(findings_deinit) finding_list findings = {0};
    int r = strcmp(host_root_path(request->root), "/") == 0 ? ask_name_service(request, &findings, error)
                                                            : read_files(request, &findings, error);

    if (r == 0 && findings.count)
        add_shadow_members(request->root, &findings);
    for (size_t i = 0; r == 0 && i < findings.count; i++)
        if (findings.items[i].lines.count >= LINES_MAX)
            r = error_set(error, EFBIG, "group %s has more than %d entries", findings.items[i].name, (int)LINES_MAX);
    if (r == 0)
        write_findings(output, &findings);
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

static void build_group(struct builder *b, const struct json *group, struct group_item *item)
{
    const struct json *lines = json_get(group, "lines");

    item->name = build_text_or(b, json_get(group, "name"));
    item->gid = (gid_t)build_int(b, json_get(group, "gid"));
    item->exists = build_bool(b, json_get(group, "exists"));
    build_list(b, json_get(group, "primary"), "primary", &item->primary);
    item->lines = arena_alloc(b->arena, (json_count(lines) + 1) * sizeof *item->lines);
    build_number(b, (int64_t)json_count(lines));
    for (size_t i = 0; i < json_count(lines); i++) {
        struct group_line *line = &item->lines[item->line_count++];

        line->name = build_text_or(b, json_get(json_at(lines, i), "name"));
        line->gid = (gid_t)build_int(b, json_get(json_at(lines, i), "gid"));
        build_list(b, json_get(json_at(lines, i), "members"), "members", &line->members);
    }
}

static size_t count_members(const struct json *groups)
{
    size_t count = 0;

    for (size_t i = 0; i < json_count(groups); i++) {
        const struct json *lines = json_get(json_at(groups, i), "lines");

        count += json_count(json_get(json_at(groups, i), "primary"));
        for (size_t k = 0; k < json_count(lines); k++)
            count += json_count(json_get(json_at(lines, k), "members"));
    }
    return count;
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
    if (json_type(root) != JSON_ARRAY || json_count(root) > GROUPS_MAX)
        return error_set(error, EBADMSG, "groups: no list of groups");
    if (count_members(root) > MEMBERS_MAX)
        return error_set(error, EFBIG, "groups: more than %d members", (int)MEMBERS_MAX);
    facts = build_begin(&b, sizeof *facts, 512);
    facts->items = arena_alloc(b.arena, (json_count(root) + 1) * sizeof *facts->items);
    build_number(&b, (int64_t)json_count(root));
    for (size_t i = 0; i < json_count(root); i++)
        build_group(&b, json_at(root, i), &facts->items[facts->count++]);
    r = build_end(&b, &facts->facts, "groups", error);
    if (r == 0)
        *ret = facts;
    return r;
}
