/* Findings, rules and the score as JSON. A page of findings ends at a limit or a size and names the place where the
 * next one begins. The status document is in view_status.c. */
#include "agent/api/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/evaluator/finding.h"
#include "agent/model/subject_filter.h"
#include "common/str.h"

enum { LIMIT_DEFAULT = 1000, SUBJECTS_MAX = 2000 };

void view_write_text(const struct agent_view *view, struct json_out *out, const char *key, const char *text)
{
    scoped_str rendered = STR_INIT;

    if (text)
        words_render(&rendered, text, view->language, 0);
    json_out_string(out, key, text ? str_text(&rendered) : NULL);
}

static void write_finding(const struct agent_view *view, const struct subject *subject, const struct pair *pair,
                          struct check_result *scratch, struct json_out *out)
{
    check_result_clear(scratch);
    evaluator_explain(view->evaluator, subject, pair, scratch);
    json_out_object(out, NULL);
    finding_write(view->evaluator, view->language, subject, pair, evaluator_waiver(view->evaluator, subject, pair),
                  scratch, false, out);
    fix_write(&scratch->fix, out);
    json_out_end_object(out);
}

/* Where a page ended: rule index and subject id, so that a page is found again though subjects came and went. */
struct place {
    unsigned rule;
    const char *id;
};

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct subject *const *)a)->id, (*(const struct subject *const *)b)->id);
}

struct sorted {
    const struct subject **items;
    size_t count;
};

/* The subjects of each kind by id: findings come by rule, then by subject. */
static void sort_subjects(const struct evaluator *evaluator, struct sorted ret[SUBJECT_KIND_COUNT])
{
    const struct subject *subject;
    size_t at = 0;

    memset(ret, 0, SUBJECT_KIND_COUNT * sizeof *ret);
    while ((subject = evaluator_next_subject(evaluator, &at)))
        ret[subject->kind].count++;
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++) {
        ret[kind].items = mem_realloc_array(NULL, ret[kind].count + 1, sizeof *ret[kind].items);
        ret[kind].count = 0;
    }
    for (at = 0; (subject = evaluator_next_subject(evaluator, &at));)
        ret[subject->kind].items[ret[subject->kind].count++] = subject;
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        if (ret[kind].count)
            qsort(ret[kind].items, ret[kind].count, sizeof *ret[kind].items, by_id);
}

static bool is_full(const struct finding_filter *filter, size_t written, struct json_out *out)
{
    size_t length;

    json_out_text(out, &length);
    return written == (filter->limit ? filter->limit : LIMIT_DEFAULT) ||
           (written && filter->bytes && length >= filter->bytes);
}

/* Writes what matches after PLACE, a page of it; the last one written goes to RET_LAST when more follow. */
static bool write_page(const struct agent_view *view, const struct finding_filter *filter, const struct place *after,
                       struct json_out *out, struct place *ret_last)
{
    const struct rule_set *rules = evaluator_rules(view->evaluator);
    struct sorted subjects[SUBJECT_KIND_COUNT];
    struct check_result scratch;
    size_t written = 0;
    bool more = false;

    check_result_init(&scratch);
    sort_subjects(view->evaluator, subjects);
    for (unsigned r = after->id ? after->rule : 0; r < rules->count && !more; r++) {
        const struct rule *rule = &rules->rules[r];
        const struct sorted *list = &subjects[rule->check->subject];

        if (!finding_filter_takes_rule(filter, rule))
            continue;
        for (size_t i = 0; i < list->count && !more; i++) {
            const struct subject *subject = list->items[i];
            const struct pair *pair = subject_pair(subject, rule);

            if (!pair || (after->id && r == after->rule && strcmp(subject->id, after->id) <= 0) ||
                !finding_filter_takes(filter, view->evaluator, subject, pair))
                continue;
            if (is_full(filter, written, out)) {
                more = true;
                break;
            }
            write_finding(view, subject, pair, &scratch, out);
            written++;
            *ret_last = (struct place){r, subject->id};
        }
    }
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        free(subjects[kind].items);
    check_result_deinit(&scratch);
    return more;
}

/* "SLUG SUBJECT-ID" */
static int read_place(const struct agent_view *view, const char *after, struct place *ret, struct error *error)
{
    const char *space = after ? strchr(after, ' ') : NULL;
    scoped(cleanup_free) char *slug = NULL;
    const struct rule *rule;

    *ret = (struct place){0};
    if (!after)
        return 0;
    slug = mem_strndup(after, space ? (size_t)(space - after) : 0);
    rule = rule_set_find(evaluator_rules(view->evaluator), slug);
    if (!rule)
        return error_set(error, EINVAL, "after: invalid; use the \"next\" of an earlier answer");
    *ret = (struct place){rule->index, space + 1};
    return 0;
}

static size_t count_matching(const struct agent_view *view, const char *filter)
{
    const struct subject *subject;
    size_t at = 0, count = 0;

    while ((subject = evaluator_next_subject(view->evaluator, &at)))
        count += subject_filter_matches(filter, subject_kind_name(subject->kind), subject->id, subject->name);
    return count;
}

int view_findings(const struct agent_view *view, const struct finding_filter *filter, struct json_out *out,
                  struct error *error)
{
    const struct rule_set *rules = evaluator_rules(view->evaluator);
    struct place after, last = {0};
    int r = read_place(view, filter->after, &after, error);
    bool more;

    if (r < 0)
        return r;
    r = finding_filter_check(rules, filter, error);
    if (r < 0)
        return r;
    json_out_array(out, "findings");
    more = write_page(view, filter, &after, out, &last);
    json_out_end_array(out);
    json_out_int(out, "last_seq", (int64_t)evaluator_last_seq(view->evaluator));
    if (filter->subject)
        json_out_int(out, "subjects", (int64_t)count_matching(view, filter->subject));
    if (more) {
        scoped(cleanup_free) char *next = mem_printf("%s %s", rules->rules[last.rule].slug, last.id);

        json_out_string(out, "next", next);
    } else {
        json_out_null(out, "next");
    }
    return 0;
}

static void write_counts(struct json_out *out, const char *key, const unsigned counts[VERDICT_COUNT])
{
    if (key)
        json_out_object(out, key);
    for (enum verdict v = VERDICT_NOT_APPLICABLE; v < VERDICT_COUNT; v++)
        json_out_int(out, verdict_name(v), counts[v]);
    if (key)
        json_out_end_object(out);
}

static void write_strings(struct json_out *out, const char *key, const struct string_list *list)
{
    json_out_array(out, key);
    for (size_t i = 0; i < list->count; i++)
        json_out_string(out, NULL, list->items[i]);
    json_out_end_array(out);
}

/* What the rule is evidence for, in catalogues of controls. */
static void write_controls(const struct rule *rule, struct json_out *out)
{
    json_out_object(out, "controls");
    write_strings(out, "cis_v8", &rule->cis_controls);
    write_strings(out, "nist_800_53", &rule->nist_controls);
    json_out_end_object(out);
}

void view_subjects(const struct agent_view *view, struct json_out *out)
{
    const struct subject *subject;
    size_t at = 0, count = 0;

    json_out_array(out, "subjects");
    for (; count < SUBJECTS_MAX && (subject = evaluator_next_subject(view->evaluator, &at)); count++) {
        json_out_object(out, NULL);
        json_out_string(out, "kind", subject_kind_name(subject->kind));
        json_out_string(out, "id", subject->id);
        json_out_string(out, "name", subject->name);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_bool(out, "more", count == SUBJECTS_MAX && evaluator_next_subject(view->evaluator, &at));
}

static void write_rule(const struct agent_view *view, const struct rule *rule, struct json_out *out)
{
    unsigned counts[VERDICT_COUNT];
    enum verdict verdict = evaluator_rule_verdict(view->evaluator, rule, counts);
    scoped_str reason = STR_INIT;

    json_out_string(out, "rule", rule->id ? rule->id : rule->slug);
    json_out_string(out, "slug", rule->slug);
    json_out_string(out, "title", rule->title[view->language]);
    json_out_string(out, "section", rule->section);
    json_out_string(out, "severity", severity_name(rule->severity));
    json_out_int(out, "level", rule->level);
    json_out_bool(out, "scored", rule->scored);
    json_out_bool(out, "enabled", rule->enabled);
    json_out_string(out, "subject", subject_kind_name(rule->check->subject));
    json_out_string(out, "status", rule->enabled ? verdict_name(verdict) : NULL);
    if (evaluator_rule_why(view->evaluator, rule, &reason))
        view_write_text(view, out, "reason", reason.data);
    write_counts(out, "counts", counts);
    json_out_int(out, "waived", evaluator_rule_waived(view->evaluator, rule));
    write_controls(rule, out);
}

void view_rules(const struct agent_view *view, struct json_out *out)
{
    const struct rule_set *rules = evaluator_rules(view->evaluator);

    json_out_array(out, "rules");
    for (size_t i = 0; i < rules->count; i++) {
        if (!rules->rules[i].id && !rules->rules[i].enabled)
            continue; /* of another benchmark */
        json_out_object(out, NULL);
        write_rule(view, &rules->rules[i], out);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

/* For the engine at hand. */
static const char *rule_remedy(const struct agent_view *view, const struct rule *rule)
{
    const struct version_facts *version = store_version(evaluator_store(view->evaluator), NULL);

    return check_rule_remedy(rule, version && version->is_podman, view->language);
}

int view_rule(const struct agent_view *view, const char *name, struct json_out *out, struct error *error)
{
    const struct rule_set *rules = evaluator_rules(view->evaluator);
    const struct rule *rule = rule_set_find(rules, name);
    struct finding_filter filter = {.kind = -1, .waived = -1, .bytes = VIEW_PAGE_BYTES};

    if (!rule) {
        scoped_str hint = STR_INIT;

        message_add_nearest(&hint, rule_set_nearest(rules, name));
        return error_set(error, ENOENT, "unknown rule \"%s\"%s", name, str_text(&hint));
    }
    write_rule(view, rule, out);
    json_out_string(out, "why", rule->why[view->language]);
    json_out_string(out, "remedy", rule_remedy(view, rule));
    json_out_string(out, "impact", rule->impact[view->language]);
    write_strings(out, "references", &rule->references);
    json_out_string(out, "check", rule->check->name);
    json_out_string(out, "file", rule->file);
    view_params(rule, out);
    finding_write_ids(rule, out);
    filter.rule = rule->slug;
    return view_findings(view, &filter, out, error);
}
