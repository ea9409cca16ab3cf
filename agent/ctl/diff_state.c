/* The state at two times.
 *
 * It is what is now with the transitions since then taken back: a finding's first transition after a time names the
 * status that it had. So only findings that have changed are kept in memory; of the others the counts by rule are
 * enough. */
#include "agent/ctl/diff_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { CHANGES_MAX = 1000000 }; /* that are kept in memory */

static const char *const names[STATUS_COUNT] = {NULL, "not_applicable", "pass", "manual", "fail", "error"};

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

bool diff_is_open(struct state state)
{
    return (state.status == FAIL && !state.waived) || state.status == ERROR;
}

char *diff_key_of(const struct json *finding)
{
    const struct json *subject = json_get(finding, "subject");

    return mem_printf("%s %s %s", json_text(json_get(finding, "slug"), ""), json_text(json_get(subject, "kind"), ""),
                      json_text(json_get(subject, "id"), ""));
}

static struct change *change_of(struct diff *diff, const struct json *root, struct state before)
{
    scoped(cleanup_free) char *key = diff_key_of(root);
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

bool diff_take_line(const char *line, size_t length, void *user)
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
    diff->failed = ctl_print_failure(diff->ctl, root) || diff->failed;
    if (!json_get(root, "slug") || str_equal(json_string(json_path(root, "subject", "kind", NULL)), "agent"))
        return true;
    state = (struct state){status_of(json_get(root, "status")), json_type(json_get(root, "waived")) == JSON_OBJECT};
    before.status = status_of(json_get(root, "previous"));
    /* a failure that stays one has become waived, or is so no more */
    before.waived = before.status == FAIL && state.status == FAIL && !state.waived;
    if (map_count(diff->changes) >= CHANGES_MAX) {
        ctl_complain(tr(diff->ctl, "more than %d findings have changed: ask for a shorter time",
                        "变化的结果超过 %d 项：请缩短时间范围"),
                     (int)CHANGES_MAX);
        diff->failed = true;
        return false;
    }
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

int diff_read_scores(struct diff *diff, struct score *ret_then, struct score *ret_until)
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

void diff_init(struct diff *diff, struct ctl *ctl)
{
    *diff = (struct diff){.ctl = ctl, .changes = map_new(change_free), .counted = map_new(free)};
}

void diff_deinit(struct diff *diff)
{
    map_free(diff->changes);
    map_free(diff->counted);
    table_free(diff->table);
}
