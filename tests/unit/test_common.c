/* Unit tests of common/: maps, JSON both ways, text, clock, files under a host root. */
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json_out.h"
#include "common/log.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/text.h"

START_TEST(test_map_keeps_and_walks)
{
    struct map *map = map_new(free);
    size_t at = 0, seen = 0;
    const char *key;
    void *value;

    for (int i = 0; i < 1000; i++) {
        char name[16];

        snprintf(name, sizeof name, "k%d", i);
        map_set(map, name, strdup(name));
    }
    ck_assert_uint_eq(map_count(map), 1000);
    while (map_next(map, &at, &key, &value)) {
        ck_assert_str_eq(key, value);
        seen++;
        if (seen % 2)
            ck_assert(map_remove(map, key)); /* removing the current one is allowed */
    }
    ck_assert_uint_eq(seen, 1000);
    ck_assert_uint_eq(map_count(map), 500);
    for (at = 0; map_next(map, &at, NULL, NULL);)
        seen++;
    ck_assert_uint_eq(seen, 1500);
    ck_assert_ptr_null(map_get(map, "absent"));
    map_free(map);
}
END_TEST

START_TEST(test_hash_separates_fields)
{
    struct hash a, b;

    hash_init(&a);
    hash_bytes(&a, "ab", 2);
    hash_bytes(&a, "c", 1);
    hash_init(&b);
    hash_bytes(&b, "a", 1);
    hash_bytes(&b, "bc", 2);
    ck_assert_uint_ne(hash_end(&a), hash_end(&b));
}
END_TEST

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;

    ck_assert_msg(json_parse(text, strlen(text), NULL, &doc, &error) == 0, "%s: %s", text, error.text);
    return doc;
}

START_TEST(test_json_reads)
{
    struct json_doc *doc = parse("{\"a\":{\"b\":[1,-2.5,\"x\\u0000y\",true,null]},\n\"a/b\":1e3,\"d\":1,\"d\":2,"
                                 "\"big\":99999999999999999999}");
    const struct json *root = json_root(doc), *list = json_path(root, "a", "b", NULL);
    size_t length;

    ck_assert_int_eq(json_int(json_at(list, 0), 9), 1);
    ck_assert_int_eq(json_int(json_at(list, 1), 9), -2);
    ck_assert_ptr_nonnull(json_string_n(json_at(list, 2), &length));
    ck_assert_uint_eq(length, 3);
    ck_assert(json_bool(json_pointer(root, "/a/b/3"), false));
    ck_assert_int_eq(json_int(json_pointer(root, "/a~1b"), 0), 1000);
    ck_assert_int_eq(json_int(json_get(root, "d"), 0), 2);
    ck_assert(json_int(json_get(root, "big"), 0) == INT64_MAX);
    ck_assert_uint_eq(json_line(json_get(root, "d")), 2);
    ck_assert_ptr_null(json_pointer(root, "/a/b/9"));
    ck_assert_ptr_null(json_get(NULL, "x"));
    json_doc_free(doc);
}
END_TEST

/* Loops over a document's members count them first, and an array has values to count. */
START_TEST(test_json_member_of_what_is_no_object)
{
    static const char text[] = "[[\"x\"], {}, \"y\"]";
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;

    ck_assert_int_eq(json_parse(text, strlen(text), NULL, &doc, NULL), 0);
    for (size_t i = 0; i < json_count(json_root(doc)); i++) {
        const char *key = NULL;
        size_t length = 7;

        ck_assert_ptr_null(json_member(json_at(json_root(doc), i), 0, &key, &length));
        ck_assert_str_eq(key, "");
        ck_assert_uint_eq(length, 0);
    }
}
END_TEST

START_TEST(test_json_refuses)
{
    static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1} x", "nul", "\"a", "// c\n1", "{'a':1}"};
    struct json_doc *doc = NULL;
    struct error error = ERROR_INIT;
    struct json_limits limits = {.depth = 3, .values = 5};

    for (size_t i = 0; i < countof(bad); i++) {
        ck_assert_int_eq(json_parse(bad[i], strlen(bad[i]), NULL, &doc, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error.text, "line "));
    }
    ck_assert_int_eq(json_parse(NULL, 0, NULL, &doc, &error), -EINVAL); /* an empty body has no bytes at all */
    ck_assert_int_eq(json_parse("[1,\n2,\n", 7, NULL, &doc, &error), -EINVAL);
    ck_assert_str_eq(error.text, "line 3, column 1: unexpected end of the text");
    ck_assert_int_lt(json_parse("[[[[1]]]]", 9, &limits, &doc, &error), 0);
    ck_assert_ptr_nonnull(strstr(error.text, "deep"));
    ck_assert_int_lt(json_parse("[1,2,3,4,5,6]", 13, &limits, &doc, &error), 0);
}
END_TEST

static void count_value(const struct json *value, void *user)
{
    *(int64_t *)user += json_int(json_get(value, "n"), 100);
}

START_TEST(test_json_stream_any_split)
{
    static const char text[] = "{\"n\":1,\"s\":\"}\\\"{\"}\n\x1e{\"n\":2}{\"n\":3}\r\n 7 ";

    for (size_t step = 1; step < sizeof text; step++) {
        int64_t sum = 0;
        struct json_stream *stream = json_stream_new(NULL, NULL, count_value, &sum);

        for (size_t i = 0; i < sizeof text - 1; i += step) {
            size_t n = sizeof text - 1 - i < step ? sizeof text - 1 - i : step;

            ck_assert_int_eq(json_stream_feed(stream, text + i, n, NULL), 0);
        }
        ck_assert_int_eq(sum, 106);
        json_stream_free(stream);
    }
}
END_TEST

START_TEST(test_json_writes)
{
    struct json_out *out = json_out_new(false);
    struct json_doc *doc;

    json_out_object(out, NULL);
    json_out_string(out, "s", "a\"\n\xff");
    json_out_raw(out, "r", "{\"x\":[1]}");
    json_out_array(out, "a");
    json_out_int(out, NULL, INT64_MIN);
    json_out_null(out, NULL);
    json_out_end_array(out);
    json_out_end_object(out);
    ck_assert_ptr_null(strchr(json_out_text(out, NULL), '\n'));
    doc = parse(json_out_text(out, NULL));
    ck_assert_str_eq(json_string(json_get(json_root(doc), "s")), "a\"\n\xef\xbf\xbd");
    ck_assert_int_eq(json_int(json_pointer(json_root(doc), "/r/x/0"), 0), 1);
    json_doc_free(doc);
    json_out_free(out);
}
END_TEST

START_TEST(test_text)
{
    scoped_str s = STR_INIT;

    text_escape(&s, "a\n\x1b[31m\xe2\x80\xae\xff", 11, 0);
    ck_assert_str_eq(s.data, "a\\x0a\\x1b[31m\\u{202e}\xef\xbf\xbd");
    str_clear(&s);
    text_escape(&s, "abcdefgh", 8, 6);
    ck_assert_str_eq(s.data, "abc\xe2\x80\xa6");
    str_clear(&s);
    text_shell_quote(&s, "it's");
    ck_assert_str_eq(s.data, "'it'\\''s'");
    str_clear(&s);
    text_shell_quote(&s, "it's\n$(x)\\"); /* no quote in it that ends the word for a shell without $'…' */
    ck_assert_str_eq(s.data, "$'it\\x27s\\x0a$(x)\\\\'");
    ck_assert(text_glob("web-*-?", "web-a-b-c"));
    ck_assert(!text_glob("web-?", "web-10"));
    ck_assert_uint_eq(text_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(text_columns("a\xe4\xb8\xad"), 3);
    ck_assert_uint_eq(text_fitting("a\xe4\xb8\xadx", 2), 1);
    ck_assert_uint_eq(text_fitting("a\xe4\xb8\xadx", 3), 4);
    ck_assert_uint_eq(text_fitting("e\xcc\x81x", 1), 3);
    ck_assert_uint_eq(text_fitting("", 5), 0);
    ck_assert_uint_eq(text_fitting("abc", 5), 3);
}
END_TEST

START_TEST(context_is_named_once)
{
    ck_assert_str_eq(text_without_context("unix:///x: No such file", "unix:///x"), "No such file");
    ck_assert_str_eq(text_without_context("unix:///xy: No such file", "unix:///x"), "unix:///xy: No such file");
    ck_assert_str_eq(text_without_context("the engine is stopped", "unix:///x"), "the engine is stopped");
    ck_assert_ptr_null(text_without_context(NULL, "unix:///x"));
}
END_TEST

START_TEST(numbers_as_the_engine_reads_them)
{
    static const struct {
        const char *text;
        int r;
        int64_t number;
    } numbers[] = {{"0", 0, 0},
                   {"00", 0, 0},
                   {"+0", 0, 0},
                   {"-0", 0, 0},
                   {"007", 0, 7},
                   {"+1000", 0, 1000},
                   {"-1", 0, -1},
                   {"4294967296", 0, INT64_C(4294967296)},
                   {"9223372036854775807", 0, INT64_MAX},
                   {"-9223372036854775808", 0, INT64_MIN},
                   {"0000000000000000000000000000012", 0, 12},
                   {"9223372036854775808", -ERANGE, INT64_MAX},
                   {"-9223372036854775809", -ERANGE, INT64_MIN},
                   {"99999999999999999999999999", -ERANGE, INT64_MAX},
                   {"9999999999999999999999999x", -EINVAL, 0},
                   {"", -EINVAL, 0},
                   {"+", -EINVAL, 0},
                   {"-", -EINVAL, 0},
                   {"+-1", -EINVAL, 0},
                   {"0x0", -EINVAL, 0},
                   {"1_000", -EINVAL, 0},
                   {"1e3", -EINVAL, 0},
                   {" 1", -EINVAL, 0},
                   {"1 ", -EINVAL, 0},
                   {"1.0", -EINVAL, 0}};

    for (size_t i = 0; i < countof(numbers); i++) {
        int64_t number = 1;

        ck_assert_msg(text_go_number(numbers[i].text, strlen(numbers[i].text), &number) == numbers[i].r, "%s",
                      numbers[i].text);
        ck_assert_msg(number == numbers[i].number, "%s: %lld", numbers[i].text, (long long)number);
    }
}
END_TEST

START_TEST(test_clock)
{
    char text[CLOCK_TEXT_SIZE];
    usec_t at;

    ck_assert_int_eq(clock_parse("2026-11-24T10:00:00.123456789+01:00", &at), 0);
    ck_assert_str_eq(clock_format(at, text), "2026-11-24T09:00:00.123456Z");
    ck_assert_int_eq(clock_parse("2026-13-24T10:00:00Z", &at), -EINVAL);
    ck_assert_int_eq(clock_parse("2027-02-29T10:00:00Z", &at), -EINVAL);
    ck_assert_int_eq(clock_parse("2028-02-29T10:00:00Z", &at), 0);
    ck_assert_int_eq(clock_parse("2027-04-31T10:00:00Z", &at), -EINVAL);
    ck_assert_int_eq(clock_parse("2026-11-24T10:00:00", &at), -EINVAL);
    ck_assert_int_eq(clock_parse("9999-12-31T23:59:59-00:01", &at), -EINVAL);
    ck_assert_int_eq(clock_parse("0001-01-01T00:00:00+00:01", &at), -EINVAL);
    ck_assert_int_eq(clock_parse("0001-01-01T00:00:00Z", &at), 0);
    ck_assert_str_eq(clock_format(at, text), "0001-01-01T00:00:00.000000Z");
}
END_TEST

START_TEST(so_many_lines_a_minute)
{
    struct log_limit limit = {0};
    const usec_t start = 5 * USEC_PER_SEC;
    unsigned said = 0, held_back = 0;

    for (unsigned i = 0; i < 1000; i++)
        said += log_allowed(&limit, start + i, &held_back);
    ck_assert_uint_eq(said, LOG_LINES_A_MINUTE);
    ck_assert_uint_eq(held_back, 0);
    ck_assert(!log_allowed(&limit, start + 59 * USEC_PER_SEC, &held_back));
    ck_assert(log_allowed(&limit, start + 60 * USEC_PER_SEC, &held_back));
    ck_assert_uint_eq(held_back, 1000 - LOG_LINES_A_MINUTE + 1);
    ck_assert(log_allowed(&limit, start + 60 * USEC_PER_SEC, &held_back));
    ck_assert_uint_eq(held_back, 0);
}
END_TEST

START_TEST(seconds_that_are_no_time)
{
    static const int64_t bad[] = {INT64_MAX,    INT64_MIN,    1000000000000000000,      -1000000000000000000,
                                  253402300800, -62135596801, INT64_MAX / USEC_PER_SEC, INT64_MAX / USEC_PER_SEC + 1};
    char text[CLOCK_TEXT_SIZE];
    usec_t at = 7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(usec_from_seconds(bad[i], &at), -ERANGE);
    ck_assert_int_eq(at, 7);
    ck_assert_int_eq(usec_from_seconds(0, &at), 0);
    ck_assert_int_eq(at, 0);
    ck_assert_int_eq(usec_from_seconds(-1, &at), 0);
    ck_assert_int_eq(at, -USEC_PER_SEC);
    ck_assert_int_eq(usec_from_seconds(253402300799, &at), 0);
    ck_assert_str_eq(clock_format(at, text), "9999-12-31T23:59:59.000000Z");
    ck_assert_int_eq(usec_from_seconds(-62135596800, &at), 0);
    ck_assert_str_eq(clock_format(at, text), "0001-01-01T00:00:00.000000Z");
}
END_TEST

START_TEST(test_host_root)
{
    char folder[] = "/tmp/test-root-XXXXXX", path[128];
    struct host_root *root = NULL;
    scoped_str text = STR_INIT;
    scoped(cleanup_free) char *target = NULL, *outside = NULL;
    struct stat st;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run", folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/run/f", folder);
    ck_assert_int_eq(file_replace(path, "hello", 5, 0640, NULL), 0);
    snprintf(path, sizeof path, "%s/var", folder);
    ck_assert_int_eq(symlink("/run", path), 0); /* absolute: inside the root */
    ck_assert_int_eq(host_root_open(folder, &root, NULL), 0);
    ck_assert_int_eq(host_read(root, "/var/f", 100, &text, NULL), 0);
    ck_assert_str_eq(text.data, "hello");
    ck_assert_int_eq(host_read(root, "/var/f", 4, &text, NULL), -EFBIG);
    ck_assert_int_eq(host_stat(root, "/var/f", &st, NULL), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    ck_assert_int_eq(host_stat(root, "/var/../../../none", &st, NULL), -ENOENT);
    ck_assert_int_eq(host_resolve(root, "/var/../var/absent/x", &target, NULL), 0);
    ck_assert_str_eq(target, "/run/absent/x");
    outside = host_outside_path(root, "/var/f");
    snprintf(path, sizeof path, "%s/run/f", folder);
    ck_assert_str_eq(outside, path);
    host_root_close(root);
    unlink(path);
    snprintf(path, sizeof path, "%s/run", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/var", folder);
    unlink(path);
    rmdir(folder);
}
END_TEST

static bool directories_fail;

/* In the place of libc's, for who is linked with this program. */
DIR *fdopendir(int fd)
{
    if (!directories_fail)
        return ((DIR * (*)(int)) dlsym(RTLD_NEXT, "fdopendir"))(fd);
    errno = ENOMEM;
    return NULL;
}

START_TEST(test_host_list)
{
    char folder[] = "/tmp/test-list-XXXXXX", **paths = NULL;
    scoped(cleanup_free) char *b = NULL, *a = NULL, *hidden = NULL, *other = NULL;
    struct host_root *root = NULL;
    int before, after;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    b = mem_printf("%s/b.conf", folder), a = mem_printf("%s/a.conf", folder);
    hidden = mem_printf("%s/.c.conf", folder), other = mem_printf("%s/d", folder);
    ck_assert_int_eq(file_replace(b, "", 0, 0600, NULL) + file_replace(a, "", 0, 0600, NULL) +
                         file_replace(hidden, "", 0, 0600, NULL) + file_replace(other, "", 0, 0600, NULL),
                     0);
    ck_assert_int_eq(host_root_open(folder, &root, NULL), 0);
    ck_assert_int_eq(host_list(root, "/", ".conf", 2, &paths), 0);
    ck_assert_str_eq(paths[0], "//a.conf");
    ck_assert_str_eq(paths[1], "//b.conf");
    ck_assert_ptr_null(paths[2]);
    for (size_t i = 0; paths[i]; i++)
        free(paths[i]);
    free(paths);
    before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(host_list(root, "/", ".conf", 1, &paths), -E2BIG);
    ck_assert_int_eq(host_list(root, "/absent", ".conf", 1, &paths), -ENOENT);
    directories_fail = true;
    ck_assert_int_eq(host_list(root, "/", ".conf", 2, &paths), -ENOMEM);
    directories_fail = false;
    after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(after, before + 1); /* the lowest that is free: nothing was left open */
    close(before);
    close(after);
    host_root_close(root);
    unlink(a), unlink(b), unlink(hidden), unlink(other);
    rmdir(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("common");
    TCase *tests = tcase_create("common");
    SRunner *runner;
    int failed;

    setlocale(LC_CTYPE, "C.UTF-8"); /* by which widths are counted */
    tcase_add_test(tests, test_map_keeps_and_walks);
    tcase_add_test(tests, test_hash_separates_fields);
    tcase_add_test(tests, test_json_reads);
    tcase_add_test(tests, test_json_member_of_what_is_no_object);
    tcase_add_test(tests, test_json_refuses);
    tcase_add_test(tests, test_json_stream_any_split);
    tcase_add_test(tests, test_json_writes);
    tcase_add_test(tests, test_text);
    tcase_add_test(tests, context_is_named_once);
    tcase_add_test(tests, numbers_as_the_engine_reads_them);
    tcase_add_test(tests, test_clock);
    tcase_add_test(tests, seconds_that_are_no_time);
    tcase_add_test(tests, so_many_lines_a_minute);
    tcase_add_test(tests, test_host_root);
    tcase_add_test(tests, test_host_list);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
