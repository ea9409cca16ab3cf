/* Judging one case, as the evaluator does it, and comparing what comes with what the case expects. */
#include <errno.h>
#include <string.h>

#include "agent/checks/table.h"
#include "case.h"
#include "case_documents.h"
#include "common/json_out.h"
#include "common/map.h"
#include "common/vec.h"

static const char *const an_image = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/* What is judged where the case does not say it: the one that its documents are of. */
static const char *default_subject(enum subject_kind kind, const struct json *documents)
{
    switch (kind) {
    case SUBJECT_CONTAINER:
        return json_string(json_get(json_at(json_get(documents, "containers"), 0), "Id"));
    case SUBJECT_IMAGE:
        return json_text(json_path(documents, "image", "Id", NULL), an_image);
    case SUBJECT_EXEC:
        return json_string(json_path(documents, "exec", "ID", NULL));
    case SUBJECT_NETWORK:
        return json_string(json_get(json_at(json_get(documents, "networks"), 0), "Id"));
    default:
        return NULL;
    }
}

/* Reading all rules for each case that changes one would be most of the work: those with the same change share a set.
 */
struct case_rules {
    struct rule_set *shipped;
    struct map *changed; /* slug and change → struct rule_set */
};

static void free_set(void *p)
{
    rule_set_free(p);
}

struct case_rules *case_rules_new(void)
{
    scoped(cleanup_case_rules) struct case_rules *rules = mem_alloc(sizeof *rules);
    struct error error = ERROR_INIT;

    rules->changed = map_new(free_set);
    if (rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules->shipped, &error) == 0)
        return take(rules);
    fprintf(stderr, "%s\n", error.text);
    return NULL;
}

void case_rules_free(struct case_rules *rules)
{
    if (!rules)
        return;
    map_free(rules->changed);
    rule_set_free(rules->shipped);
    free(rules);
}

const struct rule_set *case_rules_shipped(const struct case_rules *rules)
{
    return rules->shipped;
}

static int load_changed(const struct verdict_case *c, struct case_rules *rules, const struct json *change,
                        const struct rule_set **ret, struct error *error)
{
    struct rule_override override = {.rule = c->slug, .value = change, .file = c->file};
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped(cleanup_free) char *key = NULL;
    struct rule_set *set;
    int r = 0;

    json_out_value(out, NULL, change);
    key = mem_printf("%s %s", c->slug, json_out_text(out, NULL));
    set = map_get(rules->changed, key);
    if (!set)
        r = rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", &override, 1, &set, error);
    if (r < 0)
        return r;
    if (!map_get(rules->changed, key))
        map_set(rules->changed, key, set);
    *ret = set;
    return 0;
}

/* The rule with the parameters of the case. */
static int load_rule(const struct verdict_case *c, struct case_rules *rules, struct open_case *open,
                     struct error *error)
{
    const struct json *change = json_get(c->root, "rule");
    const struct rule_set *set = rules->shipped;
    bool refused = strcmp(c->outcome, "refused") == 0;
    int r = change ? load_changed(c, rules, change, &set, &open->refused) : 0;

    if (refused && r == 0)
        return error_set(error, EINVAL, "its rule loads");
    if (r < 0 && !refused)
        return error_set(error, EINVAL, "its rule does not load: %s", open->refused.text);
    open->rule = refused ? NULL : rule_set_find(set, c->slug);
    return 0;
}

int case_refill(const struct verdict_case *c, struct open_case *open, struct error *error)
{
    struct case_context context = {.rule = open->rule,
                                   .subject = open->subject,
                                   .documents = json_get(c->root, "documents"),
                                   .history = c->history,
                                   .refusable = strcmp(c->outcome, "error") == 0};

    store_free(take(open->store));
    return case_documents_load(&context, &open->store, error);
}

int case_open(const struct verdict_case *c, struct case_rules *rules, struct open_case *ret, struct error *error)
{
    int64_t since = json_int(json_get(c->root, "since_seconds_ago"), 0);
    int r;

    *ret = (struct open_case){0};
    r = load_rule(c, rules, ret, error);
    if (r < 0 || !ret->rule)
        return r;
    ret->since = since ? CASE_NOW - since * USEC_PER_SEC : 0;
    ret->subject = json_text(json_get(c->root, "subject"),
                             default_subject(ret->rule->check->subject, json_get(c->root, "documents")));
    return case_refill(c, ret, error);
}

void case_close(struct open_case *open)
{
    store_free(take(open->store));
}

/* As much of a remedy as a shell runs: the same in every language. */
static size_t command_length(const char *remedy)
{
    const char *comment = *remedy == '#' ? remedy : strstr(remedy, "  # ");

    return comment ? (size_t)(comment - remedy) : strlen(remedy);
}

static bool has_chinese(const char *text)
{
    while (*text && ((unsigned char)*text < 0xe4 || (unsigned char)*text > 0xe9))
        text++;
    return *text;
}

/* The remedy for this subject says the same in Chinese: its commands as they are typed, its prose translated. */
static void judge_chinese(const struct rule *rule, struct check_result *result)
{
    scoped(cleanup_free) char *english = mem_strdup(check_result_remedy(result, rule, LANGUAGE_EN));
    scoped(cleanup_free) char *chinese = mem_strdup(check_result_remedy(result, rule, LANGUAGE_ZH));
    size_t length = command_length(english);

    if (command_length(chinese) != length || strncmp(english, chinese, length) != 0)
        check_error(&(struct check_input){.explain = true}, result, "another command in Chinese", chinese);
    else if (english[length] && !has_chinese(chinese + length))
        check_error(&(struct check_input){.explain = true}, result, "a remedy without Chinese", chinese);
}

static void add_judgement(struct judgement *judgement, const struct rule *rule, struct check_result *result)
{
    const char *facts = check_result_facts(result);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    if (json_parse(facts, strlen(facts), NULL, &doc, NULL) < 0)
        check_error(&(struct check_input){.explain = true}, result, "facts are no JSON", facts);
    if (result->remedy.length)
        judge_chinese(rule, result);
    if (result->verdict > judgement->verdict) {
        judgement->verdict = result->verdict;
        str_clear(&judgement->evidence);
        str_clear(&judgement->remedy);
        str_clear(&judgement->facts);
        str_clear(&judgement->evidence_zh);
        str_clear(&judgement->remedy_zh);
    }
    if (result->verdict < judgement->verdict)
        return;
    str_printf(&judgement->evidence, "%s%s", judgement->evidence.length ? "; " : "",
               check_result_evidence(result, LANGUAGE_EN));
    judgement->own_remedy = result->remedy.length > 0;
    str_printf(&judgement->remedy, "%s%s", judgement->remedy.length ? " && " : "",
               check_result_remedy(result, rule, LANGUAGE_EN));
    str_printf(&judgement->evidence_zh, "%s%s", judgement->evidence_zh.length ? "; " : "",
               check_result_evidence(result, LANGUAGE_ZH));
    str_printf(&judgement->remedy_zh, "%s%s", judgement->remedy_zh.length ? " && " : "",
               check_result_remedy(result, rule, LANGUAGE_ZH));
    str_append(&judgement->facts, facts);
}

/* The evaluator asks for the verdict without words first; both must agree. */
static enum verdict judge_one(struct check_input *in, struct judgement *judgement)
{
    struct check_result result, brief;

    check_result_init(&result);
    check_result_init(&brief);
    in->explain = true;
    check_run(in, &result);
    in->explain = false;
    check_run(in, &brief);
    if (brief.verdict != result.verdict)
        check_error(&(struct check_input){.explain = true}, &result, "without words it is",
                    verdict_name(brief.verdict));
    add_judgement(judgement, in->rule, &result);
    check_result_deinit(&result);
    check_result_deinit(&brief);
    return result.verdict;
}

static void judge_files(struct check_input *in, struct judgement *judgement)
{
    VEC(struct path_verdict) paths = {0};
    const char *why;

    in->fileset = store_files(in->store, rule_file_source(in->rule), &why);
    for (size_t i = 0; in->fileset && i < in->fileset->count; i++) {
        in->file = &in->fileset->items[i];
        in->key = in->file->path;
        vec_push(&paths, (struct path_verdict){in->file->path, judge_one(in, judgement)});
    }
    if (!in->fileset || !paths.count) {
        judgement->verdict = in->fileset ? VERDICT_NOT_APPLICABLE : VERDICT_ERROR;
        str_printf(&judgement->evidence, "%s: %s", rule_file_source(in->rule), in->fileset ? "no file" : why);
    }
    judgement->paths = paths.items;
    judgement->path_count = paths.count;
}

void case_judge(const struct open_case *open, struct judgement *ret)
{
    struct check_input in = {
        .rule = open->rule, .store = open->store, .key = open->subject, .now = CASE_NOW, .since = open->since};

    *ret = (struct judgement){0};
    if (open->rule->check->subject == SUBJECT_FILE)
        judge_files(&in, ret);
    else
        judge_one(&in, ret);
}

void judgement_deinit(struct judgement *judgement)
{
    str_deinit(&judgement->evidence);
    str_deinit(&judgement->remedy);
    str_deinit(&judgement->facts);
    str_deinit(&judgement->evidence_zh);
    str_deinit(&judgement->remedy_zh);
    free(take(judgement->paths));
}

/* EXPECTED: a list of strings, each of which TEXT must hold; or one string, which TEXT must be. */
static bool holds(const char *what, const struct json *expected, const char *text, struct str *why)
{
    size_t length = why->length;

    if (json_string(expected) && strcmp(text, json_string(expected)) != 0)
        str_printf(why, "; %s is not \"%s\"", what, json_string(expected));
    for (size_t i = 0; i < json_count(expected); i++)
        if (!strstr(text, json_text(json_at(expected, i), "")))
            str_printf(why, "; %s lacks \"%s\"", what, json_string(json_at(expected, i)));
    return why->length == length;
}

static bool paths_are_met(const struct json *expected, const struct judgement *judgement, struct str *why)
{
    size_t length = why->length;

    for (size_t i = 0; i < json_count(expected); i++) {
        const char *path, *wanted = json_string(json_member(expected, i, &path, NULL)), *found = "no subject";

        for (size_t k = 0; k < judgement->path_count; k++)
            if (strcmp(judgement->paths[k].path, path) == 0)
                found = verdict_name(judgement->paths[k].verdict);
        if (!str_equal(wanted, found))
            str_printf(why, "; %s: %s, expected %s", path, found, wanted);
    }
    return why->length == length;
}

static bool remedy_is_met(const struct json *expected, const struct judgement *judgement, struct str *why)
{
    bool of_the_rule = str_equal(json_string(expected), "the rule's");

    if (expected && of_the_rule == judgement->own_remedy) {
        str_printf(why, "; the remedy is %s text", of_the_rule ? "not the rule's" : "the rule's");
        return false;
    }
    return of_the_rule || holds("remedy", expected, str_text(&judgement->remedy), why);
}

static bool rule_remedy_is_met(const struct json *expected, const struct judgement *judgement, struct str *why)
{
    if (expected && judgement->own_remedy) {
        str_append(why, "; the remedy is not the rule's text");
        return false;
    }
    return holds("the rule's remedy", expected, str_text(&judgement->remedy), why);
}

static bool hides(const struct json *hidden, const struct judgement *judgement, struct str *why)
{
    size_t length = why->length;

    for (size_t i = 0; i < json_count(hidden); i++) {
        const char *secret = json_text(json_at(hidden, i), "");

        if (strstr(str_text(&judgement->evidence), secret) || strstr(str_text(&judgement->remedy), secret) ||
            strstr(str_text(&judgement->facts), secret))
            str_printf(why, "; \"%s\" is not hidden", secret);
    }
    return why->length == length;
}

bool case_evidence_is_met(const struct verdict_case *c, const char *evidence)
{
    scoped_str why = STR_INIT;

    return holds("evidence", json_path(c->root, "expect", "evidence", NULL), evidence, &why);
}

bool case_is_met(const struct verdict_case *c, const struct open_case *open, const struct judgement *judgement,
                 struct str *ret_why)
{
    const struct json *expect = json_get(c->root, "expect");
    size_t length = ret_why->length;

    if (!open->rule)
        return holds("the refusal", json_get(expect, "error"), open->refused.text, ret_why);
    if (!str_equal(verdict_name(judgement->verdict), c->outcome))
        str_printf(ret_why, "; it is %s", verdict_name(judgement->verdict));
    if (!judgement->evidence.length)
        str_append(ret_why, "; no evidence");
    holds("evidence", json_get(expect, "evidence"), str_text(&judgement->evidence), ret_why);
    remedy_is_met(json_get(expect, "remedy"), judgement, ret_why);
    rule_remedy_is_met(json_get(expect, "rule_remedy"), judgement, ret_why);
    paths_are_met(json_get(expect, "paths"), judgement, ret_why);
    hides(json_get(expect, "hidden"), judgement, ret_why);
    return ret_why->length == length;
}
