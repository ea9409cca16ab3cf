/* Members of a group. NSS is asked when the host root is our own; a tree that lies elsewhere is read from its files,
 * since our name service is not its. */
#include "probes/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "common/json_out.h"
#include "probes/parse_util.h"

enum { FILE_MAX_BYTES = 32 << 20, MEMBERS_MAX = 4096 };

static bool is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 10;
}

static void write_group(struct str *output, const char *name, gid_t gid, struct json_out *members)
{
    struct json_out *out = json_out_new(false);

    json_out_object(out, NULL);
    json_out_string(out, "name", name);
    json_out_int(out, "gid", gid);
    json_out_raw(out, "members", json_out_text(members, NULL));
    json_out_end_object(out);
    str_append(output, json_out_text(out, NULL));
    json_out_free(out);
}

static int ask_name_service(struct str *output, const char *wanted)
{
    scoped(cleanup_json_out) struct json_out *members = json_out_new(false);
    scoped(cleanup_free) char *name = NULL;
    struct group *group;
    gid_t gid;

    group = getgrnam(wanted);
    if (!group && is_number(wanted))
        group = getgrgid((gid_t)strtoul(wanted, NULL, 10));
    if (!group && !is_number(wanted)) {
        str_append(output, "null");
        return 0;
    }
    gid = group ? group->gr_gid : (gid_t)strtoul(wanted, NULL, 10);
    name = mem_strdup(group ? group->gr_name : wanted);
    json_out_array(members, NULL);
    for (size_t i = 0; group && group->gr_mem[i]; i++)
        json_out_string(members, NULL, group->gr_mem[i]);
    setpwent();
    for (struct passwd *user; (user = getpwent());)
        if (user->pw_gid == gid && user->pw_uid != 0)
            json_out_string(members, NULL, user->pw_name);
    endpwent();
    json_out_end_array(members);
    write_group(output, name, gid, members);
    return 0;
}

/* name:x:gid:member,member */
static bool find_group(char *text, const char *wanted, char **ret_name, gid_t *ret_gid, char **ret_members)
{
    for (char *line; (line = strsep(&text, "\n"));) {
        char *name = strsep(&line, ":"), *gid;

        strsep(&line, ":");
        gid = strsep(&line, ":");
        if (!gid || !is_number(gid) || (strcmp(name, wanted) != 0 && strcmp(gid, wanted) != 0))
            continue;
        *ret_name = name;
        *ret_gid = (gid_t)strtoul(gid, NULL, 10);
        *ret_members = line ? line : gid + strlen(gid);
        return true;
    }
    return false;
}

static int read_files(struct str *output, const struct groups_request *request, struct error *error)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped_str groups = STR_INIT, users = STR_INIT;
    char *name, *members, *rest;
    gid_t gid;
    int r = host_read(request->root, "/etc/group", FILE_MAX_BYTES, &groups, error);

    if (r < 0)
        return error_prefix(error, "/etc/group");
    if (!groups.data || !find_group(groups.data, request->group, &name, &gid, &members)) {
        str_append(output, "null");
        return 0;
    }
    json_out_array(out, NULL);
    for (char *member; (member = strsep(&members, ","));)
        if (*member)
            json_out_string(out, NULL, member);
    r = host_read(request->root, "/etc/passwd", FILE_MAX_BYTES, &users, error);
    if (r < 0)
        return error_prefix(error, "/etc/passwd");
    rest = users.data;
    for (char *line; (line = strsep(&rest, "\n"));) { /* name:x:uid:gid:… */
        char *user = strsep(&line, ":"), *uid, *primary;

        strsep(&line, ":");
        uid = strsep(&line, ":");
        primary = strsep(&line, ":");
        if (primary && is_number(primary) && strtoul(primary, NULL, 10) == gid && strcmp(uid, "0") != 0)
            json_out_string(out, NULL, user);
    }
    json_out_end_array(out);
    write_group(output, name, gid, out);
    return 0;
}

int groups_run(struct str *output, const void *argument, struct error *error)
{
    const struct groups_request *request = argument;

    return strcmp(host_root_path(request->root), "/") == 0 ? ask_name_service(output, request->group)
                                                           : read_files(output, request, error);
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
        facts->count = 1;
    }
    build_number(&b, (int64_t)facts->count);
    r = build_end(&b, &facts->facts, "groups", error);
    if (r == 0)
        *ret = facts;
    return r;
}
