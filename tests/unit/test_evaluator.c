/* The evaluator by itself, with a fetcher that answers when the test wants it and a clock that the test sets. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/checks/table.h"
#include "agent/evaluator/evaluator.h"
#include "agent/rules/rule_set.h"
#include "common/vec.h"
#include "probes/docker/docker_parse.h"
#include "probes/images/layers.h"
#include "tests/unit/loop_turn.h"
#include "tests/unit/restart.h"

static struct evaluator *evaluator;
static struct clock clock_of_test;
static struct config config;

struct asked {
    enum input_kind kind;
    char key[80];
};
static VEC(struct asked) asked;
static VEC(struct transition *) told;
static struct remembered remembered;

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
    remembered_add(&remembered, transition);
}

static void forget_told(void)
{
    for (size_t i = 0; i < told.count; i++)
        transition_unref(told.items[i]);
    told.count = 0;
}

static void start_evaluator(void)
{
    struct evaluator_callbacks callbacks = {.fetch = on_fetch, .transition = on_transition};
    struct rule_set *rules = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, &error) == 0, "%s",
                  error.text);
    evaluator = evaluator_new(base, NULL, rules, &config, &clock_of_test, &callbacks);
    evaluator_set_engine_reachable(evaluator, true);
}

static void set_up(void)
{
    memset(&config, 0, sizeof config);
    clock_of_test = clock_fixed(INT64_C(1800000000) * USEC_PER_SEC);
    base = event_base_new();
    start_evaluator();
}

static void tear_down(void)
{
    evaluator_free(evaluator);
    forget_told();
    vec_free(&told);
    remembered_clear(&remembered);
    vec_free(&asked);
    event_base_free(base);
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

static struct facts *container_of_user(char c, const char *image, const char *user)
{
    scoped(cleanup_free) char *text = mem_printf(
        "{\"Id\":\"%s\",\"Name\":\"/%c\",\"State\":{\"Running\":false,\"Pid\":0},\"Image\":\"%s\",\"ExecIDs\":null,"
        "\"HostConfig\":{\"Privileged\":false,\"NetworkMode\":\"bridge\",\"Memory\":0},\"Config\":{\"User\":\"%s\"},"
        "\"Mounts\":[],\"NetworkSettings\":{}}",
        id_of(c), c, image, user);
    struct container_facts *facts = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(parse_container(text, strlen(text), &facts, &error) == 0, "%s", error.text);
    return &facts->facts;
}

static struct facts *layers_with(const char *accounts)
{
    scoped(cleanup_free) char *text = mem_printf("{\"entries\":[],\"accounts\":\"%s\"}\n", accounts);
    struct layer_facts *facts = NULL;

    ck_assert_int_eq(layers_parse(text, strlen(text), &facts, NULL), 0);
    return &facts->facts;
}

/* Only a user that is a name waits for the files of its image, which are asked for though no list has it. */
START_TEST(a_name_waits_for_its_images_files)
{
    static const char image[] = "sha256:1", other[] = "sha256:2";
    const struct transition *transition;

    for (const char *c = "abc"; *c; c++)
        stale(*c);
    evaluator_fetched(evaluator, INPUT_CONTAINER, id_of('a'), container_of_user('a', image, "0"));
    evaluator_fetched(evaluator, INPUT_CONTAINER, id_of('b'), container_of_user('b', image, "toor"));
    evaluator_fetched(evaluator, INPUT_CONTAINER, id_of('c'), container_of_user('c', other, "toor"));
    ck_assert_str_eq(find_told("image-user", id_of('a'))->status, "fail");
    ck_assert_ptr_null(find_told("image-user", id_of('b')));
    ck_assert(find_pair("image-user", SUBJECT_CONTAINER, id_of('b'))->waiting);
    ck_assert_uint_eq(count_asked(INPUT_LAYERS, image), 1);
    ck_assert_uint_eq(count_asked(INPUT_LAYERS, other), 1);
    forget_told();
    evaluator_fetched(evaluator, INPUT_LAYERS, image, layers_with("1app\\n0toor\\n"));
    transition = find_told("image-user", id_of('b'));
    ck_assert_ptr_nonnull(transition);
    ck_assert_str_eq(transition->status, "fail");
    ck_assert_ptr_null(find_told("image-user", id_of('a')));
    ck_assert_ptr_null(find_told("image-user", id_of('c')));
    evaluator_fetch_failed(evaluator, INPUT_LAYERS, other, EACCES, "layer 1: Permission denied");
    ck_assert_str_eq(find_told("image-user", id_of('c'))->status, "error");
    evaluator_stale(evaluator, INPUT_LAYERS, other, "timer");
    evaluator_fetched(evaluator, INPUT_LAYERS, other, layers_with("1toor\\n"));
    ck_assert_str_eq(find_told("image-user", id_of('c'))->status, "pass");
}
END_TEST

/* `docker rmi -f` takes the image of a container that does not run. */
START_TEST(a_name_of_a_removed_image_is_an_error)
{
    static const char image[] = "sha256:1";

    stale('a');
    evaluator_fetched(evaluator, INPUT_CONTAINER, id_of('a'), container_of_user('a', image, "app"));
    ck_assert_ptr_null(find_told("image-user", id_of('a')));
    evaluator_fetch_failed(evaluator, INPUT_IMAGE, image, ENOENT, "No such image");
    ck_assert_ptr_nonnull(find_told("image-user", id_of('a')));
    ck_assert_str_eq(find_told("image-user", id_of('a'))->status, "error");
}
END_TEST

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

/* What follows from an event of the engine has its time, however late it is evaluated; what a scan finds has none. */
START_TEST(transitions_have_the_time_of_their_event)
{
    const usec_t at = INT64_C(1799999999) * USEC_PER_SEC;

    evaluator_set_event_time(evaluator, at);
    stale('a');
    evaluator_set_event_time(evaluator, at + 1); /* of another event, before the first one's answer came */
    stale('a');
    evaluator_set_event_time(evaluator, 0);
    came('a', true, "bridge");
    ck_assert_int_eq(find_told("container-privileged", id_of('a'))->event_at, at);
    came('a', true, "bridge");
    evaluator_stale(evaluator, INPUT_CONTAINER, id_of('a'), "scan");
    came('a', false, "bridge");
    ck_assert_int_eq(find_told("container-privileged", id_of('a'))->event_at, 0);
    evaluator_set_event_time(evaluator, at);
    evaluator_gone(evaluator, INPUT_CONTAINER, id_of('a'), "docker:container/destroy");
    evaluator_set_event_time(evaluator, 0);
    ck_assert_int_eq(find_told("container-privileged", id_of('a'))->event_at, at);
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

/* IDS: a letter for each container. */
static void list_came(const char *ids)
{
    struct arena *arena = arena_new(256);
    struct container_list_facts *list = arena_alloc(arena, sizeof *list);

    struct hash hash;

    hash_init(&hash);
    hash_bytes(&hash, ids, strlen(ids));
    list->facts.digest = hash_end(&hash);
    list->facts.arena = arena;
    list->count = strlen(ids);
    list->items = arena_alloc(arena, (list->count + 1) * sizeof *list->items);
    for (size_t i = 0; i < list->count; i++)
        list->items[i].id = arena_strdup(arena, id_of(ids[i]));
    evaluator_fetched(evaluator, INPUT_CONTAINERS, NULL, &list->facts);
}

/* A list that was asked for before a container was created does not have it, whenever its answer comes. */
START_TEST(a_list_does_not_close_what_is_newer)
{
    stale('a');
    came('a', true, "bridge");
    evaluator_stale(evaluator, INPUT_CONTAINERS, NULL, "scan");
    stale('b'); /* read before the list comes */
    came('b', true, "bridge");
    stale('c');                                                                          /* on its way */
    (evaluator_stale)(evaluator, INPUT_CONTAINER, id_of('d'), "docker:container/start"); /* about to be asked for */
    list_came("");
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id_of('a')));
    ck_assert_ptr_nonnull(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id_of('b')));
    came('c', true, "bridge");
    came('d', true, "bridge");
    for (const char *c = "bcd"; *c; c++)
        ck_assert_int_eq(find_pair("container-privileged", SUBJECT_CONTAINER, id_of(*c))->verdict, VERDICT_FAIL);
    evaluator_stale(evaluator, INPUT_CONTAINERS, NULL, "scan");
    list_came("bc");
    ck_assert_ptr_nonnull(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id_of('b')));
    ck_assert_ptr_null(evaluator_find_subject(evaluator, SUBJECT_CONTAINER, id_of('d')));
}
END_TEST

/* The engine lists COUNT images from number FIRST on. The answer, which the evaluator owns. */
static const struct image_list_facts *images_came(size_t first, size_t count)
{
    struct arena *arena = arena_new(256);
    struct image_list_facts *list = arena_alloc(arena, sizeof *list);

    list->facts.arena = arena;
    list->facts.digest = first + 1;
    list->items = arena_alloc(arena, count * sizeof *list->items);
    for (; list->count < count; list->count++) {
        scoped(cleanup_free) char *id = mem_printf("sha256:%064zu", first + list->count);

        list->items[list->count].id = arena_strdup(arena, id);
    }
    evaluator_stale(evaluator, INPUT_IMAGES, NULL, "scan");
    evaluator_fetched(evaluator, INPUT_IMAGES, NULL, &list->facts);
    return list;
}

/* As many as an engine may list while it does not have them; another list is gone through anew. */
START_TEST(missing_ids_are_looked_up_in_one_pass)
{
    enum { IMAGES = 2000 };
    const struct image_list_facts *list = images_came(0, IMAGES);

    for (size_t i = 0; i < IMAGES; i++)
        (evaluator_fetch_failed)(evaluator, INPUT_IMAGE, list->items[i].id, ENOENT, "404");
    ck_assert_uint_eq(evaluator_counters(evaluator)->failures[INPUT_IMAGE], IMAGES);
    ck_assert_uint_le(evaluator_counters(evaluator)->indexed, IMAGES);
    ck_assert_ptr_nonnull(evaluator_find_subject(evaluator, SUBJECT_IMAGE, list->items[IMAGES - 1].id));
    take_turns();
    list = images_came(IMAGES, 1);
    (evaluator_fetch_failed)(evaluator, INPUT_IMAGE, list->items[0].id, ENOENT, "404");
    ck_assert_ptr_nonnull(evaluator_find_subject(evaluator, SUBJECT_IMAGE, list->items[0].id));
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
static const char sockets_source[] = "sockets:";

static struct facts *socket_of_group(gid_t gid)
{
    struct arena *arena = arena_new(1024);
    struct fileset_facts *set = arena_alloc(arena, sizeof *set);

    set->facts.arena = arena;
    set->facts.digest = gid;
    set->items = arena_alloc(arena, sizeof *set->items);
    set->items[0] = (struct file_facts){.path = "/run/docker.sock", .target = "/run/docker.sock", .gid = gid};
    set->items[0].mode = S_IFSOCK | 0660;
    set->count = 1;
    return &set->facts;
}

static struct facts *empty_group(gid_t gid)
{
    struct arena *arena = arena_new(1024);
    struct group_facts *facts = arena_alloc(arena, sizeof *facts);

    facts->facts.arena = arena;
    facts->facts.digest = gid;
    facts->items = arena_alloc(arena, sizeof *facts->items);
    facts->items[0] = (struct group_item){.name = "docker", .gid = gid, .exists = true};
    facts->count = 1;
    return &facts->facts;
}

/* A socket gets another group while the members of the one before come, which are asked for once more (1: and that has
 * begun): it is not judged by those. In parentheses the loop takes no turn. */
START_TEST(what_is_stale_again_is_not_recent)
{
    evaluator_stale(evaluator, INPUT_FILES, sockets_source, "start");
    evaluator_stale(evaluator, INPUT_GROUP, NULL, "start");
    evaluator_fetched(evaluator, INPUT_FILES, sockets_source, socket_of_group(105));
    evaluator_fetched(evaluator, INPUT_GROUP, NULL, empty_group(105));
    ck_assert_str_eq(find_told("docker-group-members", NULL)->status, "pass");
    forget_told();

    evaluator_stale(evaluator, INPUT_FILES, sockets_source, "inotify");
    evaluator_stale(evaluator, INPUT_GROUP, NULL, "inotify");
    (evaluator_stale)(evaluator, INPUT_GROUP, NULL, "inotify");
    (evaluator_fetched)(evaluator, INPUT_GROUP, NULL, empty_group(105));
    if (_i)
        take_turns();
    (evaluator_stale)(evaluator, INPUT_GROUP, NULL, "sockets");
    (evaluator_fetched)(evaluator, INPUT_FILES, sockets_source, socket_of_group(7));
    ck_assert_ptr_null(find_told("docker-group-members", NULL));
    take_turns();
    evaluator_fetched(evaluator, INPUT_GROUP, NULL, empty_group(7));
    if (_i)
        evaluator_fetched(evaluator, INPUT_GROUP, NULL, empty_group(7));
    ck_assert_ptr_null(find_told("docker-group-members", NULL));
    ck_assert(evaluator_is_settled(evaluator));
}
END_TEST

/* How many pairs say of themselves that they are being evaluated again. Of none the evidence belongs to another status
 * than its own. */
static size_t count_evaluated_again(void)
{
    const struct subject *subject;
    struct check_result result;
    size_t at = 0, count = 0;

    check_result_init(&result);
    while ((subject = evaluator_next_subject(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++) {
            const char *evidence;

            if (subject->pairs[i].verdict == VERDICT_NONE)
                continue; /* nothing answers with it */
            check_result_clear(&result);
            evaluator_explain(evaluator, subject, &subject->pairs[i], &result);
            evidence = check_result_evidence(&result, LANGUAGE_EN);
            ck_assert_int_eq(result.verdict, subject->pairs[i].verdict);
            ck_assert(!strstr(evidence, "runs with --privileged") || result.verdict == VERDICT_FAIL);
            if (strcmp(evidence, "it is being evaluated again") != 0)
                continue;
            ck_assert_str_eq(check_result_facts(&result), "{}");
            ck_assert_uint_eq(result.remedy.length, 0);
            count++;
        }
    check_result_deinit(&result);
    return count;
}

START_TEST(what_waits_is_not_explained_by_newer_facts)
{
    evaluator_stale(evaluator, INPUT_FILES, sockets_source, "start");
    evaluator_stale(evaluator, INPUT_GROUP, NULL, "start");
    evaluator_fetched(evaluator, INPUT_FILES, sockets_source, socket_of_group(105));
    evaluator_fetched(evaluator, INPUT_GROUP, NULL, empty_group(105));
    ck_assert_uint_eq(count_evaluated_again(), 0);
    evaluator_stale(evaluator, INPUT_FILES, sockets_source, "inotify");
    evaluator_stale(evaluator, INPUT_GROUP, NULL, "inotify");
    evaluator_fetched(evaluator, INPUT_FILES, sockets_source, socket_of_group(7));
    ck_assert_int_eq(find_pair("docker-group-members", SUBJECT_HOST, "host")->verdict, VERDICT_PASS);
    ck_assert_uint_eq(count_evaluated_again(), 1);
    evaluator_fetched(evaluator, INPUT_GROUP, NULL, empty_group(7));
    ck_assert_uint_eq(count_evaluated_again(), 0);
}
END_TEST

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
    ck_assert_int_eq(evaluator_acknowledge(evaluator, id_of('x'), 0, UINT32_MAX, "no"), -ENOENT);
    ck_assert_int_eq(evaluator_acknowledge(evaluator, id_of('f'), 0, 1000, "was right"), 0);
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
static const char *const cert_rules[] = {"registry-certs-mode"};

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
}
END_TEST

/* ---- What survives a restart ---- */

static void load(void)
{
    remembered_restore(&remembered, evaluator);
}

static void restart(void)
{
    evaluator_free(evaluator);
    forget_told();
    asked.count = 0;
    start_evaluator();
    load();
}

static void settle(void)
{
    usec_t end = clock_monotonic() + 200 * USEC_PER_SEC;

    do
        run_loop(20);
    while (!evaluator_is_settled(evaluator) && clock_monotonic() < end);
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

enum { MANY_CONTAINERS = 700 };

static const char *id_of_number(size_t number)
{
    static char id[65];

    snprintf(id, sizeof id, "%064zx", number + 1);
    return id;
}

static void one_turn(void)
{
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void (*work_of_turn)(void);

static void on_work(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
    work_of_turn();
}

/* Does WORK within a turn of the loop, as callbacks do. */
static void in_a_turn(void (*work)(void))
{
    static const struct timeval at_once;

    work_of_turn = work;
    event_base_once(base, -1, EV_TIMEOUT, on_work, NULL, &at_once);
    one_turn();
}

static void clock_is_set(void)
{
    evaluator_clock_changed(evaluator);
}

static void rules_are_read_again(void)
{
    struct rule_set *rules = NULL;

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "dosec-1.0", NULL, 0, &rules, NULL), 0);
    evaluator_set_rules(evaluator, rules, &config);
}

static void ask_for_many_containers(void)
{
    for (size_t i = 0; i < MANY_CONTAINERS; i++)
        (evaluator_stale)(evaluator, INPUT_CONTAINER, id_of_number(i), "docker:container/start");
    take_turns();
}

static bool many_are_privileged;

static void deliver_many_containers(void)
{
    for (size_t i = 0; i < MANY_CONTAINERS; i++) {
        scoped(cleanup_free) char *text = mem_printf(
            "{\"Id\":\"%s\",\"Name\":\"/c%zu\",\"State\":{\"Running\":false,\"Pid\":0},\"Image\":\"\","
            "\"HostConfig\":{\"Privileged\":%s},\"Config\":{\"User\":\"app\"},\"Mounts\":[],\"NetworkSettings\":{}}",
            id_of_number(i), i, many_are_privileged ? "true" : "false");
        struct container_facts *facts = NULL;

        ck_assert_int_eq(parse_container(text, strlen(text), &facts, NULL), 0);
        (evaluator_fetched)(evaluator, INPUT_CONTAINER, id_of_number(i), &facts->facts);
    }
}

static void many_containers_came(void)
{
    ask_for_many_containers();
    deliver_many_containers();
    take_turns();
    ck_assert(evaluator_is_settled(evaluator));
    ck_assert_uint_eq(count_subjects(SUBJECT_CONTAINER), MANY_CONTAINERS);
}

static size_t count_pairs_not_waiting(void)
{
    const struct subject *subject;
    size_t at = 0, count = 0;

    while ((subject = evaluator_next_subject(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++)
            count += !subject->pairs[i].waiting;
    return count;
}

/* All of it is done, in several turns of the loop; until then the evaluator is not settled. */
START_TEST(what_concerns_very_many_is_spread_over_turns)
{
    uint64_t before;
    size_t pairs, turns;

    many_containers_came();
    pairs = count_pairs_not_waiting();
    ck_assert_uint_gt(pairs, 20 * MANY_CONTAINERS);
    before = evaluations();
    in_a_turn(clock_is_set);
    ck_assert_uint_lt(evaluations() - before, pairs / 2);
    ck_assert(!evaluator_is_settled(evaluator));
    for (turns = 0; !evaluator_is_settled(evaluator); turns++) {
        uint64_t last = evaluations();

        one_turn();
        ck_assert_uint_lt(evaluations() - last, pairs / 2);
    }
    ck_assert_uint_gt(turns, 1);
    ck_assert_uint_eq(evaluations() - before, pairs);
}
END_TEST

START_TEST(what_is_postponed_is_not_explained_by_newer_facts)
{
    many_containers_came();
    ck_assert_uint_eq(count_evaluated_again(), 0);
    ask_for_many_containers();
    many_are_privileged = true;
    in_a_turn(deliver_many_containers);
    ck_assert(!evaluator_is_settled(evaluator));
    ck_assert_uint_gt(count_evaluated_again(), MANY_CONTAINERS / 2);
    take_turns();
    ck_assert(evaluator_is_settled(evaluator));
    ck_assert_uint_eq(count_evaluated_again(), 0);
}
END_TEST

/* The agent was down while all of them went. */
START_TEST(the_time_of_an_event_is_kept_over_turns)
{
    const usec_t at = INT64_C(1799999999) * USEC_PER_SEC;
    size_t of_containers = 0;

    evaluator_set_event_time(evaluator, at);
    ask_for_many_containers();
    evaluator_set_event_time(evaluator, 0);
    in_a_turn(deliver_many_containers);
    ck_assert(!evaluator_is_settled(evaluator));
    take_turns();
    for (size_t i = 0; i < told.count; i++)
        if (strcmp(told.items[i]->subject_kind, "container") == 0) {
            ck_assert_int_eq(told.items[i]->event_at, at);
            of_containers++;
        }
    ck_assert_uint_gt(of_containers, 20 * MANY_CONTAINERS);
}
END_TEST

START_TEST(very_many_leftovers_are_closed_in_several_turns)
{
    size_t pairs, turns;

    load();
    many_containers_came();
    pairs = count_pairs_not_waiting();
    restart();
    evaluator_stale_all(evaluator, "start");
    for (turns = 0; told.count < 20 * MANY_CONTAINERS; turns++) {
        size_t before = told.count;

        ck_assert_uint_lt(turns, 100000);
        one_turn();
        ck_assert_uint_lt(told.count - before, pairs / 10);
    }
    take_turns();
    restart();
    evaluator_stale_all(evaluator, "start");
    take_turns();
    ck_assert_uint_eq(told.count, 0);
}
END_TEST

/* What goes meanwhile is left out; what is asked for again begins anew. */
START_TEST(what_concerns_very_many_may_change_meanwhile)
{
    uint64_t before;

    many_containers_came();
    in_a_turn(clock_is_set);
    for (size_t i = 0; i < MANY_CONTAINERS; i += 2)
        evaluator_gone(evaluator, INPUT_CONTAINER, id_of_number(i), "docker:container/destroy");
    before = evaluations();
    in_a_turn(clock_is_set);
    ck_assert(!evaluator_is_settled(evaluator));
    take_turns();
    ck_assert(evaluator_is_settled(evaluator));
    ck_assert_uint_eq(evaluations() - before, count_pairs_not_waiting());
    in_a_turn(clock_is_set);
    before = evaluations();
    in_a_turn(rules_are_read_again);
    ck_assert(!evaluator_is_settled(evaluator));
    take_turns();
    ck_assert(evaluator_is_settled(evaluator));
    ck_assert_uint_ge(evaluations() - before, count_pairs_not_waiting());
    in_a_turn(clock_is_set);
    ck_assert(!evaluator_is_settled(evaluator)); /* and freed in the midst of it */
}
END_TEST

START_TEST(fetches_of_very_many_begin_in_several_turns)
{
    for (size_t i = 0; i < MANY_CONTAINERS; i++)
        (evaluator_stale)(evaluator, INPUT_CONTAINER, id_of_number(i), "docker:container/start");
    one_turn();
    ck_assert_uint_gt(asked.count, 0);
    ck_assert_uint_lt(asked.count, MANY_CONTAINERS);
    take_turns();
    ck_assert_uint_eq(asked.count, MANY_CONTAINERS);
}
END_TEST

/* The agent's own container has no findings, nor have its execs, also after a reload; who shares its network is judged
 * by what it has. */
START_TEST(own_container_is_left_out)
{
    const struct exec_event event = {.container = id_of('a'), .exec_id = id_of('e'), .command = "sh"};
    const char *id = NULL, *name = NULL;
    struct rule_set *rules = NULL;

    evaluator_leave_out(evaluator, id_of('a'));
    ck_assert(!evaluator_left_out(evaluator, &id, &name));
    for (int c = 'a'; c <= 'b'; c++) {
        stale((char)c);
        one_turn();
        came((char)c, true, "host");
    }
    ck_assert_ptr_null(find_pair("container-privileged", SUBJECT_CONTAINER, id_of('a')));
    ck_assert_ptr_null(find_told("container-privileged", id_of('a')));
    ck_assert_str_eq(find_told("container-privileged", id_of('b'))->status, "fail");
    ck_assert(evaluator_left_out(evaluator, &id, &name));
    ck_assert_str_eq(id, id_of('a'));
    ck_assert_str_eq(name, "a");

    evaluator_exec_made(evaluator, &event, "docker:container/exec_create");
    one_turn();
    ck_assert_uint_eq(count_asked(INPUT_EXEC, NULL), 0);
    stale('a');
    one_turn();
    evaluator_fetched(
        evaluator, INPUT_CONTAINER, id_of('a'),
        container('a', true, "host", "[\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"]"));
    one_turn();
    ck_assert_uint_eq(count_asked(INPUT_EXEC, NULL), 0);

    ck_assert_int_eq(rule_set_load(checks, SOURCE_DATA_DIR, NULL, "cis-1.6.0", NULL, 0, &rules, NULL), 0);
    evaluator_set_rules(evaluator, rules, &config);
    ck_assert_ptr_null(find_pair("container-privileged", SUBJECT_CONTAINER, id_of('a')));
    ck_assert_ptr_nonnull(find_pair("container-privileged", SUBJECT_CONTAINER, id_of('b')));

    stale('c');
    one_turn();
    came('c', false, "container:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    ck_assert_int_eq(find_pair("container-network-namespace", SUBJECT_CONTAINER, id_of('c'))->verdict, VERDICT_FAIL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluator");
    TCase *tests = tcase_create("evaluator");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, one_fetch_in_flight_and_once_more);
    tcase_add_test(tests, a_name_waits_for_its_images_files);
    tcase_add_test(tests, a_name_of_a_removed_image_is_an_error);
    tcase_add_test(tests, transitions_have_the_time_of_their_event);
    tcase_add_test(tests, transitions_only_on_change_and_seq_by_one);
    tcase_add_test(tests, a_failed_fetch_is_an_error_never_the_old_verdict);
    tcase_add_test(tests, what_is_gone_closes_its_findings);
    tcase_add_test(tests, a_list_does_not_close_what_is_newer);
    tcase_add_test(tests, missing_ids_are_looked_up_in_one_pass);
    tcase_add_test(tests, expected_inputs_are_waited_for);
    tcase_add_loop_test(tests, what_is_stale_again_is_not_recent, 0, 2);
    tcase_add_test(tests, what_waits_is_not_explained_by_newer_facts);
    tcase_add_test(tests, what_is_postponed_is_not_explained_by_newer_facts);
    tcase_add_test(tests, joined_namespaces_follow);
    tcase_add_test(tests, own_container_is_left_out);
    tcase_add_test(tests, quiet_execs_leave_nothing);
    tcase_add_test(tests, files_come_change_and_go);
    tcase_add_test(tests, files_that_cannot_be_read_have_one_subject);
    tcase_add_test(tests, a_file_of_two_sources_is_one_subject);
    tcase_add_test(tests, many_files_take_few_steps);
    tcase_add_test(tests, agent_states_are_told_once);
    tcase_add_test(tests, seq_and_since_survive);
    tcase_add_test(tests, what_concerns_very_many_is_spread_over_turns);
    tcase_add_test(tests, the_time_of_an_event_is_kept_over_turns);
    tcase_add_test(tests, very_many_leftovers_are_closed_in_several_turns);
    tcase_add_test(tests, what_concerns_very_many_may_change_meanwhile);
    tcase_add_test(tests, fetches_of_very_many_begin_in_several_turns);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
