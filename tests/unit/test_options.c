/* The tables of options: what they say fits 80 columns in both languages, rows do not contradict each other, and the
 * command line is read and checked by them. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/options.h"
#include "agent/options/agent_options.h"
#include "common/memory.h"
#include "common/text.h"

static const struct program_options *const programs[] = {&agentctl_options, &agent_options_table};

enum { WORDS_MAX = 16 };

/* A command line that can be written to, as main() gets it. */
struct line {
    struct ctl ctl;
    struct agent_options agent;
    struct options_result result;
    char *argv[WORDS_MAX + 1];
    int argc, status;
    struct str said; /* on standard error */
};

static char *read_stream(FILE *file)
{
    char *text = mem_alloc(4096);

    rewind(file);
    text[fread(text, 1, 4095, file)] = '\0';
    return text;
}

/* WORDS are separated by '|'. */
static void parse(struct line *line, const struct program_options *program, const char *words)
{
    scoped(cleanup_free) char *copy = mem_strdup(words);
    scoped(cleanup_fclose) FILE *said = tmpfile();
    FILE *before = stderr;
    char *rest = copy;

    ck_assert_ptr_nonnull(said);
    line->argv[line->argc++] = mem_strdup(program->name);
    for (char *word; (word = strsep(&rest, "|"));) {
        ck_assert_int_lt(line->argc, WORDS_MAX);
        line->argv[line->argc++] = mem_strdup(word);
    }
    stderr = said;
    line->status =
        options_parse(program, line->argc, line->argv,
                      program == &agentctl_options ? (void *)&line->ctl : (void *)&line->agent, &line->result);
    stderr = before;
    fflush(said);
    line->said.data = read_stream(said);
    line->said.length = strlen(line->said.data);
}

static void end(struct line *line)
{
    for (int i = 0; i < line->argc; i++)
        free(line->argv[i]);
    str_deinit(&line->said);
}

static void each_line_fits(const char *text)
{
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        scoped(cleanup_free) char *line = mem_strndup(at, length);

        ck_assert_msg(text_columns(line) <= 80, "%zu columns: %s", text_columns(line), line);
        ck_assert_msg(!length || at[length - 1] != ' ', "ends with a blank: %s", line);
        at += length + (at[length] == '\n');
    }
}

START_TEST(help_fits_80_columns)
{
    for (size_t p = 0; p < countof(programs); p++)
        for (int zh = 0; zh < 2; zh++) {
            scoped_str all = STR_INIT;

            options_help(programs[p], NULL, zh, &all);
            each_line_fits(str_text(&all));
            for (size_t c = 0; c < programs[p]->command_count; c++) {
                const struct command_row *command = &programs[p]->commands[c];
                scoped_str one = STR_INIT;

                options_help(programs[p], command, zh, &one);
                each_line_fits(str_text(&one));
                ck_assert_ptr_nonnull(strstr(one.data, command->name));
                ck_assert_int_eq(strstr(all.data, command->name) != NULL, !command->hidden);
            }
        }
}
END_TEST

static bool has_chinese(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text >= 0xe3 && (unsigned char)*text <= 0xe9)
            return true;
    return false;
}

START_TEST(every_row_has_both_languages)
{
    for (size_t p = 0; p < countof(programs); p++) {
        const struct program_options *program = programs[p];

        for (size_t i = 0; i < program->option_count; i++) {
            const struct option_row *row = &program->options[i];

            ck_assert_ptr_nonnull(row->help.en);
            ck_assert_msg(row->hidden || has_chinese(row->help.zh), "--%s", row->name);
            ck_assert_msg(!row->more.en == !row->more.zh, "--%s", row->name);
            ck_assert_msg(row->value.kind == OPTION_FLAG || row->value.name, "--%s", row->name);
        }
        for (size_t i = 0; i < program->command_count; i++) {
            const struct command_row *command = &program->commands[i];

            ck_assert_msg(command->hidden || has_chinese(command->help.zh), "%s", command->name);
            ck_assert_msg(!command->more.en == !command->more.zh, "%s", command->name);
            ck_assert_msg(!command->arguments[0].name || has_chinese(command->requires.zh), "%s", command->name);
            ck_assert_ptr_nonnull(command->run);
        }
        for (size_t i = 0; i < program->exit_count; i++)
            ck_assert(has_chinese(program->exits[i].help.zh));
    }
}
END_TEST

/* Whether both can be given to one command. */
static bool meet(const struct program_options *program, const struct option_row *a, const struct option_row *b)
{
    if (!program->commands || !a->commands || !b->commands)
        return true;
    for (size_t i = 0; i < program->command_count; i++)
        if (option_is_of(a, &program->commands[i]) && option_is_of(b, &program->commands[i]))
            return true;
    return false;
}

START_TEST(rows_do_not_contradict_each_other)
{
    for (size_t p = 0; p < countof(programs); p++)
        for (size_t i = 0; i < programs[p]->option_count; i++)
            for (size_t j = 0; j < i; j++) {
                const struct option_row *a = &programs[p]->options[i], *b = &programs[p]->options[j];
                bool same = strcmp(a->name, b->name) == 0, acts = a->place && b->place;

                ck_assert_msg(!same || !meet(programs[p], a, b), "--%s twice for one command", a->name);
                ck_assert_msg(!same || (a->value.kind == OPTION_FLAG) == (b->value.kind == OPTION_FLAG), "--%s",
                              a->name);
                ck_assert_msg(!same || a->letter == b->letter, "--%s: letters", a->name);
                ck_assert_msg(!a->letter || a->letter != b->letter || same, "-%c is --%s and --%s", a->letter, a->name,
                              b->name);
                ck_assert_msg(!acts || same || a->place != b->place, "--%s and --%s have one place", a->name, b->name);
            }
}
END_TEST

START_TEST(every_command_that_a_row_names_is_one)
{
    for (size_t p = 0; p < countof(programs); p++)
        for (size_t i = 0; i < programs[p]->option_count; i++) {
            scoped(cleanup_free) char *names = mem_strdup(programs[p]->options[i].commands);
            char *rest = names;

            for (char *name; rest && (name = strsep(&rest, " "));)
                ck_assert_msg(options_command(programs[p], name) != NULL, "--%s: %s", programs[p]->options[i].name,
                              name);
        }
}
END_TEST

START_TEST(values_are_stored)
{
    scoped(end) struct line line = {.ctl = {.socket = "default"}};

    parse(&line, &agentctl_options, "--lang|zh|findings|--severity|High , CRITICAL|5.4|--all|--limit=7");
    ck_assert_int_eq(line.status, 0);
    ck_assert_str_eq(line.said.data, "");
    ck_assert_str_eq(line.result.command->name, "findings");
    ck_assert(line.result.zh && line.ctl.all && !line.ctl.json && !line.result.help);
    ck_assert_str_eq(line.ctl.severity, "high,critical");
    ck_assert_str_eq(line.ctl.limit, "7");
    ck_assert_str_eq(line.ctl.socket, "default");
    ck_assert_int_eq(line.result.word_count, 1);
    ck_assert_str_eq(line.result.words[0], "5.4");
}
END_TEST

START_TEST(values_of_the_agent_are_stored)
{
    scoped(end) struct line line = {0};

    parse(&line, &agent_options_table, "-c|/etc/a.json|--once|--format|JSON|--helpers|/run/h");
    ck_assert_int_eq(line.status, 0);
    ck_assert_str_eq(line.agent.arguments.config_path, "/etc/a.json");
    ck_assert_str_eq(line.agent.helpers, "/run/h");
    ck_assert_str_eq(line.agent.format, "json");
    ck_assert(line.agent.once && !line.agent.check_config);
}
END_TEST

static const struct {
    const char *words, *said;
} refused[] = {
    {"findings|--severity|hgih", "unknown severity \"hgih\"; use low, medium, high, critical; did you mean \"high\"?"},
    {"findings|--severity|high,", "unknown severity \"\"; use low, medium, high, critical"},
    {"findings|--status|failed", "unknown status \"failed\"; use pass, fail, manual, not_applicable, error; did you "
                                 "mean \"fail\"?"},
    {"findings|--kind|containers", "unknown kind \"containers\"; use host, daemon, swarm, file, container, image, "
                                   "network, exec; did you mean \"container\"?"},
    {"findings|--kind|agent", "unknown kind \"agent\"; use "},
    {"--color|blue|status", "--color: unknown value \"blue\"; use auto, always, never"},
    {"--lang|fr|status", "unknown language \"fr\"; use en, zh"},
    {"findings|--limit|0", "--limit: \"0\" is not a whole number from 1 to 100000"},
    {"findings|--limit|100001", "--limit: \"100001\" is not a whole number from 1 to 100000"},
    {"findings|--limit| 5", "is not a whole number"},
    {"history|--since|yesteryear", "--since takes a time such as yesterday"},
    {"diff|yesteryear", "SINCE takes a time such as yesterday"},
    {"--socket||status", "--socket must not be empty"},
    {"findings|--subject|", "--subject must not be empty"},
    {"findings|--severty|high", "unknown option --severty; did you mean --severity?"},
    {"findings|-x", "unknown option -x"},
    {"findings|--json=1", "--json takes no value"},
    {"findings|--rule", "--rule requires a value (RULE)"},
    {"report|-o", "--output requires a value (FILE)"},
    {"findings|-o", "--output requires a value (FORMAT)"},
    {"-o", "--output requires a value (FORMAT)"},
    {"explain|--severity|high", "explain takes no --severity"},
    {"--severity|high", "agentctl takes no --severity"},
    {"statsu", "unknown command \"statsu\"; did you mean \"status\"?"},
    {"nothing-of-the-kind", "unknown command \"nothing-of-the-kind\"\n"},
    {"explain", "explain requires one rule, by id (5.4) or slug (container-privileged)"},
    {"explain|5.4|5.5", "explain requires one rule"},
    {"status|now", "status takes no argument, not \"now\""},
    {"status|\033[31m", "not \"\\x1b[31m\""},
};

START_TEST(what_is_wrong_is_said)
{
    scoped(end) struct line line = {0};

    parse(&line, &agentctl_options, refused[_i].words);
    ck_assert_int_eq(line.status, OPTIONS_USAGE);
    ck_assert_msg(strstr(line.said.data, refused[_i].said) != NULL, "%s: %s", refused[_i].words, line.said.data);
    ck_assert_msg(str_ends(line.said.data, "\nTry 'agentctl --help'.\n"), "%s", line.said.data);
}
END_TEST

START_TEST(what_is_wrong_is_said_in_chinese)
{
    scoped(cleanup_free) char *words = mem_printf("--lang|zh|%s", refused[_i].words);
    scoped(end) struct line line = {0};

    if (strstr(words, "fr|")) /* the language that is not known is not that of the message */
        return;
    parse(&line, &agentctl_options, words);
    ck_assert_int_eq(line.status, OPTIONS_USAGE);
    ck_assert_msg(has_chinese(line.said.data), "%s: %s", words, line.said.data);
    ck_assert_msg(str_ends(line.said.data, "\n用法见 'agentctl --help'。\n"), "%s", line.said.data);
}
END_TEST

START_TEST(help_needs_nothing_else)
{
    scoped(end) struct line line = {0};

    parse(&line, &agentctl_options, "explain|--help|--severity|x");
    ck_assert_int_eq(line.status, 0);
    ck_assert(line.result.help);
    ck_assert_str_eq(line.result.command->name, "explain");
}
END_TEST

START_TEST(lines_are_broken_where_a_reader_expects_it)
{
    ck_assert_uint_eq(text_line("one two", 80), 7);
    ck_assert_uint_eq(text_line("one two", 6), 3);
    ck_assert_uint_eq(text_line("one two", 3), 3);
    ck_assert_uint_eq(text_line("one\ntwo", 80), 3);
    ck_assert_uint_eq(text_line("unbroken", 4), 4);
    ck_assert_uint_eq(text_line("中文字", 4), 6);
    ck_assert_uint_eq(text_line("中文，字", 4), 3); /* a comma begins no line */
    ck_assert_uint_eq(text_line("中（文）", 4), 3); /* a bracket that opens ends none */
    ck_assert_uint_eq(text_line("中abc", 3), 3);
    ck_assert_uint_eq(text_line("中", 1), 3);
    ck_assert_uint_eq(text_line("", 10), 0);
}
END_TEST

START_TEST(nearest_names)
{
    static const char *const names[] = {"container-sshd", "container-privileged-ports", "container-privileged", "high"};

    ck_assert_str_eq(text_nearest(names, 4, "container-priv"), "container-privileged");
    ck_assert_str_eq(text_nearest(names, 4, "container-sshf"), "container-sshd");
    ck_assert_str_eq(text_nearest(names, 4, "hgih"), "high");
    ck_assert_ptr_null(text_nearest(names, 4, "nothing"));
    ck_assert_ptr_null(text_nearest(names, 4, "co"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tables = tcase_create("tables"), *line = tcase_create("line"), *texts = tcase_create("texts");
    SRunner *runner = srunner_create(suite);
    int failed;

    setlocale(LC_CTYPE, "C.UTF-8"); /* by which widths are counted */
    tcase_add_test(tables, help_fits_80_columns);
    tcase_add_test(tables, every_row_has_both_languages);
    tcase_add_test(tables, rows_do_not_contradict_each_other);
    tcase_add_test(tables, every_command_that_a_row_names_is_one);
    tcase_add_test(line, values_are_stored);
    tcase_add_test(line, values_of_the_agent_are_stored);
    tcase_add_loop_test(line, what_is_wrong_is_said, 0, (int)countof(refused));
    tcase_add_loop_test(line, what_is_wrong_is_said_in_chinese, 0, (int)countof(refused));
    tcase_add_test(line, help_needs_nothing_else);
    tcase_add_test(texts, lines_are_broken_where_a_reader_expects_it);
    tcase_add_test(texts, nearest_names);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, line);
    suite_add_tcase(suite, texts);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
