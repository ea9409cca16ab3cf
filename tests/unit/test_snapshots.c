/* Snapshots and heartbeats' numbers, through a real store into a real file. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent_snapshot.h"
#include "agent/checks/table.h"
#include "agent/rules/rule_set.h"
#include "common/map.h"
#include "common/vec.h"
#include "probes/docker/docker_parse.h"

#include "tests/unit/sink_fixture.h"

static struct evaluator *evaluator;
static struct snapshots *snapshots;
static struct config config;
static struct clock clock_of_test;
static char *file_path;

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    (void)kind;
    (void)key;
    (void)user;
}

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    event_store_append(event_store, transition);
}

static void turns(void)
{
    for (int i = 0; i < 8; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void container_came(unsigned number, bool privileged)
{
    scoped(cleanup_free) char *id = mem_printf("%064x", number),
                              *text =
                                  mem_printf("{\"Id\":\"%s\",\"Name\":\"/c%u\",\"State\":{\"Running\":false,\"Pid\":"
                                             "0},\"Image\":\"\",\"ExecIDs\":null,\"HostConfig\":{\"Privileged\":%s,"
                                             "\"NetworkMode\":\"bridge\",\"Memory\":0},\"Config\":{\"User\":\"\"},"
                                             "\"Mounts\":[],\"NetworkSettings\":{}}",
                                             id, number, privileged ? "true" : "false");
    struct container_facts *facts = NULL;

    ck_assert_int_eq(parse_container(text, strlen(text), &facts, NULL), 0);
    evaluator_stale(evaluator, INPUT_CONTAINER, id, "docker:container/start");
    turns();
    evaluator_fetched(evaluator, INPUT_CONTAINER, id, &facts->facts);
    turns();
}

static void container_gone(unsigned number)
{
    scoped(cleanup_free) char *id = mem_printf("%064x", number);

    evaluator_gone(evaluator, INPUT_CONTAINER, id, "docker:container/destroy");
}

/* Notes come before there is anything to give them to. */
static VEC(char *) notes;

static void on_note(const char *name, const char *text, void *user)
{
    (void)user;
    vec_push(&notes, mem_strdup(name));
    vec_push(&notes, mem_strdup(text));
}

static void start_evaluator(void)
{
    const struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};
    struct rule_set *rules = NULL;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, NULL), 0);
    evaluator = evaluator_new(base, NULL, rules, &config, &clock_of_test, &callbacks);
    evaluator_set_identity(evaluator, &(struct evaluator_identity){
                                          .machine = "m", .engine = "e", .address = "unix:///x", .is_current = true});
    evaluator_set_engine_reachable(evaluator, true);
    evaluator_restored(evaluator, event_store_last_seq(event_store));
    snapshots = snapshots_new(&(struct snapshot_options){
        .base = base, .evaluator = evaluator, .sinks = &sink_list, .clock = &clock_of_test, .machine = "m"});
    for (size_t i = 0; i < notes.count; i += 2) {
        snapshots_on_note(notes.items[i], notes.items[i + 1], snapshots);
        free(notes.items[i]);
        free(notes.items[i + 1]);
    }
    vec_free(&notes);
}

static void set_up(void)
{
    clock_of_test = clock_fixed(INT64_C(1800000000) * USEC_PER_SEC);
    sink_fixture_set_up();
    file_path = mem_printf("%s/records", folder);
    start_evaluator();
}

static void tear_down(void)
{
    snapshots_free(take(snapshots));
    evaluator_free(take(evaluator));
    sink_fixture_tear_down();
    free(take(file_path));
}

/* What the file has. */
struct seen {
    size_t records, snapshots, ends, transitions, doubles, late; /* transitions after the beginning of a snapshot */
    size_t losses, ends_after_loss;
    uint64_t last_number;         /* of all; they are without holes */
    uint64_t id, count, complete; /* of the last end: its snapshot, and how many of its records came before it */
    uint64_t end_seq;
};

static void look_at(const char *line, size_t length, struct map *numbers, struct map *of_snapshot, struct seen *seen)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root;
    const char *kind;
    uint64_t number, id;
    scoped(cleanup_free) char *key = NULL, *id_key = NULL;

    ck_assert_msg(json_parse(line, length, NULL, &doc, NULL) == 0, "%.*s", (int)length, line);
    root = json_root(doc);
    kind = json_text(json_get(root, "kind"), "-");
    number = (uint64_t)json_int(json_get(root, "number"), 0);
    key = mem_printf("%llu", (unsigned long long)number);
    if (map_get(numbers, key)) {
        seen->doubles++;
        return;
    }
    map_set(numbers, key, numbers);
    if (strcmp(kind, "lost") == 0) { /* it stands for the numbers before its own */
        ck_assert_uint_eq((uint64_t)json_int(json_get(root, "first"), 0), seen->last_number + 1);
        seen->last_number = (uint64_t)json_int(json_get(root, "last"), 0);
        seen->losses++;
        seen->ends_after_loss = 0;
    }
    ck_assert_uint_eq(number, seen->last_number + 1);
    seen->last_number = number;
    seen->records++;
    id = (uint64_t)json_int(json_get(root, "snapshot"), 0);
    id_key = mem_printf("%llu", (unsigned long long)id);
    if (strcmp(kind, "snapshot") == 0) {
        uintptr_t so_far = (uintptr_t)map_get(of_snapshot, id_key);

        map_set(of_snapshot, id_key, (void *)(so_far + 1));
        seen->snapshots++;
        ck_assert_ptr_nonnull(json_string(json_get(root, "uid")));
        ck_assert_ptr_nonnull(json_string(json_path(root, "subject", "id", NULL)));
    } else if (strcmp(kind, "snapshot_end") == 0) {
        seen->ends++;
        seen->ends_after_loss++;
        seen->id = id;
        seen->count = (uint64_t)json_int(json_get(root, "count"), -1);
        seen->end_seq = (uint64_t)json_int(json_get(root, "seq"), -1);
        seen->complete = (uintptr_t)map_get(of_snapshot, id_key);
    } else if (strcmp(kind, "lost") != 0) {
        seen->transitions++;
        seen->late += seen->snapshots > 0;
    }
}

static struct seen read_file(void)
{
    scoped(cleanup_map) struct map *numbers = map_new(NULL), *of_snapshot = map_new(NULL);
    struct seen seen = {0};
    FILE *file = fopen(file_path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    ck_assert_ptr_nonnull(file);
    while ((length = getline(&line, &size, file)) > 0)
        look_at(line, (size_t)length, numbers, of_snapshot, &seen);
    free(line);
    fclose(file);
    return seen;
}

static struct sink *open_file_sink_at(enum severity min_severity, bool start_at_end)
{
    struct sink_config file = sink_config_default(SINK_FILE);

    file.address = file_path;
    file.min_severity = min_severity;
    file.start_at_end = start_at_end;
    configure_sinks(&file, 1);
    return sink_list.items[0];
}

static struct sink *open_file_sink(enum severity min_severity)
{
    return open_file_sink_at(min_severity, true);
}

static bool all_sent(const struct sink *sink)
{
    return !snapshots_are_under_way(snapshots) && event_store_waiting(event_store) == 0 && sink_cursor(sink) &&
           status_of(sink).pending == 0;
}

/* Until everything that is under way has arrived: nothing is pending before the store has been heard of, so the number
 * of records says it. */
static void arrive(struct sink *sink, size_t ends)
{
    run_until(all_sent(sink) && access(file_path, F_OK) == 0 && read_file().ends >= ends);
}

static uint64_t open_count(enum severity from)
{
    uint64_t count = 0;

    for (enum severity severity = from; severity < SEVERITY_COUNT; severity++)
        count += evaluator_open(evaluator, VERDICT_FAIL, severity).count +
                 evaluator_open(evaluator, VERDICT_ERROR, severity).count;
    return count;
}

START_TEST(a_new_sink_is_sent_all_that_is_open)
{
    struct sink *sink;
    struct seen seen;

    for (unsigned i = 0; i < 60; i++)
        container_came(i, true);
    ck_assert_uint_gt(open_count(SEVERITY_LOW), 200); /* more than a slice */
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    arrive(sink, 1);
    seen = read_file();
    ck_assert_uint_eq(seen.ends, 1);
    ck_assert_uint_eq(seen.transitions, 0);
    ck_assert_uint_eq(seen.count, open_count(SEVERITY_LOW));
    ck_assert_uint_eq(seen.complete, seen.count);
    ck_assert_uint_eq(seen.end_seq, evaluator_last_seq(evaluator));
    /* nothing more is due */
    snapshots_check(snapshots);
    ck_assert(!snapshots_are_under_way(snapshots));
}
END_TEST

/* A receiver that applies records in their order ends with what is open now. */
START_TEST(what_is_kept_comes_before_the_snapshot)
{
    struct sink *sink;
    struct seen seen;

    for (unsigned i = 0; i < 20; i++)
        container_came(i, true);
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink_at(SEVERITY_LOW, false);
    snapshots_start(snapshots, event_store);
    arrive(sink, 1);
    seen = read_file();
    ck_assert_uint_eq(seen.ends, 1);
    ck_assert_uint_gt(seen.transitions, 200);
    ck_assert_uint_eq(seen.late, 0);
    ck_assert_uint_eq(seen.count, open_count(SEVERITY_LOW));
    ck_assert_uint_eq(seen.complete, seen.count);
    ck_assert_uint_eq(seen.records, seen.transitions + seen.snapshots + 1);
}
END_TEST

START_TEST(what_makes_one_due)
{
    struct sink *sink;
    struct seen seen;

    container_came(1, true);
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    arrive(sink, 1);
    ck_assert_uint_eq(snapshots_resend(snapshots, "no-such-sink"), 0);
    ck_assert_uint_eq(snapshots_resend(snapshots, file_path), 1);
    arrive(sink, 2);
    ck_assert_uint_eq(snapshots_resend(snapshots, "file"), 1);
    arrive(sink, 3);
    /* a day later */
    clock_of_test.fixed += INT64_C(86400) * USEC_PER_SEC;
    snapshots_check(snapshots);
    arrive(sink, 4);
    snapshots_check(snapshots);
    ck_assert(!snapshots_are_under_way(snapshots));
    /* another filter */
    sink = open_file_sink(SEVERITY_HIGH);
    snapshots_check(snapshots);
    arrive(sink, 5);
    seen = read_file();
    ck_assert_uint_eq(seen.count, open_count(SEVERITY_HIGH));
    ck_assert_uint_lt(seen.count, open_count(SEVERITY_LOW));
    /* another engine */
    evaluator_set_identity(
        evaluator, &(struct evaluator_identity){.machine = "m", .engine = "f", .address = "x", .is_current = true});
    snapshots_check(snapshots);
    arrive(sink, 6);
    ck_assert_uint_eq(read_file().ends, 6);
}
END_TEST

/* Findings come and go between the slices: what began after the beginning is newer than the end says, and no record is
 * counted that was not sent. */
START_TEST(findings_change_while_one_is_made)
{
    struct sink *sink;
    struct seen seen;
    uint64_t begun_at;

    for (unsigned i = 0; i < 100; i++)
        container_came(i, true);
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink(SEVERITY_LOW);
    begun_at = evaluator_last_seq(evaluator);
    snapshots_start(snapshots, event_store);
    ck_assert(snapshots_are_under_way(snapshots));
    for (unsigned i = 0; i < 50; i++)
        container_gone(i);
    for (unsigned i = 100; i < 110; i++)
        container_came(i, true);
    arrive(sink, 1);
    seen = read_file();
    ck_assert_uint_eq(seen.end_seq, begun_at);
    ck_assert_uint_eq(seen.complete, seen.count);
    ck_assert_uint_lt(begun_at, evaluator_last_seq(evaluator));
}
END_TEST

/* A file in a directory that does not exist yet: its receiver is away. */
static void receiver_goes(void)
{
    free(file_path);
    file_path = mem_printf("%s/later/records", folder);
}

static void receiver_comes(void)
{
    scoped(cleanup_free) char *path = mem_printf("%s/later", folder);

    ck_assert_int_eq(mkdir(path, 0700), 0);
}

START_TEST(one_after_a_loss)
{
    enum { ROUNDS_MAX = 400 };
    const struct store_limits limits = {.bytes = 512 * 1024};
    struct sink *sink;
    struct seen seen;

    event_store_set_limits(event_store, &limits);
    receiver_goes();
    container_came(1, true);
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink_at(SEVERITY_LOW, false);
    snapshots_start(snapshots, event_store);
    for (unsigned i = 0; i < ROUNDS_MAX && !status_of(sink).dropped; i++) {
        for (unsigned k = 0; k < 5; k++) {
            container_came(2 + k, true);
            container_gone(2 + k);
        }
        run_until(event_store_waiting(event_store) == 0);
    }
    ck_assert_uint_gt(status_of(sink).dropped, 0);
    container_came(1000, true);
    snapshots_check(snapshots); /* as once a minute */
    receiver_comes();
    run_until(all_sent(sink) && access(file_path, F_OK) == 0 && read_file().losses && read_file().ends_after_loss);
    seen = read_file();
    ck_assert_uint_eq(seen.count, open_count(SEVERITY_LOW));
    ck_assert_uint_eq(seen.complete, seen.count);
}
END_TEST

/* While nothing is taken, no more than about a thousand records are made for it. */
START_TEST(a_receiver_that_takes_nothing)
{
    enum { CONTAINERS = 150, MOST = 1000 + 200 + 50 };
    struct sink *sink;
    struct seen seen;

    for (unsigned i = 0; i < CONTAINERS; i++)
        container_came(i, true);
    run_until(event_store_waiting(event_store) == 0);
    ck_assert_uint_gt(open_count(SEVERITY_LOW), 2 * MOST);
    receiver_goes();
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    run_until(status_of(sink).pending > 1000);
    for (unsigned i = 0; i < 200; i++) {
        run_loop(5);
        ck_assert_uint_le(status_of(sink).pending, MOST);
    }
    ck_assert(snapshots_are_under_way(snapshots));
    receiver_comes();
    run_until((run_loop(50), all_sent(sink) && read_file().ends == 1));
    seen = read_file();
    ck_assert_uint_eq(seen.count, open_count(SEVERITY_LOW));
    ck_assert_uint_eq(seen.complete, seen.count);
    ck_assert_uint_eq(seen.ends, 1);
}
END_TEST

/* The process of the store that was there before ends by itself, a moment later. */
static void reopen_store(void)
{
    for (usec_t end = clock_monotonic() + HANG_SECONDS * USEC_PER_SEC; clock_monotonic() < end;) {
        scoped(cleanup_free) char *path = mem_printf("%s/agent.db", folder);
        const struct event_store_options options = {.base = base, .workers = workers, .path = path};
        struct error error = ERROR_INIT;

        if (event_store_new(&options, &event_store, &error) == 0)
            break;
        usleep(20000);
    }
    ck_assert_ptr_nonnull(event_store);
}

/* As after kill -9 in the middle of one: it begins anew, under another id, and the numbers have no hole. */
static void run_child(int to_parent)
{
    enum { PART = 16 * 1024 }; /* of several megabytes */
    struct stat file;
    struct sink *sink;

    base = event_base_new();
    workers = workers_new(base);
    reopen_store();
    start_evaluator();
    for (unsigned i = 0; i < 150; i++)
        container_came(i, true);
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    while (stat(file_path, &file) < 0 || file.st_size < PART)
        run_loop(1);
    if (!snapshots_are_under_way(snapshots))
        _exit(2);
    if (write(to_parent, "x", 1) != 1)
        _exit(3);
    (void)sink;
    for (;;)
        pause();
}

START_TEST(one_that_was_cut_off_begins_anew)
{
    struct sink *sink;
    struct seen before, seen;
    int pipes[2], status;
    char byte;
    pid_t pid;

    snapshots_free(take(snapshots));
    evaluator_free(take(evaluator));
    close_store();
    workers_free(workers);
    event_base_free(base);
    ck_assert_int_eq(pipe(pipes), 0);
    pid = fork();
    if (pid == 0)
        run_child(pipes[1]);
    close(pipes[1]);
    if (read(pipes[0], &byte, 1) != 1) {
        waitpid(pid, &status, 0);
        ck_abort_msg("the other one ended: %d", status);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(pipes[0]);
    before = read_file();
    ck_assert_uint_eq(before.ends, 0);
    ck_assert_uint_gt(before.snapshots, 0);
    base = event_base_new();
    workers = workers_new(base);
    reopen_store();
    clock_of_test.fixed += USEC_PER_SEC;
    start_evaluator();
    for (unsigned i = 0; i < 150; i++)
        container_came(i, true);
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    arrive(sink, 1);
    seen = read_file();
    ck_assert_uint_eq(seen.ends, 1);
    ck_assert_uint_eq(seen.count, open_count(SEVERITY_LOW));
    ck_assert_uint_eq(seen.complete, seen.count);
}
END_TEST

/* What the store remembers of a whole one: it is not sent again after a restart. */
START_TEST(a_whole_one_is_remembered)
{
    struct sink *sink;
    scoped(cleanup_free) char *path = mem_printf("%s/agent.db", folder);
    struct error error = ERROR_INIT;

    container_came(1, true);
    run_until(event_store_waiting(event_store) == 0);
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    arrive(sink, 1);
    snapshots_free(take(snapshots));
    evaluator_free(take(evaluator));
    close_store();
    ck_assert_int_eq(
        event_store_new(&(struct event_store_options){.base = base, .workers = workers, .path = path, .note = on_note},
                        &event_store, &error),
        0);
    start_evaluator();
    sink = open_file_sink(SEVERITY_LOW);
    snapshots_start(snapshots, event_store);
    ck_assert(!snapshots_are_under_way(snapshots));
    ck_assert_uint_eq(read_file().ends, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshots");
    TCase *tcase = tcase_create("snapshots");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, a_new_sink_is_sent_all_that_is_open);
    tcase_add_test(tcase, what_is_kept_comes_before_the_snapshot);
    tcase_add_test(tcase, what_makes_one_due);
    tcase_add_test(tcase, findings_change_while_one_is_made);
    tcase_add_test(tcase, one_after_a_loss);
    tcase_add_test(tcase, a_receiver_that_takes_nothing);
    tcase_add_test(tcase, one_that_was_cut_off_begins_anew);
    tcase_add_test(tcase, a_whole_one_is_remembered);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
