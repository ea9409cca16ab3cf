/* Owner and mode of files: section 3. Compared by id and by bits, special bits included; printed by name. */
#include <string.h>

#include "agent/checks/checks.h"
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

static bool readable(const struct check_input *in, struct check_result *out)
{
    if (in->file->error)
        check_error(in, out, in->file->path, in->file->error);
    return !in->file->error;
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
}

void check_file_owner(const struct check_input *in, struct check_result *out)
{
    const char *owner = check_param(in, "owner")->string, *group = check_param(in, "group")->string;
    scoped_str where = STR_INIT, found = STR_INIT, path = STR_INIT, group_word = STR_INIT;
    bool group_right;

    if (!readable(in, out))
        return;
    if (strcmp(group, "@socket") == 0) { /* the group configured for dockerd */
        group = in->fileset->expected_group;
        if (!group) {
            check_error(in, out, "params.group", "@socket is valid only with the source sockets:");
            return;
        }
        group_right = in->fileset->expected_group_exists && in->file->gid == in->fileset->expected_gid;
    } else {
        group_right = id_matches(group, in->file->gid, in->file->group);
    }
    facts_of_file(in, out);
    print_owner(in->file, &found);
    if (id_matches(owner, in->file->uid, in->file->user) && group_right) {
        check_say(in, out, VERDICT_PASS, "%s is owned by %s", place(in->file, &where), found.data);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "%s is owned by %s, expected %s:%s%s", place(in->file, &where), found.data, owner,
              group,
              in->fileset->expected_group && group == in->fileset->expected_group && !in->fileset->expected_group_exists
                  ? " (a group that does not exist)"
                  : "");
    text_shell_quote(&path, in->file->target ? in->file->target : in->file->path);
    text_shell_quote(&group_word, group);
    if (group == in->fileset->expected_group && !in->fileset->expected_group_exists)
        check_remedy(in, out, "groupadd --system %s", group_word.data);
    check_remedy(in, out, "chown %s:%s %s", owner, group_word.data, path.data);
}

void check_file_mode(const struct check_input *in, struct check_result *out)
{
    const char *text = check_param(in, "mode")->string;
    char *end;
    unsigned long wanted = strtoul(text, &end, 8);
    unsigned mode, beyond;
    scoped_str where = STR_INIT, path = STR_INIT;

    if (*end || !*text || wanted > 07777) {
        check_error(in, out, "params.mode", "not an octal mode");
        return;
    }
    if (!readable(in, out))
        return;
    mode = (unsigned)in->file->mode & 07777;
    beyond = mode & ~(unsigned)wanted;
    facts_of_file(in, out);
    if (!beyond) {
        check_say(in, out, VERDICT_PASS, "%s has mode %04o, %04lo or stricter is required", place(in->file, &where),
                  mode, wanted);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "%s has mode %04o, required %04lo or stricter (extra bits %04o)",
              place(in->file, &where), mode, wanted, beyond);
    text_shell_quote(&path, in->file->target ? in->file->target : in->file->path);
    check_remedy(in, out, "chmod %04lo %s", mode & wanted, path.data);
}
