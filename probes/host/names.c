/* User and group names of the host, from its /etc/passwd and /etc/group.
 *
 * Names kept elsewhere (LDAP, sssd) are not known here; an id then has no name. As in the C library the first line for
 * a name or an id counts; lines that do not parse are skipped. */
#include <errno.h>
#include <string.h>

#include "common/map.h"
#include "common/vec.h"
#include "probes/host/proc.h"

enum { TABLE_FILE_MAX = 32 << 20 };

struct table {
    struct map *by_id;   /* "1000" → name */
    struct map *by_name; /* name → id as text */
};

struct names {
    struct table users, groups;
};

bool names_parse_id(const char *text, uint32_t *ret)
{
    unsigned long long value;

    if (!*text || strlen(text) > 10 || text[strspn(text, "0123456789")])
        return false;
    value = strtoull(text, NULL, 10);
    if (value >= UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static void table_add(struct table *table, char *line)
{
    char *name = strsep(&line, ":"), *id_text, *key;
    uint32_t id;

    strsep(&line, ":"); /* the password */
    id_text = strsep(&line, ":");
    if (!*name || !id_text || !names_parse_id(id_text, &id))
        return;
    key = mem_printf("%u", id);
    if (!map_get(table->by_id, key))
        map_set(table->by_id, key, mem_strdup(name));
    if (!map_get(table->by_name, name))
        map_set(table->by_name, name, take(key));
    free(key);
}

static int table_read(const struct host_root *root, const char *path, struct table *table, struct error *error)
{
    scoped_str text = STR_INIT;
    int r = host_read(root, path, TABLE_FILE_MAX, &text, error);
    char *rest = text.data;

    table->by_id = map_new(free);
    table->by_name = map_new(free);
    if (r == -ENOENT)
        return 0; /* a tree without it names nobody */
    if (r < 0)
        return r;
    while (rest)
        table_add(table, strsep(&rest, "\n"));
    return 0;
}

int names_read(const struct host_root *root, struct names **ret, struct error *error)
{
    scoped(cleanup_names) struct names *names = mem_alloc(sizeof *names);
    int r = table_read(root, "/etc/passwd", &names->users, error);

    if (r == 0)
        r = table_read(root, "/etc/group", &names->groups, error);
    if (r < 0)
        return r;
    *ret = take(names);
    return 0;
}

static void table_deinit(struct table *table)
{
    if (table->by_id)
        map_free(table->by_id);
    if (table->by_name)
        map_free(table->by_name);
}

void names_free(struct names *names)
{
    if (!names)
        return;
    table_deinit(&names->users);
    table_deinit(&names->groups);
    free(names);
}

static const char *name_of(const struct table *table, uint32_t id)
{
    char key[16];

    snprintf(key, sizeof key, "%u", id);
    return map_get(table->by_id, key);
}

const char *names_user(const struct names *names, uid_t uid)
{
    return name_of(&names->users, uid);
}

const char *names_group(const struct names *names, gid_t gid)
{
    return name_of(&names->groups, gid);
}

bool names_group_id(const struct names *names, const char *group, gid_t *ret_gid)
{
    const char *id = map_get(names->groups.by_name, group);

    return id && names_parse_id(id, ret_gid);
}
