/* Owner and mode of files: section 3. Compared by id and by bits, special bits included; printed by name. Whom an
 * access control list lets in is judged like the mode. */
#include <string.h>
#include <sys/stat.h>

#include "agent/checks/checks.h"
#include "agent/checks/socket_remedy.h"
#include "common/text.h"

static const char *place(const struct file_facts *file, struct str *buffer)
{
    if (!file->target || strcmp(file->path, file->target) == 0)
        return file->path;
    str_printf(buffer, "%s -> %s", file->path, file->target);
    return buffer->data;
}

static void print_owner(const struct file_facts *file, struct str *out)
{
    str_printf(out, "%s(%u):%s(%u)", file->user ? file->user : "?", (unsigned)file->uid,
               file->group ? file->group : "?", (unsigned)file->gid);
}

static bool is_id(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

/* WANTED is "root", a number, or a name as the host knows it. */
static bool id_matches(const char *wanted, unsigned id, const char *name)
{
    if (strcmp(wanted, "root") == 0)
        return id == 0;
    if (is_id(wanted))
        return strtoul(wanted, NULL, 10) == id;
    return str_equal(wanted, name);
}

/* ---- Type ---- */

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return M_("a regular file");
    case S_IFDIR:
        return M_("a directory");
    case S_IFSOCK:
        return M_("a socket");
    case S_IFIFO:
        return M_("a FIFO");
    case S_IFCHR:
    case S_IFBLK:
        return M_("a device");
    default:
        return M_("a file of an unknown type");
    }
}

/* What the rule's source names, as in st_mode; 0: anything. */
static mode_t expected_type(const struct check_input *in)
{
    static const struct {
        const char *prefix;
        mode_t type;
    } sources[] = {
        {"sockets:", S_IFSOCK}, {"containerd-sockets:", S_IFSOCK}, {"unit:", S_IFREG},
        {"option:", S_IFREG},   {"daemon.json:", S_IFREG},         {"content:", S_IFREG},
        {"program:", S_IFREG},  {"data-root:", S_IFDIR},
    };
    const char *type = check_param(in, "type")->string, *source = rule_file_source(in->rule);

    if (strcmp(type, "file") == 0)
        return S_IFREG;
    if (strcmp(type, "directory") == 0)
        return S_IFDIR;
    for (size_t i = 0; i < countof(sources); i++)
        if (str_starts(source, sources[i].prefix))
            return sources[i].type;
    return 0;
}

/* The file was read and is what the rule is about. */
static bool is_judged(const struct check_input *in, struct check_result *out)
{
    const struct file_facts *file = in->file;
    mode_t expected = expected_type(in);
    scoped_str why = STR_INIT;

    if (file->error) {
        check_error(in, out, file->path, file->error);
        return false;
    }
    if (!expected || !(file->mode & S_IFMT) || (file->mode & S_IFMT) == expected)
        return true;
    message_add(&why, "is %s, expected %s", type_name(file->mode), type_name(expected));
    check_error(in, out, file->path, why.data);
    return false;
}

/* ---- Facts ---- */

static void print_entry(const struct acl_entry *entry, struct str *out)
{
    str_printf(out, "%s %s(%u):%s%s%s", entry->is_group ? "group" : "user", entry->name ? entry->name : "?",
               (unsigned)entry->id, entry->permissions & 4 ? "r" : "-", entry->permissions & 2 ? "w" : "-",
               entry->permissions & 1 ? "x" : "-");
}

static void facts_of_list(const struct check_input *in, struct check_result *out)
{
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < in->file->acl.count; i++) {
        if (i)
            str_append(&text, ", ");
        print_entry(&in->file->acl.entries[i], &text);
    }
    if (in->file->acl.count)
        check_fact_string(in, out, "acl", text.data);
}

static void facts_of_file(const struct check_input *in, struct check_result *out)
{
    scoped_str mode = STR_INIT;

    str_printf(&mode, "%04o", (unsigned)in->file->mode & 07777);
    check_fact_string(in, out, "path", in->file->path);
    check_fact_string(in, out, "target", in->file->target);
    check_fact_int(in, out, "uid", in->file->uid);
    check_fact_int(in, out, "gid", in->file->gid);
    check_fact_string(in, out, "user", in->file->user);
    check_fact_string(in, out, "group", in->file->group);
    check_fact_string(in, out, "mode", mode.data);
    facts_of_list(in, out);
}

static void quote_path(const struct file_facts *file, struct str *out)
{
    text_shell_quote(out, file->target ? file->target : file->path);
}

/* ---- Owner ---- */

/* Of a rootless engine, whose files are its user's own. */
static bool is_of_engine_user(const struct check_input *in)
{
    return in->fileset->rootless && in->file->uid == in->fileset->engine_uid &&
           in->file->gid == in->fileset->engine_gid;
}

static void remedy_owner(const struct check_input *in, struct check_result *out, const char *owner, const char *group)
{
    const struct fileset_facts *set = in->fileset;
    scoped_str path = STR_INIT, group_word = STR_INIT;

    quote_path(in->file, &path);
    if (set->rootless) { /* root's would shut its user out */
        check_remedy(in, out, "chown %u:%u %s", (unsigned)set->engine_uid, (unsigned)set->engine_gid, path.data);
        return;
    }
    text_shell_quote(&group_word, group);
    if (group == set->expected_group && !set->expected_group_exists)
        check_remedy(in, out, "{ getent group %s >/dev/null || groupadd --system %s; }", group_word.data,
                     group_word.data);
    check_remedy(in, out, "chown %s:%s %s", owner, group_word.data, path.data);
    fix_add_file(&out->fix, in->file->path);
    check_socket_owner_remedy(in, out, owner, group);
}

static void say_wrong_owner(const struct check_input *in, struct check_result *out, const char *owner,
                            const char *group)
{
    const struct fileset_facts *set = in->fileset;
    scoped_str where = STR_INIT, found = STR_INIT;

    print_owner(in->file, &found);
    if (set->rootless)
        check_say(in, out, VERDICT_FAIL, "%s is owned by %s, expected %s(%u):%s(%u), whose engine this is",
                  place(in->file, &where), found.data, set->engine_user ? set->engine_user : "?",
                  (unsigned)set->engine_uid, set->engine_group ? set->engine_group : "?", (unsigned)set->engine_gid);
    else
        check_say(in, out, VERDICT_FAIL, "%s is owned by %s, expected %s:%s%s", place(in->file, &where), found.data,
                  owner, group,
                  group == set->expected_group && !set->expected_group_exists ? M_(" (a group that does not exist)")
                                                                              : "");
}

void check_file_owner(const struct check_input *in, struct check_result *out)
{
    const char *owner = check_param(in, "owner")->string, *group = check_param(in, "group")->string;
    scoped_str where = STR_INIT, found = STR_INIT;
    bool right;

    if (!is_judged(in, out))
        return;
    if (strcmp(group, "@socket") == 0) { /* the group configured for dockerd; root's is stricter */
        group = in->fileset->expected_group;
        if (!group) {
            check_error(in, out, "params.group", M_("@socket is valid only with the source sockets:"));
            return;
        }
        right =
            in->file->gid == 0 || (in->fileset->expected_group_exists && in->file->gid == in->fileset->expected_gid);
    } else {
        right = id_matches(group, in->file->gid, in->file->group);
    }
    right = right && id_matches(owner, in->file->uid, in->file->user);
    facts_of_file(in, out);
    if (!right && !is_of_engine_user(in)) {
        say_wrong_owner(in, out, owner, group);
        remedy_owner(in, out, owner, group);
        return;
    }
    print_owner(in->file, &found);
    check_say(in, out, VERDICT_PASS, "%s is owned by %s%s", place(in->file, &where), found.data,
              right ? "" : M_(", whose engine this is"));
}

/* ---- Mode ---- */

/* What ENTRY gives beyond WANTED. The file's owner is judged by the owner's bits, and root may do anything; for its
 * group the group's bits count, for everybody else those of all others. */
static unsigned entry_beyond(const struct file_facts *file, const struct acl_entry *entry, unsigned wanted)
{
    if (!entry->is_group && (entry->id == 0 || entry->id == file->uid))
        return 0;
    return entry->permissions & ~(entry->is_group && entry->id == file->gid ? wanted >> 3 : wanted) & 7;
}

/* Names the entries that give more than WANTED and appends them to RET_WORDS as setfacl(1) takes them. Their number. */
static size_t judge_list(const struct check_input *in, struct check_result *out, unsigned wanted, struct str *ret_words)
{
    const struct file_facts *file = in->file;
    size_t count = 0;

    for (size_t i = 0; i < file->acl.count; i++) {
        const struct acl_entry *entry = &file->acl.entries[i];
        scoped_str text = STR_INIT, where = STR_INIT;

        if (!entry_beyond(file, entry, wanted))
            continue;
        print_entry(entry, &text);
        check_say(in, out, VERDICT_FAIL, "the access control list of %s lets in %s", place(file, &where), text.data);
        str_printf(ret_words, "%s%c:%u", count ? "," : "", entry->is_group ? 'g' : 'u', (unsigned)entry->id);
        count++;
    }
    return count;
}

/* What files made in a directory get. A file in one has at most the directory's own limit. */
static bool judge_defaults(const struct check_input *in, struct check_result *out, unsigned wanted)
{
    const struct file_facts *file = in->file;
    const struct acl_facts *defaults = &file->defaults;
    scoped_str list = STR_INIT, where = STR_INIT;

    for (size_t i = 0; i < defaults->count; i++) {
        if (!entry_beyond(file, &defaults->entries[i], wanted))
            continue;
        str_append(&list, list.length ? ", " : "");
        print_entry(&defaults->entries[i], &list);
    }
    if (defaults->other & ~wanted & 7)
        str_append(&list, list.length ? ", everybody" : "everybody");
    if (list.length)
        check_say(in, out, VERDICT_FAIL, "the default access control list of %s lets in %s to what is made there",
                  place(file, &where), list.data);
    return list.length > 0;
}

/* A private key among certificates: what is right for these would show it to everybody. */
static bool is_key(const char *path)
{
    return str_ends(path, ".key") || str_ends(path, "key.pem");
}

/* Without its list the group's bits are the owning group's own again. Where some of it is left, the mask is not made
 * wider for that by removing the rest. */
static void remedy_mode(const struct check_input *in, struct check_result *out, unsigned wanted, size_t count,
                        const char *entries, bool defaults)
{
    const struct file_facts *file = in->file;
    unsigned mode = (unsigned)file->mode & 07777;
    scoped_str path = STR_INIT;

    quote_path(file, &path);
    if (count && count == file->acl.count) {
        mode = (mode & ~0070U) | file->acl.group << 3;
        check_remedy(in, out, "setfacl -b %s", path.data);
    } else if (count) {
        check_remedy(in, out, "setfacl -n -x %s %s", entries, path.data);
    }
    if (defaults)
        check_remedy(in, out, "setfacl -k %s", path.data);
    if (mode & ~wanted)
        check_remedy(in, out, "chmod %04o %s", mode & (is_key(file->path) ? wanted & 0400 : wanted), path.data);
    check_socket_mode_remedy(in, out, wanted);
    fix_add_file(&out->fix, file->path);
}

void check_file_mode(const struct check_input *in, struct check_result *out)
{
    unsigned long wanted =
        strtoul(check_param(in, "mode")->string, NULL, 8); /* check_validate_mode() saw to the rest */
    unsigned mode, beyond;
    size_t count;
    bool defaults;
    scoped_str where = STR_INIT, entries = STR_INIT;

    if (!is_judged(in, out))
        return;
    mode = (unsigned)in->file->mode & 07777;
    beyond = mode & ~(unsigned)wanted;
    facts_of_file(in, out);
    if (beyond)
        check_say(in, out, VERDICT_FAIL, "%s has mode %04o, required %04lo or stricter (extra bits %04o)%s",
                  place(in->file, &where), mode, wanted, beyond,
                  beyond & 0070 && in->file->acl.present
                      ? M_("; the group's bits are the mask of its access control list")
                      : "");
    count = judge_list(in, out, (unsigned)wanted, &entries);
    defaults = judge_defaults(in, out, (unsigned)wanted);
    if (count || beyond || defaults) {
        remedy_mode(in, out, (unsigned)wanted, count, str_text(&entries), defaults);
        return;
    }
    check_say(in, out, VERDICT_PASS, "%s has mode %04o, %04lo or stricter is required%s", place(in->file, &where), mode,
              wanted, in->file->acl.count ? M_("; its access control list lets nobody else in") : "");
}
