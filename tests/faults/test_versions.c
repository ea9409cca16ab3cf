/* One host, seen through the API of every engine: the whole agent against answers as 20.10, 26.1, 28.5 and 29.10 give
 * them (API 1.41 to 1.57). The verdicts must be the same, but for those that are about the engine itself. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "beside.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/vec.h"

enum { READY_MS = 240000, CONTAINERS = 4 };

struct verdicts {
    VEC(char *) lines; /* "slug kind id status", sorted */
};

static void verdicts_deinit(struct verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->lines.count; i++)
        free(verdicts->lines.items[i]);
    vec_free(&verdicts->lines);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is about the engine itself: its version, whether its client heeds content trust, and a default that 20.10 does
 * not report (its options cannot be read here). */
static bool is_of_the_version(const char *slug)
{
    return str_equal(slug, "engine-version") || str_equal(slug, "content-trust") ||
           str_equal(slug, "audit-containerd") || str_equal(slug, "daemon-no-new-privileges");
}

static void collect(struct beside *beside, struct verdicts *ret)
{
    scoped(cleanup_json_doc) struct json_doc *doc = beside_get(beside, "/v1/findings?limit=100000", NULL);
    const struct json *list = json_get(json_root(doc), "findings");

    ck_assert_uint_gt(json_count(list), 100);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i);
        const char *slug = json_text(json_get(item, "slug"), "");

        const char *id = json_text(json_path(item, "subject", "id", NULL), "");

        if (str_starts(id, beside->folder)) /* another one each time */
            id += strlen(beside->folder);
        if (!is_of_the_version(slug))
            vec_push(&ret->lines,
                     mem_printf("%s %s %s %s", slug, json_text(json_path(item, "subject", "kind", NULL), ""), id,
                                json_text(json_get(item, "status"), "")));
    }
    qsort(ret->lines.items, ret->lines.count, sizeof *ret->lines.items, by_text);
}

/* The verdicts on an engine whose newest and oldest versions are these; VERSION is what the agent must come to use. */
static void judge(unsigned minor, unsigned oldest, const char *ping, const char *version, struct verdicts *ret)
{
    struct beside beside;
    usec_t end = clock_monotonic() + READY_MS * (usec_t)1000;

    beside_begin(&beside, CONTAINERS);
    fake_set_api(beside.fake, minor, oldest);
    if (ping)
        fake_fault(beside.fake, &(struct fake_fault){.path = "/_ping", .reply = ping, .length = strlen(ping)});
    fake_set_privileged(beside.fake, 1, true);
    fake_set_network(beside.fake, 2, "host");
    beside_start_agent(&beside, "{\"sinks\": []}");
    for (;;) {
        scoped(cleanup_json_doc) struct json_doc *health = beside_get(&beside, "/healthz", NULL);

        if (health && json_bool(json_get(json_root(health), "ready"), false))
            break;
        ck_assert_msg(clock_monotonic() < end, "1.%u: the agent does not get ready", minor);
        fake_run(beside.base, 50, NULL, NULL);
    }
    for (unsigned i = 0; i < 1; i++) {
        scoped(cleanup_json_doc) struct json_doc *status = beside_get(&beside, "/v1/status", NULL);

        ck_assert_str_eq(json_text(json_path(json_root(status), "engine", "api_version", NULL), ""), version);
    }
    beside_await_images(&beside, 1);
    fake_run(beside.base, 500, NULL, NULL);
    collect(&beside, ret);
    beside_end(&beside);
}

static void compare(const struct verdicts *a, const struct verdicts *b, unsigned minor)
{
    scoped_str differences = STR_INIT;
    size_t i = 0, k = 0;

    while (i < a->lines.count || k < b->lines.count) {
        const char *one = i < a->lines.count ? a->lines.items[i] : "~",
                   *other = k < b->lines.count ? b->lines.items[k] : "~";
        int order = strcmp(one, other);

        if (order < 0)
            str_printf(&differences, "\n1.41: %s", one);
        else if (order > 0)
            str_printf(&differences, "\n1.%u: %s", minor, other);
        i += order <= 0;
        k += order >= 0;
    }
    ck_assert_msg(differences.length == 0, "%s", str_text(&differences));
}

START_TEST(the_same_host_is_judged_alike)
{
    static const struct {
        unsigned minor, oldest;
        const char *ping, *version;
    } engines[] = {
        {45, 24, NULL, "1.45"},
        {51, 24, NULL, "1.51"},
        {57, 44, NULL, "1.57"},
        {57, 40, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "1.40"}, /* a proxy drops the header */
    };
    scoped(verdicts_deinit) struct verdicts first = {0};

    judge(41, 12, NULL, "1.41", &first);
    for (size_t i = 0; i < countof(engines); i++) {
        scoped(verdicts_deinit) struct verdicts other = {0};

        judge(engines[i].minor, engines[i].oldest, engines[i].ping, engines[i].version, &other);
        compare(&first, &other, engines[i].minor);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("versions");
    TCase *tests = tcase_create("versions");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, the_same_host_is_judged_alike);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
