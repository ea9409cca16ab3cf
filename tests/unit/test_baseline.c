/* Baselines: what counts as new, and that nothing but a whole one is taken for one. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/baseline.h"

#define UID_A "99999999-8888-5777-a666-555555555501"
#define UID_B "99999999-8888-5777-a666-555555555502"
#define UID_C "99999999-8888-5777-a666-555555555503"

static struct error error;

static int parse(const char *text, struct baseline **ret)
{
    error = ERROR_INIT;
    return baseline_parse(text, strlen(text), "base.json", ret, &error);
}

START_TEST(what_is_saved_is_read)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    scoped(cleanup_baseline) struct baseline *baseline = NULL;

    baseline_begin(out, 1000000, "host", "machine", "dosec-1.0");
    baseline_add(out, &(struct baseline_finding){UID_A, "fail", "container-privileged", "container:w<e>b\n", "high"});
    baseline_add(out, &(struct baseline_finding){.uid = UID_B, .status = "error"});
    baseline_end(out);
    ck_assert_msg(parse(json_out_text(out, NULL), &baseline) == 0, "%s", error.text);
    ck_assert_uint_eq(baseline_count(baseline), 2);
    ck_assert_str_eq(baseline_machine(baseline), "machine");
    ck_assert_str_eq(baseline_at(baseline, 0).subject, "container:w<e>b\n");
    ck_assert_ptr_null(baseline_at(baseline, 1).rule);
}
END_TEST

START_TEST(a_failure_is_new_unless_it_failed)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;

    ck_assert_int_eq(parse("{\"baseline\":1,\"findings\":[{\"uid\":\"" UID_A "\",\"status\":\"fail\"},"
                           "{\"uid\":\"" UID_B "\",\"status\":\"error\"}]}",
                           &baseline),
                     0);
    ck_assert(!baseline_is_new(baseline, UID_A, "fail"));
    ck_assert(!baseline_is_new(baseline, UID_A, "error"));
    ck_assert(baseline_is_new(baseline, UID_B, "fail"));
    ck_assert(!baseline_is_new(baseline, UID_B, "error"));
    ck_assert(baseline_is_new(baseline, UID_C, "fail"));
    ck_assert(baseline_is_new(baseline, UID_C, "error"));
    ck_assert(!baseline_is_new(baseline, UID_C, "pass"));
}
END_TEST

START_TEST(a_report_is_a_baseline)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;

    ck_assert_int_eq(parse("{\"report\":{\"machine\":\"m\",\"created\":\"t\"},\"findings\":[{\"uid\":\"" UID_A
                           "\",\"status\":\"pass\"},{\"uid\":\"" UID_B "\",\"status\":\"fail\"}]}",
                           &baseline),
                     0);
    ck_assert_str_eq(baseline_machine(baseline), "m");
    ck_assert_str_eq(baseline_made(baseline), "t");
    ck_assert(baseline_is_new(baseline, UID_A, "fail"));
    ck_assert(!baseline_is_new(baseline, UID_B, "fail"));
}
END_TEST

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "base.json: not a baseline"},
    {"{\"baseline\":1,\"findings\":[", "base.json: not a baseline"},
    {"[]", "make one with: agentctl baseline save FILE"},
    {"{\"baseline\":2,\"findings\":[]}", "a baseline of version 2; this program reads version 1"},
    {"{\"baseline\":1}", "\"findings\" must be a list"},
    {"{\"baseline\":1,\"findings\":[{}]}", "without a valid \"uid\""},
    {"{\"baseline\":1,\"findings\":[{\"uid\":\"" UID_A "\\u0000\",\"status\":\"fail\"}]}", "without a valid \"uid\""},
    {"{\"baseline\":1,\"findings\":[{\"uid\":\"" UID_A "\"}]}", "without \"status\""},
    {"{\"baseline\":1,\"findings\":[{\"uid\":\"" UID_A "\",\"status\":\"fail\"},{\"uid\":\"" UID_A
     "\",\"status\":\"fail\"}]}",
     "duplicate finding"},
};

START_TEST(anything_else_is_an_error)
{
    struct baseline *baseline = NULL;

    ck_assert_int_lt(parse(bad[_i].text, &baseline), 0);
    ck_assert_ptr_null(baseline);
    ck_assert_msg(strstr(error.text, bad[_i].why) != NULL, "%s", error.text);
}
END_TEST

START_TEST(a_missing_file_is_an_error)
{
    struct baseline *baseline = NULL;

    ck_assert_int_eq(baseline_read("/nonexistent", &baseline, &error), -ENOENT);
    ck_assert_ptr_null(baseline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("baseline");
    TCase *tests = tcase_create("baseline");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, what_is_saved_is_read);
    tcase_add_test(tests, a_failure_is_new_unless_it_failed);
    tcase_add_test(tests, a_report_is_a_baseline);
    tcase_add_loop_test(tests, anything_else_is_an_error, 0, (int)countof(bad));
    tcase_add_test(tests, a_missing_file_is_an_error);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
