/* Transitions as they are made: of a pair whose verdict changed, or of the agent's own state. */
#include "agent/evaluator/evaluator_internal.h"
#include "agent/evaluator/finding.h"

/* Adds what a transition has beside the members of a finding, and ends the object. Engine and benchmark are what "uid"
 * and "rule" were made with: there may be others by the time it is sent. */
static void end_json(const struct evaluator *evaluator, struct transition *t, struct json_out *out)
{
    const char *text;

    json_out_string(out, "previous", t->previous);
    json_out_string(out, "cause", t->cause);
    json_out_bool(out, "initial", t->initial);
    json_out_time(out, "at", t->at);
    json_out_string(out, "engine", evaluator_engine(evaluator));
    if (evaluator->config->benchmark)
        json_out_string(out, "benchmark", evaluator->config->benchmark);
    json_out_end_object(out);
    text = json_out_text(out, &t->json_length);
    t->json = mem_strndup(text, t->json_length);
}

/* What the engine forgets of an exec, as restore.c reads it. */
static void write_exec(const struct store *store, const struct subject *subject, struct json_out *out)
{
    const struct exec_facts *exec = subject->kind == SUBJECT_EXEC ? store_exec(store, subject->id, NULL) : NULL;
    const char *why;

    if (!exec && subject->kind == SUBJECT_EXEC && !store_exec(store, subject->id, &why))
        json_out_string(out, "exec_error", why);
    if (!exec)
        return;
    json_out_object(out, "exec");
    json_out_string(out, "container", exec->container_id);
    json_out_string(out, "container_name", exec->container_name);
    json_out_string(out, "container_user", exec->container_user);
    json_out_string(out, "user", exec->user);
    json_out_string(out, "command", exec->command);
    json_out_bool(out, "privileged", exec->privileged);
    json_out_string(out, "digest", exec->command_digest);
    json_out_string(out, "lost", exec->lost);
    json_out_int(out, "count", (int64_t)exec->count);
    json_out_int(out, "first", exec->first);
    json_out_int(out, "seen", exec->seen);
    json_out_string(out, "last_id", exec->last_id);
    json_out_end_object(out);
}

/* NULL: a restart needs nothing besides. */
static char *make_extra(const struct evaluator *evaluator, const struct subject *subject, bool gone)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;
    const char *text;
    size_t length;

    if (gone || subject->kind != SUBJECT_EXEC)
        return NULL;
    out = json_out_new(false);
    json_out_object(out, NULL);
    write_exec(evaluator_store(evaluator), subject, out);
    json_out_end_object(out);
    text = json_out_text(out, &length);
    return mem_strndup(text, length);
}

struct transition *transition_from_pair(const struct evaluator *evaluator, const struct subject *subject,
                                        const struct pair *pair, enum verdict previous, uint64_t seq, usec_t at,
                                        const char *cause, bool gone)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct transition *t = mem_alloc(sizeof *t);
    const struct rule *rule = pair->rule;
    const struct check_input explaining = {.rule = rule, .explain = true};
    struct check_result result;
    scoped_str kind = STR_INIT;

    check_result_init(&result);
    message_word(&kind, subject_kind_name(subject->kind));
    if (gone && evaluator->next_engine)
        check_say(&explaining, &result, VERDICT_NONE, "the engine is another one; what lasts is reported again");
    else if (gone)
        check_say(&explaining, &result, VERDICT_NONE, "the %s is gone", kind.data);
    else
        evaluator_explain(evaluator, subject, pair, &result);
    json_out_object(out, NULL);
    finding_keep(evaluator, subject, pair, gone ? NULL : evaluator_waiver(evaluator, subject, pair), &result, gone,
                 out);
    t->references = 1;
    t->seq = seq;
    t->at = at;
    t->since = pair->since;
    t->extra = make_extra(evaluator, subject, gone);
    t->rule = mem_strdup(rule->id ? rule->id : rule->slug);
    t->slug = mem_strdup(rule->slug);
    t->title = mem_strdup(rule->title[LANGUAGE_EN]);
    t->section = mem_strdup(rule->section);
    t->subject_kind = mem_strdup(subject_kind_name(subject->kind));
    t->subject_id = mem_strdup(subject->id);
    t->subject_name = mem_strdup(subject->name);
    t->evidence = mem_strdup(str_text(&result.said));
    t->remedy = mem_strdup(check_result_remedy(&result, rule, LANGUAGE_EN));
    t->cause = mem_strdup(cause);
    t->status_value = gone ? VERDICT_NONE : pair->verdict;
    t->previous_value = previous;
    t->status = mem_strdup(verdict_name(t->status_value));
    t->previous = mem_strdup(verdict_name(previous));
    t->severity = rule->severity;
    t->scored = rule->scored;
    t->waived = pair->waived && !gone;
    t->initial = evaluator_is_initial(evaluator) && str_equal(cause, "start");
    end_json(evaluator, t, out);
    check_result_deinit(&result);
    return t;
}

/* Of the agent itself, all but its JSON. Texts are copied. */
static struct transition *new_own(const char *slug, const char *title, const char *id, const char *name, uint64_t seq,
                                  usec_t at)
{
    struct transition *t = mem_alloc(sizeof *t);

    t->references = 1;
    t->seq = seq;
    t->at = t->since = at;
    t->rule = mem_strdup(slug);
    t->slug = mem_strdup(slug);
    t->title = mem_strdup(title);
    t->subject_kind = mem_strdup(N_("agent"));
    t->subject_id = mem_strdup(id);
    t->subject_name = mem_strdup(name);
    t->is_agent = true;
    return t;
}

/* The members that findings have, too. */
static void write_own(const struct evaluator *evaluator, const struct transition *t, struct json_out *out)
{
    char uid[UID_SIZE];

    evaluator_uid(evaluator, t->slug, t->subject_kind, t->subject_id, uid);
    json_out_object(out, NULL);
    json_out_string(out, "uid", uid);
    json_out_string(out, "rule", t->rule);
    json_out_string(out, "slug", t->slug);
    json_out_string(out, "title", t->title);
    json_out_null(out, "section");
    json_out_string(out, "severity", severity_name(t->severity));
    json_out_bool(out, "scored", false);
    json_out_string(out, "status", t->status);
    json_out_object(out, "subject");
    json_out_string(out, "kind", t->subject_kind);
    json_out_string(out, "id", t->subject_id);
    json_out_string(out, "name", t->subject_name);
    json_out_end_object(out);
    json_out_string(out, "evidence", t->evidence);
    json_out_object(out, "facts");
    json_out_end_object(out);
    json_out_null(out, "remedy");
    json_out_time(out, "since", t->at);
    json_out_time(out, "checked", t->at);
    json_out_int(out, "seq", (int64_t)t->seq);
    json_out_null(out, "waived");
    json_out_object(out, "ids");
    json_out_end_object(out);
}

struct transition *transition_for_agent(const struct evaluator *evaluator, const char *slug, bool ready,
                                        bool previous_ready, const char *evidence, const char *cause, uint64_t seq,
                                        usec_t at, const char *host)
{
    static const char *const states[] = {N_("degraded"), N_("ready")};
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct transition *t = new_own(slug, N_("State of the agent itself"), host, host, seq, at);

    t->evidence = mem_strdup(evidence ? evidence : "");
    t->cause = mem_strdup(cause ? cause : "start");
    t->status = mem_strdup(states[ready]);
    t->previous = mem_strdup(states[previous_ready]);
    t->severity = SEVERITY_HIGH;
    write_own(evaluator, t, out);
    end_json(evaluator, t, out);
    return t;
}

void entry_append_peer(struct str *out, uint32_t uid, uint32_t login_uid)
{
    if (login_uid == UINT32_MAX)
        message_add(out, "uid %u", uid);
    else
        message_add(out, "uid %u, login uid %u", uid, login_uid);
}

static void write_uid(struct json_out *out, const char *key, uint32_t uid)
{
    if (uid == UINT32_MAX)
        json_out_null(out, key);
    else
        json_out_int(out, key, uid);
}

struct transition *transition_for_entry(const struct evaluator *evaluator, const struct entry *entry, uint64_t seq,
                                        usec_t at)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *id = entry->subject_id ? entry->subject_id : "agent";
    struct transition *t =
        new_own(entry->slug, entry->title, id, entry->subject_name ? entry->subject_name : id, seq, at);

    t->evidence = mem_strdup(entry->evidence);
    t->cause = mem_strdup(entry->cause);
    t->status = mem_strdup(N_("done"));
    t->severity = SEVERITY_LOW;
    t->is_entry = true;
    write_own(evaluator, t, out);
    json_out_object(out, "entry");
    if (entry->has_peer) {
        json_out_object(out, "by");
        write_uid(out, "uid", entry->uid);
        write_uid(out, "login_uid", entry->login_uid);
        json_out_end_object(out);
    } else {
        json_out_null(out, "by");
    }
    json_out_string(out, "why", entry->why);
    json_out_string(out, "configuration", entry->configuration);
    json_out_array(out, "rules");
    for (size_t i = 0; i < entry->rule_count; i++)
        json_out_string(out, NULL, entry->rules[i]);
    json_out_end_array(out);
    json_out_end_object(out);
    end_json(evaluator, t, out);
    return t;
}
