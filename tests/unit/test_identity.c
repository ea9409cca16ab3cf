/* Whose findings these are: uids, the machine's id, and the digest of open findings that a receiver computes too. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "common/json_in.h"
#include "common/vec.h"
#include "probes/docker/docker_parse.h"
#include "probes/host/machine_id.h"
#include "tests/unit/loop_turn.h"
#include "tests/unit/restart.h"

static const char machine[] = "0123456789abcdef0123456789abcdef", engine[] = "9f2b4a7e-1111-4222-8333-444455556666",
                  address[] = "unix:///var/run/docker.sock";

static struct evaluator *evaluator;
static struct clock clock_of_test;
static struct config config;
static VEC(struct transition *) told;
static struct remembered remembered;
static char engine_told[128];

static void on_fetch(enum input_kind kind, const char *key, void *user)
{
    (void)kind;
    (void)key;
    (void)user;
}

static void on_transition(struct transition *transition, void *user)
{
    (void)user;
    vec_push(&told, transition_ref(transition));
    remembered_add(&remembered, transition);
}

static void on_engine(const char *id, void *user)
{
    (void)user;
    snprintf(engine_told, sizeof engine_told, "%s", id);
}

static struct rule_set *load_rules(void)
{
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error) == 0, "%s",
                  error.text);
    return rules;
}

/* IS_CURRENT: at this address. */
static void start_evaluator_at(const char *known_engine, bool is_current)
{
    const struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition, .engine = on_engine};

    evaluator = evaluator_new(base, NULL, load_rules(), &config, &clock_of_test, &callbacks);
    evaluator_set_identity(
        evaluator, &(struct evaluator_identity){
                       .machine = machine, .engine = known_engine, .address = address, .is_current = is_current});
}

static void start_evaluator(const char *known_engine)
{
    start_evaluator_at(known_engine, known_engine);
}

static void set_up(void)
{
    memset(&config, 0, sizeof config);
    clock_of_test = clock_fixed(INT64_C(1800000000) * USEC_PER_SEC);
    base = event_base_new();
    start_evaluator(engine);
    evaluator_set_engine_reachable(evaluator, true);
}

static void tear_down(void)
{
    evaluator_free(evaluator);
    for (size_t i = 0; i < told.count; i++)
        transition_unref(told.items[i]);
    vec_free(&told);
    remembered_clear(&remembered);
    event_base_free(base);
}

static const char *id_of(unsigned number)
{
    static char id[65];

    snprintf(id, sizeof id, "%064x", number);
    return id;
}

static void came(unsigned number, bool privileged, const char *user)
{
    scoped(cleanup_free) char *text = mem_printf(
        "{\"Id\":\"%s\",\"Name\":\"/c%u\",\"State\":{\"Running\":false,\"Pid\":0},\"Image\":\"\",\"ExecIDs\":null,"
        "\"HostConfig\":{\"Privileged\":%s,\"NetworkMode\":\"bridge\",\"Memory\":0},\"Config\":{\"User\":\"%s\"},"
        "\"Mounts\":[],\"NetworkSettings\":{}}",
        id_of(number), number, privileged ? "true" : "false", user);
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_container(text, strlen(text), &facts, &error) == 0, "%s", error.text);
    evaluator_stale(evaluator, INPUT_CONTAINER, id_of(number), "docker:container/start");
    evaluator_fetched(evaluator, INPUT_CONTAINER, id_of(number), &facts->facts);
}

static void engine_answers(const char *id, const char *component)
{
    scoped(cleanup_free) char *info_text = mem_printf("{\"ID\":\"%s\",\"DockerRootDir\":\"/var/lib/docker\"}", id),
                              *version_text = mem_printf(
                                  "{\"Version\":\"28.5\",\"ApiVersion\":\"1.51\",\"Components\":[{\"Name\":\"%s\"}]}",
                                  component);
    struct info_facts *info = NULL;
    struct version_facts *version = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_info(info_text, strlen(info_text), &info, &error) == 0, "%s", error.text);
    ck_assert_msg(parse_version(version_text, strlen(version_text), &version, &error) == 0, "%s", error.text);
    evaluator_stale(evaluator, INPUT_INFO, NULL, "start");
    evaluator_stale(evaluator, INPUT_VERSION, NULL, "start");
    evaluator_fetched(evaluator, INPUT_INFO, NULL, &info->facts);
    evaluator_fetched(evaluator, INPUT_VERSION, NULL, &version->facts);
}

/* By Python: uuid.uuid5(namespace, "\x1f".join((machine, engine, slug, kind, id))) */
START_TEST(a_uid_is_a_uuid_of_version_5)
{
    scoped(cleanup_free) char *id = mem_alloc(65);
    char uid[UID_SIZE];

    memset(id, 'a', 64);
    evaluator_uid(evaluator, "container-privileged", "container", id, uid);
    ck_assert_str_eq(uid, "647e83f2-444a-547a-a94f-f8ff04b56d46");
    evaluator_uid(evaluator, "image-user", "image", "注 \x1f\"x", uid);
    ck_assert_str_eq(uid, "ade8bd11-400d-56db-b065-66e4dc31df65");
    evaluator_set_identity(evaluator, &(struct evaluator_identity){.machine = "", .address = address});
    evaluator_uid(evaluator, "daemon-json-mode", "file", "/etc/docker/daemon.json", uid);
    ck_assert_str_eq(uid, "e36cff32-8a70-560d-b22d-f0aa28e61ed1");
}
END_TEST

/* By Python: the first seven octets of hashlib.sha256("\x1f".join((slug, kind, id, status))), big-endian */
START_TEST(a_digest_is_what_a_receiver_computes)
{
    scoped(cleanup_free) char *id = mem_alloc(65);

    memset(id, 'a', 64);
    ck_assert_uint_eq(finding_digest("container-privileged", "container", id, "fail"), UINT64_C(57171112834632504));
    ck_assert_uint_eq(finding_digest("image-user", "image", "注", "error"), UINT64_C(21917580163494053));
}
END_TEST

START_TEST(a_uid_is_that_of_its_finding_until_the_end)
{
    char uid[UID_SIZE];
    size_t seen = 0;

    evaluator_uid(evaluator, "container-privileged", "container", id_of(1), uid);
    came(1, true, "app");
    came(1, false, "app");
    evaluator_gone(evaluator, INPUT_CONTAINER, id_of(1), "docker:container/destroy");
    for (size_t i = 0; i < told.count; i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        ck_assert_int_eq(json_parse(told.items[i]->json, told.items[i]->json_length, NULL, &doc, NULL), 0);
        if (strcmp(told.items[i]->slug, "container-privileged") != 0)
            continue;
        ck_assert_str_eq(json_text(json_get(json_root(doc), "uid"), "-"), uid);
        seen++;
    }
    ck_assert_uint_eq(seen, 3);
}
END_TEST

static const enum verdict open_statuses[] = {VERDICT_MANUAL, VERDICT_FAIL, VERDICT_ERROR};

/* As what transitions have said leads to it, gone through from the first one on: what a receiver has. */
static struct open_findings received(void)
{
    struct map *last = map_new(NULL);
    struct open_findings sum = {0};
    size_t at = 0;
    void *value;

    for (size_t i = 0; i < told.count; i++) {
        scoped(cleanup_free) char *key =
            mem_printf("%s %s %s", told.items[i]->slug, told.items[i]->subject_kind, told.items[i]->subject_id);

        map_set(last, key, told.items[i]);
    }
    while (map_next(last, &at, NULL, &value)) {
        const struct transition *t = value;

        if (t->status_value < VERDICT_MANUAL || t->is_agent)
            continue;
        sum.count++;
        sum.digest += finding_digest(t->slug, t->subject_kind, t->subject_id, t->status);
    }
    sum.digest &= (UINT64_C(1) << 56) - 1;
    map_free(last);
    return sum;
}

static void assert_open_is_received(void)
{
    struct open_findings sum = {0}, expected = received();

    for (size_t i = 0; i < countof(open_statuses); i++)
        for (enum severity severity = SEVERITY_LOW; severity < SEVERITY_COUNT; severity++) {
            const struct open_findings open = evaluator_open(evaluator, open_statuses[i], severity);

            sum.count += open.count;
            sum.digest += open.digest;
        }
    ck_assert_uint_eq(sum.count, expected.count);
    ck_assert_uint_eq(sum.digest & ((UINT64_C(1) << 56) - 1), expected.digest);
}

static enum verdict verdict_of(unsigned number, const char *slug)
{
    const struct subject *subject = evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id_of(number));
    const struct pair *pair = subject_pair(subject, rule_set_find(evaluator_rules(evaluator), slug));

    return pair->verdict;
}

/* What a finding is of must be known before it is reported; it is judged meanwhile. */
START_TEST(nothing_is_reported_before_the_engine_is_known)
{
    size_t before;

    evaluator_free(evaluator);
    start_evaluator(NULL);
    evaluator_set_engine_reachable(evaluator, true);
    before = told.count;
    came(1, true, "app");
    came(2, true, "app");
    ck_assert_int_eq(verdict_of(1, "container-privileged"), VERDICT_FAIL);
    evaluator_agent_state(evaluator, "agent-sinks", false, "a sink is stuck", "timer");
    evaluator_agent_state(evaluator, "agent-store", false, "the disk is full", "timer");
    evaluator_agent_state(evaluator, "agent-store", true, "the disk has room", "timer");
    came(1, false, "app");
    evaluator_gone(evaluator, INPUT_CONTAINER, id_of(2), "docker:container/destroy");
    ck_assert_uint_eq(told.count, before);
    engine_answers("2c5a", "Engine");
    ck_assert_str_eq(engine_told, "2c5a");
    ck_assert_str_eq(evaluator_engine(evaluator), "2c5a");
    ck_assert_uint_gt(told.count, before + 10);
    for (size_t i = before; i < told.count; i++) {
        ck_assert_ptr_nonnull(told.items[i]->status);
        ck_assert_str_ne(told.items[i]->slug, "agent-store");
        ck_assert_str_ne(told.items[i]->subject_id, id_of(2));
        if (i)
            ck_assert_uint_eq(told.items[i]->seq, told.items[i - 1]->seq + 1);
    }
}
END_TEST

/* What a receiver has of findings by their uid: status, or "" when the last record of it ended it. */
static struct map *by_uid(size_t *ret_open)
{
    struct map *map = map_new(NULL);
    size_t at = 0;
    void *value;

    for (size_t i = 0; i < told.count; i++) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        ck_assert_int_eq(json_parse(told.items[i]->json, told.items[i]->json_length, NULL, &doc, NULL), 0);
        map_set(map, json_text(json_get(json_root(doc), "uid"), "-"), told.items[i]);
    }
    *ret_open = 0;
    while (map_next(map, &at, NULL, &value))
        *ret_open += ((const struct transition *)value)->status &&
                     !str_equal(((const struct transition *)value)->status, "ready");
    return map;
}

static void assert_uid_is(const struct map *map, const char *slug, unsigned number, const char *status)
{
    char uid[UID_SIZE];
    const struct transition *t;

    evaluator_uid(evaluator, slug, "container", id_of(number), uid);
    t = map_get(map, uid);
    ck_assert_msg(t != NULL, "%s of %u", slug, number);
    ck_assert_str_eq(t->status ? t->status : "", status);
}

/* Its data were removed, or another one has its address: what was open ends under the old uid, and is reported under
 * the new one; since when it is so stays. */
START_TEST(findings_of_another_engine_have_another_uid)
{
    scoped(cleanup_map) struct map *before = NULL, *after = NULL;
    size_t open_before, open_after, records;
    usec_t since = clock_of_test.fixed;
    char old_uid[UID_SIZE];

    engine_answers(engine, "Engine");
    for (unsigned i = 1; i <= 40; i++) /* more than a slice */
        came(i, true, "app");
    evaluator_agent_state(evaluator, "agent-sinks", false, "a sink is stuck", "timer");
    before = by_uid(&open_before);
    assert_uid_is(before, "container-privileged", 1, "fail");
    evaluator_uid(evaluator, "container-privileged", "container", id_of(1), old_uid);
    records = told.count;
    clock_of_test.fixed += 3600 * USEC_PER_SEC;
    engine_answers("another", "Engine");
    ck_assert_str_eq(evaluator_engine(evaluator), "another");
    ck_assert(evaluator_is_settled(evaluator) || evaluator_is_pending(evaluator, INPUT_CONTAINERS, NULL));
    after = by_uid(&open_after);
    ck_assert_uint_eq(open_after, open_before);
    ck_assert_ptr_null(((const struct transition *)map_get(after, old_uid))->status);
    assert_uid_is(after, "container-privileged", 1, "fail");
    assert_uid_is(after, "container-privileged", 40, "fail");
    for (size_t i = records; i < told.count; i++)
        if (strcmp(told.items[i]->slug, "container-privileged") == 0 && told.items[i]->status)
            ck_assert_int_eq(told.items[i]->since, since);
    assert_open_is_received();
    /* the same once more changes nothing */
    records = told.count;
    engine_answers("another", "Engine");
    ck_assert_uint_eq(told.count, records);
}
END_TEST

/* The store takes nothing for a while: what began to end goes on when it does. */
START_TEST(findings_end_no_faster_than_they_are_stored)
{
    scoped(cleanup_map) struct map *after = NULL;
    size_t before, open;

    engine_answers(engine, "Engine");
    for (unsigned i = 1; i <= 40; i++)
        came(i, true, "app");
    evaluator_hold(evaluator, true);
    before = told.count;
    engine_answers("another", "Engine");
    ck_assert_uint_eq(told.count, before);
    ck_assert_str_eq(evaluator_engine(evaluator), engine);
    evaluator_hold(evaluator, false);
    for (unsigned i = 0; i < 100 && strcmp(evaluator_engine(evaluator), engine) == 0; i++)
        take_turns();
    for (unsigned i = 0; i < 20; i++)
        take_turns();
    after = by_uid(&open);
    assert_uid_is(after, "container-privileged", 40, "fail");
    assert_open_is_received();
}
END_TEST

/* Before any of them was seen again after a restart. */
START_TEST(what_was_open_before_the_restart_ends_with_its_engine)
{
    scoped(cleanup_map) struct map *after = NULL;
    size_t open;

    came(1, true, "app");
    evaluator_free(evaluator);
    start_evaluator(engine);
    remembered_restore(&remembered, evaluator);
    evaluator_set_engine_reachable(evaluator, true);
    engine_answers("another", "Engine");
    came(2, true, "app");
    after = by_uid(&open);
    assert_uid_is(after, "container-privileged", 2, "fail");
    for (size_t i = 0, seen = 0; i < told.count; i++)
        if (strcmp(told.items[i]->slug, "container-privileged") == 0 &&
            strcmp(told.items[i]->subject_id, id_of(1)) == 0 && ++seen == 2)
            ck_assert_ptr_null(told.items[i]->status);
    assert_open_is_received();
}
END_TEST

/* The configuration has another address for it: it is the same engine, of which nothing has changed. */
START_TEST(the_same_engine_at_another_address)
{
    size_t before;

    engine_answers(engine, "Engine");
    came(1, true, "app");
    evaluator_free(evaluator);
    start_evaluator_at(engine, false);
    remembered_restore(&remembered, evaluator);
    evaluator_set_engine_reachable(evaluator, true);
    before = told.count;
    came(1, true, "app");
    ck_assert_uint_eq(told.count, before);
    engine_answers(engine, "Engine");
    for (size_t i = before; i < told.count; i++)
        ck_assert_str_ne(told.items[i]->subject_kind, "container");
    assert_open_is_received();
    /* away: findings are still of the one that was known */
    evaluator_free(evaluator);
    start_evaluator_at(engine, false);
    remembered_restore(&remembered, evaluator);
    evaluator_set_engine_reachable(evaluator, false);
    ck_assert_str_eq(evaluator_engine(evaluator), engine);
}
END_TEST

/* At the first start it did not answer in time: what was found by then ends when its id is known. */
START_TEST(an_engine_that_answers_late)
{
    scoped(cleanup_map) struct map *by_address = NULL, *by_id = NULL;
    char old_uid[UID_SIZE];
    size_t open;

    evaluator_free(evaluator);
    start_evaluator(NULL);
    evaluator_set_engine_reachable(evaluator, true);
    came(1, true, "app");
    evaluator_set_engine_reachable(evaluator, false);
    ck_assert_str_eq(engine_told, address);
    by_address = by_uid(&open);
    assert_uid_is(by_address, "container-privileged", 1, "fail");
    evaluator_uid(evaluator, "container-privileged", "container", id_of(1), old_uid);
    evaluator_set_engine_reachable(evaluator, true);
    engine_answers("2c5a", "Engine");
    by_id = by_uid(&open);
    assert_uid_is(by_id, "container-privileged", 1, "fail");
    ck_assert_ptr_null(((const struct transition *)map_get(by_id, old_uid))->status);
    assert_open_is_received();
}
END_TEST

/* podman in the place of docker: what it says of itself counts once both of its answers are there. */
START_TEST(podman_in_the_place_of_docker)
{
    size_t changes = 0;

    engine_answers(engine, "Engine");
    came(1, true, "app");
    for (unsigned i = 0; i < 5; i++) {
        scoped(cleanup_free) char *random_id = mem_printf("random-%u", i);

        engine_answers(random_id, "Podman Engine");
    }
    ck_assert_str_eq(evaluator_engine(evaluator), address);
    for (size_t i = 0; i < told.count; i++)
        changes += strcmp(told.items[i]->slug, "container-privileged") == 0;
    ck_assert_uint_eq(changes, 3);
}
END_TEST

/* podman makes up another id for each answer; an id that is no id is none. */
START_TEST(an_engine_without_an_id_has_its_address)
{
    evaluator_free(evaluator);
    start_evaluator(NULL);
    engine_answers("2c5a", "Podman Engine");
    ck_assert_str_eq(evaluator_engine(evaluator), address);
    engine_answers("", "Engine");
    ck_assert_str_eq(evaluator_engine(evaluator), address);
    engine_answers("a\\u0007b", "Engine");
    ck_assert_str_eq(evaluator_engine(evaluator), address);
}
END_TEST

START_TEST(an_engine_that_cannot_be_asked_holds_nothing_up)
{
    size_t before;

    evaluator_free(evaluator);
    start_evaluator(NULL);
    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++)
        if (input_types[kind].key == INPUT_KEY_NONE)
            evaluator_stale(evaluator, kind, NULL, "start");
    before = told.count;
    evaluator_set_engine_reachable(evaluator, false);
    ck_assert_uint_gt(told.count, before);
    evaluator_free(evaluator);
    start_evaluator(NULL);
    evaluator_set_engine_reachable(evaluator, true);
    came(1, true, "app");
    before = told.count;
    evaluator_stale(evaluator, INPUT_INFO, NULL, "start");
    evaluator_fetch_failed(evaluator, INPUT_INFO, NULL, EACCES, "authorization denied");
    ck_assert_uint_gt(told.count, before);
}
END_TEST

START_TEST(only_what_the_start_found_is_initial)
{
    evaluator_set_initial(evaluator, true);
    came(1, true, "app");
    ck_assert(!told.items[told.count - 1]->initial);
    evaluator_stale(evaluator, INPUT_CONTAINER, id_of(2), "start");
    came(2, true, "app");
    ck_assert(told.items[told.count - 1]->initial);
    ck_assert_ptr_nonnull(strstr(told.items[told.count - 1]->json, "\"initial\":true"));
    evaluator_set_initial(evaluator, false);
    evaluator_stale(evaluator, INPUT_CONTAINER, id_of(3), "start");
    came(3, true, "app");
    ck_assert(!told.items[told.count - 1]->initial);
    ck_assert_ptr_nonnull(strstr(told.items[told.count - 1]->json, "\"initial\":false"));
}
END_TEST

START_TEST(the_digest_follows_every_transition)
{
    srandom(7);
    for (unsigned i = 0; i < 400; i++) {
        unsigned number = (unsigned)random() % 12;

        switch (random() % 4) {
        case 0:
            evaluator_gone(evaluator, INPUT_CONTAINER, id_of(number), "docker:container/destroy");
            break;
        case 1:
            evaluator_stale(evaluator, INPUT_CONTAINER, id_of(number), "timer");
            evaluator_fetch_failed(evaluator, INPUT_CONTAINER, id_of(number), EPROTO, "500");
            break;
        default:
            came(number, random() % 2, random() % 2 ? "app" : "");
        }
        if (i % 20 == 0)
            assert_open_is_received();
    }
    assert_open_is_received();
    /* nothing but transitions changes it */
    evaluator_set_rules(evaluator, load_rules(), &config);
    ck_assert_uint_eq(evaluator_open_generation(evaluator), 0);
    assert_open_is_received();
}
END_TEST

/* What was open before is still so for the receiver, until it is found again or closed. */
START_TEST(the_digest_outlives_a_restart)
{
    came(1, true, "");
    came(2, true, "app");
    evaluator_free(evaluator);
    start_evaluator(engine);
    remembered_restore(&remembered, evaluator);
    assert_open_is_received();
    evaluator_set_engine_reachable(evaluator, true);
    came(1, true, "");
    assert_open_is_received();
}
END_TEST

/* A rule that is shipped no more: what it had found is closed for receivers too. */
START_TEST(what_a_removed_rule_has_found_is_closed)
{
    bool closed = false;

    evaluator_restore(evaluator, &(struct restored_finding){.slug = "no-such-rule",
                                                            .kind = "container",
                                                            .id = id_of(1),
                                                            .name = "c1",
                                                            .status = VERDICT_FAIL,
                                                            .seq = 5,
                                                            .since = USEC_PER_SEC});
    evaluator_restored(evaluator, 5);
    ck_assert_uint_eq(evaluator_open(evaluator, VERDICT_FAIL, SEVERITY_CRITICAL).count, 1);
    came(2, false, "app");
    for (size_t i = 0; i < told.count; i++)
        closed = closed || (!told.items[i]->status && strcmp(told.items[i]->slug, "no-such-rule") == 0);
    ck_assert(closed);
    ck_assert_uint_eq(evaluator_open(evaluator, VERDICT_FAIL, SEVERITY_CRITICAL).digest +
                          evaluator_open(evaluator, VERDICT_FAIL, SEVERITY_CRITICAL).count,
                      0);
}
END_TEST

static int machine_id_of(const char *text, char ret[MACHINE_ID_SIZE], struct error *error)
{
    char folder[] = "/tmp/test-identity-XXXXXX";
    scoped(cleanup_host_root) struct host_root *root = NULL;
    scoped(cleanup_free) char *command = NULL, *path = NULL;
    FILE *file;
    int r;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    command = mem_printf("mkdir %s/etc", folder);
    ck_assert_int_eq(system(command), 0);
    path = mem_printf("%s/etc/machine-id", folder);
    if (text) {
        file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fputs(text, file);
        fclose(file);
    }
    ck_assert_int_eq(host_root_open(folder, &root, NULL), 0);
    r = machine_id_read(root, ret, error);
    free(command);
    command = mem_printf("rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    return r;
}

/* By Python: HMAC-SHA256 with the machine id as key, marked as a UUID of version 4; and as systemd does it here. */
START_TEST(the_machines_id_is_as_systemd_makes_it)
{
    const sd_id128_t application = SD_ID128_MAKE(ed, e6, a1, 0f, d5, c0, 4e, 54, 9b, d3, 65, c5, cd, 00, 63, 05);
    char id[MACHINE_ID_SIZE], expected[SD_ID128_STRING_MAX];
    struct error error = ERROR_INIT;
    sd_id128_t own;

    ck_assert_int_eq(machine_id_of("0123456789abcdef0123456789abcdef\n", id, &error), 0);
    ck_assert_str_eq(id, "54e5d4f8a4e5400fabd3374ccf4b1d6c");
    ck_assert_int_eq(machine_id_of(NULL, id, &error), -ENOENT);
    ck_assert_int_eq(machine_id_of("uninitialized\n", id, &error), -EINVAL);
    ck_assert_int_eq(machine_id_of("", id, &error), -EINVAL);
    if (sd_id128_get_machine_app_specific(application, &own) == 0) {
        scoped(cleanup_host_root) struct host_root *root = NULL;

        ck_assert_int_eq(host_root_open("/", &root, NULL), 0);
        ck_assert_int_eq(machine_id_read(root, id, &error), 0);
        ck_assert_str_eq(id, sd_id128_to_string(own, expected));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tcase = tcase_create("identity");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_uid_is_a_uuid_of_version_5);
    tcase_add_test(tcase, a_digest_is_what_a_receiver_computes);
    tcase_add_test(tcase, a_uid_is_that_of_its_finding_until_the_end);
    tcase_add_test(tcase, nothing_is_reported_before_the_engine_is_known);
    tcase_add_test(tcase, findings_of_another_engine_have_another_uid);
    tcase_add_test(tcase, findings_end_no_faster_than_they_are_stored);
    tcase_add_test(tcase, what_was_open_before_the_restart_ends_with_its_engine);
    tcase_add_test(tcase, the_same_engine_at_another_address);
    tcase_add_test(tcase, an_engine_that_answers_late);
    tcase_add_test(tcase, podman_in_the_place_of_docker);
    tcase_add_test(tcase, an_engine_without_an_id_has_its_address);
    tcase_add_test(tcase, an_engine_that_cannot_be_asked_holds_nothing_up);
    tcase_add_test(tcase, only_what_the_start_found_is_initial);
    tcase_add_test(tcase, the_digest_follows_every_transition);
    tcase_add_test(tcase, the_digest_outlives_a_restart);
    tcase_add_test(tcase, what_a_removed_rule_has_found_is_closed);
    tcase_add_test(tcase, the_machines_id_is_as_systemd_makes_it);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
