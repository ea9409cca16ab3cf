/* The rules that files of auditctl lines leave loaded (audit.rules(7)). */
#include <string.h>

#include "common/vec.h"
#include "probes/audit/audit_internal.h"

enum { WORDS_MAX = 128, RULES_MAX = 65536 };

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

/* The kernel compares whole rules, keys included. RULES' count: there is none like it. */
static size_t find_rule(const struct audit_rule_list *rules, const struct audit_rule *rule)
{
    size_t i = 0;

    while (i < rules->count &&
           (strcmp(rules->items[i].text, rule->text) != 0 || rules->items[i].directory != rule->directory))
        i++;
    return i;
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

/* False: the kernel refuses it, as there is such a rule already, or none to remove. */
static bool apply(const struct audit_line *line, const struct audit_rule *rule, struct audit_rule_list *rules)
{
    size_t at;

    if (line->switched) {
        rules->disabled = !line->on;
        rules->ended = line->lock;
    }
    switch (line->action) {
    case AUDIT_LINE_NOTHING:
        return true;
    case AUDIT_LINE_ADD:
    case AUDIT_LINE_ADD_FIRST:
        if (find_rule(rules, rule) < rules->count)
            return false;
        push(rules, rule, line->action == AUDIT_LINE_ADD_FIRST);
        return true;
    case AUDIT_LINE_REMOVE:
        at = find_rule(rules, rule);
        if (at >= rules->count)
            return false;
        vec_remove(rules, at);
        return true;
    case AUDIT_LINE_REMOVE_ALL:
        remove_rules(rules, line->key);
        return true;
    }
    return true;
}

/* Cuts the next word off, as auditctl does: blanks alone are between words, and a backslash keeps one, or another
 * backslash, in its word. NULL: there is none. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " "), *from = word, *to = word;

    if (!*word)
        return NULL;
    while (*from && *from != ' ') {
        from += from[0] == '\\' && (from[1] == ' ' || from[1] == '\\');
        *to++ = *from++;
    }
    *at = from + (*from != '\0');
    *to = '\0';
    return word;
}

void audit_add_line(struct arena *arena, const struct audit_place_on_disk *source, audit_look *look, void *user,
                    struct audit_rule_list *rules)
{
    const struct audit_place_on_disk place = {
        .file = source->file, .text = arena_strdup(arena, source->text), .line = source->line};
    scoped(cleanup_free) char *copy = mem_strdup(source->text);
    char *words[WORDS_MAX], *at = copy + strspn(copy, " ");
    struct audit_rule rule = {.text = ""};
    struct audit_line line;
    size_t count = 0;
    bool taken;

    if (rules->ended || !*at || *at == '#')
        return;
    for (char *word; count < WORDS_MAX && (word = next_word(&at));)
        words[count++] = word;
    taken = audit_line_read(&line, words, count, look, user);
    rules->ignores |= line.continues;
    if (line.switched && !line.on)
        rules->off = place;
    if (taken &&
        (line.action == AUDIT_LINE_ADD || line.action == AUDIT_LINE_ADD_FIRST || line.action == AUDIT_LINE_REMOVE))
        taken = audit_read_rule(arena, line.data, &rule, NULL) == 0;
    rule.source = place;
    if (taken)
        taken = apply(&line, &rule, rules);
    if (!taken && !rules->ignores) {
        rules->ended = true;
        rules->refused = place;
    }
    audit_line_deinit(&line);
}

void audit_parse_lines(struct arena *arena, const char *text, audit_look *look, void *user,
                       struct audit_rule_list *rules)
{
    scoped(cleanup_free) char *copy = mem_strdup(text);
    char *rest = copy;
    unsigned number = 0;

    for (char *line; (line = strsep(&rest, "\n"));)
        audit_add_line(arena, &(struct audit_place_on_disk){.text = line, .line = ++number}, look, user, rules);
}
