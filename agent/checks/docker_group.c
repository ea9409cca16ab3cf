/* Rule 1.4: everybody who can open one of the engine's sockets is a trusted user. A connection requires write
 * permission (unix(7)). */
#include <string.h>
#include <sys/stat.h>

#include "agent/checks/checks.h"
#include "agent/checks/distribution.h"
#include "common/text.h"
#include "common/vec.h"

struct judging {
    const struct check_input *in;
    struct check_result *out;
    const struct fileset_facts *sockets;
    const struct group_facts *groups;
    size_t users; /* who were looked at, root left out */
};

static bool holds(const struct string_list *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

/* A user without a name is trusted by the number. */
static bool is_trusted(struct judging *judging, const char *user)
{
    const struct string_list *trusted = &check_param(judging->in, "trusted_users")->list;

    if (strcmp(user, "root") == 0 || (judging->sockets->rootless && str_equal(user, judging->sockets->engine_user)))
        return true;
    judging->users++;
    return holds(trusted, trusted->count, user);
}

static bool is_trusted_id(struct judging *judging, const char *name, uid_t uid)
{
    const struct string_list *trusted = &check_param(judging->in, "trusted_users")->list;
    char number[16];

    if (uid == 0 || (judging->sockets->rootless && uid == judging->sockets->engine_uid))
        return true;
    snprintf(number, sizeof number, "%u", (unsigned)uid);
    judging->users++;
    return holds(trusted, trusted->count, number) || (name && holds(trusted, trusted->count, name));
}

/* ---- Groups ---- */

static const struct group_item *find_group(const struct group_facts *groups, gid_t gid)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->items[i].gid == gid)
            return &groups->items[i];
    return NULL;
}

static bool has_entry(const struct group_item *group, const char *name)
{
    for (size_t i = 0; i < group->line_count; i++)
        if (strcmp(group->lines[i].name, name) == 0)
            return true;
    return false;
}

/* Several entries of one name: what changes groups changes the first one only, or refuses to. */
static bool is_doubled(const struct group_item *group, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < group->line_count; i++)
        count += strcmp(group->lines[i].name, name) == 0;
    return count > 1;
}

static bool is_member_before(const struct group_item *group, size_t entry, const char *user, size_t place)
{
    for (size_t i = 0; i < entry; i++)
        if (holds(&group->lines[i].members, group->lines[i].members.count, user))
            return true;
    return holds(&group->lines[entry].members, place, user);
}

/* NAME as a regular expression of sed. */
static void print_pattern(const char *name, struct str *out)
{
    for (const char *p = name; *p; p++) {
        if (strchr("\\.[]*^$/+?(){}|", *p))
            str_append_char(out, '\\');
        str_append_char(out, *p);
    }
}

/* gpasswd(1) refuses an entry that is there more than once: grpck(8) shows which those are. */
static void remedy_doubled(const struct judging *judging, const char *entry, const char *user)
{
    scoped_str name = STR_INIT, member = STR_INIT, script = STR_INIT, word = STR_INIT;

    print_pattern(entry, &name);
    print_pattern(user, &member);
    str_printf(&script, "/^%s:/{s/:%s$/:/;s/:%s,/:/;s/,%s(,|$)/\\1/}", str_text(&name), str_text(&member),
               str_text(&member), str_text(&member));
    text_shell_quote(&word, str_text(&script));
    if (!strstr(str_text(&judging->out->remedy), "grpck"))
        check_remedy(judging->in, judging->out, "{ grpck -r || :; }");
    check_remedy(judging->in, judging->out, "for f in /etc/group /etc/gshadow; do [ ! -f $f ] || sed -i -E %s $f; done",
                 word.data);
}

/* Busybox has none of the programs that the commands below are of. */
static void remedy_programs(const struct judging *judging)
{
    if (check_package_manager(judging->in) == PACKAGES_APK && !strstr(str_text(&judging->out->remedy), "apk add"))
        check_remedy(judging->in, judging->out, "apk add shadow");
}

static void remedy_member(const struct judging *judging, const struct group_item *group, const char *entry,
                          const char *user)
{
    scoped_str user_word = STR_INIT, group_word = STR_INIT;

    remedy_programs(judging);
    if (is_doubled(group, entry)) {
        remedy_doubled(judging, entry, user);
        return;
    }
    text_shell_quote(&user_word, user);
    text_shell_quote(&group_word, entry);
    check_remedy(judging->in, judging->out, "gpasswd -d %s %s", user_word.data, group_word.data);
}

/* The user's own group, as useradd(8) makes it. */
static void remedy_primary(const struct judging *judging, const struct group_item *group, const char *user)
{
    scoped(cleanup_free) char *own = mem_printf("%s%s", user, has_entry(group, user) ? "-own" : "");
    scoped_str user_word = STR_INIT, own_word = STR_INIT;

    remedy_programs(judging);
    text_shell_quote(&user_word, user);
    text_shell_quote(&own_word, own);
    check_remedy(judging->in, judging->out, "{ getent group %s >/dev/null || groupadd %s; } && usermod -g %s %s",
                 own_word.data, own_word.data, own_word.data, user_word.data);
}

/* INSTEAD: what closes the socket to the whole group; NULL: users are taken out of it. */
static void judge_members(struct judging *judging, const struct group_item *group, const char *instead)
{
    for (size_t i = 0; i < group->line_count; i++) {
        const struct group_line *line = &group->lines[i];
        bool is_usual = strcmp(line->name, group->name) == 0 && line->gid == group->gid;

        for (size_t k = 0; k < line->members.count; k++) {
            const char *user = line->members.items[k];

            if (is_trusted(judging, user))
                continue;
            if (!is_member_before(group, i, user, k) && is_usual)
                check_say(judging->in, judging->out, VERDICT_FAIL, "%s is in group %s but is not a trusted user", user,
                          group->name);
            else if (!is_member_before(group, i, user, k))
                check_say(judging->in, judging->out, VERDICT_FAIL,
                          "%s is in group %s (by the entry of %s with gid %u) but is not a trusted user", user,
                          group->name, line->name, (unsigned)line->gid);
            if (!instead)
                remedy_member(judging, group, line->name, user);
        }
    }
}

static void judge_primary(struct judging *judging, const struct group_item *group, const char *instead)
{
    for (size_t i = 0; i < group->primary.count; i++) {
        const char *user = group->primary.items[i];

        if (holds(&group->primary, i, user) || is_trusted(judging, user))
            continue;
        check_say(judging->in, judging->out, VERDICT_FAIL,
                  "%s is in group %s (its primary group) but is not a trusted user", user, group->name);
        if (!instead)
            remedy_primary(judging, group, user);
    }
}

static void judge_group(struct judging *judging, gid_t gid, const char *instead)
{
    const struct group_item *group = find_group(judging->groups, gid);
    enum verdict before = judging->out->verdict;

    if (!group) {
        check_error(judging->in, judging->out, M_("group"), M_("the members of the socket's group are not read yet"));
        return;
    }
    judging->out->verdict = VERDICT_NONE;
    judge_members(judging, group, instead);
    judge_primary(judging, group, instead);
    if (instead && judging->out->verdict == VERDICT_FAIL)
        check_remedy(judging->in, judging->out, "%s", instead);
    if (before > judging->out->verdict)
        judging->out->verdict = before;
}

/* ---- Sockets ---- */

static void judge_entry(struct judging *judging, const struct file_facts *file, const struct acl_entry *entry)
{
    scoped_str path = STR_INIT, remedy = STR_INIT;

    if (!(entry->permissions & 2))
        return;
    text_shell_quote(&path, file->target);
    str_printf(&remedy, "setfacl -n -x %c:%u %s", entry->is_group ? 'g' : 'u', (unsigned)entry->id, path.data);
    if (entry->is_group) {
        judge_group(judging, entry->id, remedy.data);
        return;
    }
    if (is_trusted_id(judging, entry->name, entry->id))
        return;
    check_say(judging->in, judging->out, VERDICT_FAIL,
              "%s(%u) is let in by the access control list of %s but is not a trusted user",
              entry->name ? entry->name : "?", (unsigned)entry->id, file->path);
    check_remedy(judging->in, judging->out, "%s", remedy.data);
}

static void judge_owner(struct judging *judging, const struct file_facts *file)
{
    scoped_str path = STR_INIT;

    if (is_trusted_id(judging, file->user, file->uid))
        return;
    check_say(judging->in, judging->out, VERDICT_FAIL, "%s(%u) owns %s but is not a trusted user",
              file->user ? file->user : "?", (unsigned)file->uid, file->path);
    text_shell_quote(&path, file->target);
    check_remedy(judging->in, judging->out, "chown %u %s",
                 judging->sockets->rootless ? (unsigned)judging->sockets->engine_uid : 0, path.data);
}

static void judge_socket(struct judging *judging, const struct file_facts *file)
{
    scoped_str path = STR_INIT, closed = STR_INIT;
    unsigned group = file->acl.present ? file->acl.group & (unsigned)file->mode >> 3 : (unsigned)file->mode >> 3;

    text_shell_quote(&path, file->target);
    if (file->mode & 0002) {
        check_say(judging->in, judging->out, VERDICT_FAIL, "everybody can open %s: its mode is %04o", file->path,
                  (unsigned)file->mode & 07777);
        check_remedy(judging->in, judging->out, "chmod o= %s", path.data);
    }
    judge_owner(judging, file);
    str_printf(&closed, "chmod g= %s", path.data);
    if (group & 2) /* a rootless engine's group is one that its user shares with others for other reasons */
        judge_group(judging, file->gid, judging->sockets->rootless ? closed.data : NULL);
    for (size_t i = 0; i < file->acl.count; i++)
        judge_entry(judging, file, &file->acl.entries[i]);
}

/* The engine has no socket now: its group is for the one that it will make. */
static void judge_without_socket(struct judging *judging)
{
    if (!judging->groups->count || !judging->groups->items[0].exists) {
        check_say(judging->in, judging->out, VERDICT_NOT_APPLICABLE,
                  "the engine has no Unix socket, and its group does not exist");
        return;
    }
    judge_members(judging, &judging->groups->items[0], NULL);
    judge_primary(judging, &judging->groups->items[0], NULL);
}

static void facts_of_groups(const struct judging *judging)
{
    for (size_t i = 0; i < judging->groups->count && i < 1; i++) {
        const struct group_item *group = &judging->groups->items[i];
        VEC(const char *) members = {0};

        for (size_t k = 0; k < group->line_count; k++)
            for (size_t m = 0; m < group->lines[k].members.count; m++)
                vec_push(&members, group->lines[k].members.items[m]);
        for (size_t k = 0; k < group->primary.count; k++)
            vec_push(&members, group->primary.items[k]);
        check_fact_string(judging->in, judging->out, "group", group->name);
        check_fact_list(judging->in, judging->out, "members",
                        &(struct string_list){.items = members.items, .count = members.count});
        vec_free(&members);
    }
}

/* What usermod, gpasswd and their like write. */
static const char *const account_files[] = {"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"};

void check_docker_group_members(const struct check_input *in, struct check_result *out)
{
    const char *why;
    struct judging judging = {.in = in, .out = out, .groups = store_group(in->store, &why)};
    bool any = false;

    if (!judging.groups) {
        check_error(in, out, M_("group"), why);
        return;
    }
    judging.sockets = store_files(in->store, rule_file_source(in->rule), &why);
    if (!judging.sockets) {
        check_error(in, out, M_("sockets"), why);
        return;
    }
    facts_of_groups(&judging);
    for (size_t i = 0; i < judging.sockets->count; i++) {
        const struct file_facts *file = &judging.sockets->items[i];

        if (file->error)
            check_error(in, out, file->path, file->error);
        else if ((file->mode & S_IFMT) && !S_ISSOCK(file->mode))
            check_error(in, out, file->path, M_("is not a socket"));
        else
            judge_socket(&judging, file);
        any = true;
    }
    if (!any)
        judge_without_socket(&judging);
    if (out->fix.command.length)
        for (size_t i = 0; i < countof(account_files); i++)
            fix_add_file(&out->fix, account_files[i]);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "%s",
                  judging.users ? M_("everybody who can open the engine's sockets is a trusted user")
                                : M_("only root can open the engine's sockets"));
}
