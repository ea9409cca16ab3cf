/* Audit rules as auditctl and the files on disk write them (auditctl(8), audit.rules(7)), and both sides put together.
 *
 * What is on disk is only what somebody meant to load: it is judged when the kernel will not tell, and it explains what
 * is missing when it does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/json_in.h"
#include "common/vec.h"
#include "probes/audit.h"
#include "probes/digest.h"

enum { FILE_MAX_BYTES = 4 << 20, FILES_MAX = 1024, WORDS_MAX = 128, RULES_MAX = 65536 };

static const unsigned all_perms = AUDIT_PERM_X | AUDIT_PERM_W | AUDIT_PERM_R | AUDIT_PERM_A;

static unsigned read_perms(const char *text)
{
    unsigned perms = 0;

    for (; *text; text++)
        perms |= *text == 'x'   ? AUDIT_PERM_X
                 : *text == 'w' ? AUDIT_PERM_W
                 : *text == 'r' ? AUDIT_PERM_R
                 : *text == 'a' ? AUDIT_PERM_A
                                : 0;
    return perms;
}

static char *without_slash(char *path)
{
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = '\0';
    return path;
}

/* -F name=value and its like. */
static void read_field(struct arena *arena, char *field, struct audit_rule *rule)
{
    char *value = field + strcspn(field, "=!<>&");

    if (str_starts(field, "path=") || str_starts(field, "dir=")) {
        rule->directory = field[0] == 'd';
        rule->path = arena_strdup(arena, without_slash(strchr(field, '=') + 1));
    } else if (str_starts(field, "perm=")) {
        rule->perms &= read_perms(value + 1);
    } else if (str_starts(field, "arch=")) {
        if (!str_equal(value + 1, "b64") && !strstr(value + 1, "64"))
            rule->conditional = true;
    } else if (!str_starts(field, "key=")) {
        rule->conditional = true;
    }
}

static unsigned perms_of_calls(const char *names)
{
    unsigned perms = 0;

    if (strstr(names, "execve"))
        perms |= AUDIT_PERM_X;
    if (strstr(names, "open") && strstr(names, "unlink"))
        perms |= AUDIT_PERM_W;
    if (strstr(names, "open"))
        perms |= AUDIT_PERM_R;
    if (strstr(names, "chmod"))
        perms |= AUDIT_PERM_A;
    return perms;
}

static bool read_line(struct arena *arena, char **words, size_t count, bool (*is_directory)(const char *, void *),
                      void *user, struct audit_rule *rule, bool *ret_first)
{
    scoped_str calls = STR_INIT;
    bool any = false, all = false;

    *rule = (struct audit_rule){.list = AUDIT_LIST_OTHER, .perms = all_perms, .all_syscalls = true};
    for (size_t i = 0; i + 1 < count; i++) {
        const char *option = words[i];
        char *value = words[i + 1];

        if (strcmp(option, "-w") == 0) {
            rule->list = AUDIT_LIST_EXIT;
            rule->path = arena_strdup(arena, without_slash(value));
            rule->directory = is_directory && is_directory(rule->path, user);
            any = true;
        } else if (strcmp(option, "-p") == 0) {
            rule->perms = read_perms(value);
        } else if (strcmp(option, "-a") == 0 || strcmp(option, "-A") == 0) {
            *ret_first = option[1] == 'A';
            rule->list = strstr(value, "exit") ? AUDIT_LIST_EXIT : AUDIT_LIST_OTHER;
            rule->never = strstr(value, "never") && (rule->list == AUDIT_LIST_EXIT || strstr(value, "task"));
            any = true;
        } else if (strcmp(option, "-F") == 0) {
            read_field(arena, value, rule);
        } else if (strcmp(option, "-S") == 0) {
            all |= strcmp(value, "all") == 0;
            str_append(&calls, value);
            str_append_char(&calls, ',');
        } else if (strcmp(option, "-k") != 0) {
            continue;
        }
        i++;
    }
    if (calls.length && !all)
        rule->perms &= perms_of_calls(calls.data);
    return any;
}

static void push(struct audit_rule_list *rules, const struct audit_rule *rule, bool first)
{
    if (rules->count >= RULES_MAX)
        return;
    vec_push(rules, *rule);
    if (first) {
        memmove(rules->items + 1, rules->items, (rules->count - 1) * sizeof *rules->items);
        rules->items[0] = *rule;
    }
}

void audit_parse_lines(struct arena *arena, const char *text, bool (*is_directory)(const char *path, void *user),
                       void *user, struct audit_rule_list *rules)
{
    scoped(cleanup_free) char *copy = mem_strdup(text);
    char *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));) {
        char *words[WORDS_MAX];
        size_t count = 0;
        struct audit_rule rule;
        bool first = false;

        line += strspn(line, " \t\r");
        if (*line == '#')
            continue;
        for (char *word; count < WORDS_MAX && (word = strsep(&line, " \t\r"));)
            if (*word)
                words[count++] = word;
        for (size_t i = 0; i < count; i++) { /* quotes around a value are dropped */
            size_t length = strlen(words[i]);

            if (length >= 2 && words[i][0] == '"' && words[i][length - 1] == '"') {
                words[i][length - 1] = '\0';
                words[i]++;
            }
        }
        if (count == 1 && strcmp(words[0], "-D") == 0)
            rules->count = 0;
        else if (count == 2 && strcmp(words[0], "-e") == 0)
            rules->disabled = strcmp(words[1], "0") == 0;
        else if (read_line(arena, words, count, is_directory, user, &rule, &first))
            push(rules, &rule, first);
    }
}

/* ---- The host's files ---- */

static bool is_host_directory(const char *path, void *user)
{
    struct stat st;

    return host_stat(user, path, &st, NULL) == 0 && S_ISDIR(st.st_mode);
}

static int read_file(const struct host_root *root, const char *path, struct arena *arena, struct audit_rule_list *rules,
                     struct error *error)
{
    scoped_str text = STR_INIT;
    int r = host_read(root, path, FILE_MAX_BYTES, &text, NULL);

    if (r < 0)
        return error_set(error, -r, "%s: %s", path, strerror(-r));
    audit_parse_lines(arena, str_text(&text), is_host_directory, (void *)(uintptr_t)root, rules);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* rules.d as augenrules puts it together: *.rules in order of their names. */
static int read_folder(const struct host_root *root, struct arena *arena, struct audit_rule_list *rules,
                       struct error *error)
{
    static const char folder[] = "/etc/audit/rules.d";
    VEC(char *) names = {0};
    int fd = host_open(root, folder, O_RDONLY | O_DIRECTORY, NULL), r = fd < 0 ? fd : 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (r < 0)
        return error_set(error, -r, "%s: %s", folder, strerror(-r));
    for (struct dirent *entry; dir && names.count < FILES_MAX && (entry = readdir(dir));)
        if (str_ends(entry->d_name, ".rules") && entry->d_name[0] != '.')
            vec_push(&names, mem_printf("%s/%s", folder, entry->d_name));
    if (dir)
        closedir(dir);
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, compare_names);
    for (size_t i = 0; i < names.count; i++) {
        if (r == 0)
            r = read_file(root, names.items[i], arena, rules, error);
        free(names.items[i]);
    }
    vec_free(&names);
    return r;
}

static void read_disk(const struct host_root *root, struct audit_facts *facts)
{
    struct arena *arena = facts->facts.arena;
    struct audit_rule_list rules = {0};
    struct error error = ERROR_INIT;
    int r = read_folder(root, arena, &rules, &error);

    if (r == -ENOENT || (r == 0 && !rules.count)) { /* no augenrules: what auditctl -R is given at boot */
        error = ERROR_INIT;
        r = read_file(root, "/etc/audit/audit.rules", arena, &rules, &error);
    }
    if (r < 0)
        facts->disk_error = arena_strdup(arena, r == -ENOENT ? "there are no rule files in /etc/audit" : error.text);
    facts->disk = arena_alloc(arena, (rules.count + 1) * sizeof *facts->disk);
    for (size_t i = 0; i < rules.count; i++)
        facts->disk[facts->disk_count++] = rules.items[i];
    vec_free(&rules);
}

/* ---- Both ---- */

static void read_kernel(const struct json *root, struct audit_facts *facts)
{
    const struct json *rules = json_get(root, "rules");

    facts->enabled = json_bool(json_get(root, "enabled"), false);
    facts->kernel = arena_alloc(facts->facts.arena, (json_count(rules) + 1) * sizeof *facts->kernel);
    for (size_t i = 0; i < json_count(rules); i++) {
        const struct json *rule = json_at(rules, i);

        facts->kernel[facts->kernel_count++] = (struct audit_rule){
            .list = json_bool(json_get(rule, "exit"), false) ? AUDIT_LIST_EXIT : AUDIT_LIST_OTHER,
            .never = json_bool(json_get(rule, "never"), false),
            .directory = json_bool(json_get(rule, "directory"), false),
            .conditional = json_bool(json_get(rule, "conditional"), false),
            .path = arena_strdup(facts->facts.arena, json_string(json_get(rule, "path"))),
            .perms = (unsigned)json_int(json_get(rule, "perms"), 0),
        };
    }
}

static void digest_rules(struct hash *hash, const struct audit_rule *rules, size_t count)
{
    digest_number(hash, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        digest_number(hash, rules[i].list);
        digest_number(hash, rules[i].never);
        digest_number(hash, rules[i].directory);
        digest_number(hash, rules[i].conditional);
        digest_number(hash, rules[i].perms);
        digest_text(hash, rules[i].path);
    }
}

int audit_parse(const struct host_root *root, const char *output, size_t length, const char *kernel_error,
                struct audit_facts **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct audit_facts *facts;
    struct arena *arena;
    struct hash hash;

    if (output && json_parse(output, length, NULL, &doc, error) < 0)
        return error_prefix(error, "audit");
    arena = arena_new(4096);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->kernel_error = output ? NULL : arena_strdup(arena, kernel_error ? kernel_error : "unknown");
    if (output)
        read_kernel(json_root(doc), facts);
    read_disk(root, facts);
    hash_init(&hash);
    digest_text(&hash, facts->kernel_error);
    digest_text(&hash, facts->disk_error);
    digest_number(&hash, facts->enabled);
    digest_rules(&hash, facts->kernel, facts->kernel_count);
    digest_rules(&hash, facts->disk, facts->disk_count);
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}
