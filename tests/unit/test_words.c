/* The lookup of words: each table is found in whole, and what no table has stays as it is. What the sources and the
 * tables have of each other tests/words compares. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/words/words_internal.h"

START_TEST(every_entry_is_found)
{
    size_t count = 0;

    for (size_t i = 0; words_tables[i]; i++)
        for (size_t j = 0; j < words_tables[i]->count; j++, count++) {
            const struct words_entry *entry = &words_tables[i]->entries[j];

            ck_assert_str_eq(words(LANGUAGE_ZH, entry->english), entry->chinese);
            ck_assert_str_eq(words_find(LANGUAGE_ZH, entry->english), entry->chinese);
            ck_assert_ptr_eq(words(LANGUAGE_EN, entry->english), entry->english);
        }
    ck_assert_uint_gt(count, 20);
}
END_TEST

START_TEST(what_no_table_has_stays)
{
    static const char *const texts[] = {"", "no text of ours", "pas", "passs", "\xff"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_ptr_eq(words(LANGUAGE_ZH, texts[i]), texts[i]);
        ck_assert_ptr_null(words_find(LANGUAGE_ZH, texts[i]));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("words");
    TCase *tests = tcase_create("words");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, every_entry_is_found);
    tcase_add_test(tests, what_no_table_has_stays);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
