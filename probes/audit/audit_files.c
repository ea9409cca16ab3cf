/* Audit rules as auditctl and the files on disk write them (auditctl(8), audit.rules(7)), and the kernel's and those on
 * disk put together. */
#include <errno.h>
#include <libaudit.h>
#include <string.h>

#include "common/json_in.h"
#include "common/vec.h"
#include "probes/audit/audit.h"
#include "probes/audit/audit_disk.h"
#include "probes/facts/digest.h"

enum { WORDS_MAX = 128, RULES_MAX = 65536 };

static const unsigned all_perms = AUDIT_PERM_X | AUDIT_PERM_W | AUDIT_PERM_R | AUDIT_PERM_A;

unsigned audit_parse_perms(const char *text)
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

/* What the line of a rule sets, besides the rule itself. */
struct line {
    struct audit_rule rule;
    enum { LINE_NOTHING, LINE_ADD, LINE_ADD_FIRST, LINE_REMOVE, LINE_REMOVE_ALL, LINE_SWITCH } action;
    bool on, lock; /* LINE_SWITCH */
    bool refused;  /* by auditctl */
    bool excludes, task, watch;
    bool types, hides_syscall, hides_path; /* of -F msgtype, when there is one: whether these records are excluded */
    bool all_calls;
    struct str calls; /* commas between */
};

static bool type_matches(uint32_t type, const char *relation, uint32_t wanted)
{
    switch (relation[0]) {
    case '!':
        return type != wanted;
    case '<':
        return relation[1] == '=' ? type <= wanted : type < wanted;
    case '>':
        return relation[1] == '=' ? type >= wanted : type > wanted;
    default:
        return type == wanted;
    }
}

/* -F msgtype=PATH: a name, or a number. */
static void read_type(struct line *line, const char *relation, const char *value)
{
    int type = *value >= '0' && *value <= '9' ? atoi(value) : audit_name_to_msg_type(value);

    if (!line->types)
        line->types = line->hides_syscall = line->hides_path = true;
    line->hides_syscall &= type >= 0 && type_matches(AUDIT_SYSCALL, relation, (uint32_t)type);
    line->hides_path &= type >= 0 && type_matches(AUDIT_PATH, relation, (uint32_t)type);
}

/* Several keys are kept in one text, as in the kernel's rule. */
static void add_key(struct arena *arena, struct audit_rule *rule, const char *key)
{
    scoped(cleanup_free) char *keys = rule->key ? mem_printf("%s\001%s", rule->key, key) : NULL;

    rule->key = arena_strdup(arena, keys ? keys : key);
}

/* -F name=value and its like. */
static void read_field(struct arena *arena, char *field, struct line *line)
{
    struct audit_rule *rule = &line->rule;
    char *relation = field + strcspn(field, "=!<>&"), *value = relation + strspn(relation, "=!<>&");

    if (str_starts(field, "path=") || str_starts(field, "dir=")) {
        rule->directory = field[0] == 'd';
        rule->path = arena_strdup(arena, without_slash(value));
        line->refused |= *value != '/';
    } else if (str_starts(field, "perm=")) {
        rule->perms &= audit_parse_perms(value);
    } else if (str_starts(field, "arch=")) {
        if (!str_equal(value, "b64") && !strstr(value, "64"))
            rule->conditional = true;
    } else if (str_starts(field, "msgtype")) {
        read_type(line, relation, value);
    } else if (str_starts(field, "key=")) {
        add_key(arena, rule, value);
    } else {
        rule->conditional = true;
    }
}

static bool has_call(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && strncmp(at, name, length) == 0)
            return true;
    return false;
}

static bool has_one_of(const char *names, const char *const *calls)
{
    for (; *calls; calls++)
        if (has_call(names, *calls))
            return true;
    return false;
}

/* The permissions that the calls represent. A permission is watched by one that is needed for it in practice; it is
 * hidden as soon as one of its calls is. */
static unsigned perms_of_calls(const char *names, bool never)
{
    static const char *const runs[] = {"execve", "execveat", NULL};
    static const char *const opens[] = {"open", "openat", "openat2", NULL};
    static const char *const unlinks[] = {"unlink", "unlinkat", NULL};
    static const char *const writes[] = {"creat",     "truncate", "ftruncate", "rename",    "renameat", "renameat2",
                                         "mkdir",     "mkdirat",  "rmdir",     "link",      "linkat",   "symlink",
                                         "symlinkat", "mknod",    "mknodat",   "fallocate", NULL};
    static const char *const attributes[] = {"chmod", "fchmod", "fchmodat", "fchmodat2", NULL};
    static const char *const owners[] = {"chown",     "fchown",    "fchownat",    "lchown",       "setxattr",
                                         "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", NULL};
    bool open = has_one_of(names, opens), unlink = has_one_of(names, unlinks);
    unsigned perms = 0;

    if (has_one_of(names, runs))
        perms |= AUDIT_PERM_X;
    if (never ? open || unlink || has_one_of(names, writes) : open && unlink)
        perms |= AUDIT_PERM_W;
    if (open)
        perms |= AUDIT_PERM_R;
    if (has_one_of(names, attributes) || (never && has_one_of(names, owners)))
        perms |= AUDIT_PERM_A;
    return perms;
}

static void read_list(const char *value, bool first, struct line *line)
{
    bool exit = strstr(value, "exit") != NULL;

    line->action = first ? LINE_ADD_FIRST : LINE_ADD;
    line->rule.list = exit ? AUDIT_LIST_EXIT : AUDIT_LIST_OTHER;
    line->excludes = strstr(value, "exclude") != NULL;
    line->task = strstr(value, "task") != NULL;
    line->rule.never = strstr(value, "never") != NULL;
}

static void read_option(struct arena *arena, char option, char *value, bool (*is_directory)(const char *, void *),
                        void *user, struct line *line)
{
    struct audit_rule *rule = &line->rule;

    switch (option) {
    case 'w':
    case 'W':
        line->action = option == 'w' ? LINE_ADD : LINE_REMOVE;
        line->watch = true;
        rule->list = AUDIT_LIST_EXIT;
        rule->path = arena_strdup(arena, without_slash(value));
        line->refused |= *value != '/';
        rule->directory = is_directory && is_directory(rule->path, user);
        break;
    case 'k':
        add_key(arena, rule, value);
        break;
    case 'p':
        rule->perms = audit_parse_perms(value);
        break;
    case 'a':
    case 'A':
        read_list(value, option == 'A', line);
        break;
    case 'd':
        read_list(value, false, line);
        line->action = LINE_REMOVE;
        break;
    case 'F':
        read_field(arena, value, line);
        break;
    case 'C':
        rule->conditional = true;
        break;
    case 'S':
        line->all_calls |= strcmp(value, "all") == 0;
        str_append(&line->calls, value);
        str_append_char(&line->calls, ',');
        break;
    case 'e':
        line->action = LINE_SWITCH;
        line->on = strcmp(value, "0") != 0;
        line->lock = strcmp(value, "2") == 0;
        break;
    default:
        break;
    }
}

/* As getopt reads them: the value of an option is the rest of its word, or the next one. A word that is neither, such
 * as a remark after a rule, is rejected with its line. */
static void read_words(struct arena *arena, char **words, size_t count, bool (*is_directory)(const char *, void *),
                       void *user, struct line *line)
{
    bool extra = false;

    for (size_t i = 0; i < count; i++) {
        char *word = words[i];

        extra |= word[0] != '-' || !word[1];
        if (word[0] != '-' || !word[1] || word[1] == '-')
            continue;
        if (word[1] == 'D')
            line->action = LINE_REMOVE_ALL;
        else if (strchr("aACdeFkpSwWbfrRm", word[1]) && (word[2] || i + 1 < count))
            read_option(arena, word[1], word[2] ? word + 2 : words[++i], is_directory, user, line);
    }
    if (line->calls.length && !line->all_calls)
        line->rule.perms &= perms_of_calls(line->calls.data, line->rule.never);
    if (line->excludes)
        line->rule.never = line->types && (line->hides_syscall || line->hides_path);
    else if (line->rule.list != AUDIT_LIST_EXIT && !line->task)
        line->rule.never = false;
    line->refused |= extra && (line->action == LINE_ADD || line->action == LINE_ADD_FIRST);
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

/* -W and -d take the rule away that they spell out. */
static void remove_rule(struct audit_rule_list *rules, const struct line *line)
{
    const struct audit_rule *gone = &line->rule;

    for (size_t i = 0; i < rules->count; i++) {
        const struct audit_rule *rule = &rules->items[i];

        if (rule->list == gone->list && str_equal(rule->path, gone->path) &&
            (line->watch || (rule->never == gone->never && rule->directory == gone->directory &&
                             rule->conditional == gone->conditional && rule->perms == gone->perms))) {
            vec_remove(rules, i);
            return;
        }
    }
}

/* -D: all, or with -k those whose keys hold that text. */
static void remove_rules(struct audit_rule_list *rules, const char *key)
{
    size_t kept = 0;

    for (size_t i = 0; key && i < rules->count; i++)
        if (!rules->items[i].key || !strstr(rules->items[i].key, key))
            rules->items[kept++] = rules->items[i];
    rules->count = kept;
}

static void apply(const struct line *line, struct audit_rule_list *rules)
{
    switch (line->action) {
    case LINE_NOTHING:
        break;
    case LINE_ADD:
    case LINE_ADD_FIRST:
        push(rules, &line->rule, line->action == LINE_ADD_FIRST);
        break;
    case LINE_REMOVE:
        remove_rule(rules, line);
        break;
    case LINE_REMOVE_ALL:
        remove_rules(rules, line->rule.key);
        break;
    case LINE_SWITCH:
        rules->disabled = !line->on;
        rules->ended = line->lock;
        break;
    }
}

/* Cuts the next word off, as auditctl does: a backslash keeps a blank, or another one, in the word. NULL: there is
 * none.
 */
static char *next_word(char **at)
{
    static const char blanks[] = " \t\r";
    char *word = *at + strspn(*at, blanks), *from = word, *to = word;

    if (!*word)
        return NULL;
    while (*from && !strchr(blanks, *from)) {
        from += from[0] == '\\' && (from[1] == ' ' || from[1] == '\\');
        *to++ = *from++;
    }
    *at = from + (*from != '\0');
    *to = '\0';
    return word;
}

/* -i and -c: auditctl continues after a line that it rejects. */
static bool ignores_refusals(char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], "-i") == 0 || strcmp(words[i], "-c") == 0)
            return true;
    return false;
}

void audit_parse_lines(struct arena *arena, const char *text, bool (*is_directory)(const char *path, void *user),
                       void *user, struct audit_rule_list *rules)
{
    scoped(cleanup_free) char *copy = mem_strdup(text);
    char *rest = copy;

    for (char *at; !rules->ended && (at = strsep(&rest, "\n"));) {
        struct line line = {.rule = {.list = AUDIT_LIST_OTHER, .perms = all_perms}, .calls = STR_INIT};
        char *words[WORDS_MAX];
        size_t count = 0;

        at += strspn(at, " \t\r");
        if (*at == '#')
            continue;
        for (char *word; count < WORDS_MAX && (word = next_word(&at));)
            words[count++] = word;
        rules->ignores |= ignores_refusals(words, count);
        read_words(arena, words, count, is_directory, user, &line);
        if (line.refused)
            rules->ended = !rules->ignores;
        else
            apply(&line, rules);
        str_deinit(&line.calls);
    }
}

/* ---- Both ---- */

static void read_kernel(const struct json *root, struct audit_facts *facts)
{
    const struct json *rules = json_get(root, "rules");

    facts->enabled = json_bool(json_get(root, "enabled"), false);
    facts->locked = json_bool(json_get(root, "locked"), false);
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
        digest_text(hash, rules[i].target);
    }
}

/* A refusal (by capabilities, a sandbox, a user namespace) is distinguished from an answer that broke off. */
static enum audit_kernel state_of(int number)
{
    switch (number) {
    case EPERM:
    case EACCES:
    case ECONNREFUSED:
    case EAFNOSUPPORT:
        return AUDIT_KERNEL_DENIED;
    case EPROTONOSUPPORT:
        return AUDIT_KERNEL_ABSENT;
    default:
        return AUDIT_KERNEL_UNKNOWN;
    }
}

int audit_parse(const struct host_root *root, const char *output, size_t length, int kernel_errno,
                const char *kernel_error, struct audit_facts **ret, struct error *error)
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
    facts->kernel_state = output ? AUDIT_KERNEL_READ : state_of(kernel_errno);
    facts->kernel_error = output ? NULL : arena_strdup(arena, kernel_error ? kernel_error : "unknown");
    if (output)
        read_kernel(json_root(doc), facts);
    audit_find_targets(root, arena, facts->kernel, facts->kernel_count);
    audit_read_disk(root, facts);
    hash_init(&hash);
    digest_number(&hash, facts->kernel_state);
    digest_text(&hash, facts->kernel_error);
    digest_text(&hash, facts->disk_error);
    digest_number(&hash, facts->enabled);
    digest_number(&hash, facts->locked);
    digest_number(&hash, facts->disk_disabled);
    digest_rules(&hash, facts->kernel, facts->kernel_count);
    digest_rules(&hash, facts->disk, facts->disk_count);
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}
