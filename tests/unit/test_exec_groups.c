/* Equal execs of a container are one finding: how many there were, acknowledgements, restarts, bounds, and what one
 * more costs. The evaluator with a fetcher of the test. */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "common/map.h"
#include "common/str.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/loop_turn.h"
#include "tests/unit/restart.h"

enum { NOW = 1795514400 }; /* 2026-11-24T10:00:00Z */

static struct clock now;
static struct evaluator *evaluator;
static struct remembered remembered;
static struct map *notes;
static unsigned transitions, asked, noted;

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    (void)user;
    (void)key;
    asked += kind == INPUT_EXEC;
}

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    remembered_add(&remembered, transition);
    transitions += !transition->is_agent;
}

static void on_note(const char *name, const char *text, void *user)
{
    (void)user;
    noted++;
    if (text)
        map_set(notes, name, mem_strdup(text));
    else
        map_remove(notes, name);
}

static void begin(void)
{
    const struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition, .note = on_note};
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    evaluator = evaluator_new(base, NULL, rules, NULL, &now, &callbacks);
    evaluator_set_engine_reachable(evaluator, true);
}

static void setup(void)
{
    base = event_base_new();
    now = clock_fixed(NOW * USEC_PER_SEC);
    notes = map_new(free);
    begin();
    transitions = asked = noted = 0;
}

static void teardown(void)
{
    evaluator_free(evaluator);
    event_base_free(base);
    remembered_clear(&remembered);
    map_free(notes);
}

static void restart(void)
{
    const char *name;
    void *text;
    size_t at = 0;

    evaluator_write_notes(evaluator);
    evaluator_free(evaluator);
    begin();
    while (map_next(notes, &at, &name, &text))
        ck_assert(evaluator_restore_note(evaluator, name, text));
    remembered_restore(&remembered, evaluator);
}

static const char *id(char kind, unsigned number)
{
    static char texts[8][65];
    static unsigned at;
    char *text = texts[at++ % 8];

    snprintf(text, sizeof texts[0], "%c%05x%058x", kind, number & 0xfffff, number);
    return text;
}

static void container_read(unsigned number, const char *labels)
{
    scoped_str text = STR_INIT;
    struct container_facts *facts = NULL;

    str_printf(
        &text,
        "{\"Id\": \"%s\", \"Name\": \"/c%u\", \"State\": {\"Running\": true, \"Pid\": 1}, \"Config\": {\"Image\": "
        "\"i\", \"User\": \"app\", \"Labels\": %s}, \"HostConfig\": {}, \"ExecIDs\": null}",
        id('c', number), number, labels);
    ck_assert_int_eq(parse_container(text.data, text.length, &facts, NULL), 0);
    if (!evaluator_is_fetching(evaluator, INPUT_CONTAINER, id('c', number)))
        evaluator_stale(evaluator, INPUT_CONTAINER, id('c', number), "test");
    evaluator_fetched(evaluator, INPUT_CONTAINER, id('c', number), &facts->facts);
}

static void made(unsigned container, const char *exec, const char *command)
{
    evaluator_exec_made(evaluator,
                        &(struct exec_event){.container = id('c', container),
                                             .container_name = "c",
                                             .exec_id = exec,
                                             .command = command,
                                             .time_nano = now.fixed * 1000},
                        "docker:container/exec_create");
    now.fixed += USEC_PER_SEC;
}

/* One exec from its event to its record. */
static void run(unsigned container, unsigned number, const char *user, bool privileged, const char *command)
{
    scoped_str text = STR_INIT;
    struct exec_facts *facts = NULL;

    str_printf(&text,
               "{\"ID\": \"%s\", \"ContainerID\": \"%s\", \"ProcessConfig\": {\"user\": \"%s\", \"privileged\": %s, "
               "\"entrypoint\": \"%s\", \"arguments\": []}}",
               id('e', number), id('c', container), user, privileged ? "true" : "false", command);
    ck_assert_int_eq(parse_exec(text.data, text.length, &facts, NULL), 0);
    made(container, id('e', number), command);
    evaluator_fetched(evaluator, INPUT_EXEC, id('e', number), &facts->facts);
}

static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static size_t findings(void)
{
    return evaluator_exec_counts(evaluator).open;
}

static const struct exec_facts *facts_of(unsigned number)
{
    return store_exec(evaluator_store(evaluator), id('e', number), NULL);
}

/* Evidence and facts of the finding of exec NUMBER by its 5.22. */
static void explain(unsigned number, struct str *ret_evidence, struct str *ret_facts)
{
    const struct subject *subject = evaluator_find_subject(evaluator, SUBJECT_EXEC, id('e', number));
    const struct rule *rule = rule_set_find(evaluator_rules(evaluator), "exec-privileged");
    struct check_result result;
    size_t length;

    ck_assert_ptr_nonnull(subject);
    check_result_init(&result);
    evaluator_explain(evaluator, subject, subject_pair(subject, rule), &result);
    str_clear(ret_evidence);
    str_append(ret_evidence, check_result_evidence(&result, LANGUAGE_EN));
    str_clear(ret_facts);
    json_out_end_object(result.facts);
    str_append(ret_facts, json_out_text(result.facts, &length));
    check_result_deinit(&result);
}

START_TEST(equal_execs_are_one_finding)
{
    scoped_str evidence = STR_INIT, facts = STR_INIT;

    container_read(1, "{}");
    transitions = 0;
    run(1, 1, "root", true, "id");
    ck_assert_uint_eq(transitions, 2); /* 5.22 and 5.23 */
    run(1, 2, "root", true, "id");
    run(1, 3, "root", true, "id");
    ck_assert_uint_eq(transitions, 2);
    ck_assert_uint_eq(findings(), 1);
    ck_assert_uint_eq(facts_of(1)->count, 3);
    explain(1, &evidence, &facts);
    ck_assert_msg(
        strstr(evidence.data, "3 times from 2026-11-24T10:00:01Z to 2026-11-24T10:00:03Z, as root, privileged"), "%s",
        evidence.data);
    ck_assert_msg(strstr(facts.data, "\"count\":3") && strstr(facts.data, "\"first\":\"2026-11-24T10:00:01") &&
                      strstr(facts.data, "\"last\":\"2026-11-24T10:00:03"),
                  "%s", facts.data);
    /* Each difference is another finding. */
    run(1, 4, "root", true, "who");
    run(1, 5, "root", false, "id");
    run(1, 6, "mail", true, "id");
    container_read(2, "{}");
    run(2, 7, "root", true, "id");
    ck_assert_uint_eq(findings(), 5);
}
END_TEST

/* Not one, but the whole command counts: what is shown of it is cut. */
START_TEST(long_commands_that_begin_alike_differ)
{
    char command[2000];

    container_read(1, "{}");
    memset(command, 'x', sizeof command);
    command[sizeof command - 1] = '\0';
    run(1, 1, "root", true, command);
    command[sizeof command - 2] = 'y';
    run(1, 2, "root", true, command);
    ck_assert_uint_eq(findings(), 2);
}
END_TEST

START_TEST(acknowledged_by_any_id_and_opened_again)
{
    container_read(1, "{}");
    for (unsigned i = 1; i <= 4; i++)
        run(1, i, "root", true, "id");
    ck_assert_str_eq(evaluator_find_exec(evaluator, id('e', 1)), id('e', 1));
    ck_assert_str_eq(evaluator_find_exec(evaluator, id('e', 2)), id('e', 1));
    ck_assert_str_eq(evaluator_find_exec(evaluator, "e00004000000"), id('e', 1)); /* the last one's beginning */
    ck_assert_ptr_null(evaluator_find_exec(evaluator, id('e', 5)));
    transitions = 0;
    ck_assert_int_eq(evaluator_acknowledge(evaluator, evaluator_find_exec(evaluator, id('e', 3)), 0, UINT32_MAX, "me"),
                     0);
    ck_assert_uint_eq(findings(), 0);
    ck_assert_uint_eq(transitions, 2);
    ck_assert_ptr_null(evaluator_find_exec(evaluator, id('e', 1)));
    asked = 0;
    /* A replay is no news. */
    made(1, id('e', 2), "id");
    turn();
    ck_assert_uint_eq(asked, 0);
    ck_assert_uint_eq(findings(), 0);
    /* Another one is, under the same id. */
    run(1, 5, "root", true, "id");
    ck_assert_uint_eq(findings(), 1);
    ck_assert_uint_eq(transitions, 4);
    ck_assert_uint_eq(facts_of(1)->count, 1);
    ck_assert_str_eq(evaluator_find_exec(evaluator, id('e', 5)), id('e', 1));
}
END_TEST

START_TEST(kept_over_restarts)
{
    container_read(1, "{}");
    for (unsigned i = 1; i <= 3; i++)
        run(1, i, "root", true, "id");
    run(1, 10, "root", true, "who");
    ck_assert_int_eq(evaluator_acknowledge(evaluator, id('e', 10), 0, UINT32_MAX, "me"), 0);
    for (unsigned i = 0; i < 2; i++) {
        transitions = asked = 0;
        restart();
        ck_assert_uint_eq(transitions, 0);
        ck_assert_uint_eq(findings(), 1);
        ck_assert_uint_eq(facts_of(1)->count, 3);
        ck_assert_int_eq(facts_of(1)->first, (NOW + 1) * USEC_PER_SEC);
        ck_assert_int_eq(facts_of(1)->seen, (NOW + 3) * USEC_PER_SEC);
        ck_assert_str_eq(evaluator_find_exec(evaluator, id('e', 2)), id('e', 1));
    }
    container_read(1, "{}");
    made(1, id('e', 2), "id"); /* what was counted, or acknowledged, is not counted again */
    made(1, id('e', 10), "who");
    turn();
    ck_assert_uint_eq(asked, 0);
    run(1, 4, "root", true, "id");
    ck_assert_uint_eq(facts_of(1)->count, 4);
    ck_assert_uint_eq(findings(), 1);
    run(1, 11, "root", true, "who"); /* after the acknowledgement of before the restart */
    ck_assert_uint_eq(findings(), 2);
    ck_assert_str_eq(evaluator_find_exec(evaluator, id('e', 11)), id('e', 10));
}
END_TEST

START_TEST(the_number_kept_is_bounded)
{
    struct exec_counts counts;

    container_read(1, "{}");
    for (unsigned i = 0; i < EXEC_GROUPS_MAX; i++) {
        char command[16];

        snprintf(command, sizeof command, "c%u", i);
        run(1, i, "root", true, command);
    }
    for (unsigned i = 20; i < 30; i++)
        ck_assert_int_eq(evaluator_acknowledge(evaluator, id('e', i), 0, UINT32_MAX, "me"), 0);
    for (unsigned i = EXEC_GROUPS_MAX; i < EXEC_GROUPS_MAX + 10; i++) {
        char command[16];

        snprintf(command, sizeof command, "c%u", i);
        run(1, i, "root", true, command);
    }
    turn();
    counts = evaluator_exec_counts(evaluator); /* the acknowledged ones went first: no finding ended */
    ck_assert_uint_eq(counts.open, EXEC_GROUPS_MAX);
    ck_assert_uint_eq(counts.acknowledged, 0);
    ck_assert_uint_eq(counts.dropped, 0);
    run(1, 0, "root", true, "c0");    /* known: nothing */
    run(1, 5000, "root", true, "c0"); /* the oldest is not the oldest any more */
    transitions = 0;
    for (unsigned i = 6000; i < 6100; i++) {
        char command[16];

        snprintf(command, sizeof command, "c%u", i);
        run(1, i, "root", true, command);
    }
    for (unsigned i = 0; i < 10; i++)
        turn();
    counts = evaluator_exec_counts(evaluator);
    ck_assert_uint_eq(counts.open, EXEC_GROUPS_MAX);
    ck_assert_uint_eq(counts.dropped, 100);
    ck_assert_int_ne(counts.dropped_at, 0);
    ck_assert_uint_eq(transitions, 2 * 100 + 2 * 100);
    ck_assert_ptr_nonnull(facts_of(0));
    ck_assert_ptr_null(facts_of(1));
    ck_assert_ptr_null(facts_of(100));
    ck_assert_ptr_nonnull(facts_of(120));
    evaluator_write_notes(evaluator);
    ck_assert_uint_eq(map_count(notes), EXEC_GROUPS_MAX);
}
END_TEST

struct cost {
    uint64_t evaluations, steps, indexed, fetches, transitions;
};

static struct cost cost(void)
{
    const struct evaluator_counters *counters = evaluator_counters(evaluator);

    return (struct cost){counters->evaluations, counters->exec_steps, counters->indexed,
                         counters->fetches[INPUT_CONTAINER], counters->transitions};
}

/* One exec costs the same whatever else there is: other findings, other containers' execs without records. */
static void one_more(unsigned number, struct cost *ret)
{
    struct cost before = cost(), after;

    run(1, number, "root", true, "more");
    turn();
    after = cost();
    *ret = (struct cost){after.evaluations - before.evaluations, after.steps - before.steps,
                         after.indexed - before.indexed, after.fetches - before.fetches,
                         after.transitions - before.transitions};
}

/* Once a second groups that changed are looked at besides: the least of three has none of that. */
static void three_more(unsigned number, struct cost *ret)
{
    one_more(number, ret);
    for (unsigned i = 1; i < 3; i++) {
        struct cost next;

        one_more(number + i, &next);
        if (next.evaluations < ret->evaluations)
            *ret = next;
    }
}

START_TEST(one_more_costs_the_same)
{
    struct cost first, alone, among;

    container_read(1, "{}");
    one_more(1, &first);
    three_more(2, &alone);
    ck_assert_uint_le(alone.evaluations, 2);
    ck_assert_uint_eq(alone.steps, 0);
    ck_assert_uint_eq(alone.transitions, 0);
    for (unsigned i = 100; i < 900; i++) {
        char command[16];

        snprintf(command, sizeof command, "c%u", i);
        run(1, i, "root", true, command);
    }
    container_read(2, "{\"execID\": \"SPOOFED\"}");
    for (unsigned i = 0; i < 3000; i++)
        made(2, "SPOOFED", "true");
    turn();
    three_more(5, &among);
    ck_assert_uint_eq(among.evaluations, alone.evaluations);
    ck_assert_uint_eq(among.steps, alone.steps);
    ck_assert_uint_eq(among.indexed, alone.indexed);
    ck_assert_uint_eq(among.fetches, alone.fetches);
    ck_assert_uint_eq(among.transitions, 0);
    ck_assert_uint_eq(facts_of(1)->count, 7);
}
END_TEST

/* Health checks, by the thousand. */
START_TEST(what_is_in_order_leaves_nothing)
{
    container_read(1, "{}");
    transitions = 0;
    for (unsigned i = 1; i <= 1000; i++)
        run(1, i, "app", false, "true");
    turn();
    evaluator_write_notes(evaluator);
    ck_assert_uint_eq(findings(), 0);
    ck_assert_uint_eq(transitions, 0);
    ck_assert_uint_eq(noted, 0);
}
END_TEST

/* While the version is on its way (each full scan asks for it) nobody can say that an exec is in order. */
START_TEST(what_is_in_order_during_a_scan_leaves_nothing)
{
    static const char version[] = "{\"Version\":\"28.5.2\"}";
    struct version_facts *facts = NULL;

    container_read(1, "{}");
    evaluator_stale(evaluator, INPUT_VERSION, NULL, "scan");
    turn();
    run(1, 1, "app", false, "true");
    run(1, 2, "app", false, "true");
    ck_assert_uint_eq(findings(), 1);
    ck_assert_int_eq(parse_version(version, strlen(version), &facts, NULL), 0);
    evaluator_fetched(evaluator, INPUT_VERSION, NULL, &facts->facts);
    for (usec_t end = clock_monotonic() + 200 * USEC_PER_SEC; findings() && clock_monotonic() < end;) {
        event_base_loopexit(base, &(struct timeval){.tv_usec = 50000});
        event_base_dispatch(base);
    }
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

/* After its time the finding ends, in the store as well. */
START_TEST(expired_ones_leave_nothing)
{
    size_t at = 0;
    void *value;

    container_read(1, "{}");
    run(1, 1, "root", true, "id");
    now.fixed += 25 * 3600 * USEC_PER_SEC;
    evaluator_clock_changed(evaluator);
    ck_assert_uint_eq(findings(), 0);
    while (map_next(remembered.last, &at, NULL, &value))
        if (str_equal(((struct transition *)value)->subject_kind, "exec"))
            ck_assert_int_eq(((struct transition *)value)->status_value, VERDICT_NONE);
    evaluator_write_notes(evaluator);
    ck_assert_uint_eq(map_count(notes), 0);
}
END_TEST

START_TEST(lost_ones_are_counted_together)
{
    container_read(1, "{\"execID\": \"SPOOFED\"}");
    transitions = 0;
    for (unsigned i = 0; i < 50; i++) {
        made(1, "SPOOFED", "sh -c id");
        container_read(1, "{\"execID\": \"SPOOFED\"}");
    }
    ck_assert_uint_eq(findings(), 1);
    ck_assert_uint_eq(transitions, 2);
    made(1, "SPOOFED", "sh -c who");
    container_read(1, "{\"execID\": \"SPOOFED\"}");
    ck_assert_uint_eq(findings(), 2);
    restart();
    ck_assert_uint_eq(findings(), 2);
}
END_TEST

/* The engine does not answer for a while: the error becomes what the record says, and one of its equals ends in them.
 */
START_TEST(read_at_the_second_attempt)
{
    container_read(1, "{}");
    for (unsigned i = 1; i <= 2; i++) {
        made(1, id('e', i), "id");
        turn();
        evaluator_fetch_failed(evaluator, INPUT_EXEC, id('e', i), EPROTO, "500");
        ck_assert_uint_eq(findings(), i);
    }
    for (unsigned i = 1; i <= 2; i++) {
        evaluator_stale(evaluator, INPUT_EXEC, id('e', i), "retry");
        turn();
        run(1, i, "root", true, "id");
    }
    ck_assert_uint_eq(findings(), 1);
    ck_assert_uint_eq(facts_of(1)->count, 2);
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_EXEC, id('e', 2)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exec_groups");
    TCase *tests = tcase_create("exec_groups");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, equal_execs_are_one_finding);
    tcase_add_test(tests, long_commands_that_begin_alike_differ);
    tcase_add_test(tests, acknowledged_by_any_id_and_opened_again);
    tcase_add_test(tests, kept_over_restarts);
    tcase_add_test(tests, the_number_kept_is_bounded);
    tcase_add_test(tests, one_more_costs_the_same);
    tcase_add_test(tests, what_is_in_order_leaves_nothing);
    tcase_add_test(tests, what_is_in_order_during_a_scan_leaves_nothing);
    tcase_add_test(tests, expired_ones_leave_nothing);
    tcase_add_test(tests, lost_ones_are_counted_together);
    tcase_add_test(tests, read_at_the_second_attempt);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
