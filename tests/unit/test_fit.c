/* What is fitted to columns: names cut in their middle, lines, commands that are continued, tables whose cells are as
 * wide as may be. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/fit.h"
#include "agent/ctl/table.h"
#include "common/memory.h"
#include "common/text.h"

static char *cut(const char *text, size_t columns, bool ascii)
{
    struct str out = STR_INIT;

    fit_middle(&out, text, columns, ascii);
    str_append(&out, "");
    ck_assert_uint_le(text_columns(out.data), columns);
    return out.data;
}

START_TEST(names_are_cut_in_the_middle)
{
    static const struct {
        const char *text;
        size_t columns;
        bool ascii;
        const char *wanted;
    } rows[] = {
        {"web", 3, false, "web"},
        {"monitoring-prometheus-node-exporter-1", 16, false, "monitor…porter-1"},
        {"monitoring-prometheus-node-exporter-2", 16, true, "monito...orter-2"},
        {"/usr/lib/systemd/system/docker.service", 24, false, "/usr/lib…/docker.service"},
        {"中文中文中文", 8, false, "中…中文"},
        {"abcdef", 1, false, "…"},
        {"abcdef", 2, true, ".."},
        {"abcdef", 0, false, ""},
        {"aaaaae\xcc\x81xyz", 5, false, "aa…yz"}, /* no mark without its letter */
    };

    for (size_t i = 0; i < countof(rows); i++) {
        scoped(cleanup_free) char *got = cut(rows[i].text, rows[i].columns, rows[i].ascii);

        ck_assert_str_eq(got, rows[i].wanted);
    }
}
END_TEST

START_TEST(what_has_no_width_is_escaped)
{
    scoped_str out = STR_INIT, none = STR_INIT, empty = STR_INIT;

    fit_escape(&out, "a\u0378\x1b\n中");
    ck_assert_str_eq(out.data, "a\\u{0378}\\x1b\\x0a中");
    fit_escape(&none, NULL);
    ck_assert_str_eq(none.data, "-");
    fit_escape(&empty, "");
    ck_assert_str_eq(empty.data, "");
}
END_TEST

START_TEST(long_words_break_behind_a_separator)
{
    ck_assert_uint_eq(text_line("/usr/share/docker-bench", 14), 11);
    ck_assert_uint_eq(text_line("    indented text", 12), 12);
    ck_assert_uint_eq(text_line("a  b", 80), 4);
    ck_assert_uint_eq(text_line("a    b", 3), 1);
    ck_assert_uint_eq(text_line("ends with blanks   ", 80), 16);
}
END_TEST

static void expect_commands(const char *commands, size_t columns, const char *wanted)
{
    scoped_str out = STR_INIT;

    fit_commands(&out, commands, 4, columns);
    ck_assert_str_eq(str_text(&out), wanted);
}

START_TEST(commands_can_be_pasted)
{
    expect_commands("docker update web", 80, "    docker update web\n");
    expect_commands("docker update --memory 512m web", 24, "    docker update \\\n      --memory 512m web\n");
    expect_commands("echo 'a quoted word of some length' b", 20,
                    "    echo \\\n      'a quoted word of some length' \\\n        b\n");
    expect_commands("echo $'it\\'s here' and there", 24, "    echo $'it\\'s here' \\\n      and there\n");
    expect_commands("a\\ word that\\ is one", 16, "    a\\ word \\\n      that\\ is \\\n        one\n");
    expect_commands("# a comment of several words\nls", 30, "    # a comment of several\n    # words\n    ls\n");
    expect_commands("cat >f <<EOF\none two three four five six\nEOF", 20,
                    "    cat >f <<EOF\n    one two three four five six\n    EOF\n");
    expect_commands("echo 'one\ntwo three four five six seven\n'", 20,
                    "    echo 'one\n    two three four five six seven\n    '\n");
    expect_commands("one two three four", SIZE_MAX, "    one two three four\n");
}
END_TEST

/* What PRINT writes to standard output. */
static struct str printed(struct table *table)
{
    FILE *file = tmpfile();
    struct str text = STR_INIT;
    int before = dup(STDOUT_FILENO);
    char buffer[512];
    size_t n;

    ck_assert_ptr_nonnull(file);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    table_print(table);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(file);
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        str_append_n(&text, buffer, n);
    fclose(file);
    str_append(&text, "");
    return text;
}

static const struct table_column columns[] = {{"id", "ID", TABLE_WORD, TABLE_EVERYWHERE},
                                              {"name", "NAME", TABLE_NAME, TABLE_EVERYWHERE},
                                              {"n", "N", TABLE_NUMBER, TABLE_EVERYWHERE},
                                              {"text", "TEXT", TABLE_TEXT, TABLE_EVERYWHERE}};

static void add(struct table *table, const char *id, const char *name, const char *n, const char *text)
{
    table_row(table,
              (const struct table_cell[]){{id, MARK_NONE}, {name, MARK_NONE}, {n, MARK_NONE}, {text, MARK_NONE}});
}

START_TEST(columns_are_as_wide_as_may_be)
{
    const struct terminal terminal = {.width = 60, .headings = true};
    scoped(cleanup_table) struct table *table = table_new(&terminal, columns, countof(columns));
    scoped_str out = STR_INIT;

    add(table, "1", "web", "7", "short");
    add(table, "10", NULL, "12345", "a sentence that is too long for the room that it has in a table of sixty columns");
    table_lines(table, "  below\n");
    out = printed(table);
    ck_assert_str_eq(out.data, "ID  NAME      N  TEXT\n"
                               "1   web       7  short\n"
                               "10  -     12345  a sentence that is too long for the room\n"
                               "                 that it has in a table of sixty columns\n"
                               "  below\n");
}
END_TEST

START_TEST(names_that_would_look_the_same_are_whole)
{
    static const char left[] =
        "proxy-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                      right[] =
                          "proxy-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-2-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const struct terminal terminal = {.width = 50, .headings = true};
    scoped(cleanup_table) struct table *table = table_new(&terminal, columns, 2);
    scoped_str out = STR_INIT;

    add(table, "1", left, "", "");
    add(table, "2", right, "", "");
    add(table, "3", "another-name-that-is-much-too-long-for-this-column-of-it", "", "");
    out = printed(table);
    ck_assert_ptr_nonnull(strstr(out.data, "-1-"));
    ck_assert_ptr_nonnull(strstr(out.data, "-2-"));
    ck_assert_ptr_nonnull(strstr(out.data, "3   another-name-that-is-m…g-for-this-column-of-it\n"));
}
END_TEST

/* A text that would be a narrow column stands below its row. */
START_TEST(sentences_without_room_stand_below)
{
    const struct terminal terminal = {.width = 50, .headings = true};
    scoped(cleanup_table) struct table *table = table_new(&terminal, columns, countof(columns));
    scoped_str out = STR_INIT;

    add(table, "1", "a-name-of-thirty-five-characters-ab", "1", "a sentence that would be narrow");
    out = printed(table);
    ck_assert_str_eq(out.data, "ID  NAME                                 N\n"
                               "1   a-name-of-thirty-five-characters-ab  1\n"
                               "    a sentence that would be narrow\n");
}
END_TEST

/* More rows than are kept at once are printed in between, under one heading. */
START_TEST(many_rows)
{
    enum { ROWS = 12000 };
    const struct terminal terminal = {.width = 80, .headings = true}, tsv = {.output = OUTPUT_TSV, .headings = true};
    const struct terminal *const terminals[] = {&terminal, &tsv};

    for (size_t i = 0; i < countof(terminals); i++) {
        scoped(cleanup_table) struct table *table = table_new(terminals[i], columns, countof(columns));
        FILE *null = freopen("/dev/null", "w", stdout);

        ck_assert_ptr_nonnull(null);
        for (unsigned r = 0; r < ROWS; r++)
            add(table, "1", "web", "1", "text");
        table_print(table);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fit");
    TCase *tests = tcase_create("fit");
    SRunner *runner = srunner_create(suite);
    int failed;

    terminal_set_locale();
    tcase_add_test(tests, names_are_cut_in_the_middle);
    tcase_add_test(tests, what_has_no_width_is_escaped);
    tcase_add_test(tests, long_words_break_behind_a_separator);
    tcase_add_test(tests, commands_can_be_pasted);
    tcase_add_test(tests, columns_are_as_wide_as_may_be);
    tcase_add_test(tests, names_that_would_look_the_same_are_whole);
    tcase_add_test(tests, sentences_without_room_stand_below);
    tcase_add_test(tests, many_rows);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
