/* What people decided, as GET /v1/status has it: the profile, waivers and attestations, what is excluded. */
#include "agent/api/view.h"

enum { EXCLUDED_MAX = 1000 };

/* Until when an exception of the configuration holds, where it stands, and how many findings it covers. */
static void write_use(struct json_out *out, usec_t expires, const char *file, unsigned line, size_t matches)
{
    json_out_time(out, "expires", expires);
    json_out_bool(out, "expired", expires && expires <= clock_now(&clock_system));
    json_out_string(out, "file", file);
    json_out_int(out, "line", line);
    json_out_int(out, "matches", (int64_t)matches);
}

/* What people vouched for, and whether it still means anything: lists of exceptions rot. */
static void write_exceptions(const struct agent_view *view, struct json_out *out)
{
    const struct config *config = view->config;

    json_out_array(out, "waivers");
    for (size_t i = 0; i < config->waiver_count; i++) {
        const struct waiver *waiver = &config->waivers[i];

        json_out_object(out, NULL);
        json_out_string(out, "rule", waiver->rule);
        json_out_string(out, "subject", waiver->subject ? waiver->subject : "*");
        json_out_string(out, "reason", waiver->reason);
        json_out_string(out, "by", waiver->by);
        write_use(out, waiver->expires, waiver->file, waiver->line, evaluator_waiver_matches(view->evaluator, waiver));
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_array(out, "attestations");
    for (size_t i = 0; i < config->attestation_count; i++) {
        const struct attestation *attestation = &config->attestations[i];

        json_out_object(out, NULL);
        json_out_string(out, "rule", attestation->rule);
        json_out_string(out, "subject", attestation->subject ? attestation->subject : "*");
        json_out_string(out, "status", verdict_name(attestation->status));
        json_out_string(out, "by", attestation->by);
        json_out_string(out, "evidence", attestation->evidence);
        write_use(out, attestation->expires, attestation->file, attestation->line,
                  evaluator_attestation_matches(view->evaluator, attestation));
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

static void write_excluded_one(struct json_out *out, enum subject_kind kind, const char *id, const char *name,
                               const char *reason)
{
    json_out_object(out, NULL);
    json_out_string(out, "kind", subject_kind_name(kind));
    json_out_string(out, "id", id);
    json_out_string(out, "name", name);
    json_out_string(out, "reason", reason);
    json_out_end_object(out);
}

/* How many subjects each exclusion of the configuration leaves out. */
static void write_exclusions(const struct agent_view *view, struct json_out *out)
{
    const struct config *config = view->config;

    json_out_array(out, "exclude");
    for (size_t i = 0; i < config->exclusion_count; i++) {
        const struct subject *subject;
        size_t at = 0, count = 0;

        while ((subject = evaluator_next_excluded(view->evaluator, &at)))
            count += subject->excluded == &config->exclusions[i];
        json_out_object(out, NULL);
        json_out_string(out, "subject", config->exclusions[i].scope);
        json_out_string(out, "file", config->exclusions[i].file);
        json_out_int(out, "line", config->exclusions[i].line);
        json_out_int(out, "matches", (int64_t)count);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

/* What is not judged: all of it is counted, and the first of it named. */
static void write_excluded(const struct agent_view *view, struct json_out *out)
{
    const char *id, *name;
    const struct subject *subject;
    size_t at = 0, count = 0;

    json_out_array(out, "excluded");
    if (evaluator_left_out(view->evaluator, &id, &name)) {
        count++;
        write_excluded_one(out, SUBJECT_CONTAINER, id, name, words(view->language, "the agent runs in it"));
    }
    while ((subject = evaluator_next_excluded(view->evaluator, &at)))
        if (count++ < EXCLUDED_MAX)
            write_excluded_one(out, subject->kind, subject->id, subject->name, subject->excluded->scope);
    json_out_end_array(out);
    json_out_int(out, "excluded_count", (int64_t)count);
    write_exclusions(view, out);
}

/* Which rules of the benchmark are judged. */
static void write_profile(const struct agent_view *view, struct json_out *out)
{
    const struct string_list *profiles = &view->config->profiles;

    json_out_array(out, "profile");
    for (size_t i = 0; i < profiles->count; i++)
        json_out_string(out, NULL, profiles->items[i]);
    if (!profiles->count)
        json_out_string(out, NULL, "default");
    json_out_end_array(out);
    json_out_int(out, "rules_outside_profile", (int64_t)evaluator_rules(view->evaluator)->outside);
}

void view_policy(const struct agent_view *view, struct json_out *out)
{
    write_profile(view, out);
    write_exceptions(view, out);
    write_excluded(view, out);
}
