/* Reduced JSON: what stays of a text, wherever it is cut, and that nothing else is taken for JSON than what is. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/json_filter.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "common/str.h"

static const struct json_kept kept[] = {{.path = "A"},
                                        {.path = "B/C"},
                                        {.path = "List/*/X"},
                                        {.path = "Keys/*", .keys_only = true},
                                        {.path = "Labels/*", .cut = 4, .members = 2},
                                        {.path = "Labels/name"},
                                        {.path = NULL}};

/* Fed in pieces of STEP bytes; NULL: it was refused, and why is in ERROR. The caller frees. */
static char *reduce(const struct json_shape *shape, const struct json_filter_limits *limits, const char *text,
                    size_t length, size_t step, struct error *error)
{
    scoped(cleanup_json_filter) struct json_filter *filter = json_filter_new(shape, limits);
    const char *reduced = "";
    int r = 0;

    for (size_t at = 0; r == 0 && at < length; at += step)
        r = json_filter_feed(filter, text + at, step < length - at ? step : length - at, error);
    if (r == 0)
        r = json_filter_end(filter, &reduced, &length, error);
    return r < 0 ? NULL : mem_strndup(reduced, length);
}

static const struct json_filter_limits no_limits;

START_TEST(what_stays)
{
    static const struct {
        const char *text, *reduced;
    } cases[] = {
        {"{}", "{}"},
        {" { \"A\" : 1 , \"Z\" : [ 2 , { \"A\" : 3 } ] } ", "{\"A\":1}"},
        {"{\"Z\":\"]}\\\"\",\"A\":[1, {\"x\": null}, \"\\u00e9\\n\"]}", "{\"A\":[1,{\"x\":null},\"\\u00e9\\n\"]}"},
        {"{\"\\u0041\":-1.5e+3}", "{\"\\u0041\":-1.5e+3}"},
        {"{\"B\":{\"A\":1,\"C\":2,\"D\":3}}", "{\"B\":{\"C\":2}}"},
        {"{\"B\":[1,2]}", "{\"B\":[]}"}, /* of another type: seen as that */
        {"{\"B\":null,\"A\":true}", "{\"B\":null,\"A\":true}"},
        {"{\"List\":[{\"X\":1,\"Y\":2},5,{},{\"X\":[]}]}", "{\"List\":[{\"X\":1},5,{},{\"X\":[]}]}"},
        {"{\"Keys\":{\"a\":{\"b\":1},\"c\":null,\"d\":[3]}}", "{\"Keys\":{\"a\":false,\"c\":null,\"d\":false}}"},
        {"{\"Labels\":{\"abcdefg\":\"12345678\",\"name\":\"123456\",\"b\":\"1\\n23\\u00e45\",\"c\":\"d\"}}",
         "{\"Labels\":{\"abcd\":\"1234\",\"name\":\"123456\",\"b\":\"1\\n23\"}}"},
        {"{\"Labels\":{\"a\":\"123\xc3\xa4\xc3\xa4\"}}", "{\"Labels\":{\"a\":\"123\xc3\xa4\"}}"},
        {"{\"A\":1,\"A\":2}", "{\"A\":1,\"A\":2}"},
        {"[1,2]", "[]"},
        {"7", "7"},
    };
    struct json_shape *shape = json_shape_new(kept);

    for (size_t i = 0; i < countof(cases); i++)
        for (size_t step = 1; step <= strlen(cases[i].text); step++) {
            struct error error = ERROR_INIT;
            scoped(cleanup_free) char *reduced =
                reduce(shape, &no_limits, cases[i].text, strlen(cases[i].text), step, &error);

            ck_assert_msg(reduced && strcmp(reduced, cases[i].reduced) == 0, "%s by %zu: %s %s", cases[i].text, step,
                          reduced ? reduced : "refused", error.text);
        }
    json_shape_free(shape);
}
END_TEST

/* Also in what no path leads to. */
START_TEST(what_is_no_json)
{
    static const char *const cases[] = {
        "",
        "{",
        "{\"Z\":",
        "{\"Z\"}",
        "{\"Z\":1,}",
        "{\"Z\":[1,]}",
        "{\"Z\":[1}",
        "{\"Z\":01}",
        "{\"Z\":1.}",
        "{\"Z\":+1}",
        "{\"Z\":nul}",
        "{\"Z\":nulll}",
        "{Z:1}",
        "{\"Z\":'a'}",
        "{} {}",
        "{}x",
        "{\"Z\":\"\n\"}",
        "{\"Z\":\"\\x\"}",
        "{\"Z\":\"\\u12g4\"}",
        "{\"Z\":\"",
        "{\"Z\" 1}",
        "{,}",
        "[,]",
        "{\"Z\":1 2}",
        "{\"Z\":1]",
        "]",
        "{\"Z\":--1}",
        "{\"Z\":1e}",
    };
    struct json_shape *shape = json_shape_new(kept);

    for (size_t i = 0; i < countof(cases); i++)
        for (size_t step = 1; step <= strlen(cases[i]) + 1; step++) {
            struct error error = ERROR_INIT;
            scoped(cleanup_free) char *reduced = reduce(shape, &no_limits, cases[i], strlen(cases[i]), step, &error);

            ck_assert_msg(!reduced && error.number == EINVAL, "%s by %zu is %s", cases[i], step, reduced);
        }
    json_shape_free(shape);
}
END_TEST

/* What a whole text is reduced to means what the text means. */
START_TEST(pointers)
{
    static const char text[] = "{\"a/b\":{\"0\":[1,{\"x\":2,\"y\":3},{\"x\":4}],\"z\":5},\"m~\":6}";
    static const char *const cases[] = {"/a~1b/0/1/x", "/a~1b/0/2/x", "/m~0", "/a~1b/z", "/a~1b", "/none", "/a~1b/0/9"};
    struct json_doc *whole = NULL;

    ck_assert_int_eq(json_parse(text, strlen(text), NULL, &whole, NULL), 0);
    for (size_t i = 0; i < countof(cases); i++) {
        struct json_shape *shape = json_shape_new(NULL);
        const struct json *a, *b;
        struct json_doc *doc = NULL;
        char *reduced;

        json_shape_add_pointer(shape, cases[i]);
        reduced = reduce(shape, &no_limits, text, strlen(text), 1, NULL);
        ck_assert_ptr_nonnull(reduced);
        ck_assert_int_eq(json_parse(reduced, strlen(reduced), NULL, &doc, NULL), 0);
        a = json_pointer(json_root(whole), cases[i]);
        b = json_pointer(json_root(doc), cases[i]);
        ck_assert_msg(!a == !b && json_type(a) == json_type(b) && json_count(a) == json_count(b) &&
                          json_int(a, 0) == json_int(b, 0),
                      "%s in %s", cases[i], reduced);
        free(reduced);
        json_doc_free(doc);
        json_shape_free(shape);
    }
    json_doc_free(whole);
}
END_TEST

START_TEST(limits)
{
    static const struct {
        struct json_filter_limits limits;
        const char *before, *each, *after;
        int number;
    } cases[] = {
        {{.bytes = 1 << 20}, "{\"Z\":[", "1,", "1]}", EFBIG},
        {{.text = 1 << 16}, "{\"Z\":[", "1,", "1]}", 0},
        {{.text = 1 << 16}, "{\"A\":\"", "xx", "\"}", EFBIG},
        {{.text = 1 << 16}, "{\"Keys\":{\"", "xx", "\":1}}", EFBIG},
        {{.text = 1 << 16}, "{\"Z\":{\"", "xx", "\":1}}", 0},
        {{.text = 1 << 16}, "{\"Labels\":{\"", "xx", "\":1}}", 0},
        {{.cost = 1 << 20}, "{\"A\":[", "1,", "1]}", EFBIG},
        {{.cost = 1 << 20}, "{\"Z\":\"", "xx", "\"}", 0},
        {{.depth = 5}, "{\"Z\":", "[[", "", EINVAL},
        {{0}, "{\"Z\":", "[[", "", EINVAL},
        {{0}, "{\"Z\":", "11", "}", EINVAL},
    };
    struct json_shape *shape = json_shape_new(kept);

    for (size_t i = 0; i < countof(cases); i++) {
        scoped_str text = STR_INIT;
        struct error error = ERROR_INIT;
        scoped(cleanup_free) char *reduced = NULL;

        str_append(&text, cases[i].before);
        while (text.length < 2 << 20)
            str_append(&text, cases[i].each);
        str_append(&text, cases[i].after);
        reduced = reduce(shape, &cases[i].limits, text.data, text.length, 16 * 1024, &error);
        ck_assert_msg(error.number == cases[i].number && !reduced == !!error.number, "case %zu: %s", i, error.text);
    }
    json_shape_free(shape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json filter");
    TCase *tests = tcase_create("filter");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_stays);
    tcase_add_test(tests, what_is_no_json);
    tcase_add_test(tests, pointers);
    tcase_add_test(tests, limits);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
