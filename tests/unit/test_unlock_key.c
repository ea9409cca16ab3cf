/* Since when a swarm's unlock key is the same: the file that remembers it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "probes/host/unlock_key.h"

static const char key_a[] = "SWMKEY-1-abcdefghijklmnopqrstuvwxyz0123456789abcdefg", key_b[] = "SWMKEY-1-another";
static char folder[64], path[96];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/test-unlock-key.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/unlock-key.json", folder);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(folder);
}

static usec_t first_seen(const char *key, bool keep, usec_t now)
{
    struct error error = ERROR_INIT;
    usec_t seen = 0;

    ck_assert_msg(unlock_key_first_seen(folder, key, keep, now, &seen, &error) == 0, "%s", error.text);
    return seen;
}

START_TEST(a_key_is_known_again)
{
    ck_assert_int_eq(first_seen(key_a, true, 1000), 1000);
    ck_assert_int_eq(first_seen(key_a, true, 5000), 1000);
    ck_assert_int_eq(first_seen(key_a, false, 6000), 1000);
    ck_assert_int_eq(first_seen(key_b, true, 7000), 7000);
    ck_assert_int_eq(first_seen(key_b, true, 8000), 7000);
    ck_assert_int_eq(first_seen(key_a, true, 9000), 9000); /* rotated back: it is new again */
}
END_TEST

START_TEST(nothing_is_written_unasked)
{
    ck_assert_int_eq(first_seen(key_a, false, 1000), 0); /* nobody knows */
    ck_assert_int_lt(access(path, F_OK), 0);
    first_seen(key_a, true, 2000);
    ck_assert_int_eq(first_seen(key_b, false, 3000), 0);
    ck_assert_int_eq(first_seen(key_a, false, 4000), 2000);
}
END_TEST

START_TEST(the_key_is_not_in_the_file)
{
    struct stat st;
    scoped_str text = STR_INIT, again = STR_INIT;

    first_seen(key_a, true, 1000);
    ck_assert_int_eq(file_read(path, 4096, &text, NULL), 0);
    ck_assert_ptr_null(strstr(str_text(&text), "SWMKEY"));
    ck_assert_ptr_null(strstr(str_text(&text), "abcdefghij"));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    unlink(path);
    first_seen(key_a, true, 1000);
    ck_assert_int_eq(file_read(path, 4096, &again, NULL), 0);
    ck_assert_str_ne(str_text(&text), str_text(&again)); /* another salt */
}
END_TEST

START_TEST(a_file_that_means_nothing_is_replaced)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"salt\":1}",
                                        "{\"salt\":\"00\",\"hash\":\"00\"}",
                                        "{\"salt\":\"00\",\"hash\":\"00\",\"first_seen\":99999999}",
                                        "{\"salt\":\"00\",\"hash\":\"00\",\"first_seen\":-1}"};
    struct error error = ERROR_INIT;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_int_eq(file_replace(path, texts[i], strlen(texts[i]), 0600, &error), 0);
        ck_assert_int_eq(first_seen(key_a, true, 1000), 1000);
        ck_assert_int_eq(first_seen(key_a, true, 2000), 1000);
    }
}
END_TEST

START_TEST(a_time_to_come_is_not_believed)
{
    first_seen(key_a, true, 9000);
    ck_assert_int_eq(first_seen(key_a, true, 1000), 1000); /* the clock went back */
}
END_TEST

START_TEST(what_cannot_be_kept_is_an_error)
{
    struct error error = ERROR_INIT;
    usec_t seen = 77;

    ck_assert_int_lt(unlock_key_first_seen("/nonexistent", key_a, true, 1000, &seen, &error), 0);
    ck_assert_int_eq(seen, 77);
    ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unlock_key");
    TCase *all = tcase_create("unlock_key");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, a_key_is_known_again);
    tcase_add_test(all, nothing_is_written_unasked);
    tcase_add_test(all, the_key_is_not_in_the_file);
    tcase_add_test(all, a_file_that_means_nothing_is_replaced);
    tcase_add_test(all, a_time_to_come_is_not_believed);
    tcase_add_test(all, what_cannot_be_kept_is_an_error);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
