/* Between two scans of an engine that changes at random, with events, without, with events that the engine drops and
 * with a cut stream, each difference in findings has been reported as a transition to what the second one finds.
 *
 * DIFFERENCES_ROUNDS=200 for a longer run; DIFFERENCES_SEED=N repeats one (the seed is printed). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aftermath.h"
#include "common/clock.h"
#include "common/memory.h"

enum { CONTAINERS = 8, CONTAINERS_MOST = 12, IMAGES = 6, ROUNDS = 6, CHANGES = 10 };

static struct beside beside;
static struct fake *fake;
static unsigned seed;
static size_t containers;
static bool images[IMAGES];

static unsigned below(unsigned limit)
{
    return (unsigned)rand_r(&seed) % limit;
}

static void announce(const char *type, const char *action, const char *id)
{
    unsigned how = below(4);

    if (how == 0)
        return; /* nobody says so */
    fake_set_dropping(fake, how == 1);
    fake_event(fake, type, action, id, NULL);
    fake_set_dropping(fake, false);
}

static void change(void)
{
    static const char *const networks[] = {"bridge", "host", "none", "default"};
    size_t one = below((unsigned)containers);
    unsigned image = below(IMAGES);

    switch (below(7)) {
    case 0:
        fake_set_privileged(fake, one, below(2));
        announce("container", "start", fake_container_id(one));
        break;
    case 1:
        fake_set_network(fake, one, networks[below(countof(networks))]);
        announce("container", "update", fake_container_id(one));
        break;
    case 2:
        if (containers < CONTAINERS_MOST)
            fake_set_containers(fake, ++containers);
        announce("container", "create", fake_container_id(containers - 1));
        break;
    case 3:
        if (containers > 2)
            fake_set_containers(fake, --containers);
        announce("container", "destroy", fake_container_id(containers));
        break;
    case 4:
        if (images[image])
            fake_remove_image(fake, image);
        else
            fake_add_image(fake, image, "sha256:0000000000000000000000000000000000000000000000000000000000000001",
                           NULL);
        images[image] = !images[image];
        announce("image", images[image] ? "pull" : "delete", fake_image_id(image));
        break;
    case 5:
        fake_set_debug(fake, below(2));
        break;
    default:
        fake_close_streams(fake);
    }
    if (below(2))
        fake_run(beside.base, below(40), NULL, NULL);
}

static int64_t last_seq(void)
{
    return json_int(json_get(beside_ask(&beside, "/v1/status"), "last_seq"), -1);
}

static void scan(void)
{
    static const char request[] = "POST /v1/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer reply = {0};
    scoped_str pending = STR_INIT;

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &reply));
}

/* To what status each finding has come since SEQ: "|STATUS|STATUS|" by rule and subject, "gone" where it ended. */
static struct map *reported_since(int64_t seq)
{
    scoped(cleanup_free) char *request =
        mem_printf("GET /v1/events?limit=100000&since=%lld HTTP/1.1\r\nHost: x\r\n\r\n", (long long)seq);
    scoped(cleanup_close) int fd = beside_dial(&beside);
    scoped(http_answer_deinit) struct http_answer answer = {0};
    scoped_str pending = STR_INIT;
    struct map *map = map_new(free);

    beside_say(&beside, fd, request, strlen(request));
    ck_assert(beside_answer(&beside, fd, &pending, &answer));
    for (const char *at = str_text(&answer.body), *end; (end = strchr(at, '\n')); at = end + 1) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;
        scoped(cleanup_free) char *key = NULL;
        const struct json *line;
        const char *before;

        ck_assert_int_eq(json_parse(at, (size_t)(end - at), NULL, &doc, NULL), 0);
        line = json_root(doc);
        if (!json_get(line, "slug"))
            continue;
        key = mem_printf("%s %s %s", json_text(json_get(line, "slug"), ""),
                         json_text(json_path(line, "subject", "kind", NULL), ""),
                         json_text(json_path(line, "subject", "id", NULL), ""));
        before = map_get(map, key);
        map_set(map, key, mem_printf("%s%s|", before ? before : "|", json_text(json_get(line, "status"), "gone")));
    }
    return map;
}

/* Each key whose value is another one in B than in A; GONE: those that B does not have at all. */
static size_t check_reported(const struct map *a, const struct map *b, const struct map *reported, bool gone)
{
    size_t at = 0, count = 0;
    const char *key;
    void *value;

    while (map_next(gone ? a : b, &at, &key, &value)) {
        const char *other = map_get(gone ? b : a, key);
        scoped(cleanup_free) char *status = mem_printf("|%s|", gone ? "gone" : (const char *)value);
        const char *said = map_get(reported, key);

        if (gone ? other != NULL : str_equal(other, value))
            continue;
        count++;
        ck_assert_msg(said && strstr(said, status), "%s: was %s, is %s, reported: %s", key,
                      gone    ? (const char *)value
                      : other ? other
                              : "nothing",
                      gone ? "gone" : (const char *)value, said ? said : "nothing");
    }
    return count;
}

START_TEST(promise_every_difference_between_two_scans_is_reported_at_least_once)
{
    const char *rounds = getenv("DIFFERENCES_ROUNDS"), *first = getenv("DIFFERENCES_SEED");
    struct map *before;
    size_t count = 0;

    seed = first ? (unsigned)atoi(first) : (unsigned)getpid();
    printf("DIFFERENCES_SEED=%u\n", seed);
    fflush(stdout);
    beside_start_agent(&beside, "{\"sinks\": []}");
    before = aftermath_equal_scan(&beside);
    for (int round = rounds ? atoi(rounds) : ROUNDS; round > 0; round--) {
        int64_t seq = last_seq();
        struct map *after;

        for (unsigned i = 0; i < CHANGES; i++)
            change();
        scan(); /* which is what sees a change that nobody announces */
        after = aftermath_equal_scan(&beside);
        beside_await_stored(&beside);
        {
            scoped(cleanup_map) struct map *reported = reported_since(seq);

            count += check_reported(before, after, reported, false) + check_reported(before, after, reported, true);
        }
        map_free(before);
        before = after;
    }
    map_free(before);
    printf("figure: %zu differences between scans, each reported\n", count);
    ck_assert_uint_gt(count, 10);
}
END_TEST

static void set_up(void)
{
    beside_begin(&beside, CONTAINERS);
    fake = beside.fake;
    containers = CONTAINERS;
}

static void tear_down(void)
{
    beside_end(&beside);
}

int main(void)
{
    Suite *suite = suite_create("differences");
    TCase *tests = tcase_create("differences");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, promise_every_difference_between_two_scans_is_reported_at_least_once);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
