/* Execs whose record is missed, and containers that join one that goes: the evaluator with a fetcher of the test. */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "common/str.h"
#include "probes/docker/docker_parse.h"
#include "tests/unit/loop_turn.h"
#include "tests/unit/restart.h"

#define WEB    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define JOINER "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define EXEC_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define EXEC_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CHECK  "/bin/sh -c test -e /ok"

enum { NOW = 1795514400 }; /* 2026-11-24T10:00:00Z */

static struct rule_set *rules;
static struct clock now;
static struct evaluator *evaluator;
static struct str asked; /* "kind key\n" for each fetch */

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    (void)user;
    str_printf(&asked, "%s %s\n", input_types[kind].name, key ? key : "");
}

static struct remembered remembered;

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    remembered_add(&remembered, transition);
}

static void make_engine(void)
{
    struct error error = ERROR_INIT;
    const struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error), 0);
    evaluator = evaluator_new(base, NULL, rules, NULL, &now, &callbacks);
    evaluator_set_engine_reachable(evaluator, true);
}

static void setup(void)
{
    base = event_base_new();
    now = clock_fixed(NOW * USEC_PER_SEC);
    make_engine();
}

static void teardown(void)
{
    evaluator_free(evaluator);
    event_base_free(base);
    remembered_clear(&remembered);
    str_deinit(&asked);
    asked = (struct str){0};
}

/* A container's document; LABELS and EXECS are JSON, MODE its network's. */
static void container_read(const char *id, const char *name, const char *labels, const char *execs, const char *mode)
{
    scoped_str text = STR_INIT;
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    str_printf(&text,
               "{\"Id\": \"%s\", \"Name\": \"/%s\", \"State\": {\"Running\": true, \"Pid\": 1, \"StartedAt\": "
               "\"2026-11-24T10:00:00Z\"}, \"Config\": {\"Image\": \"i\", \"User\": \"app\", \"Labels\": %s, "
               "\"Healthcheck\": {\"Test\": [\"CMD-SHELL\", \"test -e /ok\"], \"Interval\": 30000000000}}, "
               "\"HostConfig\": {\"NetworkMode\": \"%s\"}, \"ExecIDs\": %s}",
               id, name, labels, mode, execs);
    ck_assert_msg(parse_container(text.data, text.length, &facts, &error) == 0, "%s", error.text);
    evaluator_fetched(evaluator, INPUT_CONTAINER, id, &facts->facts);
}

/* WEB, which hides its ids, before it was started. */
static void created_container(void)
{
    static const char text[] =
        "{\"Id\": \"" WEB "\", \"Name\": \"/web\", \"State\": {\"Running\": false, \"Pid\": 0, \"StartedAt\": "
        "\"0001-01-01T00:00:00Z\"}, \"Config\": {\"Image\": \"i\", \"User\": \"app\", \"Labels\": {\"execID\": "
        "\"SPOOFED\"}, \"Healthcheck\": {\"Test\": [\"CMD-SHELL\", \"test -e /ok\"], \"Interval\": 30000000000}}, "
        "\"HostConfig\": {\"NetworkMode\": \"none\"}, \"ExecIDs\": null}";
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_container(text, strlen(text), &facts, &error) == 0, "%s", error.text);
    evaluator_fetched(evaluator, INPUT_CONTAINER, WEB, &facts->facts);
}

static void exec_read(const char *id, const char *container, const char *user, const char *command)
{
    scoped_str text = STR_INIT;
    struct exec_facts *facts = NULL;
    struct error error = ERROR_INIT;

    str_printf(&text,
               "{\"ID\": \"%s\", \"ContainerID\": \"%s\", \"ProcessConfig\": {\"user\": \"%s\", \"privileged\": false, "
               "\"entrypoint\": \"/bin/sh\", \"arguments\": [\"-c\", \"%s\"]}}",
               id, container, user, command);
    ck_assert_msg(parse_exec(text.data, text.length, &facts, &error) == 0, "%s", error.text);
    evaluator_fetched(evaluator, INPUT_EXEC, id, &facts->facts);
}

static void made_at(const char *exec_id, const char *command, double seconds, bool before_start)
{
    const struct exec_event event = {.container = WEB,
                                     .container_name = "web",
                                     .exec_id = exec_id,
                                     .command = command,
                                     .time_nano = (int64_t)NOW * 1000000000 + (int64_t)(seconds * 1e9),
                                     .before_start = before_start};

    evaluator_exec_made(evaluator, &event, "docker:container/exec_create");
}

static bool was_asked(const char *kind, const char *id)
{
    scoped(cleanup_free) char *line = mem_printf("%s %s\n", kind, id);
    bool found = strstr(str_text(&asked), line) != NULL;

    str_clear(&asked);
    return found;
}

static const struct pair *exec_pair(const struct subject *subject, const char *slug)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (strcmp(subject->pairs[i].rule->slug, slug) == 0)
            return &subject->pairs[i];
    return NULL;
}

/* Execs by the verdict of their finding on 5.22, equal ones counted one by one, and the evidence of the last of them.
 */
static unsigned count_execs(enum verdict verdict, struct str *evidence)
{
    size_t at = 0;
    const struct subject *subject;
    unsigned count = 0;

    while ((subject = evaluator_next_subject(evaluator, &at))) {
        struct check_result result;
        const struct exec_facts *exec;
        const struct pair *pair = subject->kind == SUBJECT_EXEC ? exec_pair(subject, "exec-privileged") : NULL;

        if (!pair || pair->verdict != verdict)
            continue;
        exec = store_exec(evaluator_store(evaluator), subject->id, NULL);
        count += exec ? (unsigned)exec->count : 1;
        ck_assert_int_eq(exec_pair(subject, "exec-user")->verdict == VERDICT_ERROR, verdict == VERDICT_ERROR);
        check_result_init(&result);
        evaluator_explain(evaluator, subject, pair, &result);
        if (evidence) {
            str_clear(evidence);
            str_append(evidence, check_result_evidence(&result, LANGUAGE_EN));
        }
        ck_assert(verdict == VERDICT_PASS || strstr(str_text(&result.remedy), "agentctl ack "));
        check_result_deinit(&result);
    }
    return count;
}

static unsigned lost(void)
{
    return count_execs(VERDICT_ERROR, NULL);
}

static void spoofing_container(const char *execs)
{
    container_read(WEB, "web", "{\"execID\": \"SPOOFED\"}", execs, "none");
}

static void start_spoofed(void)
{
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    spoofing_container("[]");
    str_clear(&asked);
}

START_TEST(short_exec_of_a_spoofing_container)
{
    scoped_str evidence = STR_INIT;

    start_spoofed();
    made_at("SPOOFED", "/bin/sh -c id --password=Zx81kd9fq2", 1, false);
    ck_assert(was_asked("container", WEB));
    spoofing_container("null");
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_msg(strstr(evidence.data, "container web") && strstr(evidence.data, "could not be read") &&
                      strstr(evidence.data, "/bin/sh -c id") && !strstr(evidence.data, "Zx81"),
                  "%s", evidence.data);
    made_at("SPOOFED", "/bin/sh -c id --password=Zx81kd9fq2", 1, false); /* a replay of the same event */
    spoofing_container("null");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

START_TEST(read_exec_of_a_spoofing_container)
{
    start_spoofed();
    made_at("SPOOFED", "/bin/sh -c id", 1, false);
    spoofing_container("[\"" EXEC_A "\"]");
    ck_assert(was_asked("exec", EXEC_A));
    ck_assert_uint_eq(lost(), 0); /* its record is on its way */
    exec_read(EXEC_A, WEB, "app", "id");
    ck_assert_uint_eq(lost(), 0);
    /* It lives on; another of the same words comes and goes unread: the first does not answer for it. */
    made_at("SPOOFED", "/bin/sh -c id", 2, false);
    spoofing_container("[\"" EXEC_A "\"]");
    ck_assert(!was_asked("exec", EXEC_A));
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

START_TEST(record_before_its_event)
{
    start_spoofed();
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    spoofing_container("[\"" EXEC_A "\"]");
    exec_read(EXEC_A, WEB, "app", "id");
    made_at("SPOOFED", "/bin/sh -c id", 1, false);
    ck_assert_uint_eq(lost(), 0);
    made_at("SPOOFED", "/bin/sh -c id", 2, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

START_TEST(two_execs_one_read)
{
    scoped_str evidence = STR_INIT;

    start_spoofed();
    made_at("SPOOFED", "/bin/sh -c one", 1, false);
    made_at("SPOOFED", "/bin/sh -c two", 2, false);
    spoofing_container("[\"" EXEC_B "\"]"); /* began before the second event: it is read again */
    exec_read(EXEC_B, WEB, "app", "two");
    ck_assert_uint_eq(lost(), 0);
    spoofing_container("[\"" EXEC_B "\"]");
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_ptr_nonnull(strstr(evidence.data, "/bin/sh -c one"));
}
END_TEST

static void engine_is_podman(void)
{
    static const char version[] = "{\"Version\":\"4.3.1\",\"Components\":[{\"Name\":\"Podman Engine\"}]}";
    struct version_facts *facts = NULL;

    ck_assert_int_eq(parse_version(version, strlen(version), &facts, NULL), 0);
    evaluator_stale(evaluator, INPUT_VERSION, NULL, "test");
    evaluator_fetched(evaluator, INPUT_VERSION, NULL, &facts->facts);
}

/* podman's events name neither the exec nor what it runs. */
START_TEST(events_that_name_nothing)
{
    scoped_str evidence = STR_INIT;

    engine_is_podman();
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    container_read(WEB, "web", "{}", "[]", "bridge");
    made_at(NULL, NULL, 1, false);
    container_read(WEB, "web", "{}", "[\"" EXEC_A "\"]", "bridge");
    ck_assert(was_asked("exec", EXEC_A));
    exec_read(EXEC_A, WEB, "app", "id");
    ck_assert_uint_eq(lost(), 0);
    /* Its record first, then its event. */
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    container_read(WEB, "web", "{}", "[\"" EXEC_A "\", \"" EXEC_B "\"]", "bridge");
    exec_read(EXEC_B, WEB, "", "id");
    made_at(NULL, NULL, 2, false);
    container_read(WEB, "web", "{}", "[\"" EXEC_A "\", \"" EXEC_B "\"]", "bridge");
    ck_assert_uint_eq(lost(), 0);
    /* One that leaves no record. */
    made_at(NULL, NULL, 3, false);
    container_read(WEB, "web", "{}", "[\"" EXEC_A "\", \"" EXEC_B "\"]", "bridge");
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_msg(strstr(evidence.data, "podman") && strstr(evidence.data, "it is unknown whether"), "%s",
                  evidence.data);
}
END_TEST

/* podman lists a health check as an exec, but makes no event for it; of any other exec one comes, if later. */
START_TEST(listed_without_an_event)
{
    engine_is_podman();
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "docker:container/health_status");
    container_read(WEB, "web", "{}", "[\"" EXEC_A "\"]", "bridge");
    ck_assert(was_asked("exec", EXEC_A));
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_A, ENOENT, "404");
    ck_assert_uint_eq(lost(), 0);
    made_at(NULL, NULL, 1, false);
    container_read(WEB, "web", "{}", "[]", "bridge");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

/* The record of one that has no event is no answer to the next event. */
START_TEST(health_check_read_before_an_exec)
{
    engine_is_podman();
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "docker:container/health_status");
    container_read(WEB, "web", "{}", "[\"" EXEC_A "\"]", "bridge");
    exec_read(EXEC_A, WEB, "app", "test -e /ok");
    made_at(NULL, NULL, 1, false);
    container_read(WEB, "web", "{}", "[]", "bridge");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

/* Every 30 s, as the container's health check is; one in between is somebody else's. */
START_TEST(missed_health_checks)
{
    start_spoofed();
    for (int i = 1; i < 20; i++) {
        made_at("SPOOFED", CHECK, 30.2 * i, false);
        spoofing_container("[]");
        ck_assert_uint_eq(lost(), 0);
    }
    made_at("SPOOFED", CHECK, 30.2 * 19 + 12, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 1);
    made_at("SPOOFED", "/bin/sh -c test -e /okay", 30.2 * 19 + 200, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 2);
}
END_TEST

/* The events of several may come before the container is read for the first time, and what was read may be of before
 * its start: a slow engine's health checks are no others. */
START_TEST(missed_health_checks_of_a_container_that_is_read_late)
{
    made_at("SPOOFED", CHECK, 30.2, false);
    made_at("SPOOFED", CHECK, 60.4, false);
    made_at("SPOOFED", CHECK, 90.6, false);
    spoofing_container("[]");
    spoofing_container("[]"); /* again, since events came while it was read */
    ck_assert_uint_eq(lost(), 0);
    made_at("SPOOFED", CHECK, 102, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

START_TEST(missed_health_check_of_a_container_that_was_read_before_its_start)
{
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "docker:container/create");
    created_container();
    made_at("SPOOFED", CHECK, 30.2, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 0);
    made_at("SPOOFED", CHECK, 40, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

/* The container goes while the record of its health check is asked for; so does the engine. */
START_TEST(health_check_of_a_container_that_goes)
{
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    container_read(WEB, "web", "{}", "null", "none");
    made_at(EXEC_A, CHECK, 30.1, false);
    made_at(EXEC_B, CHECK, 45, false);
    evaluator_gone(evaluator, INPUT_CONTAINER, WEB, "docker:container/destroy");
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_A, ENOENT, "404");
    ck_assert_uint_eq(lost(), 0);
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_B, ENOENT, "404");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

/* When the container began before the agent, nobody knows when a health check was due. */
START_TEST(health_check_out_of_the_blue)
{
    now.fixed += USEC_PER_SEC;
    evaluator_free(evaluator);
    make_engine();
    start_spoofed();
    made_at("SPOOFED", CHECK, 31, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

/* Times that the engine cannot mean are no reason to trust, nor to stop. */
START_TEST(health_checks_at_impossible_times)
{
    static const int64_t times[] = {INT64_MIN, INT64_MAX, INT64_MIN, -1, 0};
    unsigned before = 0;

    start_spoofed();
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const struct exec_event event = {
            .container = WEB, .container_name = "web", .exec_id = "SPOOFED", .command = CHECK, .time_nano = times[i]};

        evaluator_exec_made(evaluator, &event, "docker:container/exec_create");
        spoofing_container("[]");
        ck_assert_uint_ge(lost(), before);
        before = lost();
    }
    ck_assert_uint_ge(before, 3);
}
END_TEST

START_TEST(a_container_started_in_the_year_9999)
{
    static const char text[] = "{\"Id\": \"" WEB "\", \"Name\": \"/web\", \"State\": {\"Running\": true, \"Pid\": 1, "
                               "\"StartedAt\": \"9999-12-31T23:59:59.999999999Z\"}, \"Config\": {\"Image\": \"i\", "
                               "\"Labels\": {\"execID\": \"SPOOFED\"}, \"Healthcheck\": {\"Test\": [\"CMD-SHELL\", "
                               "\"test -e /ok\"], \"Interval\": 30000000000}}, \"HostConfig\": {}, \"ExecIDs\": []}";
    struct error error = ERROR_INIT;

    for (int i = 0; i < 2; i++) {
        struct container_facts *facts = NULL;

        if (i == 0)
            evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
        ck_assert_msg(parse_container(text, strlen(text), &facts, &error) == 0, "%s", error.text);
        evaluator_fetched(evaluator, INPUT_CONTAINER, WEB, &facts->facts);
        if (i == 0)
            made_at("SPOOFED", CHECK, 30.2, false);
    }
    ck_assert_uint_eq(lost(), 1);
}
END_TEST

START_TEST(gone_record)
{
    scoped_str evidence = STR_INIT;

    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    container_read(WEB, "web", "{}", "null", "none");
    made_at(EXEC_A, "sh ", 1, false);
    ck_assert(was_asked("exec", EXEC_A));
    evaluator_gone(evaluator, INPUT_CONTAINER, WEB, "docker:container/destroy");
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_A, ENOENT, "404");
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_msg(strstr(evidence.data, "the container is already gone"), "%s", evidence.data);
    ck_assert_ptr_nonnull(strstr(evidence.data, "container web"));
    evaluator_stale_all(evaluator, "scan"); /* what is gone is not asked for again */
    ck_assert(!was_asked("exec", EXEC_A));
    ck_assert_int_eq(evaluator_acknowledge(evaluator, EXEC_A, 0, UINT32_MAX, "seen"), 0);
    ck_assert_uint_eq(lost(), 0);
}
END_TEST

/* The engine is restarted under an exec that runs on (live-restore) and has no record of it any more. */
START_TEST(engine_restarted_under_an_exec)
{
    scoped_str evidence = STR_INIT;
    const struct subject *subject;

    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    container_read(WEB, "web", "{}", "null", "none");
    made_at(EXEC_A, "/bin/sh -c id", 1, false);
    exec_read(EXEC_A, WEB, "root", "id");
    made_at(EXEC_B, "/bin/sh -c who", 2, false); /* its record is on its way when the connection ends */
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_B, ENOTCONN, "the connection went");
    evaluator_set_engine_reachable(evaluator, false);
    evaluator_set_engine_reachable(evaluator, true);
    str_clear(&asked);
    evaluator_stale_all(evaluator, "engine:connected");
    ck_assert(!strstr(str_text(&asked), "exec " EXEC_A) && strstr(str_text(&asked), "exec " EXEC_B));
    container_read(WEB, "web", "{}", "null", "none");
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_B, ENOENT, "404");
    subject = evaluator_find_subject(evaluator, SUBJECT_EXEC, EXEC_A);
    ck_assert_int_eq(exec_pair(subject, "exec-user")->verdict, VERDICT_FAIL);
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_msg(strstr(evidence.data, "the engine no longer has it") && strstr(evidence.data, "who"), "%s",
                  evidence.data);
}
END_TEST

START_TEST(container_gone_before_it_was_read)
{
    scoped_str evidence = STR_INIT;

    made_at(EXEC_A, "/bin/sh -c id", 1, false);
    ck_assert(was_asked("container", WEB));
    evaluator_fetch_failed(evaluator, INPUT_CONTAINER, WEB, ENOENT, "404");
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_msg(strstr(evidence.data, "the container is already gone"), "%s", evidence.data);
}
END_TEST

/* Before the agent looked: what can still be read is judged, what cannot is nobody's loss. */
START_TEST(before_the_start)
{
    made_at(EXEC_A, "/bin/sh -c id", -100, true);
    made_at(EXEC_B, "/bin/sh -c who", -90, true);
    made_at(EXEC_B, CHECK, -80, true);
    container_read(WEB, "web", "{}", "null", "none");
    container_read(WEB, "web", "{}", "null", "none");
    ck_assert(strstr(str_text(&asked), "exec " EXEC_A) && strstr(str_text(&asked), "exec " EXEC_B));
    exec_read(EXEC_A, WEB, "root", "id");
    evaluator_fetch_failed(evaluator, INPUT_EXEC, EXEC_B, ENOENT, "404");
    ck_assert_uint_eq(lost(), 0);
    ck_assert_ptr_nonnull(evaluator_find_subject(evaluator, SUBJECT_EXEC, EXEC_A));
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_EXEC, EXEC_B));
}
END_TEST

START_TEST(kept_over_a_restart)
{
    scoped_str evidence = STR_INIT;

    start_spoofed();
    made_at("SPOOFED", "/bin/sh -c id", 1, false);
    spoofing_container("[]");
    ck_assert_uint_eq(lost(), 1);
    evaluator_free(evaluator);
    make_engine();
    remembered_restore(&remembered, evaluator);
    ck_assert_uint_eq(count_execs(VERDICT_ERROR, &evidence), 1);
    ck_assert_ptr_nonnull(strstr(evidence.data, "/bin/sh -c id"));
}
END_TEST

static enum verdict network_verdict(const char *id)
{
    const struct subject *subject = evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id);

    return exec_pair(subject, "container-network-namespace")->verdict;
}

/* Whose namespace it shares goes: nobody knows any more whose that was. */
static void check_joiner(const char *mode)
{
    evaluator_stale(evaluator, INPUT_CONTAINER, WEB, "test");
    evaluator_stale(evaluator, INPUT_CONTAINER, JOINER, "test");
    container_read(WEB, "web", "{}", "null", "host");
    container_read(JOINER, "joiner", "{}", "null", mode);
    ck_assert_int_eq(network_verdict(JOINER), VERDICT_FAIL);
    evaluator_gone(evaluator, INPUT_CONTAINER, WEB, "docker:container/destroy");
    ck_assert_int_eq(network_verdict(JOINER), VERDICT_ERROR);
}

START_TEST(joined_by_id)
{
    check_joiner("container:" WEB);
}
END_TEST

START_TEST(joined_by_name)
{
    check_joiner("container:web");
}
END_TEST

START_TEST(joined_by_short_id)
{
    check_joiner("container:cccccccccccc");
}
END_TEST

/* An image without a name becomes a finding by its age alone. */
START_TEST(dangling_by_time)
{
    static const char list[] = "[{\"Id\": \"sha256:" WEB "\", \"RepoTags\": [], \"RepoDigests\": [], \"Created\": "
                               "1792922400, \"Size\": 1}]";
    const usec_t due = (INT64_C(1792922400) + 30 * 86400) * USEC_PER_SEC;
    struct image_list_facts *images = NULL;
    struct container_list_facts *containers = NULL;
    struct error error = ERROR_INIT;
    const struct subject *host;

    ck_assert_int_eq(parse_image_list(list, strlen(list), &images, &error), 0);
    ck_assert_int_eq(parse_container_list("[]", 2, &containers, &error), 0);
    now.fixed = due - 2000;
    evaluator_stale(evaluator, INPUT_IMAGES, NULL, "test");
    evaluator_stale(evaluator, INPUT_CONTAINERS, NULL, "test");
    evaluator_fetched(evaluator, INPUT_CONTAINERS, NULL, &containers->facts);
    evaluator_fetched(evaluator, INPUT_IMAGES, NULL, &images->facts);
    host = evaluator_find_subject(evaluator, SUBJECT_HOST, "host");
    ck_assert_int_eq(exec_pair(host, "image-sprawl")->verdict, VERDICT_PASS);
    now.fixed = exec_pair(host, "image-sprawl")->recheck;
    ck_assert_int_eq(now.fixed, due + 1);
    event_base_loop(base, EVLOOP_ONCE);
    ck_assert_int_eq(exec_pair(host, "image-sprawl")->verdict, VERDICT_FAIL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execs");
    TCase *tests = tcase_create("execs");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, short_exec_of_a_spoofing_container);
    tcase_add_test(tests, read_exec_of_a_spoofing_container);
    tcase_add_test(tests, record_before_its_event);
    tcase_add_test(tests, two_execs_one_read);
    tcase_add_test(tests, events_that_name_nothing);
    tcase_add_test(tests, listed_without_an_event);
    tcase_add_test(tests, health_check_read_before_an_exec);
    tcase_add_test(tests, missed_health_checks);
    tcase_add_test(tests, missed_health_checks_of_a_container_that_is_read_late);
    tcase_add_test(tests, missed_health_check_of_a_container_that_was_read_before_its_start);
    tcase_add_test(tests, health_check_of_a_container_that_goes);
    tcase_add_test(tests, health_check_out_of_the_blue);
    tcase_add_test(tests, health_checks_at_impossible_times);
    tcase_add_test(tests, a_container_started_in_the_year_9999);
    tcase_add_test(tests, gone_record);
    tcase_add_test(tests, engine_restarted_under_an_exec);
    tcase_add_test(tests, container_gone_before_it_was_read);
    tcase_add_test(tests, before_the_start);
    tcase_add_test(tests, kept_over_a_restart);
    tcase_add_test(tests, joined_by_id);
    tcase_add_test(tests, joined_by_name);
    tcase_add_test(tests, joined_by_short_id);
    tcase_add_test(tests, dangling_by_time);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
