/* Records of containers that do not run, as dockerd writes them: beside, then moved into place. */
#include <check.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "probes/watch/record_watch.h"

static struct event_base *base;
static struct record_watch *records;
static char folder[32];
static char told[256]; /* ids, each after a space */

static void shell(const char *command)
{
    scoped(cleanup_free) char *full = mem_printf("cd %s && %s", folder, command);

    ck_assert_int_eq(system(full), 0);
}

static void on_record(const char *id, void *user)
{
    (void)user;
    strcat(strcat(told, " "), id);
}

static void begin(const char *id)
{
    scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, id);

    record_watch_begin(records, id, path);
}

/* What is reported within the moment and a little more. In parts: each has a turn of the loop, however late it comes.
 */
static const char *wait_told(void)
{
    enum { PARTS = 8 };

    told[0] = '\0';
    for (int i = 0; i < PARTS; i++) {
        event_base_loopexit(base, &(struct timeval){.tv_usec = 50000});
        event_base_dispatch(base);
    }
    return told;
}

static void set_up(void)
{
    struct error error = ERROR_INIT;

    strcpy(folder, "/tmp/test-records-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    shell("mkdir a b");
    base = event_base_new();
    records = record_watch_new(base, on_record, NULL, &error);
    ck_assert_msg(records != NULL, "%s", error.text);
}

static void tear_down(void)
{
    record_watch_free(records);
    event_base_free(base);
    shell("rm -r \"$PWD\"");
}

START_TEST(a_record_that_is_written_is_told)
{
    begin("a");
    begin("b");
    shell("echo 1 >b/.tmp && mv b/.tmp b/config.v2.json && mv b/config.v2.json b/x && mv b/x b/config.v2.json");
    shell("echo 1 >a/hosts");
    ck_assert_str_eq(wait_told(), " b");
    ck_assert_str_eq(wait_told(), "");
    shell("echo 2 >b/config.v2.json");
    ck_assert_str_eq(wait_told(), " b");
}
END_TEST

START_TEST(what_was_read_since_is_not_told)
{
    struct timeval wait = {.tv_usec = 20000};

    begin("a");
    shell("echo 1 >a/config.v2.json");
    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
    begin("a");
    ck_assert_str_eq(wait_told(), "");
}
END_TEST

START_TEST(what_runs_or_is_gone_is_watched_no_more)
{
    begin("a");
    begin("b");
    begin("none");
    ck_assert(record_watch_has(records, "a") && record_watch_has(records, "b") && !record_watch_has(records, "none"));
    record_watch_end(records, "a");
    record_watch_end(records, "none");
    shell("echo 1 >a/config.v2.json && rm -r b");
    ck_assert_str_eq(wait_told(), "");
    ck_assert(!record_watch_has(records, "a") && !record_watch_has(records, "b"));
    shell("mkdir b"); /* another folder of that name */
    begin("b");
    shell("echo 1 >b/config.v2.json");
    ck_assert_str_eq(wait_told(), " b");
}
END_TEST

/* More than the kernel keeps (16,384 events): what is lost may be of any record. */
START_TEST(overflow_reports_every_record)
{
    begin("a");
    begin("b");
    for (int i = 0; i < 20000; i++) {
        scoped(cleanup_free) char *other = mem_printf("%s/a/%d", folder, i % 2); /* equal events would be merged */
        scoped(cleanup_fclose) FILE *file = fopen(other, "w");

        ck_assert_ptr_nonnull(file);
    }
    ck_assert(strcmp(wait_told(), " a b") == 0 || strcmp(told, " b a") == 0);
    ck_assert(record_watch_has(records, "a") && record_watch_has(records, "b"));
    ck_assert_str_eq(wait_told(), "");
    shell("echo 1 >b/config.v2.json");
    ck_assert_str_eq(wait_told(), " b");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record_watch");
    TCase *tests = tcase_create("record_watch");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_record_that_is_written_is_told);
    tcase_add_test(tests, what_was_read_since_is_not_told);
    tcase_add_test(tests, what_runs_or_is_gone_is_watched_no_more);
    tcase_add_test(tests, overflow_reports_every_record);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
