/* Audit rules in /etc/audit, put together as augenrules(8) does at boot.
 *
 * What is on disk is only what somebody intended to load: it is judged if the kernel cannot be asked, and it explains
 * what is missing if it can. */
#include "probes/audit/audit_disk.h"

#include <errno.h>
#include <string.h>

#include "common/vec.h"

enum { FILE_MAX_BYTES = 4 << 20, FILES_MAX = 1024 };

static bool is_host_directory(const char *path, void *user)
{
    struct stat st;

    return host_stat(user, path, &st, NULL) == 0 && S_ISDIR(st.st_mode);
}

/* Appends the file to TEXT. */
static int read_file(const struct host_root *root, const char *path, struct str *text, struct error *error)
{
    scoped_str file = STR_INIT;
    int r = host_read(root, path, FILE_MAX_BYTES, &file, NULL);

    if (r < 0)
        return error_set(error, -r, "%s: %s", path, strerror(-r));
    str_append_n(text, str_text(&file), file.length);
    str_append_char(text, '\n');
    return 0;
}

/* As "ls -v" orders them: 9-a.rules before 10-b.rules. */
static int by_version(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* A line that is "-D" and nothing else. */
static bool is_bare_delete(const char *line, size_t length)
{
    size_t before = strspn(line, " \t\r");

    return before + 2 <= length && strncmp(line + before, "-D", 2) == 0 &&
           before + 2 + strspn(line + before + 2, " \t\r") >= length;
}

static bool is_switch(const char *line)
{
    return str_starts(line + strspn(line, " \t\r"), "-e");
}

static void append_line(struct str *to, const char *line, size_t length)
{
    str_append_n(to, line, length);
    str_append_char(to, '\n');
}

/* augenrules moves a bare -D to the front from any position: it deletes what was loaded before, not the rules in the
 * files above it. The last -e goes to the end, as nothing could be loaded after "-e 2". */
static void put_in_order(const struct str *text, struct str *ret)
{
    scoped_str rest = STR_INIT, last_switch = STR_INIT;

    for (const char *line = str_text(text); *line;) {
        size_t length = strcspn(line, "\n");

        if (is_bare_delete(line, length)) {
            if (!ret->length)
                append_line(ret, line, length);
        } else if (is_switch(line)) {
            str_clear(&last_switch);
            append_line(&last_switch, line, length);
        } else {
            append_line(&rest, line, length);
        }
        line += length + (line[length] == '\n');
    }
    str_append_n(ret, str_text(&rest), rest.length);
    str_append_n(ret, str_text(&last_switch), last_switch.length);
}

/* rules.d: *.rules, one after the other. */
static int read_folder(const struct host_root *root, struct str *ret, struct error *error)
{
    static const char folder[] = "/etc/audit/rules.d";
    scoped_str text = STR_INIT;
    char **paths = NULL;
    size_t count = 0;
    int r = host_list(root, folder, ".rules", FILES_MAX, &paths);

    if (r < 0)
        return error_set(error, -r, "%s: %s", folder, strerror(-r));
    while (paths[count])
        count++;
    qsort(paths, count, sizeof *paths, by_version);
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            r = read_file(root, paths[i], &text, error);
        free(paths[i]);
    }
    free(paths);
    if (r == 0)
        put_in_order(&text, ret);
    return r;
}

/* The kernel follows links on the way to a rule's path, and not the last one: a watch of a link does not reach what the
 * link leads to. */
void audit_find_targets(const struct host_root *root, struct arena *arena, struct audit_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *slash = rules[i].path && rules[i].path[0] == '/' ? strrchr(rules[i].path, '/') : NULL;
        scoped(cleanup_free) char *folder = NULL, *resolved = NULL, *target = NULL;

        if (!slash)
            continue;
        folder = mem_strndup(rules[i].path, slash == rules[i].path ? 1 : (size_t)(slash - rules[i].path));
        if (host_resolve(root, folder, &resolved, NULL) < 0)
            continue;
        target = mem_printf("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, slash + 1);
        rules[i].target = arena_strdup(arena, target);
    }
}

/* Without augenrules, or with nothing in its directory, what auditctl -R is given at boot. An empty directory means no
 * rules; no directory and no file is an error. */
void audit_read_disk(const struct host_root *root, struct audit_facts *facts)
{
    struct arena *arena = facts->facts.arena;
    struct audit_rule_list rules = {0};
    struct error error = ERROR_INIT;
    scoped_str text = STR_INIT;
    int r = read_folder(root, &text, &error);

    audit_parse_lines(arena, str_text(&text), is_host_directory, (void *)(uintptr_t)root, &rules);
    if (r == -ENOENT || (r == 0 && !rules.count && !rules.disabled)) {
        bool is_empty = r == 0;

        str_clear(&text);
        error = ERROR_INIT;
        r = read_file(root, "/etc/audit/audit.rules", &text, &error);
        audit_parse_lines(arena, str_text(&text), is_host_directory, (void *)(uintptr_t)root, &rules);
        if (r == -ENOENT && is_empty)
            r = 0;
    }
    if (r < 0)
        facts->disk_error = arena_strdup(arena, r == -ENOENT ? "no rule files in /etc/audit" : error.text);
    facts->disk_disabled = rules.disabled;
    facts->disk = arena_alloc(arena, (rules.count + 1) * sizeof *facts->disk);
    for (size_t i = 0; i < rules.count; i++)
        facts->disk[facts->disk_count++] = rules.items[i];
    vec_free(&rules);
    audit_find_targets(root, arena, facts->disk, facts->disk_count);
}
