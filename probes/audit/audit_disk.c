/* Audit rules in /etc/audit, put together as augenrules(8) does at boot.
 *
 * What is on disk is only what somebody intended to load: it is judged if the kernel cannot be asked, and it explains
 * what is missing if it can. */
#include <errno.h>
#include <string.h>

#include "common/vec.h"
#include "probes/audit/audit_internal.h"

enum { FILE_MAX_BYTES = 4 << 20, FILES_MAX = 1024 };

static const char rule_folder[] = "/etc/audit/rules.d", rule_file[] = "/etc/audit/audit.rules";

/* A line of the file begins with NAME and a colon. auditctl -R works early in the boot, when no other service of names
 * answers yet. */
static bool has_name(const struct host_root *root, const char *file, const char *name)
{
    size_t length = strlen(name);
    scoped_str text = STR_INIT;

    if (host_read(root, file, FILE_MAX_BYTES, &text, NULL) < 0)
        return true; /* unknown */
    for (const char *line = str_text(&text); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return true;
    }
    return false;
}

static enum audit_place look(enum audit_kind kind, const char *path, void *user)
{
    scoped(cleanup_free) char *folder = NULL;
    const char *slash = strrchr(path, '/');
    struct stat st;

    if (kind != AUDIT_KIND_PATH)
        return has_name(user, kind == AUDIT_KIND_USER ? "/etc/passwd" : "/etc/group", path) ? AUDIT_PLACE_FILE
                                                                                            : AUDIT_PLACE_MISSING;
    if (host_stat(user, path, &st, NULL) == 0)
        return S_ISDIR(st.st_mode) ? AUDIT_PLACE_DIRECTORY : AUDIT_PLACE_FILE;
    if (!slash)
        return AUDIT_PLACE_MISSING;
    folder = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return host_stat(user, folder, &st, NULL) == 0 && S_ISDIR(st.st_mode) ? AUDIT_PLACE_ABSENT : AUDIT_PLACE_MISSING;
}

struct source_lines {
    struct audit_place_on_disk *items;
    size_t count, size;
};

static void source_lines_deinit(struct source_lines *lines)
{
    vec_free(lines);
}

/* Appends the file's lines. */
static int read_file(const struct host_root *root, struct arena *arena, const char *path, struct source_lines *ret,
                     struct error *error)
{
    scoped_str text = STR_INIT;
    const char *file = arena_strdup(arena, path);
    unsigned number = 0;
    int r = host_read(root, path, FILE_MAX_BYTES, &text, NULL);

    if (r < 0)
        return error_set(error, -r, "%s: %s", path, error_reason(-r));
    for (const char *at = str_text(&text); *at;) {
        size_t length = strcspn(at, "\n");

        vec_push(ret, (struct audit_place_on_disk){
                          .file = file, .text = arena_strndup(arena, at, length), .line = ++number});
        at += length + (at[length] == '\n');
    }
    return 0;
}

/* As "ls -v" orders them: 9-a.rules before 10-b.rules. */
static int by_version(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* Which lines augenrules moves: of each kind the last one counts. */
enum moved { MOVED_DELETE, MOVED_BACKLOG, MOVED_FAILURE, MOVED_SWITCH, MOVED_NOT };

static enum moved kind_of(const char *line)
{
    static const char blanks[] = " \t\r\f\v";
    const char *at = line + strspn(line, blanks);

    if (str_starts(at, "-D") && !at[2 + strspn(at + 2, blanks)])
        return MOVED_DELETE;
    return str_starts(at, "-e")   ? MOVED_SWITCH
           : str_starts(at, "-f") ? MOVED_FAILURE
           : str_starts(at, "-b") ? MOVED_BACKLOG
                                  : MOVED_NOT;
}

/* augenrules moves a bare -D to the front from any position: it deletes what was loaded before, not the rules in the
 * files above it. -b and -f follow; the last -e goes to the end, as nothing could be loaded after "-e 2". */
static void load_as_augenrules(struct arena *arena, const struct host_root *root, const struct source_lines *lines,
                               struct audit_rule_list *rules)
{
    const struct audit_place_on_disk *moved[MOVED_NOT] = {0};
    void *user = (void *)(uintptr_t)root;

    for (size_t i = 0; i < lines->count; i++)
        if (kind_of(lines->items[i].text) != MOVED_NOT)
            moved[kind_of(lines->items[i].text)] = &lines->items[i];
    for (int kind = MOVED_DELETE; kind <= MOVED_FAILURE; kind++)
        if (moved[kind])
            audit_add_line(arena, moved[kind], look, user, rules);
    for (size_t i = 0; i < lines->count; i++)
        if (kind_of(lines->items[i].text) == MOVED_NOT)
            audit_add_line(arena, &lines->items[i], look, user, rules);
    if (moved[MOVED_SWITCH])
        audit_add_line(arena, moved[MOVED_SWITCH], look, user, rules);
}

/* rules.d: *.rules, one after the other. */
static int read_folder(const struct host_root *root, struct arena *arena, struct audit_rule_list *rules,
                       struct error *error)
{
    scoped(source_lines_deinit) struct source_lines lines = {0};
    char **paths = NULL;
    size_t count = 0;
    int r = host_list(root, rule_folder, ".rules", FILES_MAX, &paths);

    if (r < 0)
        return error_set(error, -r, "%s: %s", rule_folder, error_reason(-r));
    while (paths[count])
        count++;
    qsort(paths, count, sizeof *paths, by_version);
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            r = read_file(root, arena, paths[i], &lines, error);
        free(paths[i]);
    }
    free(paths);
    if (r == 0)
        load_as_augenrules(arena, root, &lines, rules);
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

/* What auditctl -R is given at boot, in the order that it is in. */
static int read_one_file(const struct host_root *root, struct arena *arena, struct audit_rule_list *rules,
                         struct error *error)
{
    scoped(source_lines_deinit) struct source_lines lines = {0};
    int r = read_file(root, arena, rule_file, &lines, error);

    for (size_t i = 0; i < lines.count; i++)
        audit_add_line(arena, &lines.items[i], look, (void *)(uintptr_t)root, rules);
    return r;
}

static bool has_tool(const struct host_root *root)
{
    static const char *const places[] = {"/usr/sbin/auditctl", "/sbin/auditctl", "/usr/bin/auditctl",
                                         "/usr/local/sbin/auditctl"};
    struct stat st;

    for (size_t i = 0; i < countof(places); i++)
        if (host_stat(root, places[i], &st, NULL) == 0)
            return true;
    return false;
}

/* Without augenrules, or with nothing in its directory, the one file counts. An empty directory means no rules; no
 * directory and no file is an error. */
void audit_read_disk(const struct host_root *root, struct audit_facts *facts)
{
    struct arena *arena = facts->facts.arena;
    struct audit_rule_list rules = {0};
    struct error error = ERROR_INIT;
    int r = read_folder(root, arena, &rules, &error);

    facts->disk_file = r == 0 ? "/etc/audit/rules.d/docker.rules" : NULL;
    if (r == -ENOENT || (r == 0 && !rules.count && !rules.disabled && !rules.refused.text)) {
        bool is_empty = r == 0;

        error = ERROR_INIT;
        r = read_one_file(root, arena, &rules, &error);
        if (r == 0 && !is_empty)
            facts->disk_file = rule_file;
        if (r == -ENOENT && is_empty)
            r = 0;
    }
    if (r < 0)
        facts->disk_error = arena_strdup(arena, r == -ENOENT ? "no rule files in /etc/audit" : error.message);
    facts->disk_disabled = rules.disabled;
    facts->off = rules.off;
    facts->refused = rules.refused;
    facts->tool_missing = !has_tool(root);
    facts->disk = arena_alloc(arena, (rules.count + 1) * sizeof *facts->disk);
    for (size_t i = 0; i < rules.count; i++)
        facts->disk[facts->disk_count++] = rules.items[i];
    vec_free(&rules);
    audit_find_targets(root, arena, facts->disk, facts->disk_count);
}
