/* Waivers and attestations in the evaluator, by a clock that the test sets: what they cover, and that an expiry counts
 * at once and is reported. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "agent/api/view.h"
#include "agent/evaluator/evaluator.h"
#include "common/vec.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/loop_turn.h"
#include "tests/unit/restart.h"

static const usec_t day = INT64_C(86400) * USEC_PER_SEC;
static const usec_t start = INT64_C(1795514400) * USEC_PER_SEC; /* 2026-11-24T10:00:00Z */

static struct evaluator *evaluator;
static struct config *config;
static struct clock now;
static VEC(struct transition *) told;

static const char container_id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char container_json[] =
    "{\"Id\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"Name\": \"/shop-web\","
    " \"Image\": \"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\","
    " \"State\": {\"Status\": \"exited\", \"Running\": false, \"Pid\": 0},"
    " \"Config\": {\"Image\": \"registry/shop:1\", \"User\": \"\", \"Labels\": {\"team\": \"shop\"}},"
    " \"HostConfig\": {\"Privileged\": true, \"NetworkMode\": \"none\","
    "   \"PortBindings\": {}, \"Ulimits\": [{\"Name\": \"nofile\", \"Soft\": 9, \"Hard\": 9}]},"
    " \"NetworkSettings\": {\"Networks\": {}}, \"Mounts\": []}";

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    (void)user;
    if (kind != INPUT_CONTAINER) {
        evaluator_fetch_failed(evaluator, kind, key, EIO, "not in this test");
        return;
    }
    ck_assert_msg(parse_container(container_json, strlen(container_json), &facts, &error) == 0, "%s", error.text);
    evaluator_fetched(evaluator, kind, key, &facts->facts);
}

static struct remembered remembered;

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    remembered_add(&remembered, transition);
    if (strcmp(transition->subject_kind, "container") == 0)
        vec_push(&told, transition_ref(transition));
}

static struct config *parse(const char *text)
{
    struct config *ret = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(config_parse(text, strlen(text), "f.json", &ret, &error) == 0, "%s", error.text);
    ret->rules_dir = "/nonexistent";
    ret->data_dir = SOURCE_DATA_DIR;
    return ret;
}

static struct rule_set *load_rules(const struct config *of)
{
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(config_load_rules(of, &rules, &error) == 0, "%s", error.text);
    return rules;
}

static void begin(const char *text)
{
    struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};

    base = event_base_new();
    now = clock_fixed(start);
    config = parse(text);
    evaluator = evaluator_new(base, NULL, load_rules(config), config, &now, &callbacks);
    evaluator_set_engine_reachable(evaluator, true);
    evaluator_stale(evaluator, INPUT_CONTAINER, container_id, "test");
}

static void forget_told(void)
{
    for (size_t i = 0; i < told.count; i++)
        transition_unref(told.items[i]);
    told.count = 0;
}

static void end(void)
{
    forget_told();
    vec_free(&told);
    evaluator_free(evaluator);
    config_free(config);
    event_base_free(base);
}

static const struct subject *container(void)
{
    const struct subject *subject = evaluator_find_subject(evaluator, SUBJECT_CONTAINER, container_id);

    ck_assert_ptr_nonnull(subject);
    return subject;
}

static const struct pair *pair_of(const char *rule)
{
    const struct rule *wanted = rule_set_find(evaluator_rules(evaluator), rule);
    const struct subject *subject = container();

    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].rule == wanted)
            return &subject->pairs[i];
    ck_abort_msg("no pair of %s", rule);
}

static bool is_waived(const char *rule)
{
    return evaluator_waiver(evaluator, container(), pair_of(rule)) != NULL;
}

static bool evidence_has(const char *rule, const char *text)
{
    struct check_result result;
    bool found;

    check_result_init(&result);
    evaluator_explain(evaluator, container(), pair_of(rule), &result);
    found = strstr(check_result_evidence(&result, LANGUAGE_EN), text) != NULL;
    check_result_deinit(&result);
    return found;
}

static void set_clock(usec_t at)
{
    now.fixed = at;
    evaluator_clock_changed(evaluator);
}

static const struct scope {
    const char *subject;
    bool covers;
} scopes[] = {
    {"*", true},
    {"container", true},
    {"image", false},
    {"name:shop-web", true},
    {"name:shop-*", true},
    {"name:shop", false},
    {"label:team=shop", true},
    {"label:team=*", true},
    {"label:team", false},
    {"image:registry/shop:*", true},
    {"image:other*", false},
    {"container:shop-web", true},
    {"container:aaaaaaaa*", true},
    {"container:bbb*", false},
    {"container:aaaaaaaaaaaa", true},
    {"container:aaaaaaaaaaab", false},
    {"container:aaaaaaaaaaa", false},
    {"image:sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", true},
    {"image:bbbbbbbbbbbb", true},
    {"image:cccccccccccc", false},
    {"exec:aaaaaaaa*", false},
};

START_TEST(scope_of_a_waiver)
{
    scoped(cleanup_free) char *text =
        mem_printf("{\"waivers\": [{\"rule\": \"5.4\", \"subject\": \"%s\", \"reason\": \"r\", \"by\": \"b\"}]}",
                   scopes[_i].subject);

    begin(text);
    ck_assert_int_eq(pair_of("5.4")->verdict, VERDICT_FAIL);
    ck_assert_msg(is_waived("5.4") == scopes[_i].covers, "%s", scopes[_i].subject);
    ck_assert_uint_eq(evaluator_waiver_matches(evaluator, &config->waivers[0]), scopes[_i].covers);
    ck_assert(!is_waived("5.12"));
    end();
}
END_TEST

START_TEST(scope_of_an_attestation)
{
    scoped(cleanup_free) char *text = mem_printf(
        "{\"attestations\": [{\"rule\": \"5.18\", \"subject\": \"%s\", \"status\": \"pass\", \"by\": \"b\"}]}",
        scopes[_i].subject);

    begin(text);
    ck_assert_msg((pair_of("5.18")->verdict == VERDICT_PASS) == scopes[_i].covers, "%s", scopes[_i].subject);
    ck_assert_uint_eq(evaluator_attestation_matches(evaluator, &config->attestations[0]), scopes[_i].covers);
    end();
}
END_TEST

START_TEST(a_waiver_ends_when_it_expires)
{
    struct score score;

    begin("{\"waivers\": [{\"rule\": \"container-privileged\", \"reason\": \"r\", \"by\": \"ops\","
          " \"expires\": \"2026-11-25\"}]}");
    ck_assert(is_waived("5.4"));
    evaluator_score(evaluator, &score);
    ck_assert_uint_eq(score.waived, 1);
    forget_told();

    now.fixed = start + 2 * day; /* nobody told the engine yet: it does not count all the same */
    ck_assert(!is_waived("5.4"));
    evaluator_score(evaluator, &score);
    ck_assert_uint_eq(score.waived, 0);
    ck_assert(evidence_has("5.4", "the waiver by ops has expired (2026-11-25T23:59:59"));

    evaluator_clock_changed(evaluator);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_str_eq(told.items[0]->rule, "5.4");
    ck_assert_str_eq(told.items[0]->status, "fail");
    ck_assert_str_eq(told.items[0]->previous, "fail");
    ck_assert(!told.items[0]->waived);
    evaluator_clock_changed(evaluator);
    ck_assert_uint_eq(told.count, 1);

    set_clock(start); /* the clock is set back: it holds again, and that is told */
    ck_assert(is_waived("5.4"));
    ck_assert_uint_eq(told.count, 2);
    ck_assert(told.items[1]->waived);
    end();
}
END_TEST

START_TEST(the_timer_sees_a_waiver_end)
{
    begin("{\"waivers\": [{\"rule\": \"5.4\", \"reason\": \"r\", \"by\": \"b\", \"expires\": "
          "\"2026-11-24T10:00:00.050Z\"}]}");
    ck_assert(is_waived("5.4"));
    forget_told();
    now.fixed += USEC_PER_SEC;
    while (!told.count && event_base_loop(base, EVLOOP_ONCE) == 0)
        continue;
    ck_assert_uint_eq(told.count, 1);
    ck_assert_str_eq(told.items[0]->cause, "timer");
    ck_assert(!told.items[0]->waived);
    end();
}
END_TEST

START_TEST(an_attestation_ends_when_it_expires)
{
    begin("{\"attestations\": [{\"rule\": \"5.18\", \"status\": \"pass\", \"by\": \"ops\", \"evidence\": \"ticket 7\","
          " \"expires\": \"2026-11-24T12:00:00Z\"}]}");
    ck_assert_int_eq(pair_of("5.18")->verdict, VERDICT_PASS);
    ck_assert(evidence_has("5.18", "attested by ops: ticket 7"));
    forget_told();
    set_clock(start + day);
    ck_assert_int_eq(pair_of("5.18")->verdict, VERDICT_MANUAL);
    ck_assert(evidence_has("5.18", "the attestation by ops has expired"));
    ck_assert_uint_eq(told.count, 1);
    ck_assert_str_eq(told.items[0]->status, "manual");
    set_clock(start);
    ck_assert_int_eq(pair_of("5.18")->verdict, VERDICT_PASS);
    end();
}
END_TEST

START_TEST(of_two_attestations_the_worse_counts)
{
    begin("{\"attestations\": [{\"rule\": \"5.18\", \"status\": \"pass\", \"by\": \"a\"},"
          " {\"rule\": \"5.18\", \"status\": \"fail\", \"by\": \"b\", \"expires\": \"2026-11-24\"}]}");
    ck_assert_int_eq(pair_of("5.18")->verdict, VERDICT_FAIL);
    set_clock(start + day);
    ck_assert_int_eq(pair_of("5.18")->verdict, VERDICT_PASS);
    end();
}
END_TEST

/* An attestation speaks of what only a person can judge: it never turns a failure into a pass. */
START_TEST(an_attestation_does_not_hide_a_failure)
{
    begin("{\"attestations\": [{\"rule\": \"5.4\", \"status\": \"pass\", \"by\": \"a\"}]}");
    ck_assert_int_eq(pair_of("5.4")->verdict, VERDICT_FAIL);
    ck_assert_uint_eq(evaluator_attestation_matches(evaluator, &config->attestations[0]), 0);
    end();
}
END_TEST

START_TEST(a_reload_brings_and_takes_waivers)
{
    struct config *old, *with = parse("{\"waivers\": [{\"rule\": \"5.4\", \"reason\": \"r\", \"by\": \"b\"}]}");

    begin("{}");
    ck_assert(!is_waived("5.4"));
    forget_told();
    old = config;
    config = with;
    evaluator_set_rules(evaluator, load_rules(with), with);
    config_free(old);
    ck_assert(is_waived("5.4"));
    ck_assert_uint_eq(told.count, 1);
    ck_assert(told.items[0]->waived);
    ck_assert_str_eq(told.items[0]->cause, "reload");
    old = config;
    config = parse("{}");
    evaluator_set_rules(evaluator, load_rules(config), config);
    config_free(old);
    ck_assert(!is_waived("5.4"));
    ck_assert_uint_eq(told.count, 2);
    end();
}
END_TEST

/* After a restart a waiver that still holds is no news, one that ended meanwhile is. */
START_TEST(waivers_over_a_restart)
{
    static const char text[] = "{\"waivers\": [{\"rule\": \"5.4\", \"reason\": \"r\", \"by\": \"b\","
                               " \"expires\": \"2026-11-30\"}]}";
    struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};

    base = event_base_new();
    config = parse(text);
    for (int run = 0; run < 3; run++) {
        now = clock_fixed(start + run / 2 * 30 * day);
        evaluator = evaluator_new(base, NULL, load_rules(config), config, &now, &callbacks);
        remembered_restore(&remembered, evaluator);
        evaluator_set_engine_reachable(evaluator, true);
        forget_told();
        evaluator_stale(evaluator, INPUT_CONTAINER, container_id, "test");
        if (run == 1)
            ck_assert_uint_eq(told.count, 0);
        if (run == 2) {
            ck_assert_uint_eq(told.count, 1);
            ck_assert_str_eq(told.items[0]->rule, "5.4");
            ck_assert(!told.items[0]->waived);
        }
        evaluator_free(evaluator);
    }
    forget_told();
    vec_free(&told);
    config_free(config);
    event_base_free(base);
    remembered_clear(&remembered);
}
END_TEST

static const struct coverage {
    const char *rule;
    bool covers;
} coverages[] = {
    {"\"*\"", true},
    {"\"section:5\"", true},
    {"\"section:4\"", false},
    {"[\"1.2\", \"5.4\"]", true},
    {"[\"section:4\", \"container-privileged\"]", true},
    {"[\"5.5\", \"5.6\"]", false},
};

START_TEST(rules_of_a_waiver)
{
    scoped(cleanup_free) char *text =
        mem_printf("{\"waivers\": [{\"rule\": %s, \"reason\": \"r\", \"by\": \"b\"}]}", coverages[_i].rule);
    const struct waiver *waiver;

    begin(text);
    waiver = evaluator_waiver(evaluator, container(), pair_of("5.4"));
    ck_assert_msg((waiver != NULL) == coverages[_i].covers, "%s", coverages[_i].rule);
    ck_assert(!waiver || strcmp(waiver->reason, "r") == 0);
    ck_assert_uint_ge(evaluator_waiver_matches(evaluator, &config->waivers[0]), coverages[_i].covers);
    end();
}
END_TEST

/* ---- What is excluded ---- */

static size_t count_excluded(void)
{
    size_t at = 0, count = 0;

    while (evaluator_next_excluded(evaluator, &at))
        count++;
    return count;
}

static const struct scope exclusions[] = {
    {"name:shop-*", true},           {"name:other", false},      {"label:team=shop", true},
    {"label:team=ops", false},       {"image:registry/*", true}, {"image:bbbbbbbbbbbb", true},
    {"image:registry/other", false}, {"name:containers", false},
};

START_TEST(excluded_containers_are_not_judged)
{
    scoped(cleanup_free) char *text = mem_printf("{\"exclude\": [\"%s\"]}", exclusions[_i].subject);
    bool excluded = exclusions[_i].covers;

    begin(text);
    ck_assert_msg((container()->pair_count == 0) == excluded, "%s", exclusions[_i].subject);
    ck_assert_uint_eq(count_excluded(), excluded);
    ck_assert_msg((told.count == 0) == excluded, "%zu transitions", told.count);
    end();
}
END_TEST

static void reload(const char *text)
{
    struct config *old = config;

    config = parse(text);
    evaluator_set_rules(evaluator, load_rules(config), config);
    config_free(old);
}

/* Open findings end when an exclusion comes, and are there again when it goes. */
START_TEST(a_reload_brings_and_takes_exclusions)
{
    size_t findings;

    begin("{}");
    findings = told.count;
    ck_assert_uint_gt(findings, 0);
    forget_told();
    reload("{\"exclude\": [\"label:team=shop\"]}");
    ck_assert_uint_eq(told.count, findings);
    for (size_t i = 0; i < told.count; i++)
        ck_assert_ptr_null(told.items[i]->status);
    ck_assert_uint_eq(count_excluded(), 1);
    forget_told();
    evaluator_stale(evaluator, INPUT_CONTAINER, container_id, "test");
    ck_assert_uint_eq(told.count, 0);
    reload("{}");
    ck_assert_uint_eq(told.count, findings);
    ck_assert_uint_eq(count_excluded(), 0);
    end();
}
END_TEST

static const char *const unknown[] = {
    "{\"waivers\": [\n{\"rule\": \"5.444\", \"reason\": \"r\", \"by\": \"b\"}]}",
    "{\"attestations\": [\n{\"rule\": \"container-privilegd\", \"status\": \"pass\", \"by\": \"b\"}]}",
};

START_TEST(one_that_names_no_rule_is_refused)
{
    scoped(cleanup_config) struct config *wrong = parse(unknown[_i]);
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_lt(config_load_rules(wrong, &rules, &error), 0);
    ck_assert_ptr_null(rules);
    ck_assert_msg(strstr(error.text, "f.json:2:") && strstr(error.text, "unknown rule"), "%s", error.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exceptions");
    TCase *tests = tcase_create("exceptions");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, scope_of_a_waiver, 0, (int)countof(scopes));
    tcase_add_loop_test(tests, scope_of_an_attestation, 0, (int)countof(scopes));
    tcase_add_test(tests, a_waiver_ends_when_it_expires);
    tcase_add_test(tests, the_timer_sees_a_waiver_end);
    tcase_add_test(tests, an_attestation_ends_when_it_expires);
    tcase_add_test(tests, of_two_attestations_the_worse_counts);
    tcase_add_test(tests, an_attestation_does_not_hide_a_failure);
    tcase_add_test(tests, a_reload_brings_and_takes_waivers);
    tcase_add_test(tests, waivers_over_a_restart);
    tcase_add_loop_test(tests, rules_of_a_waiver, 0, (int)countof(coverages));
    tcase_add_loop_test(tests, excluded_containers_are_not_judged, 0, (int)countof(exclusions));
    tcase_add_test(tests, a_reload_brings_and_takes_exclusions);
    tcase_add_loop_test(tests, one_that_names_no_rule_is_refused, 0, (int)countof(unknown));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
