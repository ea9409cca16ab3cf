/* One finding as JSON, for transitions, the query API and reports alike. */
#include "agent/evaluator/finding.h"

#include "agent/evaluator/evaluator_internal.h"

void finding_write_ids(const struct rule *rule, struct json_out *out)
{
    json_out_object(out, "ids");
    for (size_t i = 0; i < rule->id_count; i++)
        json_out_string(out, rule->ids[i].benchmark, rule->ids[i].id);
    json_out_end_object(out);
}

static void write_subject(const struct subject *subject, struct json_out *out)
{
    json_out_object(out, "subject");
    json_out_string(out, "kind", subject_kind_name(subject->kind));
    json_out_string(out, "id", subject->id);
    json_out_string(out, "name", subject->name);
    json_out_end_object(out);
}

static void write_waiver(const struct waiver *waiver, struct json_out *out)
{
    if (!waiver) {
        json_out_null(out, "waived");
        return;
    }
    json_out_object(out, "waived");
    json_out_string(out, "reason", waiver->reason);
    json_out_string(out, "by", waiver->by);
    json_out_time(out, "expires", waiver->expires);
    json_out_end_object(out);
}

/* What a finding has of texts. */
struct texts {
    const char *title, *evidence, *remedy;
};

static struct texts kept_texts(const struct rule *rule, const struct check_result *result)
{
    return (struct texts){rule->title[LANGUAGE_EN], str_text(&result->said),
                          result->remedy.length ? result->remedy.data
                                                : check_rule_remedy(rule, result->podman, LANGUAGE_EN)};
}

static bool asks_for_remedy(const struct pair *pair)
{
    return pair->verdict == VERDICT_FAIL || pair->verdict == VERDICT_MANUAL;
}

static void write_identity(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                           const char *title, bool gone, struct json_out *out)
{
    const struct rule *rule = pair->rule;
    char uid[UID_SIZE];

    evaluator_uid(evaluator, rule->slug, subject_kind_name(subject->kind), subject->id, uid);
    json_out_string(out, "uid", uid);
    json_out_string(out, "rule", rule->id ? rule->id : rule->slug);
    json_out_string(out, "slug", rule->slug);
    json_out_string(out, "title", title);
    json_out_string(out, "section", rule->section);
    json_out_string(out, "severity", severity_name(rule->severity));
    json_out_bool(out, "scored", rule->scored);
    json_out_string(out, "status", gone ? NULL : verdict_name(pair->verdict));
    write_subject(subject, out);
}

void finding_keep_brief(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                        const struct waiver *waiver, struct check_result *result, struct json_out *out)
{
    struct texts texts = kept_texts(pair->rule, result);

    write_identity(evaluator, subject, pair, texts.title, false, out);
    json_out_string(out, "evidence", texts.evidence);
    json_out_string(out, "remedy", asks_for_remedy(pair) ? texts.remedy : NULL);
    json_out_time(out, "since", pair->since);
    json_out_int(out, "seq", (int64_t)pair->seq);
    write_waiver(waiver, out);
    finding_write_ids(pair->rule, out);
}

static void write_after_remedy(const struct pair *pair, const struct waiver *waiver, struct json_out *out)
{
    json_out_time(out, "since", pair->since);
    json_out_time(out, "checked", pair->checked);
    json_out_int(out, "seq", (int64_t)pair->seq);
    write_waiver(waiver, out);
    finding_write_ids(pair->rule, out);
}

void finding_keep(const struct evaluator *evaluator, const struct subject *subject, const struct pair *pair,
                  const struct waiver *waiver, struct check_result *result, bool gone, struct json_out *out)
{
    struct texts texts = kept_texts(pair->rule, result);

    write_identity(evaluator, subject, pair, texts.title, gone, out);
    json_out_string(out, "evidence", texts.evidence);
    json_out_raw(out, "facts", check_result_facts(result));
    json_out_string(out, "remedy", !gone && asks_for_remedy(pair) ? texts.remedy : NULL);
    write_after_remedy(pair, waiver, out);
}

void finding_write(const struct evaluator *evaluator, enum language language, const struct subject *subject,
                   const struct pair *pair, const struct waiver *waiver, struct check_result *result, bool gone,
                   struct json_out *out)
{
    const struct rule *rule = pair->rule;

    write_identity(evaluator, subject, pair, rule->title[language], gone, out);
    json_out_string(out, "evidence", check_result_evidence(result, language));
    json_out_raw(out, "facts", check_result_facts(result));
    json_out_string(out, "remedy", !gone && asks_for_remedy(pair) ? check_result_remedy(result, rule, language) : NULL);
    write_after_remedy(pair, waiver, out);
}
