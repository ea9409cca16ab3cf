/* The model made of an evaluator: rules and their findings chosen, counted and put in order. A finding is explained
 * when a writer asks for it. */
#include <string.h>

#include "agent/evaluator/finding.h"
#include "agent/report/report.h"
#include "agent/words/words.h"
#include "common/memory.h"
#include "common/vec.h"

struct item {
    const struct subject *subject;
    const struct pair *pair;
    const struct waiver *waiver;
};

struct model {
    struct report report; /* first: the one is the other */
    const struct evaluator *evaluator;
    VEC(struct item) items; /* of one rule side by side */
    VEC(char *) texts;      /* that the report's parts borrow */
    struct check_result result;
    struct json_out *json; /* of the finding that was asked for last, as are the following */
    struct str evidence, remedy;
    char uid[UID_SIZE];
};

/* ---- Findings ---- */

static void explain(const struct report *report, const struct report_rule *rule, size_t index,
                    struct report_finding *ret)
{
    struct model *model = report->user;
    const struct item *item = &model->items.items[rule->first_item + index];
    enum verdict status = item->pair->verdict;
    bool wrong = status == VERDICT_FAIL || status == VERDICT_MANUAL;

    check_result_clear(&model->result);
    evaluator_explain(model->evaluator, item->subject, item->pair, &model->result);
    evaluator_uid(model->evaluator, rule->rule->slug, subject_kind_name(item->subject->kind), item->subject->id,
                  model->uid);
    json_out_free(model->json);
    model->json = json_out_new(false);
    json_out_object(model->json, NULL);
    finding_write(model->evaluator, report->language, item->subject, item->pair, item->waiver, &model->result, false,
                  model->json);
    json_out_end_object(model->json);
    str_clear(&model->evidence);
    words_render(&model->evidence, str_text(&model->result.said), report->language, 0);
    str_clear(&model->remedy);
    if (wrong)
        words_render(&model->remedy, check_result_remedy(&model->result, rule->rule, report->language),
                     report->language, 0);
    *ret = (struct report_finding){
        .status = status,
        .uid = model->uid,
        .kind = subject_kind_name(item->subject->kind),
        .id = item->subject->id,
        .name = item->subject->name,
        .evidence = str_text(&model->evidence),
        .remedy = wrong ? str_text(&model->remedy) : NULL,
        .waiver = item->waiver,
        .attestation = evaluator_attestation(model->evaluator, item->subject, item->pair),
        .since = item->pair->since,
        .checked = item->pair->checked,
        .json = json_out_text(model->json, NULL),
    };
}

static bool is_attested(const struct pair *pair)
{
    return pair->attested && pair->verdict == VERDICT_PASS;
}

/* What is worse comes first; a failure that somebody accepted after what a person has yet to judge, and then what
 * somebody says is well. */
static unsigned badness(const struct item *item)
{
    enum { WAIVED = 3, ATTESTED = 2 };
    static const unsigned order[VERDICT_COUNT] = {[VERDICT_FAIL] = 6,
                                                  [VERDICT_ERROR] = 5,
                                                  [VERDICT_MANUAL] = 4,
                                                  [VERDICT_PASS] = 1,
                                                  [VERDICT_NOT_APPLICABLE] = 0};

    return item->waiver ? WAIVED : is_attested(item->pair) ? ATTESTED : order[item->pair->verdict];
}

static int by_badness(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    unsigned of_x = badness(x), of_y = badness(y);
    int names;

    if (of_x != of_y)
        return of_x < of_y ? 1 : -1;
    names = strcmp(x->subject->name, y->subject->name);
    return names ? names : strcmp(x->subject->id, y->subject->id);
}

static bool is_wanted(const struct model *model, const struct report_source *source, const struct subject *subject,
                      const struct pair *pair)
{
    char uid[UID_SIZE];

    if (!finding_filter_takes(source->filter, model->evaluator, subject, pair))
        return false;
    if (!source->baseline)
        return true;
    evaluator_uid(model->evaluator, pair->rule->slug, subject_kind_name(subject->kind), subject->id, uid);
    return baseline_is_new(source->baseline, uid, verdict_name(pair->verdict));
}

static void add_item(struct model *model, struct report_rule *rule, const struct subject *subject,
                     const struct pair *pair)
{
    struct item item = {subject, pair, evaluator_waiver(model->evaluator, subject, pair)};

    rule->counts[pair->verdict]++;
    rule->waived += item.waiver != NULL;
    rule->attested += is_attested(pair);
    model->report.findings[pair->verdict][rule->rule->severity]++;
    model->report.waived[rule->rule->severity] += item.waiver != NULL;
    vec_push(&model->items, item);
}

static void add_findings(struct model *model, const struct report_source *source, struct report_rule *rule)
{
    const struct subject *subject;
    size_t at = 0;

    rule->first_item = model->items.count;
    while ((subject = evaluator_next_subject(model->evaluator, &at))) {
        const struct pair *pair =
            subject->kind == rule->rule->check->subject ? subject_pair(subject, rule->rule) : NULL;

        if (pair && is_wanted(model, source, subject, pair))
            add_item(model, rule, subject, pair);
    }
    rule->finding_count = model->items.count - rule->first_item;
    if (rule->finding_count)
        qsort(&model->items.items[rule->first_item], rule->finding_count, sizeof *model->items.items, by_badness);
}

/* ---- Rules and sections ---- */

static const char *keep(struct model *model, char *text)
{
    vec_push(&model->texts, text);
    return text;
}

/* Why the engine is not connected, without its address, which is shown as well; NULL: it is. */
static const char *keep_why(struct model *model, const struct report_source *source)
{
    scoped_str rest = STR_INIT, shown = STR_INIT;

    if (!source->engine_why)
        return NULL;
    words_render(&shown, message_without_context(source->engine_why, source->engine_address, &rest), source->language,
                 0);
    return keep(model, str_steal(&shown));
}

/* Does the report tell of a rule without findings in it? Not where some of its findings were asked for. */
static bool tells_bare_rule(const struct report_source *source, const struct report_rule *rule)
{
    const struct finding_filter *filter = source->filter;

    return !source->baseline && !filter->subject && filter->kind < 0 && filter->waived != 1 &&
           (!filter->statuses || filter->statuses & (1u << rule->status));
}

static void add_rules(struct model *model, const struct report_source *source)
{
    const struct rule_set *rules = evaluator_rules(model->evaluator);
    const struct version_facts *version = store_version(evaluator_store(model->evaluator), NULL);
    bool podman = version && version->is_podman;
    VEC(struct report_rule) all = {0};

    for (size_t i = 0; i < rules->count; i++) {
        struct report_rule rule = {.rule = &rules->rules[i]};
        scoped_str why = STR_INIT, shown = STR_INIT;

        if (!rule.rule->enabled || !finding_filter_takes_rule(source->filter, rule.rule))
            continue;
        rule.status = evaluator_rule_verdict(model->evaluator, rule.rule, NULL);
        if (evaluator_rule_why(model->evaluator, rule.rule, &why)) {
            words_render(&shown, str_text(&why), source->language, 0);
            rule.why = keep(model, str_steal(&shown));
        }
        rule.remedy = check_rule_remedy(rule.rule, podman, source->language);
        add_findings(model, source, &rule);
        if (rule.finding_count || tells_bare_rule(source, &rule))
            vec_push(&all, rule);
    }
    model->report.rules = all.items;
    model->report.rule_count = all.count;
}

static void add_sections(struct model *model, const struct report_source *source)
{
    const struct rule_set *rules = evaluator_rules(model->evaluator);
    VEC(struct report_section) all = {0};

    for (size_t s = 0; s < rules->active->section_count; s++) {
        struct report_section section = {.id = rules->active->sections[s].id,
                                         .title = rules->active->sections[s].title[source->language]};
        unsigned count = 0;

        for (size_t i = 0; i < rules->count; i++) {
            const struct rule *rule = &rules->rules[i];

            if (!rule->enabled || !str_equal(rule->section, section.id) ||
                !finding_filter_takes_rule(source->filter, rule))
                continue;
            section.counts[evaluator_rule_verdict(model->evaluator, rule, NULL)]++;
            count++;
        }
        if (count)
            vec_push(&all, section);
    }
    model->report.sections = all.items;
    model->report.section_count = all.count;
}

/* ---- What people vouched for ---- */

static void add_exceptions(struct model *model, const struct report_source *source)
{
    const struct config *config = source->config;
    VEC(struct report_exception) all = {0};

    for (size_t i = 0; i < config->waiver_count; i++) {
        const struct waiver *waiver = &config->waivers[i];

        vec_push(&all, (struct report_exception){
                           .rule = waiver->rule,
                           .subject = waiver->subject ? waiver->subject : "*",
                           .by = waiver->by,
                           .reason = waiver->reason,
                           .expires = waiver->expires,
                           .expired = waiver->expires && waiver->expires <= source->now,
                           .matches = evaluator_waiver_matches(model->evaluator, waiver),
                       });
    }
    for (size_t i = 0; i < config->attestation_count; i++) {
        const struct attestation *attestation = &config->attestations[i];

        vec_push(&all, (struct report_exception){
                           .rule = attestation->rule,
                           .subject = attestation->subject ? attestation->subject : "*",
                           .by = attestation->by,
                           .reason = attestation->evidence,
                           .expires = attestation->expires,
                           .expired = attestation->expires && attestation->expires <= source->now,
                           .matches = evaluator_attestation_matches(model->evaluator, attestation),
                           .status = attestation->status,
                       });
    }
    model->report.exceptions = all.items;
    model->report.exception_count = all.count;
}

static void add_excluded(struct model *model, enum language language)
{
    VEC(struct report_excluded) all = {0};
    const struct subject *subject;
    const char *id, *name;
    size_t at = 0;

    if (evaluator_left_out(model->evaluator, &id, &name))
        vec_push(&all, (struct report_excluded){.kind = subject_kind_name(SUBJECT_CONTAINER),
                                                .id = id,
                                                .name = name,
                                                .reason = words(language, "the agent runs in it")});
    while ((subject = evaluator_next_excluded(model->evaluator, &at)))
        vec_push(&all, (struct report_excluded){.kind = subject_kind_name(subject->kind),
                                                .id = subject->id,
                                                .name = subject->name,
                                                .reason = subject->excluded->scope});
    model->report.excluded = all.items;
    model->report.excluded_count = all.count;
}

/* ---- What was asked for ---- */

static void add_part(struct str *out, const char *name, const char *value)
{
    if (value)
        str_printf(out, "%s%s %s", out->length ? "; " : "", name, value);
}

static void add_words(struct str *out, const char *name, unsigned bits, unsigned end, const char *(*word)(unsigned))
{
    scoped_str words = STR_INIT;

    for (unsigned i = 0; i < end; i++)
        if (bits & (1u << i) && word(i))
            str_printf(&words, "%s%s", words.length ? ", " : "", word(i));
    add_part(out, name, words.length ? words.data : NULL);
}

static const char *word_of_status(unsigned number)
{
    return verdict_name((enum verdict)number);
}

static const char *word_of_severity(unsigned number)
{
    return severity_name((enum severity)number);
}

static const char *word_of_level(unsigned number)
{
    return number == 1 ? "1" : "2";
}

static char *selection_of(const struct finding_filter *filter)
{
    scoped_str text = STR_INIT;

    add_part(&text, "rule", filter->rule);
    add_part(&text, "section", filter->section);
    add_words(&text, "severity", filter->severities, SEVERITY_COUNT, word_of_severity);
    add_words(&text, "level", filter->levels, 3, word_of_level);
    add_words(&text, "status", filter->statuses, VERDICT_COUNT, word_of_status);
    add_part(&text, "subject", filter->subject);
    add_part(&text, "kind", filter->kind >= 0 ? subject_kind_name((enum subject_kind)filter->kind) : NULL);
    add_part(&text, "waived", filter->waived < 0 ? NULL : filter->waived ? "true" : "false");
    return text.length ? str_steal(&text) : NULL;
}

/* ---- All of it ---- */

static void set_names(struct report *report, const struct report_source *source)
{
    const struct version_facts *version = store_version(evaluator_store(source->evaluator), NULL);
    const struct benchmark *benchmark = evaluator_rules(source->evaluator)->active;

    report->language = source->language;
    report->now = source->now;
    report->scan_started = source->scan_started;
    report->scan_ms = source->scan_ms;
    report->scan_subjects = source->scan_subjects;
    report->version = PROGRAM_VERSION;
    report->host = source->host;
    report->machine = source->machine;
    report->engine_address = source->engine_address;
    report->engine_id = evaluator_engine(source->evaluator);
    report->engine_version = version ? version->version : NULL;
    report->api_version = source->api_version;
    report->benchmark = benchmark->name;
    report->benchmark_title = benchmark->title[source->language];
    report->is_new_only = source->baseline != NULL;
}

int report_new(const struct report_source *source, struct report **ret, struct error *error)
{
    static const struct finding_filter all = {.kind = -1, .waived = -1};
    struct report_source chosen = *source;
    struct model *model;
    int r;

    if (!chosen.filter)
        chosen.filter = &all;
    r = finding_filter_check(evaluator_rules(source->evaluator), chosen.filter, error);
    if (r < 0)
        return r;
    model = mem_alloc(sizeof *model);
    model->evaluator = source->evaluator;
    model->report.user = model;
    model->report.finding = explain;
    check_result_init(&model->result);
    set_names(&model->report, &chosen);
    model->report.engine_why = keep_why(model, &chosen);
    model->report.selection = selection_of(chosen.filter);
    evaluator_score(source->evaluator, &model->report.score);
    add_rules(model, &chosen);
    add_sections(model, &chosen);
    add_exceptions(model, &chosen);
    add_excluded(model, chosen.language);
    *ret = &model->report;
    return 0;
}

void report_free(struct report *report)
{
    struct model *model = report ? report->user : NULL;

    if (!model)
        return;
    free(report->selection);
    free(report->sections);
    free(report->rules);
    free(report->exceptions);
    free(report->excluded);
    for (size_t i = 0; i < model->texts.count; i++)
        free(model->texts.items[i]);
    vec_free(&model->texts);
    vec_free(&model->items);
    json_out_free(model->json);
    str_deinit(&model->evidence);
    str_deinit(&model->remedy);
    check_result_deinit(&model->result);
    free(model);
}

unsigned report_failures(const struct report *report, enum severity severity)
{
    unsigned count = 0;

    for (enum severity s = severity; s < SEVERITY_COUNT; s++)
        count += report->findings[VERDICT_FAIL][s] - report->waived[s];
    return count;
}

unsigned report_errors(const struct report *report)
{
    unsigned count = 0;

    for (size_t i = 0; i < report->rule_count; i++)
        count += report->rules[i].counts[VERDICT_ERROR] + (report->rules[i].why != NULL);
    return count;
}
