/* Verdicts, one by one, and what rules and benchmarks must have. The cases are files, see case.h.
 *
 *   test_cases --print [START]   judges the cases whose file begins with START and prints what came, one JSON object a
 *                                line; nothing is compared. For filling and reviewing expectations. */
#include <check.h>
#include <string.h>

#include "agent/checks/table.h"
#include "case.h"
#include "case_inputs.h"
#include "common/json_out.h"

static struct rule_set *load_rules(const char *benchmark)
{
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    if (rule_set_load(checks, SOURCE_DATA_DIR, NULL, benchmark, NULL, 0, &rules, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return rules;
}

struct tally {
    const struct rule_set *rules;
    unsigned (*verdicts)[VERDICT_COUNT]; /* of each rule, by its index */
    size_t cases, failed;
};

static void report(struct tally *tally, const struct verdict_case *c, const char *why)
{
    fprintf(stderr, "%s [%s]: %s\n", c->file, c->variant, why);
    tally->failed++;
}

static void count(struct tally *tally, const struct verdict_case *c)
{
    enum verdict verdict;

    tally->cases++;
    if (verdict_parse(c->outcome, &verdict))
        tally->verdicts[rule_set_find(tally->rules, c->slug)->index][verdict]++;
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
        judgement_deinit(&judgement);
    }
    case_close(&open);
}

/* Rules that only a person can judge pass by attestation, which is the evaluator's doing. */
static bool never_passes(const struct rule *rule)
{
    return strcmp(rule->check->name, "manual") == 0 || strcmp(rule->slug, "host-hardened") == 0 ||
           strcmp(rule->slug, "swarm-traffic-separated") == 0 || strcmp(rule->slug, "swarm-unlock-key-rotation") == 0;
}

START_TEST(every_case)
{
    scoped(cleanup_rule_set) struct rule_set *rules = load_rules("dosec-1.0");
    struct tally tally = {.rules = rules, .verdicts = mem_alloc(rules->count * sizeof *tally.verdicts)};

    ck_assert_uint_eq(cases_visit(rules, "", run_case, &tally), 0);
    for (size_t i = 0; i < rules->count; i++) {
        const unsigned *verdicts = tally.verdicts[i];

        ck_assert_msg(verdicts[VERDICT_PASS] || never_passes(&rules->rules[i]), "%s has no case that passes",
                      rules->rules[i].slug);
        ck_assert_msg(verdicts[VERDICT_FAIL] || verdicts[VERDICT_MANUAL], "%s has no case that fails",
                      rules->rules[i].slug);
    }
    printf("%zu cases\n", tally.cases);
    ck_assert_uint_eq(tally.failed, 0);
    free(tally.verdicts);
}
END_TEST

START_TEST(every_input)
{
    scoped(cleanup_rule_set) struct rule_set *rules = load_rules("dosec-1.0");
    struct input_trials trials = {.rules = rules};

    cases_visit(rules, "", try_without_inputs, &trials);
    report_inputs(&trials);
    printf("%zu trials without an input\n", trials.trials);
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

        ck_assert_msg(rule->id_count > 0, "%s has no id", rule->slug);
        for (size_t l = 0; l < LANGUAGE_COUNT; l++)
            ck_assert_msg(*rule->title[l] && *rule->why[l] && *rule->remedy[l] && *rule->impact[l], "%s lacks a text",
                          rule->slug);
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
    json_out_bool(out, "own_remedy", judgement.own_remedy);
    json_out_string(out, "facts", str_text(&judgement.facts));
    json_out_end_object(out);
    puts(json_out_text(out, NULL));
    judgement_deinit(&judgement);
    case_close(&open);
}

static int print_cases(const char *start)
{
    scoped(cleanup_rule_set) struct rule_set *rules = load_rules("dosec-1.0");

    return cases_visit(rules, start, print_case, rules) ? 1 : 0;
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
    tcase_add_test(tests, every_text);
    tcase_add_test(tests, every_benchmark);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
