/* Findings for people. Those of a rule that are alike are told once: first what was found, then where. */
#include "agent/ctl/groups.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/terminal.h"
#include "common/map.h"
#include "common/text.h"
#include "common/vec.h"

enum { FINDINGS_MAX = 1000000, INDENT = 6, HANGING = 2 };

/* What a finding is for people, in the order of the groups: a failure that is waived is no failure. */
enum state { FAIL, ERROR, MANUAL, WAIVED, NOT_APPLICABLE, PASS, STATE_COUNT };
enum { SEVERITY_COUNT = 4 };

static const char *const states[STATE_COUNT] = {"fail", "error", "manual", "waived", "not_applicable", "pass"};
static const char *const severities[SEVERITY_COUNT] = {"critical", "high", "medium", "low"};

struct entry {
    enum state state;
    size_t severity; /* index among severities; SEVERITY_COUNT: unknown */
    char *rule, *title, *found;
    char *name, *label; /* of its subject; LABEL: with its kind, where groups are subjects */
    bool is_kind;       /* the subject is the only one of its kind: its name says nothing */
};

struct group {
    char *key;
    VEC(struct entry) entries;
};

struct groups {
    const struct ctl *ctl;
    char *more;
    size_t shown, count, counts[STATE_COUNT], failures[SEVERITY_COUNT + 1];
    bool by_subject;
    struct map *by_key; /* key → struct group */
    VEC(struct group *) all;
};

struct groups *groups_new(const struct ctl *ctl, bool by_subject, const char *more, size_t shown)
{
    struct groups *groups = mem_alloc(sizeof *groups);

    *groups = (struct groups){.ctl = ctl,
                              .more = mem_strdup(more),
                              .shown = shown ? shown : SIZE_MAX,
                              .by_subject = by_subject,
                              .by_key = map_new(NULL)};
    return groups;
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    for (size_t g = 0; g < groups->all.count; g++) {
        struct group *group = groups->all.items[g];

        for (size_t i = 0; i < group->entries.count; i++) {
            free(group->entries.items[i].rule);
            free(group->entries.items[i].title);
            free(group->entries.items[i].name);
            free(group->entries.items[i].label);
            free(group->entries.items[i].found);
        }
        vec_free(&group->entries);
        free(group->key);
        free(group);
    }
    vec_free(&groups->all);
    map_free(groups->by_key);
    free(groups->more);
    free(groups);
}

static size_t index_of(const char *word, const char *const *words, size_t count)
{
    size_t i = 0;

    while (i < count && !str_equal(words[i], word))
        i++;
    return i;
}

/* What was found; of a waived failure also who accepts it, until when and why. */
static char *found_of(const struct ctl *ctl, const struct json *finding)
{
    const struct json *waived = json_get(finding, "waived");
    const char *evidence = json_text(json_get(finding, "evidence"), "-"), *by = json_string(json_get(waived, "by"));
    const char *expires = json_string(json_get(waived, "expires"));

    if (!ctl_is_waived(finding))
        return mem_strdup(evidence);
    return mem_printf("%s%s%s%s%s%.*s%s%s%s", evidence, tr(ctl, " (waived", "（豁免"),
                      by ? tr(ctl, " by ", "，由 ") : "", by ? by : "", expires ? tr(ctl, " until ", "，至 ") : "",
                      expires ? 10 : 0, expires ? expires : "", tr(ctl, ": ", "："),
                      json_text(json_get(waived, "reason"), "-"), tr(ctl, ")", "）"));
}

static struct group *group_of(struct groups *groups, const char *key)
{
    struct group *group = map_get(groups->by_key, key);

    if (group)
        return group;
    group = mem_alloc(sizeof *group);
    group->key = mem_strdup(key);
    map_set(groups->by_key, key, group);
    vec_push(&groups->all, group);
    return group;
}

bool groups_add(struct groups *groups, const struct json *finding)
{
    const struct json *subject = json_get(finding, "subject");
    const char *kind = json_text(json_get(subject, "kind"), "-"), *id = json_text(json_get(subject, "id"), "-");
    const char *name = json_string(json_get(subject, "name")), *rule = json_text(json_get(finding, "rule"), "-");
    scoped(cleanup_free) char *key = NULL;
    scoped_str label = STR_INIT;
    struct entry entry;

    if (groups->count == FINDINGS_MAX)
        return false;
    entry.state = ctl_is_waived(finding)
                      ? WAIVED
                      : (enum state)index_of(json_string(json_get(finding, "status")), states, STATE_COUNT);
    if (entry.state == STATE_COUNT)
        entry.state = ERROR;
    entry.severity = index_of(json_string(json_get(finding, "severity")), severities, SEVERITY_COUNT);
    if (groups->by_subject)
        ctl_append_subject(groups->ctl, &label, subject);
    entry.name = mem_strdup(str_empty(name) ? id : name);
    entry.label = str_steal(&label);
    entry.rule = mem_strdup(rule);
    entry.title = mem_strdup(json_text(json_get(finding, "title"), "-"));
    entry.found = found_of(groups->ctl, finding);
    entry.is_kind = str_equal(kind, name);
    key = groups->by_subject ? mem_printf("%s %s", kind, id)
                             : mem_printf("%s %s", states[entry.state], json_text(json_get(finding, "slug"), rule));
    vec_push(&group_of(groups, key)->entries, entry);
    groups->count++;
    groups->counts[entry.state]++;
    groups->failures[entry.severity] += entry.state == FAIL;
    return true;
}

/* ---- Order ---- */

static int by_number(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = by_number(left->state, right->state);

    if (!order)
        order = by_number(left->severity, right->severity);
    if (!order)
        order = strverscmp(left->rule, right->rule);
    return order ? order : strverscmp(left->name, right->name);
}

/* By what is worst in them, then by how many they have. */
static int compare_groups(const void *a, const void *b)
{
    const struct group *left = *(struct group *const *)a, *right = *(struct group *const *)b;
    const struct entry *first = left->entries.items, *second = right->entries.items;
    int order = by_number(first->state, second->state);

    if (!order)
        order = by_number(first->severity, second->severity);
    if (!order)
        order = by_number(right->entries.count, left->entries.count);
    return order ? order : compare_entries(first, second);
}

/* Those that are alike one after the other, in the order of the first of each kind. */
static void put_alike_together(struct group *group)
{
    scoped(cleanup_map) struct map *places = map_new(NULL); /* what was found → its first entry */
    size_t *next = mem_alloc(group->entries.count * sizeof *next),
           *last = mem_alloc(group->entries.count * sizeof *last);
    struct entry *sorted = mem_alloc(group->entries.count * sizeof *sorted), *items = group->entries.items;
    size_t at = 0;

    for (size_t i = 0; i < group->entries.count; i++) {
        const struct entry *first = map_get(places, items[i].found);
        size_t f = first ? (size_t)(first - items) : i;

        if (!first)
            map_set(places, items[i].found, &items[i]);
        next[i] = SIZE_MAX;
        if (first)
            next[last[f]] = i;
        last[f] = i;
    }
    for (size_t i = 0; i < group->entries.count; i++)
        if (map_get(places, items[i].found) == &items[i])
            for (size_t k = i; k != SIZE_MAX; k = next[k])
                sorted[at++] = items[k];
    free(next);
    free(last);
    free(items);
    group->entries.items = sorted;
    group->entries.size = group->entries.count;
}

/* ---- What stands below a group's row ---- */

static void append_more(const struct groups *groups, const struct group *group, const char *name, struct str *out)
{
    size_t left = group->entries.count > groups->shown ? group->entries.count - groups->shown : 0;
    scoped_str line = STR_INIT, safe = STR_INIT;

    if (!left)
        return;
    text_shell_quote(&safe, name);
    str_printf(&line, "%s %zu%s%s%s", groups->ctl->terminal.ascii ? "..." : "…", left,
               tr(groups->ctl, " more: ", " 项未显示："), groups->more, safe.data);
    terminal_wrap(&groups->ctl->terminal, out, line.data, INDENT, HANGING);
}

/* Entries FIRST to LAST, which are alike: "no limit: a, b, c". */
static void append_alike(const struct groups *groups, const struct entry *first, const struct entry *last,
                         struct str *out)
{
    const struct terminal *terminal = &groups->ctl->terminal;
    scoped_str line = STR_INIT;

    if (last == first && (first->is_kind || str_starts(first->found, first->name))) {
        terminal_wrap(terminal, out, first->found, INDENT, HANGING);
        return;
    }
    if (last == first) {
        str_printf(&line, "%s%s%s", first->name, tr(groups->ctl, ": ", "："), first->found);
        terminal_wrap(terminal, out, line.data, INDENT, HANGING);
        return;
    }
    terminal_wrap(terminal, out, first->found, INDENT, HANGING);
    for (const struct entry *entry = first; entry <= last; entry++)
        str_printf(&line, "%s%s", entry->name, entry == last ? "" : tr(groups->ctl, ", ", "、"));
    terminal_wrap(terminal, out, line.data, INDENT + HANGING, 0);
}

static void append_places(const struct groups *groups, const struct group *group, struct str *out)
{
    const struct entry *items = group->entries.items;
    size_t count = group->entries.count < groups->shown ? group->entries.count : groups->shown;

    for (size_t first = 0, last; first < count; first = last + 1) {
        for (last = first; last + 1 < count && strcmp(items[last + 1].found, items[first].found) == 0;)
            last++;
        append_alike(groups, &items[first], &items[last], out);
    }
    append_more(groups, group, items->rule, out);
}

static void append_rules(const struct groups *groups, const struct group *group, struct str *out)
{
    enum { RULE = 6, SEVERITY = 10 };
    const struct terminal *terminal = &groups->ctl->terminal;

    for (size_t i = 0; i < group->entries.count && i < groups->shown; i++) {
        const struct entry *entry = &group->entries.items[i];
        scoped_str line = STR_INIT;

        terminal_cell(terminal, &line, entry->rule, RULE, true);
        terminal_cell(terminal, &line,
                      entry->severity < SEVERITY_COUNT ? ctl_word(groups->ctl, severities[entry->severity]) : NULL,
                      SEVERITY, true);
        if (entry->state != FAIL)
            str_printf(&line, "%s  ", ctl_word(groups->ctl, states[entry->state]));
        str_printf(&line, "%s%s%s", entry->title, tr(groups->ctl, ": ", "："), entry->found);
        terminal_wrap(terminal, out, line.data, INDENT, RULE + SEVERITY);
    }
    append_more(groups, group, group->entries.items->name, out);
}

/* ---- Rows and totals ---- */

static void append_count(const struct ctl *ctl, struct str *out, size_t count, const char *word)
{
    str_printf(out, tr(ctl, "%zu %s", "%zu 项%s"), count, ctl_word(ctl, word));
}

/* "61 fail (2 critical, 14 high), 12 error, 4 waived" */
static void append_counts(const struct ctl *ctl, const size_t counts[STATE_COUNT],
                          const size_t failures[SEVERITY_COUNT + 1], struct str *out)
{
    const char *comma = tr(ctl, ", ", "，");
    bool any = false;

    for (size_t s = 0; s < STATE_COUNT; s++) {
        bool listed = false;

        if (!counts[s])
            continue;
        str_append(out, any ? comma : "");
        append_count(ctl, out, counts[s], states[s]);
        any = true;
        for (size_t i = 0; s == FAIL && i < SEVERITY_COUNT; i++) {
            if (!failures[i])
                continue;
            str_append(out, listed ? comma : tr(ctl, " (", "（"));
            append_count(ctl, out, failures[i], severities[i]);
            listed = true;
        }
        str_append(out, listed ? tr(ctl, ")", "）") : "");
    }
}

static void add_rule_group(const struct groups *groups, struct table *table, const struct group *group)
{
    const struct entry *first = group->entries.items;
    const char *severity = first->severity < SEVERITY_COUNT ? severities[first->severity] : NULL;
    scoped_str lines = STR_INIT;
    scoped_str count = STR_INIT;

    append_count(groups->ctl, &count, group->entries.count, states[first->state]);
    table_row(table, (const struct table_cell[]){
                         {first->rule, MARK_HEADING},
                         {severity ? ctl_word(groups->ctl, severity) : NULL,
                          first->state == FAIL ? mark_of_severity(severity) : MARK_NONE},
                         {first->title, MARK_HEADING},
                         {count.data,
                          first->state == FAIL ? mark_of_severity(severity) : mark_of_status(states[first->state])},
                     });
    append_places(groups, group, &lines);
    table_lines(table, str_text(&lines));
}

static void add_subject_group(const struct groups *groups, struct table *table, const struct group *group)
{
    size_t counts[STATE_COUNT] = {0}, failures[SEVERITY_COUNT + 1] = {0};
    const struct entry *first = group->entries.items;
    scoped_str lines = STR_INIT, text = STR_INIT;

    for (size_t i = 0; i < group->entries.count; i++) {
        counts[first[i].state]++;
        failures[first[i].severity] += first[i].state == FAIL;
    }
    append_counts(groups->ctl, counts, failures, &text);
    table_row(table, (const struct table_cell[]){
                         {first->label, MARK_HEADING},
                         {text.data, first->state == FAIL && first->severity < SEVERITY_COUNT
                                         ? mark_of_severity(severities[first->severity])
                                         : mark_of_status(states[first->state])},
                     });
    append_rules(groups, group, &lines);
    table_lines(table, str_text(&lines));
}

void groups_print(struct groups *groups)
{
    const struct ctl *ctl = groups->ctl;
    const struct table_column by_rule[] = {
        {"rule", tr(ctl, "RULE", "规则"), TABLE_NAME, TABLE_EVERYWHERE},
        {"severity", tr(ctl, "SEVERITY", "级别"), TABLE_WORD, TABLE_EVERYWHERE},
        {"title", tr(ctl, "TITLE", "标题"), TABLE_TEXT, TABLE_EVERYWHERE},
        {"findings", tr(ctl, "FINDINGS", "结果"), TABLE_NUMBER, TABLE_EVERYWHERE},
    };
    const struct table_column by_subject[] = {
        {"subject", tr(ctl, "SUBJECT", "对象"), TABLE_NAME, TABLE_EVERYWHERE},
        {"findings", tr(ctl, "FINDINGS", "结果"), TABLE_TEXT, TABLE_EVERYWHERE},
    };
    scoped(cleanup_table) struct table *table = groups->by_subject
                                                    ? table_new(&ctl->terminal, by_subject, countof(by_subject))
                                                    : table_new(&ctl->terminal, by_rule, countof(by_rule));
    scoped_str totals = STR_INIT, out = STR_INIT;

    if (!groups->count)
        return;
    for (size_t g = 0; g < groups->all.count; g++) {
        struct group *group = groups->all.items[g];

        qsort(group->entries.items, group->entries.count, sizeof *group->entries.items, compare_entries);
        if (!groups->by_subject)
            put_alike_together(group);
    }
    qsort(groups->all.items, groups->all.count, sizeof *groups->all.items, compare_groups);
    for (size_t g = 0; g < groups->all.count; g++)
        if (groups->by_subject)
            add_subject_group(groups, table, groups->all.items[g]);
        else
            add_rule_group(groups, table, groups->all.items[g]);
    table_print(table);
    append_counts(ctl, groups->counts, groups->failures, &totals);
    terminal_wrap(&ctl->terminal, &out, totals.data, 0, 0);
    str_clear(&totals);
    str_printf(&totals, tr(ctl, "why, and how to fix it: agentctl explain %s", "原因及修复方法：agentctl explain %s"),
               ctl->rule ? ctl->rule : tr(ctl, "RULE", "规则"));
    terminal_wrap(&ctl->terminal, &out, totals.data, 0, 0);
    printf("\n%s", out.data);
}
