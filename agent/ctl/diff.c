/* agentctl diff: what is different between two times.
 *
 * The state at a time is what is now with the transitions since then taken back: a finding's first transition after it
 * names the status that it had. So only findings that have changed are kept in memory; of the others the counts by rule
 * are enough. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/when.h"
#include "common/json_out.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/vec.h"

/* In order of badness: a rule's own status is the worst of its findings'. */
enum { GONE, NOT_APPLICABLE, PASS, MANUAL, FAIL, ERROR, STATUS_COUNT };
static const char *const names[STATUS_COUNT] = {NULL, "not_applicable", "pass", "manual", "fail", "error"};

/* Of a finding at one time. */
struct state {
    int status; /* GONE: it did not exist */
    bool waived;
};

struct change {
    char *line; /* the last transition before UNTIL; NULL: there was none */
    char *slug, *rule, *subject;
    int severity;
    struct state then, until, now;
};

struct diff {
    struct ctl *ctl;
    struct json_out *json; /* NULL: text is printed */
    usec_t until;          /* 0: now */
    struct map *changes;   /* "slug kind:id" → struct change */
    struct map *counted;   /* slug → struct rule_change */
    bool failed;
    bool began_later; /* the history: what was before its beginning is unknown */
};

/* Findings of a rule: how many more of each verdict there are now than at the two times. */
struct rule_change {
    int then[STATUS_COUNT], until[STATUS_COUNT], waived_then, waived_until;
};

static void change_free(void *p)
{
    struct change *change = p;

    free(change->line);
    free(change->slug);
    free(change->rule);
    free(change->subject);
    free(change);
}

static int status_of(const struct json *value)
{
    const char *name = json_string(value);
    int status = STATUS_COUNT - 1;

    while (status > GONE && !str_equal(names[status], name))
        status--;
    return status;
}

static int severity_of(const struct json *value)
{
    static const char *const severities[] = {"critical", "high", "medium", "low"};
    const char *name = json_string(value);
    int severity = (int)countof(severities);

    for (size_t i = 0; i < countof(severities); i++, severity--)
        if (str_equal(severities[i], name))
            break;
    return severity;
}

static bool is_open(struct state state)
{
    return (state.status == FAIL && !state.waived) || state.status == ERROR;
}

static char *key_of(const struct json *finding)
{
    const struct json *subject = json_get(finding, "subject");

    return mem_printf("%s %s %s", json_text(json_get(finding, "slug"), ""), json_text(json_get(subject, "kind"), ""),
                      json_text(json_get(subject, "id"), ""));
}

static struct change *change_of(struct diff *diff, const struct json *root, struct state before)
{
    scoped(cleanup_free) char *key = key_of(root);
    struct change *change = map_get(diff->changes, key);

    if (change)
        return change;
    change = mem_alloc(sizeof *change);
    change->slug = mem_strdup(json_text(json_get(root, "slug"), ""));
    change->rule = mem_strdup(json_text(json_get(root, "rule"), ""));
    change->subject = mem_strdup(json_text(json_path(root, "subject", "name", NULL), ""));
    change->severity = severity_of(json_get(root, "severity"));
    change->then = change->until = before;
    map_set(diff->changes, key, change);
    return change;
}

static bool take_line(const char *line, size_t length, void *user)
{
    struct diff *diff = user;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct state state, before;
    struct change *change;
    const struct json *root;
    usec_t at = 0;

    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return true;
    root = json_root(doc);
    if (json_get(root, "hello"))
        diff->began_later = ctl_print_beginning(diff->ctl, root, diff->ctl->words[0]);
    diff->failed = ctl_print_failure(root) || diff->failed;
    if (!json_get(root, "slug") || str_equal(json_string(json_path(root, "subject", "kind", NULL)), "agent"))
        return true;
    state = (struct state){status_of(json_get(root, "status")), json_type(json_get(root, "waived")) == JSON_OBJECT};
    before.status = status_of(json_get(root, "previous"));
    /* a failure that stays one has become waived, or is so no more */
    before.waived = before.status == FAIL && state.status == FAIL && !state.waived;
    change = change_of(diff, root, before);
    change->now = state;
    clock_parse(json_text(json_get(root, "at"), ""), &at);
    if (diff->until && at >= diff->until)
        return true;
    change->until = state;
    free(change->line);
    change->line = mem_strndup(line, length);
    return true;
}

/* ---- The score ---- */

static void count_changes(struct diff *diff)
{
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(diff->changes, &at, &key, &value)) {
        const struct change *change = value;
        struct rule_change *rule = map_get(diff->counted, change->slug);

        if (!rule) {
            rule = mem_alloc(sizeof *rule);
            map_set(diff->counted, change->slug, rule);
        }
        rule->then[change->now.status]++;
        rule->then[change->then.status]--;
        rule->until[change->now.status]++;
        rule->until[change->until.status]--;
        rule->waived_then += change->now.waived - change->then.waived;
        rule->waived_until += change->now.waived - change->until.waived;
    }
}

struct score {
    unsigned passed, counted;
};

/* "-": nothing was counted then. */
static void append_score(const struct ctl *ctl, struct score score, struct str *out)
{
    if (score.counted)
        str_printf(out, "%.*f", ctl->terminal.cut ? 0 : 1, 100.0 * score.passed / score.counted);
    else
        str_append_char(out, '-');
}

/* As the agent counts it: a rule passes if the worst of its findings does, or if all its failures are waived. MINUS:
 * how many more findings of each status there are now; NULL: as now. */
static void add_rule(struct score *score, const struct json *rule, const int *minus, int waived_minus)
{
    const struct json *counts = json_get(rule, "counts");
    int64_t waived = json_int(json_get(rule, "waived"), 0) - waived_minus;
    int64_t failed = 0;
    int worst = GONE;

    for (int i = NOT_APPLICABLE; i < STATUS_COUNT; i++) {
        int64_t count = json_int(json_get(counts, names[i]), 0) - (minus ? minus[i] : 0);

        if (count > 0)
            worst = i;
        if (i == FAIL)
            failed = count;
    }
    if (!json_bool(json_get(rule, "scored"), false) || !json_bool(json_get(rule, "enabled"), false) ||
        (worst != PASS && worst != FAIL))
        return;
    score->counted++;
    score->passed += worst == PASS || waived >= failed;
}

static int read_scores(struct diff *diff, struct score *ret_then, struct score *ret_until)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    const struct json *rules;
    int r = ctl_get(diff->ctl, "/v1/rules", NULL, &doc, &text);

    if (r)
        return r;
    count_changes(diff);
    rules = json_get(json_root(doc), "rules");
    for (size_t i = 0; i < json_count(rules); i++) {
        const struct json *rule = json_at(rules, i);
        const struct rule_change *change = map_get(diff->counted, json_text(json_get(rule, "slug"), ""));

        add_rule(ret_then, rule, change ? change->then : NULL, change ? change->waived_then : 0);
        add_rule(ret_until, rule, change ? change->until : NULL, change ? change->waived_until : 0);
    }
    return 0;
}

/* ---- What is printed ---- */

/* WORD names the group, in a pipe on each line. */
static void print_finding(const struct diff *diff, const char *word, const struct json *finding)
{
    const struct ctl *ctl = diff->ctl;
    const struct json *subject = json_get(finding, "subject");
    scoped_str out = STR_INIT;

    if (diff->json) {
        json_out_value(diff->json, NULL, finding);
        return;
    }
    if (ctl->terminal.cut) {
        str_append(&out, "  ");
        ctl_print_finding(ctl, &out, 2, finding);
        fputs(str_text(&out), stdout);
        return;
    }
    const char *const cells[] = {
        json_string(json_get(finding, "rule")),         json_string(json_get(finding, "severity")),
        json_text(json_get(finding, "status"), "gone"), json_string(json_get(subject, "kind")),
        json_string(json_get(subject, "name")),         json_string(json_get(finding, "evidence"))};
    str_append(&out, word);
    for (size_t i = 0; i < countof(cells); i++) {
        str_append_char(&out, '\t');
        terminal_cell(&out, cells[i], 0, false);
    }
    puts(out.data);
}

/* The worst first, then by rule and subject. */
static int compare(const void *a, const void *b)
{
    const struct change *left = *(const struct change *const *)a, *right = *(const struct change *const *)b;
    int order = right->severity - left->severity;

    if (!order)
        order = strverscmp(left->rule, right->rule);
    return order ? order : strcmp(left->subject, right->subject);
}

/* WORD NULL: they are only counted. */
static size_t print_group(const struct diff *diff, const char *word, bool open_then, bool open_until)
{
    VEC(const struct change *) group = {0};
    size_t at = 0, count;
    const char *key;
    void *value;

    while (map_next(diff->changes, &at, &key, &value)) {
        const struct change *change = value;

        if (change->line && is_open(change->then) == open_then && is_open(change->until) == open_until)
            vec_push(&group, change);
    }
    count = group.count;
    if (count)
        qsort(group.items, count, sizeof group.items[0], compare);
    for (size_t i = 0; word && i < count; i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        if (json_parse(group.items[i]->line, strlen(group.items[i]->line), NULL, &doc, NULL) == 0)
            print_finding(diff, word, json_root(doc));
    }
    vec_free(&group);
    return count;
}

static void print_heading(const struct ctl *ctl, const char *en, const char *zh, size_t count)
{
    if (ctl->terminal.cut)
        printf("%s: %zu\n", tr(ctl, en, zh), count);
}

/* Findings that are open now and have not changed since; the others are in the map. */
static int count_unchanged(struct diff *diff, bool print, size_t *ret)
{
    scoped(cleanup_free) char *after = NULL;
    size_t count = 0;

    do {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped_str path = STR_INIT, text = STR_INIT;
        const struct json *findings;
        int r;

        str_append(&path, "/v1/findings?status=fail,error&waived=false");
        if (after)
            client_parameter(&path, "after", after);
        r = ctl_get(diff->ctl, path.data, NULL, &doc, &text);
        if (r)
            return r;
        findings = json_get(json_root(doc), "findings");
        for (size_t i = 0; i < json_count(findings); i++) {
            const struct json *finding = json_at(findings, i);
            scoped(cleanup_free) char *key = key_of(finding);
            const struct change *change = map_get(diff->changes, key);

            if (change && (change->line || !is_open(change->then)))
                continue;
            count++;
            if (print)
                print_finding(diff, "open", finding);
        }
        free(after);
        after = mem_strdup(json_string(json_get(json_root(doc), "next")));
    } while (after);
    *ret += count;
    return 0;
}

static void print_scores(const struct diff *diff, struct score then, struct score until)
{
    const struct ctl *ctl = diff->ctl;
    scoped_str before = STR_INIT, after = STR_INIT;

    if (diff->began_later)
        then.counted = 0;
    append_score(ctl, then, &before);
    append_score(ctl, until, &after);
    printf("%s%s%s%s%s\n", ctl->terminal.cut ? tr(ctl, "score", "得分") : "score", ctl->terminal.cut ? " " : "\t",
           before.data, ctl->terminal.cut ? " → " : "\t", after.data);
}

static void write_score(const struct diff *diff, const char *key, struct score score, bool unknown)
{
    if (unknown || !score.counted)
        json_out_null(diff->json, key);
    else
        json_out_double(diff->json, key, 100.0 * score.passed / score.counted);
}

/* Findings are as /v1/findings has them; those that have changed as the last of their transitions. */
static int write_diff(struct diff *diff, usec_t since)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct score then = {0}, until = {0};
    size_t open = 0;
    int r = read_scores(diff, &then, &until);

    if (r)
        return r;
    diff->json = out;
    json_out_object(out, NULL);
    json_out_time(out, "since", since);
    json_out_time(out, "until", diff->until);
    json_out_array(out, "opened");
    print_group(diff, "opened", false, true);
    json_out_end_array(out);
    json_out_array(out, "closed");
    print_group(diff, "closed", true, false);
    json_out_end_array(out);
    json_out_array(out, "open");
    print_group(diff, "open", true, true);
    r = count_unchanged(diff, true, &open);
    json_out_end_array(out);
    json_out_object(out, "score");
    write_score(diff, "since", then, diff->began_later);
    write_score(diff, "until", until, false);
    json_out_end_object(out);
    json_out_end_object(out);
    diff->json = NULL;
    if (r == 0)
        puts(json_out_text(out, NULL));
    return r;
}

static int print_diff(struct diff *diff)
{
    const struct ctl *ctl = diff->ctl;
    struct score then = {0}, until = {0};
    size_t open = 0;
    bool all = ctl->all || !ctl->terminal.cut;
    int r = read_scores(diff, &then, &until);

    if (r)
        return r;
    print_heading(ctl, "opened", "新出现", print_group(diff, NULL, false, true));
    print_group(diff, "opened", false, true);
    print_heading(ctl, "closed", "已解决", print_group(diff, NULL, true, false));
    print_group(diff, "closed", true, false);
    open = print_group(diff, all && !ctl->terminal.cut ? "open" : NULL, true, true);
    r = count_unchanged(diff, all && !ctl->terminal.cut, &open);
    if (r)
        return r;
    print_heading(ctl, "still open", "仍未解决", open);
    if (ctl->all && ctl->terminal.cut) {
        print_group(diff, "open", true, true);
        r = count_unchanged(diff, true, &open);
    }
    print_scores(diff, then, until);
    return r;
}

int ctl_diff(struct ctl *ctl)
{
    struct diff diff = {.ctl = ctl};
    const char *until = ctl->word_count > 1 ? ctl->words[1] : NULL;
    scoped_str path = STR_INIT;
    usec_t since = 0;
    int r;

    if (ctl->word_count < 1 || ctl->word_count > 2)
        return ctl_usage("diff requires a time to compare with, such as yesterday, 2h or 2026-11-24, and perhaps a "
                         "second one");
    r = ctl_events_path(ctl, ctl->words[0], NULL, &path);
    if (r)
        return r;
    if (until && when_parse(until, clock_now(&clock_system), &diff.until) < 0)
        return ctl_usage("diff: \"%.64s\" is not a time such as yesterday, 2h or 2026-11-24", until);
    if (when_parse(ctl->words[0], clock_now(&clock_system), &since) == 0 && until && diff.until <= since)
        return ctl_refuse_span(ctl->words[0], until);
    diff.changes = map_new(change_free);
    diff.counted = map_new(free);
    r = ctl_stream_events(ctl, path.data, take_line, &diff);
    if (r == 0 && diff.failed)
        r = EXIT_REFUSED;
    if (r == 0)
        r = ctl->json ? write_diff(&diff, since) : print_diff(&diff);
    map_free(diff.changes);
    map_free(diff.counted);
    return r;
}
