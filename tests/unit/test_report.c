/* Reports: texts from outside are inert in each format, the model chooses and counts, and a report is whole or an
 * error.
 *
 * --write FORMAT LANGUAGE prints a report with hostile names, for tests/reports. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/report/escape.h"
#include "agent/report/formats.h"
#include "agent/report/html.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "tests/unit/report_fixture.h"

static struct error error;

static const char *escaped(void (*escape)(struct str *out, const char *text), const char *text)
{
    static struct str out;

    str_clear(&out);
    escape(&out, text);
    return str_text(&out);
}

START_TEST(markup_is_text)
{
    ck_assert_str_eq(escaped(escape_markup, "<script>alert('x') & \"y\"</script>"),
                     "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;");
    ck_assert_str_eq(escaped(escape_markup, "a\nb\x1b[31m\xe2\x80\xae"
                                            "c\xff"),
                     "a\\x0ab\\x1b[31m\\u{202e}c\xef\xbf\xbd");
    ck_assert_str_eq(escaped(escape_markup_lines, "a\n<b>"), "a\n&lt;b&gt;");
    ck_assert_str_eq(escaped(escape_markup, "\xef\xbf\xbe\xef\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert_str_eq(escaped(escape_markup, NULL), "");
}
END_TEST

START_TEST(cells_are_no_formulas)
{
    static const char *const formulas[] = {"=1+1",
                                           "+1",
                                           "-1",
                                           "@SUM(A1)",
                                           " =1",
                                           "\xef\xbc\x9d"
                                           "1",
                                           "\"=1"};

    for (size_t i = 0; i < countof(formulas); i++)
        ck_assert_msg(str_starts(escaped(escape_csv, formulas[i]), "\"'"), "%s", formulas[i]);
    ck_assert_str_eq(escaped(escape_csv, "a \"b\", c"), "\"a \"\"b\"\", c\"");
    ck_assert_str_eq(escaped(escape_csv, "a\n=b\tc"), "\"a\n=b\\x09c\"");
    ck_assert_str_eq(escaped(escape_csv, ""), "\"\"");
}
END_TEST

START_TEST(markdown_has_no_markup)
{
    static const char hostile[] = "| `x` *y* _z_ [a](b) <i> &amp; #1 @user ~ ! $ ^ {} \\ https://x www.x WWW.y";
    const char *text = escaped(escape_markdown, hostile);

    for (const char *at = text; *at; at++)
        if (strchr("<>|\\`*_[]~!@$^{}:", *at))
            ck_abort_msg("%c in %s", *at, text);
    ck_assert_ptr_null(strstr(text, "www."));
    ck_assert_ptr_null(strstr(text, "WWW."));
    ck_assert_str_eq(escaped(escape_markdown, "a\nb"), "a&#92;x0ab");
}
END_TEST

START_TEST(messages_of_sarif_have_no_links_and_placeholders)
{
    ck_assert_str_eq(escaped(escape_sarif, "{0} [a](http://x)"), "{{0}} [a] (http://x)");
}
END_TEST

START_TEST(long_texts_are_cut)
{
    scoped(cleanup_free) char *text = mem_alloc(3 * ESCAPE_TEXT_MAX);

    memset(text, 'a', 3 * ESCAPE_TEXT_MAX - 1);
    ck_assert_uint_eq(strlen(escaped(escape_plain, text)), ESCAPE_TEXT_MAX);
    memset(text, '\n', 3 * ESCAPE_TEXT_MAX - 1);
    ck_assert_uint_le(strlen(escaped(escape_plain, text)), ESCAPE_TEXT_MAX);
}
END_TEST

/* ---- Whole reports ---- */

static void write_all(enum report_format format, struct str *ret)
{
    struct report_out out = {.fd = -1};

    ck_assert_int_eq(report_write(fixture_report(LANGUAGE_EN), format, &out, &error), 0);
    *ret = out.text;
}

static bool is_markup(enum report_format format)
{
    return format == REPORT_HTML || format == REPORT_MARKDOWN || format == REPORT_JUNIT;
}

/* Whoever reads it is shown no control character; where tags mean something, no name makes one. */
START_TEST(no_format_lets_a_name_through)
{
    static const char *const raw[] =
        {
            "\x1b", "\x07", "\xe2\x80\xae", "\xff", "\xc3\"",
        },
                             *const tags[] = {"<script", "<img", "<error/>", "<b>host", "\"><b>"};
    enum report_format format = (enum report_format)_i;
    scoped_str text = STR_INIT;

    write_all(format, &text);
    ck_assert_uint_gt(text.length, 1000);
    for (size_t i = 0; i < countof(raw); i++)
        ck_assert_msg(!strstr(text.data, raw[i]), "%s: raw text %zu", report_format_name(format), i);
    for (size_t i = 0; is_markup(format) && i < countof(tags); i++)
        ck_assert_msg(!strstr(text.data, tags[i]), "%s: %s", report_format_name(format), tags[i]);
}
END_TEST

START_TEST(json_formats_are_json)
{
    static const enum report_format formats[] = {REPORT_JSON, REPORT_SARIF, REPORT_HDF};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;

    write_all(formats[_i], &text);
    ck_assert_msg(json_parse(text.data, text.length, NULL, &doc, &error) == 0, "%s", error.text);
}
END_TEST

START_TEST(a_report_has_its_score_and_who_waived)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT;
    const struct json *root, *waiver;

    write_all(REPORT_JSON, &text);
    ck_assert_int_eq(json_parse(text.data, text.length, NULL, &doc, &error), 0);
    root = json_root(doc);
    ck_assert_int_eq(json_int(json_pointer(root, "/report/score/counted"), 0), 4);
    ck_assert_int_eq(json_int(json_pointer(root, "/report/score/value"), 0), 75);
    ck_assert_int_eq(json_int(json_pointer(root, "/report/score/without_waivers"), 0), 50);
    waiver = json_pointer(root, "/waivers/0");
    ck_assert_str_eq(json_text(json_get(waiver, "by"), ""), "Kim");
    ck_assert_str_eq(json_text(json_get(waiver, "expires"), ""), "2027-03-01T00:00:00.000000Z");
    ck_assert_uint_eq(json_count(json_get(root, "attestations")), 1);
}
END_TEST

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

/* Each finding that somebody vouches for, and whose word it is, until when. */
START_TEST(the_page_lists_who_attested_and_until_when)
{
    struct report_out out = {.fd = -1};
    scoped_str text = STR_INIT;

    write_all(REPORT_HTML, &text);
    ck_assert_uint_eq(count_of(text.data, "attested by Max &lt;i&gt;|=&quot;M&quot; until 2027-03-01 00:00 UTC"),
                      FIXTURE_ATTESTED);
    ck_assert_uint_eq(count_of(text.data, "waived by Kim until 2027-03-01 00:00 UTC"), FIXTURE_FINDINGS);
    ck_assert_ptr_nonnull(strstr(text.data, "<h2>Attested <small>7</small></h2>"));
    str_clear(&text);
    ck_assert_int_eq(report_write(fixture_report(LANGUAGE_ZH), REPORT_HTML, &out, &error), 0);
    ck_assert_uint_eq(count_of(out.text.data, "确认，有效期至 2027-03-01 00:00 UTC"), FIXTURE_ATTESTED);
    str_deinit(&out.text);
}
END_TEST

/* "sha256-…" in the policy is that of the style, which the page has once and no other. */
START_TEST(the_page_has_one_style_and_no_script)
{
    scoped_str text = STR_INIT;
    const char *style, *rest;

    write_all(REPORT_HTML, &text);
    style = strstr(text.data, "<style>");
    ck_assert_ptr_nonnull(style);
    ck_assert(str_starts(style + strlen("<style>"), html_style));
    rest = style + strlen("<style>") + strlen(html_style);
    ck_assert(str_starts(rest, "</style>"));
    ck_assert_ptr_null(strstr(rest, "<style"));
    ck_assert_ptr_null(strstr(rest, " style="));
    ck_assert_ptr_null(strstr(text.data, "<script"));
    ck_assert_ptr_nonnull(strstr(text.data, "default-src 'none'; style-src 'sha256-"));
    ck_assert_ptr_null(strstr(html_style, "url("));
    ck_assert_ptr_null(strstr(html_style, "@import"));
}
END_TEST

START_TEST(a_limit_is_an_error)
{
    struct report_out out = {.fd = -1, .limit = 2000};

    error = ERROR_INIT;
    ck_assert_int_eq(report_write(fixture_report(LANGUAGE_EN), (enum report_format)_i, &out, &error), -EFBIG);
    ck_assert_ptr_nonnull(strstr(error.text, "choose less of it"));
    str_deinit(&out.text);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    struct report_out out = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};

    error = ERROR_INIT;
    ck_assert_int_ge(out.fd, 0);
    ck_assert_int_eq(report_write(fixture_report(LANGUAGE_EN), (enum report_format)_i, &out, &error), -ENOSPC);
    close(out.fd);
}
END_TEST

START_TEST(formats_have_names)
{
    enum report_format format;

    for (int i = 0; i < REPORT_FORMAT_COUNT; i++) {
        ck_assert_int_eq(report_format_parse(report_format_name((enum report_format)i), &format, &error), 0);
        ck_assert_int_eq((int)format, i);
    }
    ck_assert_int_eq(report_format_parse("htm", &format, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "did you mean \"html\"?"));
}
END_TEST

static int write_to_stdout(const char *format_name, const char *language)
{
    enum report_format format;
    struct report_out out = {.fd = STDOUT_FILENO};

    if (report_format_parse(format_name, &format, &error) < 0 ||
        report_write(fixture_report(strcmp(language, "zh") == 0 ? LANGUAGE_ZH : LANGUAGE_EN), format, &out, &error) <
            0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("report");
    TCase *escapes = tcase_create("escapes"), *reports = tcase_create("reports");
    SRunner *runner;
    int failed;

    if (argc == 4 && strcmp(argv[1], "--write") == 0)
        return write_to_stdout(argv[2], argv[3]);
    tcase_add_test(escapes, markup_is_text);
    tcase_add_test(escapes, cells_are_no_formulas);
    tcase_add_test(escapes, markdown_has_no_markup);
    tcase_add_test(escapes, messages_of_sarif_have_no_links_and_placeholders);
    tcase_add_test(escapes, long_texts_are_cut);
    suite_add_tcase(suite, escapes);
    tcase_add_loop_test(reports, no_format_lets_a_name_through, 0, REPORT_FORMAT_COUNT);
    tcase_add_loop_test(reports, json_formats_are_json, 0, 3);
    tcase_add_test(reports, a_report_has_its_score_and_who_waived);
    tcase_add_test(reports, the_page_lists_who_attested_and_until_when);
    tcase_add_test(reports, the_page_has_one_style_and_no_script);
    tcase_add_loop_test(reports, a_limit_is_an_error, 0, REPORT_FORMAT_COUNT);
    tcase_add_loop_test(reports, a_full_disk_is_an_error, 0, REPORT_FORMAT_COUNT);
    tcase_add_test(reports, formats_have_names);
    suite_add_tcase(suite, reports);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
