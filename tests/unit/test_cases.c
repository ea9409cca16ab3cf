/* Verdicts, one by one, and what rules and benchmarks must have. The cases are files, see case.h.
 *
 *   test_cases --print [START]   judges the cases whose file begins with START and prints what came, one JSON object a
 *                                line; nothing is compared. For filling and reviewing expectations. */
#include <check.h>
#include <string.h>

#include "agent/checks/table.h"
#include "case.h"
#include "case_inputs.h"
#include "case_members.h"
#include "case_podman.h"
#include "common/json_out.h"
#include "common/vec.h"

struct tally {
    struct case_rules *rules;
    const struct rule_set *shipped;
    struct rule_tally {
        unsigned verdicts[VERDICT_COUNT]; /* cases of each */
        unsigned remedies;                /* cases that fail and expect a remedy */
        VEC(char *) harmless;             /* evidence of those that pass or do not apply */
    } * of;                               /* each rule, by its index */
    size_t cases, failed;
};

static struct tally tally_new(struct case_rules *rules)
{
    const struct rule_set *shipped = case_rules_shipped(rules);

    return (struct tally){
        .rules = rules, .shipped = shipped, .of = mem_alloc(shipped->count * sizeof(struct rule_tally))};
}

static void tally_deinit(struct tally *tally)
{
    for (size_t i = 0; i < tally->shipped->count; i++) {
        for (size_t k = 0; k < tally->of[i].harmless.count; k++)
            free(tally->of[i].harmless.items[k]);
        vec_free(&tally->of[i].harmless);
    }
    free(tally->of);
}

static struct rule_tally *tally_of(struct tally *tally, const struct verdict_case *c)
{
    return &tally->of[rule_set_find(tally->shipped, c->slug)->index];
}

static void report(struct tally *tally, const struct verdict_case *c, const char *why)
{
    fprintf(stderr, "%s [%s]: %s\n", c->file, c->variant, why);
    tally->failed++;
}

static void count(struct tally *tally, const struct verdict_case *c)
{
    struct rule_tally *of = tally_of(tally, c);
    enum verdict verdict;

    tally->cases++;
    if (!verdict_parse(c->outcome, &verdict))
        return;
    of->verdicts[verdict]++;
    of->remedies += verdict == VERDICT_FAIL && json_path(c->root, "expect", "remedy", NULL);
}

static void run_case(const struct verdict_case *c, void *user)
{
    struct tally *tally = user;
    struct open_case open;
    struct judgement judgement = {0};
    struct error error = ERROR_INIT;
    scoped_str why = STR_INIT;

    count(tally, c);
    if (case_open(c, tally->rules, &open, &error) < 0) {
        report(tally, c, error.text);
    } else {
        if (open.rule)
            case_judge(&open, &judgement);
        if (!case_is_met(c, &open, &judgement, &why)) {
            str_printf(&why, "\n    %s: %s", judgement.verdict ? verdict_name(judgement.verdict) : "refused",
                       open.rule ? str_text(&judgement.evidence) : open.refused.text);
            report(tally, c, str_text(&why) + 2);
        }
        if (open.rule && open.rule->check->never_manual && judgement.verdict == VERDICT_MANUAL)
            report(tally, c, "its check says that it is never manual");
        if (judgement.verdict == VERDICT_PASS || judgement.verdict == VERDICT_NOT_APPLICABLE)
            vec_push(&tally_of(tally, c)->harmless, mem_strdup(str_text(&judgement.evidence)));
        judgement_deinit(&judgement);
    }
    case_close(&open);
}

/* What shows a fault must not be in what shows that there is none: it would say nothing. */
static void check_expectation(const struct verdict_case *c, void *user)
{
    struct tally *tally = user;
    const struct rule_tally *of = tally_of(tally, c);
    enum verdict verdict;

    if (!verdict_parse(c->outcome, &verdict) || verdict < VERDICT_MANUAL)
        return;
    for (size_t i = 0; i < of->harmless.count; i++)
        if (case_evidence_is_met(c, of->harmless.items[i])) {
            scoped(cleanup_free) char *why =
                mem_printf("expects what harmless evidence has: %s", of->harmless.items[i]);

            report(tally, c, why);
            return;
        }
}

/* Rules that only a person can judge pass by attestation, which is the evaluator's doing; the others of these only ever
 * ask. */
static const char *const never_passing[] = {"host-hardened", "image-signed", "swarm-traffic-separated"};
static const char *const never_failing[] = {"container-ulimits", "host-hardened", "image-signed",
                                            "swarm-traffic-separated"};

static bool is_among(const char *const *slugs, size_t count, const char *slug)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(slugs[i], slug) == 0)
            return true;
    return false;
}

/* That what it says it never does it does not, and that it does the rest. */
static void check_rule(struct tally *tally, const struct rule *rule)
{
    const struct rule_tally *of = &tally->of[rule->index];
    bool passes = !is_among(never_passing, countof(never_passing), rule->slug);
    bool fails = !is_among(never_failing, countof(never_failing), rule->slug);
    const char *what = NULL;

    if (passes != (of->verdicts[VERDICT_PASS] > 0))
        what = "no case that passes";
    else if (fails != (of->verdicts[VERDICT_FAIL] > 0))
        what = "no case that fails";
    else if (!fails && !of->verdicts[VERDICT_MANUAL])
        what = "no case that is manual";
    else if (fails && !of->remedies)
        what = "no case that fails and expects a remedy";
    if (!what)
        return;
    fprintf(stderr, "%s has %s\n", rule->slug, what);
    tally->failed++;
}

START_TEST(every_case)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();
    struct tally tally;

    ck_assert_ptr_nonnull(rules);
    tally = tally_new(rules);
    ck_assert_uint_eq(cases_visit(tally.shipped, "", true, run_case, &tally), 0);
    cases_visit(tally.shipped, "", true, check_expectation, &tally);
    for (size_t i = 0; i < tally.shipped->count; i++)
        check_rule(&tally, &tally.shipped->rules[i]);
    printf("%zu cases\n", tally.cases);
    ck_assert_uint_eq(tally.failed, 0);
    tally_deinit(&tally);
}
END_TEST

START_TEST(every_input)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();
    struct input_trials trials = {.rules = rules};

    ck_assert_ptr_nonnull(rules);
    cases_visit(case_rules_shipped(rules), "", true, try_without_inputs, &trials);
    report_inputs(&trials);
    printf("%zu trials without an input\n", trials.trials);
    ck_assert_uint_eq(trials.failed, 0);
}
END_TEST

/* The README's promise: nothing that an answer of the engine lacks, or has of another type or out of range, makes a
 * finding harmless. */
START_TEST(promise_an_error_never_becomes_a_pass)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();
    struct member_trials trials = {.rules = rules};

    ck_assert_ptr_nonnull(rules);
    cases_visit(case_rules_shipped(rules), "", true, try_without_members, &trials);
    printf("%zu trials with a member changed\n", trials.trials);
    ck_assert_uint_gt(trials.trials, 0);
    ck_assert_uint_eq(trials.failed, 0);
}
END_TEST

START_TEST(every_remedy_on_podman)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();
    struct podman_trials trials = {.rules = rules};

    ck_assert_ptr_nonnull(rules);
    cases_visit(case_rules_shipped(rules), "", true, try_on_podman, &trials);
    printf("%zu trials on podman\n", trials.trials);
    ck_assert_uint_gt(trials.trials, 0);
    ck_assert_uint_eq(trials.failed, 0);
}
END_TEST

START_TEST(every_text)
{
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->rules[i];

        ck_assert_msg(rule->id_count > 0 || rule->profile, "%s has no id", rule->slug);
        for (size_t l = 0; l < LANGUAGE_COUNT; l++)
            ck_assert_msg(*rule->title[l] && *rule->why[l] && *rule->remedy[l] && *rule->impact[l], "%s lacks a text",
                          rule->slug);
        ck_assert_msg(!*rule->remedy_podman[LANGUAGE_EN] == !*rule->remedy_podman[LANGUAGE_ZH],
                      "%s: its remedy on podman is in one language", rule->slug);
        ck_assert_msg(strcmp(rule->title[LANGUAGE_EN], rule->title[LANGUAGE_ZH]) != 0, "%s: title", rule->slug);
    }
}
END_TEST

START_TEST(every_benchmark)
{
    static const struct {
        const char *name;
        unsigned rules;
    } benchmarks[] = {{"dosec-1.0", 104}, {"cis-1.1.0", 105}, {"cis-1.6.0", 117}, {"cis-1.8.0", 118}};

    for (size_t b = 0; b < countof(benchmarks); b++) {
        scoped(cleanup_rule_set) struct rule_set *rules = NULL;
        struct error error = ERROR_INIT;
        unsigned enabled = 0;

        ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, benchmarks[b].name, NULL, 0, &rules, &error) == 0,
                      "%s", error.text);
        for (size_t i = 0; i < rules->count; i++) {
            enabled += rules->rules[i].enabled;
            ck_assert(rules->rules[i].enabled == (rules->rules[i].id != NULL));
        }
        ck_assert_uint_eq(enabled, benchmarks[b].rules);
    }
}
END_TEST

static void print_case(const struct verdict_case *c, void *user)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct open_case open;
    struct judgement judgement = {0};
    struct error error = ERROR_INIT;
    int r = case_open(c, user, &open, &error);

    if (r == 0 && open.rule)
        case_judge(&open, &judgement);
    json_out_object(out, NULL);
    json_out_string(out, "file", c->file);
    json_out_string(out, "variant", c->variant);
    json_out_string(out, "slug", c->slug);
    json_out_string(out, "outcome", c->outcome);
    json_out_string(out, "malformed", r < 0 ? error.text : NULL);
    json_out_string(out, "refused", *open.refused.text ? open.refused.text : NULL);
    json_out_string(out, "verdict", verdict_name(judgement.verdict));
    json_out_string(out, "evidence", str_text(&judgement.evidence));
    json_out_string(out, "remedy", str_text(&judgement.remedy));
    json_out_string(out, "evidence_zh", str_text(&judgement.evidence_zh));
    json_out_string(out, "remedy_zh", str_text(&judgement.remedy_zh));
    json_out_bool(out, "own_remedy", judgement.own_remedy);
    json_out_string(out, "facts", str_text(&judgement.facts));
    json_out_end_object(out);
    puts(json_out_text(out, NULL));
    judgement_deinit(&judgement);
    case_close(&open);
}

static int print_cases(const char *start)
{
    scoped(cleanup_case_rules) struct case_rules *rules = case_rules_new();

    return !rules || cases_visit(case_rules_shipped(rules), start, false, print_case, rules) ? 1 : 0;
}

int main(int argc, char **argv)
{
    Suite *suite;
    TCase *tests;
    SRunner *runner;
    int failed;

    if (argc > 1 && strcmp(argv[1], "--print") == 0)
        return print_cases(argc > 2 ? argv[2] : "");
    suite = suite_create("cases");
    tests = tcase_create("cases");
    tcase_set_timeout(tests, 250);
    tcase_add_test(tests, every_case);
    tcase_add_test(tests, every_input);
    tcase_add_test(tests, promise_an_error_never_becomes_a_pass);
    tcase_add_test(tests, every_remedy_on_podman);
    tcase_add_test(tests, every_text);
    tcase_add_test(tests, every_benchmark);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
