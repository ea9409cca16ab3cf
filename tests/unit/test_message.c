/* Messages: kept with their arguments, rendered in any language, and bounded whatever they hold. */
#include <check.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"

static const char *lookup(enum language language, const char *english)
{
    static const char *const pairs[][2] = {
        {"%s is owned by %s, expected %s", "%s 的所有者为 %s，应为 %s"},
        {"%d of %s", "%2$s 中的 %1$d 个"},
        {"on", "开"},
        {"%s: %s", "%s：%s"},
        {"twice %s", "%1$s 和 %1$s，%2$s"},
    };

    for (size_t i = 0; language == LANGUAGE_ZH && i < countof(pairs); i++)
        if (strcmp(pairs[i][0], english) == 0)
            return pairs[i][1];
    return NULL;
}

static void expect(const struct str *message, const char *english, const char *chinese)
{
    scoped_str en = STR_INIT, zh = STR_INIT;

    message_render(&en, str_text(message), LANGUAGE_EN, lookup, 0);
    message_render(&zh, str_text(message), LANGUAGE_ZH, lookup, 0);
    ck_assert_str_eq(str_text(&en), english);
    ck_assert_str_eq(str_text(&zh), chinese);
}

START_TEST(arguments_are_kept_and_may_change_places)
{
    scoped_str text = STR_INIT;

    message_add(&text, "%s is owned by %s, expected %s", "/a", "x", "root");
    str_append(&text, "; ");
    message_add(&text, "%d of %s", 3, "/b");
    expect(&text, "/a is owned by x, expected root; 3 of /b", "/a 的所有者为 x，应为 root; /b 中的 3 个");
}
END_TEST

START_TEST(every_conversion_is_as_of_printf)
{
    scoped_str text = STR_INIT, wanted = STR_INIT;
    char bytes[] = "0123456789abcdef";

#define EACH                                                                                                           \
    "%d|%5i|%-5d|%u|%04o|%x|%X|%c|%s|%.12s|%lld|%llu|%ld|%lu|%zu|%.3g|100%%", -1, 2, 3, 4U, 0644U, 255U, 255U, 'c',    \
        "s", bytes, LLONG_MIN, ULLONG_MAX, -7L, 8UL, sizeof bytes, 1.256
    message_add(&text, EACH);
    str_printf(&wanted, EACH);
#undef EACH
    expect(&text, wanted.data, wanted.data);
    str_clear(&text);
    message_add(&text, "%.1f|%" PRId64 "|%" PRIu64 "|%jd|%td|%hd|%hhu", 2.55, INT64_MIN, UINT64_MAX, (intmax_t)-5,
                (ptrdiff_t)6, (short)-7, (unsigned char)8);
    expect(&text, "2.5|-9223372036854775808|18446744073709551615|-5|6|-7|8",
           "2.5|-9223372036854775808|18446744073709551615|-5|6|-7|8");
}
END_TEST

START_TEST(a_message_within_a_message_is_rendered_too)
{
    scoped_str reason = STR_INIT, text = STR_INIT;

    message_add(&reason, "%s: %s", "live-restore", M_("on"));
    message_add(&text, "%s: %s", "daemon", reason.data);
    expect(&text, "daemon: live-restore: on", "daemon：live-restore：开");
    str_clear(&text);
    message_add(&text, "%.3s: %s", reason.data, "x"); /* not cut within */
    expect(&text, "live-restore: on: x", "live-restore：开: x");
}
END_TEST

START_TEST(text_without_messages_is_as_it_is)
{
    scoped_str text = STR_INIT, buffer = STR_INIT;
    const char *plain = "100% of %s";

    str_append(&text, plain);
    expect(&text, plain, plain);
    ck_assert_ptr_eq(message_english(plain, &buffer), plain);
    ck_assert(!message_is_in(plain));
    ck_assert(!message_is_in(NULL));
    ck_assert_str_eq(message_english(M_("on"), &buffer), "on");
    ck_assert(message_is_in(M_("on")));
}
END_TEST

START_TEST(bytes_of_its_own_in_arguments_end_nothing)
{
    static const char *const hostile[] = {"\001", "\002x", "\003\003", "a\001b\002c", "\003\001"};
    scoped_str text = STR_INIT, shown = STR_INIT;

    for (size_t i = 0; i < countof(hostile); i++) {
        str_clear(&text);
        str_clear(&shown);
        message_add(&text, "%s is owned by %s, expected %s", hostile[i], "b", "c");
        message_render(&shown, text.data, LANGUAGE_ZH, lookup, 0);
        ck_assert_ptr_null(strpbrk(shown.data, "\001\002\003"));
        ck_assert_ptr_nonnull(strstr(shown.data, "的所有者为 b，应为 c"));
    }
}
END_TEST

START_TEST(what_is_long_is_cut_and_stays_translated)
{
    scoped_str name = STR_INIT, text = STR_INIT, shown = STR_INIT;

    for (int i = 0; i < 3000; i++)
        str_append(&name, "é");
    message_add(&text, "%s is owned by %s, expected %s", "/a", name.data, "root");
    message_render(&shown, text.data, LANGUAGE_ZH, lookup, 0);
    ck_assert(str_starts(shown.data, "/a 的所有者为 éé"));
    ck_assert(str_ends(shown.data, "éé…，应为 root"));
    str_clear(&shown);
    message_render(&shown, text.data, LANGUAGE_ZH, lookup, 100);
    ck_assert(str_starts(shown.data, "/a 的所有者为 éé"));
    ck_assert(str_ends(shown.data, "é…"));
    ck_assert_uint_le(shown.length, 103);
    text.data[20] = '\0'; /* its end is missing */
    str_clear(&shown);
    message_render(&shown, text.data, LANGUAGE_EN, lookup, 0);
    ck_assert_str_eq(shown.data, " is owned by , ");
}
END_TEST

/* Messages that hold each other twice, eight deep, and an endless row of conversions. */
START_TEST(a_bomb_is_bounded)
{
    scoped_str text = STR_INIT, shown = STR_INIT;

    for (int i = 0; i < 12; i++)
        str_append(&text, "\001twice %s\002");
    for (int i = 0; i < 12; i++)
        str_append(&text, "\002\003");
    message_render(&shown, text.data, LANGUAGE_ZH, lookup, 0);
    ck_assert_uint_le(shown.length, 65536 + 8);
    str_clear(&text);
    for (int i = 0; i < 8; i++) {
        str_append(&text, "\001");
        for (int j = 0; j < 4000; j++)
            str_append(&text, "%1$s");
        str_append(&text, "\002");
    }
    str_clear(&shown);
    message_render(&shown, text.data, LANGUAGE_EN, NULL, 0);
    ck_assert_uint_le(shown.length, 65536 + 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tests = tcase_create("message");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, arguments_are_kept_and_may_change_places);
    tcase_add_test(tests, every_conversion_is_as_of_printf);
    tcase_add_test(tests, a_message_within_a_message_is_rendered_too);
    tcase_add_test(tests, text_without_messages_is_as_it_is);
    tcase_add_test(tests, bytes_of_its_own_in_arguments_end_nothing);
    tcase_add_test(tests, what_is_long_is_cut_and_stays_translated);
    tcase_add_test(tests, a_bomb_is_bounded);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
