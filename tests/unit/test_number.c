/* Numbers in texts from outside: digits alone, and none beyond its limit. */
#include <check.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/number.h"

START_TEST(digits_end_where_others_begin)
{
    uint64_t number = 5;
    const char text[] = "0012:ff";

    ck_assert_ptr_eq(number_read(text, 10, 99, &number), text + 4);
    ck_assert_uint_eq(number, 12);
    ck_assert_ptr_eq(number_read(text + 5, 16, 255, &number), text + 7);
    ck_assert_uint_eq(number, 255);
    ck_assert_ptr_nonnull(number_read("12ff", 10, 99, &number));
    ck_assert_uint_eq(number, 12);
}
END_TEST

START_TEST(what_is_no_number_leaves_the_old_one)
{
    static const char *const texts[] = {"", " 1", "-1", "+1", "x", "g", NULL};
    uint64_t number = 5;

    for (size_t i = 0; texts[i]; i++)
        ck_assert_ptr_null(number_read(texts[i], 10, UINT64_MAX, &number));
    ck_assert_ptr_null(number_read(NULL, 10, UINT64_MAX, &number));
    ck_assert_uint_eq(number, 5);
}
END_TEST

START_TEST(a_number_above_the_limit_is_none)
{
    uint64_t number = 5;

    ck_assert_ptr_nonnull(number_read("2147483647", 10, INT_MAX, &number));
    ck_assert_uint_eq(number, INT_MAX);
    ck_assert_ptr_null(number_read("2147483648", 10, INT_MAX, &number));
    ck_assert_ptr_nonnull(number_read("18446744073709551615", 10, UINT64_MAX, &number));
    ck_assert_uint_eq(number, UINT64_MAX);
    ck_assert_ptr_null(number_read("18446744073709551616", 10, UINT64_MAX, &number));
    ck_assert_ptr_null(number_read("99999999999999999999999999", 10, UINT64_MAX, &number));
    ck_assert_ptr_null(number_read("10", 16, 15, &number));
    ck_assert_ptr_null(number_read("7", 10, 6, &number));
}
END_TEST

START_TEST(a_byte_has_two_digits)
{
    char byte = 'x';

    ck_assert(number_read_byte("2Fz", &byte));
    ck_assert_int_eq(byte, '/');
    ck_assert(!number_read_byte("2", &byte));
    ck_assert(!number_read_byte("", &byte));
    ck_assert(!number_read_byte(" 2", &byte));
    ck_assert(!number_read_byte("-2", &byte));
    ck_assert(!number_read_byte("0x", &byte));
    ck_assert_int_eq(byte, '/');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number");
    TCase *tests = tcase_create("number");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, digits_end_where_others_begin);
    tcase_add_test(tests, what_is_no_number_leaves_the_old_one);
    tcase_add_test(tests, a_number_above_the_limit_is_none);
    tcase_add_test(tests, a_byte_has_two_digits);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
