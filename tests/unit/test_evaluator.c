/* The incremental engine by itself: a fetcher that answers when the test says so, and a clock that the test moves. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "common/file.h"
#include "common/vec.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/loop_turn.h"

static struct evaluator *evaluator;
static struct clock clock_of_test;
static struct config config;
static char folder[] = "/tmp/test-engine-XXXXXX";

struct asked {
    enum input_kind kind;
    char key[80];
};
static VEC(struct asked) asked;
static VEC(struct transition *) told;

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    struct asked item = {.kind = kind};

    (void)user;
    snprintf(item.key, sizeof item.key, "%s", key ? key : "");
    vec_push(&asked, item);
}

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    vec_push(&told, transition_ref(transition));
}

static void forget_told(void)
{
    for (size_t i = 0; i < told.count; i++)
        transition_unref(told.items[i]);
    told.count = 0;
}

static void make_engine(void)
{
    struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error) == 0, "%s",
                  error.text);
    evaluator = evaluator_new(base, rules, &config, &clock_of_test, &callbacks);
    evaluator_set_engine_reachable(evaluator, true);
}

static void set_up(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    memset(&config, 0, sizeof config);
    clock_of_test = clock_fixed(INT64_C(1800000000) * USEC_PER_SEC);
    base = event_base_new();
    make_engine();
}

static void tear_down(void)
{
    scoped(cleanup_free) char *command = mem_printf("rm -rf %s", folder);

    evaluator_free(evaluator);
    forget_told();
    vec_free(&told);
    vec_free(&asked);
    event_base_free(base);
    ck_assert_int_eq(system(command), 0);
}

static size_t count_asked(enum input_kind kind, const char *key)
{
    size_t count = 0;

    for (size_t i = 0; i < asked.count; i++)
        count += asked.items[i].kind == kind && (!key || strcmp(asked.items[i].key, key) == 0);
    return count;
}

static const struct transition *find_told(const char *slug, const char *id)
{
    for (size_t i = told.count; i-- > 0;)
        if (strcmp(told.items[i]->slug, slug) == 0 && (!id || strcmp(told.items[i]->subject_id, id) == 0))
            return told.items[i];
    return NULL;
}

static const struct pair *find_pair(const char *slug, enum subject_kind kind, const char *id)
{
    const struct subject *subject = evaluator_find_subject(evaluator, kind, id);

    for (size_t i = 0; subject && i < subject->pair_count; i++)
        if (strcmp(subject->pairs[i].rule->slug, slug) == 0)
            return &subject->pairs[i];
    return NULL;
}

static const char *id_of(char c)
{
    static char ids[256][65];
    char *id = ids[(unsigned char)c];

    memset(id, c, 64);
    return id;
}

static struct facts *container(char c, bool privileged, const char *network, const char *execs)
{
    scoped(cleanup_free) char *text = mem_printf(
        "{\"Id\":\"%s\",\"Name\":\"/%c\",\"State\":{\"Running\":false,\"Pid\":0},\"Image\":\"\",\"ExecIDs\":%s,"
        "\"HostConfig\":{\"Privileged\":%s,\"NetworkMode\":\"%s\",\"Memory\":0},\"Config\":{\"User\":\"app\"},"
        "\"Mounts\":[],\"NetworkSettings\":{}}",
        id_of(c), c, execs, privileged ? "true" : "false", network);
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_container(text, strlen(text), &facts, &error) == 0, "%s", error.text);
    return &facts->facts;
}

static void stale(char c)
{
    evaluator_stale(evaluator, INPUT_CONTAINER, id_of(c), "docker:container/start");
}

static void came(char c, bool privileged, const char *network)
{
    evaluator_fetched(evaluator, INPUT_CONTAINER, id_of(c), container(c, privileged, network, "null"));
}

static struct facts *exec_of(char c, char of, bool privileged)
{
    scoped(cleanup_free) char *text =
        mem_printf("{\"ID\":\"%s\",\"Running\":true,\"ContainerID\":\"%s\",\"ProcessConfig\":{\"entrypoint\":\"id\","
                   "\"arguments\":[],\"privileged\":%s,\"user\":\"\"}}",
                   id_of(c), id_of(of), privileged ? "true" : "false");
    struct exec_facts *facts = NULL;

    ck_assert_int_eq(parse_exec(text, strlen(text), &facts, NULL), 0);
    return &facts->facts;
}

START_TEST(one_fetch_in_flight_and_once_more)
{
    const char *id = id_of('a');

    for (unsigned i = 0; i < 1000; i++)
        stale('a');
    ck_assert_uint_eq(count_asked(INPUT_CONTAINER, id), 1);
    ck_assert(!evaluator_is_settled(evaluator));
    came('a', true, "bridge");
    ck_assert_uint_eq(count_asked(INPUT_CONTAINER, id), 2);
    /* judged by what is known though it is fetched again */
    ck_assert_ptr_nonnull(find_told("container-privileged", id));
    came('a', false, "bridge");
    ck_assert_uint_eq(count_asked(INPUT_CONTAINER, id), 2);
    ck_assert(evaluator_is_settled(evaluator));
    ck_assert_str_eq(find_told("container-privileged", id)->status, "pass");
    /* an answer that nobody waits for changes nothing */
    came('a', true, "bridge");
    ck_assert_str_eq(find_told("container-privileged", id)->status, "pass");
    ck_assert_str_eq(find_told("container-privileged", id)->cause, "docker:container/start");
}
END_TEST

START_TEST(transitions_only_on_change_and_seq_by_one)
{
    uint64_t seq;

    stale('a');
    came('a', true, "bridge");
    ck_assert_uint_gt(told.count, 0);
    for (size_t i = 0; i < told.count; i++)
        ck_assert_uint_eq(told.items[i]->seq, i + 1);
    seq = evaluator_last_seq(evaluator);
    ck_assert_uint_eq(seq, told.count);
    clock_of_test.fixed += USEC_PER_SEC;
    for (unsigned i = 0; i < 10; i++) {
        stale('a');
        came('a', true, "bridge");
    }
    ck_assert_uint_eq(evaluator_last_seq(evaluator), seq);
    ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id_of('a'))->checked, clock_of_test.fixed);
    stale('a');
    came('a', false, "bridge");
    ck_assert_uint_gt(evaluator_last_seq(evaluator), seq);
    for (size_t i = 0; i < told.count; i++)
        ck_assert_uint_eq(told.items[i]->seq, i + 1);
    ck_assert_str_eq(find_told("container-privileged", id_of('a'))->previous, "fail");
}
END_TEST

START_TEST(a_failed_fetch_is_an_error_never_the_old_verdict)
{
    const char *id = id_of('a');

    stale('a');
    came('a', false, "bridge");
    ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id)->verdict, VERDICT_PASS);
    stale('a');
    evaluator_fetch_failed(evaluator, INPUT_CONTAINER, id, EPROTO, "the engine answered 500");
    ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id)->verdict, VERDICT_ERROR);
    ck_assert_ptr_nonnull(strstr(find_told("container-privileged", id)->evidence, "500"));
    stale('a');
    came('a', false, "bridge");
    ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id)->verdict, VERDICT_PASS);
    /* the connection went: it stays what it was, and stale */
    stale('a');
    evaluator_fetch_failed(evaluator, INPUT_CONTAINER, id, ENOTCONN, "not connected");
    ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id)->verdict, VERDICT_PASS);
    ck_assert(!evaluator_is_settled(evaluator));
    asked.count = 0;
    evaluator_stale_all(evaluator, "engine:connected");
    ck_assert_uint_eq(count_asked(INPUT_CONTAINER, id), 1);
}
END_TEST

START_TEST(what_is_gone_closes_its_findings)
{
    const char *id = id_of('a');
    size_t pairs = 0, closed = 0;

    stale('a');
    came('a', true, "bridge");
    for (size_t i = 0; i < told.count; i++)
        pairs += strcmp(told.items[i]->subject_id, id) == 0;
    forget_told();
    stale('a');
    evaluator_gone(evaluator, INPUT_CONTAINER, id, "docker:container/destroy");
    for (size_t i = 0; i < told.count; i++) {
        if (strcmp(told.items[i]->subject_id, id) != 0)
            continue;
        closed++;
        ck_assert_ptr_null(told.items[i]->status);
        ck_assert_ptr_nonnull(told.items[i]->previous);
        ck_assert_str_eq(told.items[i]->cause, "docker:container/destroy");
    }
    ck_assert_uint_eq(closed, pairs);
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id));
    ck_assert(evaluator_is_settled(evaluator));
    /* the answer comes late */
    came('a', true, "bridge");
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id));
    /* and 404 is the same as gone */
    stale('b');
    came('b', true, "bridge");
    stale('b');
    evaluator_fetch_failed(evaluator, INPUT_CONTAINER, id_of('b'), ENOENT, "404");
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id_of('b')));
    ck_assert(evaluator_is_settled(evaluator));
}
END_TEST

START_TEST(expected_inputs_are_waited_for)
{
    const char *id = id_of('a');

    stale('a');
    came('a', true, "bridge");
    asked.count = 0;
    forget_told();
    evaluator_expect_all(evaluator, "reload");
    ck_assert_uint_eq(asked.count, 0);
    ck_assert(!evaluator_is_settled(evaluator));
    stale('a');
    ck_assert_uint_eq(count_asked(INPUT_CONTAINER, id), 1);
    came('a', false, "bridge");
    ck_assert(evaluator_is_settled(evaluator));
    ck_assert_str_eq(find_told("container-privileged", id)->cause, "reload");
}
END_TEST

/* b shares a's network, c shares b's: what a does concerns all three, also its end. */
START_TEST(joined_namespaces_follow)
{
    scoped(cleanup_free) char *to_a = mem_printf("container:%s", id_of('a'));
    scoped(cleanup_free) char *to_b = mem_printf("container:%s", id_of('b'));
    static const char slug[] = "container-network-namespace";

    stale('a');
    stale('b');
    stale('c');
    came('c', false, to_b);
    came('b', false, to_a);
    came('a', false, "host");
    for (const char *c = "abc"; *c; c++)
        ck_assert_int_eq(find_pair(slug, SUBJECT_CONTAINER, id_of(*c))->verdict, VERDICT_FAIL);
    stale('a');
    came('a', false, "bridge");
    for (const char *c = "abc"; *c; c++)
        ck_assert_int_eq(find_pair(slug, SUBJECT_CONTAINER, id_of(*c))->verdict, VERDICT_PASS);
    evaluator_gone(evaluator, INPUT_CONTAINER, id_of('a'), "docker:container/destroy");
    ck_assert_int_eq(find_pair(slug, SUBJECT_CONTAINER, id_of('b'))->verdict, VERDICT_ERROR);
    ck_assert_int_eq(find_pair(slug, SUBJECT_CONTAINER, id_of('c'))->verdict, VERDICT_ERROR);
    stale('b');
    came('b', false, "bridge");
    ck_assert_int_eq(find_pair(slug, SUBJECT_CONTAINER, id_of('c'))->verdict, VERDICT_PASS);
}
END_TEST

START_TEST(quiet_execs_leave_nothing)
{
    stale('a');
    came('a', false, "bridge");
    forget_told();
    evaluator_stale(evaluator, INPUT_EXEC, id_of('e'), "docker:container/exec_create");
    evaluator_fetched(evaluator, INPUT_EXEC, id_of('e'), exec_of('e', 'a', false));
    ck_assert_uint_eq(told.count, 0);
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_EXEC, id_of('e')));
    ck_assert_uint_eq(store_count(evaluator_store(evaluator), INPUT_EXEC), 0);
    evaluator_stale(evaluator, INPUT_EXEC, id_of('f'), "docker:container/exec_create");
    evaluator_fetched(evaluator, INPUT_EXEC, id_of('f'), exec_of('f', 'a', true));
    ck_assert_str_eq(find_told("exec-privileged", id_of('f'))->status, "fail");
    ck_assert_int_eq(evaluator_acknowledge(evaluator, id_of('x'), "uid 0", "no"), -ENOENT);
    ck_assert_int_eq(evaluator_acknowledge(evaluator, id_of('f'), "uid 0", "was right"), 0);
    ck_assert_ptr_null(find_told("exec-privileged", id_of('f'))->status);
    ck_assert_ptr_nonnull(strstr(find_told("exec-privileged", id_of('f'))->cause, "was right"));
    /* a replay does not bring it back */
    asked.count = 0;
    evaluator_stale(evaluator, INPUT_EXEC, id_of('f'), "docker:container/exec_create");
    ck_assert_uint_eq(asked.count, 0);
}
END_TEST

/* ---- Sets of files ---- */

/* In place of the C library's for the whole program, so that steps can be counted. */
static size_t compares;

int strcmp(const char *a, const char *b)
{
    compares++;
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static const char certs[] = "tree:/etc/docker/certs.d";
static const char *const cert_rules[] = {"registry-certs-owner", "registry-certs-mode"};

/* COUNT files from number FROM on, of MODE; that of number BAD is writable for everyone. */
static struct facts *cert_files(size_t from, size_t count, size_t bad)
{
    struct arena *arena = arena_new(4096);
    struct fileset_facts *set = arena_alloc(arena, sizeof *set);

    set->facts.arena = arena;
    set->facts.digest = (from * 31 + count) * 31 + bad;
    set->items = arena_alloc(arena, (count + 1) * sizeof *set->items);
    for (size_t i = 0; i < count; i++) {
        char path[80];

        snprintf(path, sizeof path, "/etc/docker/certs.d/registry.example:%06zu/ca.crt", from + i);
        set->items[i] =
            (struct file_facts){.user = "root", .group = "root", .mode = from + i == bad ? 0100666 : 0100444};
        set->items[i].path = set->items[i].target = arena_strdup(arena, path);
    }
    set->count = count;
    return &set->facts;
}

static void certs_came(size_t from, size_t count, size_t bad)
{
    evaluator_stale(evaluator, INPUT_FILES, certs, "watch:certs.d");
    evaluator_fetched(evaluator, INPUT_FILES, certs, cert_files(from, count, bad));
}

static uint64_t evaluations(void)
{
    return evaluator_counters(evaluator)->evaluations;
}

static const char *cert_path(size_t number)
{
    static char path[80];

    snprintf(path, sizeof path, "/etc/docker/certs.d/registry.example:%06zu/ca.crt", number);
    return path;
}

static size_t count_subjects(enum subject_kind kind)
{
    const struct subject *subject;
    size_t at = 0, count = 0;

    while ((subject = evaluator_next_subject(evaluator, &at)))
        count += subject->kind == kind;
    return count;
}

START_TEST(files_come_change_and_go)
{
    enum { NONE = 999999 };
    uint64_t before;

    certs_came(1, 3, NONE);
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 3);
    ck_assert_uint_eq(told.count, 3 * countof(cert_rules));
    for (size_t i = 0; i < countof(cert_rules); i++)
        for (size_t number = 1; number <= 3; number++)
            ck_assert_str_eq(find_told(cert_rules[i], cert_path(number))->status, "pass");
    /* one changes */
    forget_told();
    certs_came(1, 3, 2);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_str_eq(find_told("registry-certs-mode", cert_path(2))->status, "fail");
    ck_assert_str_eq(find_told("registry-certs-mode", cert_path(2))->cause, "watch:certs.d");
    /* nothing does: nothing is evaluated, but it was looked at */
    forget_told();
    before = evaluations();
    clock_of_test.fixed += USEC_PER_SEC;
    certs_came(1, 3, 2);
    ck_assert_uint_eq(evaluations(), before);
    ck_assert_int_eq(find_pair(cert_rules[0], SUBJECT_FILE, cert_path(1))->checked, clock_of_test.fixed);
    /* the first goes, a fourth comes */
    certs_came(2, 3, 2);
    ck_assert_uint_eq(told.count, 2 * countof(cert_rules));
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 3);
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_FILE, cert_path(1)));
    for (size_t i = 0; i < countof(cert_rules); i++) {
        ck_assert_ptr_null(find_told(cert_rules[i], cert_path(1))->status);
        ck_assert_str_eq(find_told(cert_rules[i], cert_path(4))->status, "pass");
        ck_assert_ptr_null(find_told(cert_rules[i], cert_path(4))->previous);
    }
    /* all go */
    forget_told();
    certs_came(0, 0, NONE);
    ck_assert_uint_eq(told.count, 3 * countof(cert_rules));
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 0);
}
END_TEST

START_TEST(files_that_cannot_be_read_have_one_subject)
{
    certs_came(1, 3, 2);
    forget_told();
    evaluator_stale(evaluator, INPUT_FILES, certs, "watch:certs.d");
    evaluator_fetch_failed(evaluator, INPUT_FILES, certs, EACCES, "cannot open: Permission denied");
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 1);
    ck_assert_uint_eq(told.count, 4 * countof(cert_rules)); /* three go, the set itself comes */
    for (size_t i = 0; i < countof(cert_rules); i++) {
        ck_assert_str_eq(find_told(cert_rules[i], certs)->status, "error");
        ck_assert_ptr_nonnull(strstr(find_told(cert_rules[i], certs)->evidence, "Permission denied"));
    }
    forget_told();
    certs_came(1, 1, 1);
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 1);
    ck_assert_uint_eq(told.count, 2 * countof(cert_rules));
    ck_assert_ptr_null(find_told(cert_rules[0], certs)->status);
    ck_assert_str_eq(find_told("registry-certs-mode", cert_path(1))->status, "fail");
}
END_TEST

/* A path that two sources have is one subject; it goes with the last of its pairs. */
START_TEST(a_file_of_two_sources_is_one_subject)
{
    static const char option[] = "option:tlscacert";

    certs_came(1, 1, 1);
    evaluator_stale(evaluator, INPUT_FILES, option, "start");
    evaluator_fetched(evaluator, INPUT_FILES, option, cert_files(1, 1, 1));
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 1);
    ck_assert_uint_gt(evaluator_find_subject(evaluator, SUBJECT_FILE, cert_path(1))->pair_count, countof(cert_rules));
    certs_came(0, 0, 0);
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 1);
    ck_assert_ptr_null(find_pair(cert_rules[0], SUBJECT_FILE, cert_path(1)));
    evaluator_stale(evaluator, INPUT_FILES, option, "start");
    evaluator_fetched(evaluator, INPUT_FILES, option, cert_files(0, 0, 0));
    ck_assert_uint_eq(count_subjects(SUBJECT_FILE), 0);
}
END_TEST

/* The number of files that a set may have, in a number of steps that grows with it, not with its square. */
START_TEST(many_files_take_few_steps)
{
    enum { MANY = 4000, STEPS = 400 * MANY };
    uint64_t before = evaluations();

    compares = 0;
    certs_came(0, MANY, MANY - 1);
    ck_assert_uint_eq(evaluations(), before + MANY * countof(cert_rules));
    ck_assert_str_eq(find_told("registry-certs-mode", cert_path(MANY - 1))->status, "fail");
    ck_assert_uint_gt(compares, MANY);
    ck_assert_uint_lt(compares, STEPS);
    forget_told();
    compares = 0;
    certs_came(1, MANY, MANY - 1);
    ck_assert_uint_eq(evaluations(), before + 2 * MANY * countof(cert_rules));
    ck_assert_uint_eq(told.count, 2 * countof(cert_rules));
    ck_assert_uint_lt(compares, STEPS);
    forget_told();
    compares = 0;
    certs_came(0, 0, 0);
    ck_assert_uint_eq(told.count, MANY * countof(cert_rules));
    ck_assert_uint_lt(compares, STEPS);
}
END_TEST

static void run_loop(unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
}

START_TEST(agent_states_are_told_once)
{
    evaluator_agent_state(evaluator, "agent-engine", true, "fine", "x");
    ck_assert_uint_eq(told.count, 0);
    evaluator_agent_state(evaluator, "agent-engine", false, "lost", "x");
    evaluator_agent_state(evaluator, "agent-engine", false, "still lost", "x");
    ck_assert_uint_eq(told.count, 1);
    evaluator_agent_state(evaluator, "agent-engine", true, "back", "x");
    ck_assert_uint_eq(told.count, 2);
    ck_assert_str_eq(told.items[1]->status, "ready");
    ck_assert_uint_eq(evaluator_last_seq(evaluator), 2);
    ck_assert_ptr_eq(evaluator_transition_after(evaluator, 0), told.items[0]);
    ck_assert_ptr_eq(evaluator_transition_after(evaluator, 1), told.items[1]);
    ck_assert_ptr_null(evaluator_transition_after(evaluator, 2));
}
END_TEST

START_TEST(the_ring_forgets_the_oldest)
{
    for (unsigned i = 0; i < 20000; i++)
        evaluator_agent_state(evaluator, "agent-engine", i % 2, "x", "x");
    ck_assert_uint_eq(evaluator_last_seq(evaluator), 20000);
    ck_assert_uint_gt(evaluator_oldest_seq(evaluator), 10000);
    ck_assert_uint_eq(evaluator_transition_after(evaluator, 0)->seq, evaluator_oldest_seq(evaluator));
    ck_assert_uint_eq(evaluator_transition_after(evaluator, 19999)->seq, 20000);
}
END_TEST

/* ---- What survives a restart ---- */

static char *state_file(void)
{
    return mem_printf("%s/findings.log", folder);
}

static void load(void)
{
    struct error error = ERROR_INIT;

    ck_assert_msg(evaluator_load_state(evaluator, folder, &error) == 0, "%s", error.text);
}

static void restart(void)
{
    evaluator_free(evaluator);
    forget_told();
    asked.count = 0;
    make_engine();
    load();
}

static void settle(void)
{
    run_loop(20);
    ck_assert(evaluator_is_settled(evaluator));
}

START_TEST(seq_and_since_survive)
{
    usec_t began = clock_of_test.fixed;
    uint64_t seq;

    load();
    stale('a');
    came('a', true, "bridge");
    stale('b');
    came('b', true, "bridge");
    settle();
    seq = evaluator_last_seq(evaluator);
    clock_of_test.fixed += 3600 * USEC_PER_SEC;
    restart();
    ck_assert_uint_eq(evaluator_last_seq(evaluator), seq);
    stale('a');
    came('a', true, "bridge");
    ck_assert_ptr_null(find_told("container-privileged", id_of('a')));
    ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id_of('a'))->since, began);
    /* b did not come back: it is closed, with the next numbers */
    settle();
    ck_assert_ptr_nonnull(find_told("container-privileged", id_of('b')));
    ck_assert_ptr_null(find_told("container-privileged", id_of('b'))->status);
    ck_assert_uint_eq(told.items[0]->seq, seq + 1);
    seq = evaluator_last_seq(evaluator);
    restart();
    ck_assert_uint_eq(evaluator_last_seq(evaluator), seq);
    stale('a');
    came('a', true, "bridge");
    settle();
    ck_assert_uint_eq(told.count, 0);
}
END_TEST

/* kill -9 or power loss at every byte of the file: seq never goes back behind what a whole line said. */
START_TEST(file_cut_at_every_byte)
{
    scoped(cleanup_free) char *path = state_file();
    scoped_str text = STR_INIT;

    load();
    stale('a');
    came('a', true, "bridge");
    settle();
    evaluator_agent_state(evaluator, "agent-engine", false, "x", "x");
    ck_assert_int_eq(file_read(path, 1 << 20, &text, NULL), 0);
    for (size_t cut = 1; cut <= text.length; cut += cut > 600 && cut + 600 < text.length ? 301 : 3) {
        uint64_t lines = 0;

        for (size_t i = 0; i < cut; i++)
            lines += text.data[i] == '\n';
        ck_assert_int_eq(truncate(path, 0), 0);
        ck_assert_int_eq(file_replace(path, text.data, cut, 0600, NULL), 0);
        restart();
        ck_assert_uint_ge(evaluator_last_seq(evaluator), lines);
        ck_assert_uint_le(evaluator_last_seq(evaluator), lines + 1);
        /* what is written behind a broken line is read again */
        lines = evaluator_last_seq(evaluator);
        evaluator_agent_state(evaluator, "agent-engine", false, "x", "x");
        restart();
        ck_assert_uint_eq(evaluator_last_seq(evaluator), lines + 1);
    }
}
END_TEST

START_TEST(garbage_is_skipped)
{
    static const char junk[] =
        "\n\n{}\n[]\nnull\n{\"seq\":-5}\n{\"seq\":1e300}\n{\"seq\":9223372036854775807}\n{\"seq\":\"x\"}\n"
        "\0\0\0\n\xff\xfe\n{\"seq\":7,\"rule\":1,\"kind\":2,\"id\":3}\n"
        "{\"seq\":8,\"rule\":\"nothing\",\"kind\":\"container\",\"id\":\"x\",\"status\":\"fail\"}\n"
        "{\"seq\":9,\"rule\":\"container-privileged\",\"kind\":\"planet\",\"id\":\"x\",\"status\":\"fail\"}\n"
        "{\"rule\":\"a b c\",\"kind\":\"exec\",\"id\":\"\\\" \\n\",\"status\":null}\n"
        "{\"seq\":10,\"rule\":\"container-privileged\",\"kind\":\"container\",\"id\":\"x y\",\"status\":"
        "\"fail\",\"since\":-9223372036854775808}\n"
        "{\"seq\":11,\"rule\":\"exec-user\",\"kind\":\"exec\",\"id\":\"e\",\"status\":\"fail\",\"exec\":[1]}\n"
        "{\"seq\":12,\"rule\":\"exec-user\",\"kind\":\"exec\",\"id\":\"f\",\"status\":\"fail\",\"exec\":"
        "{\"user\":7,\"privileged\":\"\",\"seen\":1e99}}\n{\"seq\":13";
    scoped(cleanup_free) char *path = state_file();

    ck_assert_int_eq(file_replace(path, junk, sizeof junk - 1, 0600, NULL), 0);
    load();
    ck_assert_uint_ge(evaluator_last_seq(evaluator), 12);
    stale('a');
    came('a', true, "bridge");
    settle();
    for (size_t i = 0; i < told.count; i++)
        ck_assert_uint_eq(told.items[i]->seq, 13 + i);
}
END_TEST

/* Lines without end, and more of them than any memory should hold. */
START_TEST(huge_file_is_read)
{
    scoped(cleanup_free) char *path = state_file();
    scoped(cleanup_free) char *block = mem_alloc(1024 * 1024);
    FILE *file = fopen(path, "w");

    memset(block, 'x', 1024 * 1024);
    fputs("{\"seq\":5}\n", file);
    for (unsigned i = 0; i < 300; i++)
        fwrite(block, 1, 1024 * 1024, file);
    fputs("\n{\"seq\":6}\n", file);
    fclose(file);
    load();
    ck_assert_uint_eq(evaluator_last_seq(evaluator), 6);
}
END_TEST

START_TEST(full_disk_is_said_and_mended)
{
    struct rlimit limit = {.rlim_cur = 3000, .rlim_max = RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    struct error error = ERROR_INIT;
    struct stat before, after;
    scoped(cleanup_free) char *path = state_file();
    uint64_t seq;

    signal(SIGXFSZ, SIG_IGN);
    load();
    stale('a');
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    came('a', true, "bridge");
    settle();
    ck_assert_str_eq(find_told("agent-state", NULL)->status, "degraded");
    /* what cannot be written whole does not take the place of what is there */
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_lt(evaluator_save_state(evaluator, &error), 0);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    seq = evaluator_last_seq(evaluator);
    stale('b');
    came('b', false, "bridge");
    settle();
    ck_assert_uint_gt(evaluator_last_seq(evaluator), seq);
    seq = evaluator_last_seq(evaluator);
    restart(); /* the lines behind the broken one count */
    ck_assert_uint_eq(evaluator_last_seq(evaluator), seq);
}
END_TEST

START_TEST(one_agent_at_a_time)
{
    struct evaluator *other;
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;
    struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};

    load();
    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    other = evaluator_new(base, rules, &config, &clock_of_test, &callbacks);
    ck_assert_int_eq(evaluator_load_state(other, folder, &error), -EBUSY);
    evaluator_free(other);
}
END_TEST

START_TEST(long_logs_are_rewritten)
{
    scoped(cleanup_free) char *path = state_file();
    struct error error = ERROR_INIT;
    struct stat before, after;
    uint64_t seq;

    load();
    stale('a');
    came('a', true, "bridge");
    settle();
    for (unsigned i = 0; i < 10000; i++)
        evaluator_agent_state(evaluator, "agent-engine", i % 2, "x", "x");
    seq = evaluator_last_seq(evaluator);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(evaluator_save_state(evaluator, &error), 0);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_int_lt(after.st_size, before.st_size / 4);
    restart();
    ck_assert_uint_eq(evaluator_last_seq(evaluator), seq);
    stale('a');
    came('a', true, "bridge");
    settle();
    ck_assert_uint_eq(told.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine");
    TCase *tests = tcase_create("engine");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, one_fetch_in_flight_and_once_more);
    tcase_add_test(tests, transitions_only_on_change_and_seq_by_one);
    tcase_add_test(tests, a_failed_fetch_is_an_error_never_the_old_verdict);
    tcase_add_test(tests, what_is_gone_closes_its_findings);
    tcase_add_test(tests, expected_inputs_are_waited_for);
    tcase_add_test(tests, joined_namespaces_follow);
    tcase_add_test(tests, quiet_execs_leave_nothing);
    tcase_add_test(tests, files_come_change_and_go);
    tcase_add_test(tests, files_that_cannot_be_read_have_one_subject);
    tcase_add_test(tests, a_file_of_two_sources_is_one_subject);
    tcase_add_test(tests, many_files_take_few_steps);
    tcase_add_test(tests, agent_states_are_told_once);
    tcase_add_test(tests, the_ring_forgets_the_oldest);
    tcase_add_test(tests, seq_and_since_survive);
    tcase_add_test(tests, file_cut_at_every_byte);
    tcase_add_test(tests, garbage_is_skipped);
    tcase_add_test(tests, huge_file_is_read);
    tcase_add_test(tests, full_disk_is_said_and_mended);
    tcase_add_test(tests, one_agent_at_a_time);
    tcase_add_test(tests, long_logs_are_rewritten);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
