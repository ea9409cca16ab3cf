/* A drop-in of the unit. systemd reads drop-ins in the order of their names, whatever folder they lie in: the last
 * one counts. */
#include "agent/checks/socket_remedy.h"

#include <string.h>

#include "common/text.h"

static bool is_activated(const struct check_input *in)
{
    const struct string_list *paths = &in->fileset->activated;
    const char *path = in->file->target ? in->file->target : in->file->path;

    if (!in->fileset->socket_unit)
        return false;
    for (size_t i = 0; i < paths->count; i++)
        if (str_equal(paths->items[i], path))
            return true;
    return false;
}

static void write_drop_in(const struct check_input *in, struct check_result *out, const char *name, const char *lines)
{
    const char *unit = in->fileset->socket_unit;
    scoped_str word = STR_INIT;

    text_shell_quote(&word, lines);
    check_remedy(in, out, "mkdir -p /etc/systemd/system/%s.d", unit);
    check_remedy(in, out, "printf %%b %s > /etc/systemd/system/%s.d/zz-%s.conf", word.data, unit, name);
    check_remedy(in, out, "systemctl daemon-reload");
}

void check_socket_mode_remedy(const struct check_input *in, struct check_result *out, unsigned wanted)
{
    const char *set = in->fileset->socket_mode;
    unsigned long mode = set ? strtoul(set, NULL, 8) : 0;
    scoped_str lines = STR_INIT;

    if (!is_activated(in) || !set || !(mode & ~wanted))
        return;
    check_say(in, out, VERDICT_FAIL, "%s would open it with mode %04lo again (SocketMode=)", in->fileset->socket_unit,
              mode);
    str_printf(&lines, "[Socket]\\nSocketMode=%04lo\\n", mode & wanted);
    write_drop_in(in, out, "mode", lines.data);
}

void check_socket_owner_remedy(const struct check_input *in, struct check_result *out, const char *owner,
                               const char *group)
{
    const struct fileset_facts *set = in->fileset;
    scoped_str lines = STR_INIT;

    if (!is_activated(in) || !set->socket_user || !set->socket_group ||
        (strcmp(set->socket_user, owner) == 0 &&
         (strcmp(set->socket_group, group) == 0 || strcmp(set->socket_group, "root") == 0)))
        return;
    check_say(in, out, VERDICT_FAIL, "%s would give it to %s:%s again (SocketUser=, SocketGroup=)", set->socket_unit,
              set->socket_user, set->socket_group);
    str_printf(&lines, "[Socket]\\nSocketUser=%s\\nSocketGroup=%s\\n", owner, group);
    write_drop_in(in, out, "owner", lines.data);
}
