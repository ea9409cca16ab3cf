/* The command line, by getopt_long(3): options first collected with their names, then, when the command is known, each
 * given to the row that is of this command. */
#include "common/options/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "common/vec.h"

enum { FIRST_LONG = 256, SHOWN = 64 }; /* what getopt_long() returns for the first row; of a word in a message */

struct given {
    const struct option_row *row; /* the first one of its name */
    char *text;                   /* NULL: a flag */
};

struct parse {
    const struct program_options *program;
    struct options_result *result;
    VEC(struct option) table; /* for getopt_long() */
    struct str letters;
    VEC(struct given) given;
};

int options_usage(const struct program_options *program, bool zh, const char *format, ...)
{
    scoped_str text = STR_INIT, safe = STR_INIT;
    va_list arguments;

    va_start(arguments, format);
    str_vprintf(&text, format, arguments);
    va_end(arguments);
    text_escape(&safe, str_text(&text), text.length, 0);
    fprintf(stderr, zh ? "%s: %s\n用法见 '%s --help'。\n" : "%s: %s\nTry '%s --help'.\n", program->name,
            str_text(&safe), program->name);
    return OPTIONS_USAGE;
}

bool options_locale_is_chinese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < countof(names); i++)
        if (!str_empty(getenv(names[i])))
            return str_starts(getenv(names[i]), "zh");
    return false;
}

const struct command_row *options_command(const struct program_options *program, const char *name)
{
    for (size_t i = 0; i < program->command_count; i++)
        if (strcmp(program->commands[i].name, name) == 0)
            return &program->commands[i];
    return NULL;
}

bool option_is_of(const struct option_row *row, const struct command_row *command)
{
    size_t length = command ? strlen(command->name) : 0;
    const char *at = row->commands;

    if (!at)
        return true;
    while (length && (at = strstr(at, command->name))) {
        if ((at == row->commands || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
        at += length;
    }
    return false;
}

/* Is row I the first of its name? */
static bool is_first(const struct program_options *program, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(program->options[k].name, program->options[i].name) == 0)
            return false;
    return true;
}

/* getopt_long() says which row by `val`: FIRST_LONG and its index. */
static void build_table(struct parse *parse)
{
    const struct program_options *program = parse->program;

    str_append(&parse->letters, ":");
    for (size_t i = 0; i < program->option_count; i++) {
        const struct option_row *row = &program->options[i];
        bool takes_value = row->value.kind != OPTION_FLAG;

        if (is_first(program, i))
            vec_push(&parse->table, (struct option){.name = row->name,
                                                    .has_arg = takes_value ? required_argument : no_argument,
                                                    .val = FIRST_LONG + (int)i});
        if (row->letter && !strchr(parse->letters.data, row->letter))
            str_printf(&parse->letters, "%c%s", row->letter, takes_value ? ":" : "");
    }
    vec_push(&parse->table, (struct option){0});
}

/* The row of what getopt_long() returned or left in `optopt`; `option_count`: there is none. */
static size_t index_of(const struct program_options *program, int value)
{
    size_t i = 0;

    if (value >= FIRST_LONG)
        return (size_t)(value - FIRST_LONG);
    while (i < program->option_count && (!value || program->options[i].letter != value))
        i++;
    return i;
}

static const char *nearest_option(const struct program_options *program, const char *word)
{
    VEC(const char *) names = {0};
    const char *nearest;

    for (size_t i = 0; i < program->option_count; i++)
        if (!program->options[i].hidden)
            vec_push(&names, program->options[i].name);
    nearest = text_nearest(names.items, names.count, word);
    vec_free(&names);
    return nearest;
}

int options_unknown_command(const struct program_options *program, bool zh, const char *word)
{
    VEC(const char *) names = {0};
    const char *nearest;

    for (size_t i = 0; i < program->command_count; i++)
        if (!program->commands[i].hidden)
            vec_push(&names, program->commands[i].name);
    nearest = text_nearest(names.items, names.count, word);
    vec_free(&names);
    return nearest ? options_usage(program, zh,
                                   zh ? "未知的命令 \"%.*s\"；您是不是要用 \"%s\"？"
                                      : "unknown command \"%.*s\"; did you mean \"%s\"?",
                                   SHOWN, word, nearest)
                   : options_usage(program, zh, zh ? "未知的命令 \"%.*s\"" : "unknown command \"%.*s\"", SHOWN, word);
}

/* Rows of one name differ by command: that of the command in ARGV, if there is one, for ROW. */
static const struct option_row *row_of_command(const struct parse *parse, const struct option_row *row,
                                               char *const *argv)
{
    const struct program_options *program = parse->program;
    const struct command_row *command = NULL;

    for (size_t i = 1; argv[i] && !command; i++)
        command = options_command(program, argv[i]);
    for (size_t i = 0; command && i < program->option_count; i++)
        if (strcmp(program->options[i].name, row->name) == 0 && option_is_of(&program->options[i], command))
            return &program->options[i];
    return row;
}

/* What getopt_long() did not take; ANSWER is ':' or '?'. */
static int refuse(const struct parse *parse, int answer, char *const *argv)
{
    size_t index = index_of(parse->program, optopt);
    const char *word = argv[optind - 1], *nearest;
    scoped(cleanup_free) char *name = NULL;
    bool zh = parse->result->zh;

    if (index < parse->program->option_count) {
        const struct option_row *row = row_of_command(parse, &parse->program->options[index], argv);

        if (answer == ':')
            return options_usage(parse->program, zh, zh ? "--%s 需要一个值（%s）" : "--%s requires a value (%s)",
                                 row->name, row->value.name);
        return options_usage(parse->program, zh, zh ? "--%s 不带值" : "--%s takes no value", row->name);
    }
    if (optopt)
        return options_usage(parse->program, zh, zh ? "未知的选项 -%c" : "unknown option -%c", optopt);
    name = mem_strndup(word, strcspn(word, "="));
    nearest = nearest_option(parse->program, name + 2);
    return nearest
               ? options_usage(parse->program, zh,
                               zh ? "未知的选项 %.*s；您是不是要用 --%s？" : "unknown option %.*s; did you mean --%s?",
                               SHOWN, name, nearest)
               : options_usage(parse->program, zh, zh ? "未知的选项 %.*s" : "unknown option %.*s", SHOWN, name);
}

/* The language of messages, also of those about what comes before it on the line. */
static void find_language(const struct parse *parse, int argc, char *const *argv)
{
    const struct option_row *row = parse->program->options, *end = row + parse->program->option_count;

    while (row < end && row->value.kind != OPTION_LANGUAGE)
        row++;
    for (int i = 1; row < end && i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t length = strlen(row->name);
        const char *value = NULL;

        if (!str_starts(argv[i], "--") || strncmp(argv[i] + 2, row->name, length) != 0)
            continue;
        if (argv[i][2 + length] == '=')
            value = argv[i] + 2 + length + 1;
        else if (!argv[i][2 + length] && i + 1 < argc)
            value = argv[i + 1];
        if (value && (strcmp(value, "en") == 0 || strcmp(value, "zh") == 0))
            parse->result->zh = strcmp(value, "zh") == 0;
    }
}

/* As far as the command. */
static int collect(struct parse *parse, int argc, char **argv)
{
    int value;

    opterr = 0;
    optind = 0; /* getopt(3): to begin anew */
    while ((value = getopt_long(argc, argv, str_text(&parse->letters), parse->table.items, NULL)) >= 0) {
        size_t index = value == ':' || value == '?' ? SIZE_MAX : index_of(parse->program, value);
        const struct option_row *row;

        if (index >= parse->program->option_count)
            return refuse(parse, value, argv);
        row = &parse->program->options[index];
        if (strcmp(row->name, "help") == 0)
            parse->result->help = true;
        if (strcmp(row->name, "version") == 0)
            parse->result->version = true;
        vec_push(&parse->given, (struct given){row, optarg});
    }
    return 0;
}

/* An option that a command would not look at is a mistake that must not pass unseen. */
static int store(const struct parse *parse, const struct given *given, void *values)
{
    const struct program_options *program = parse->program;
    const struct command_row *command = parse->result->command;
    const struct option_row *row = given->row, *end = program->options + program->option_count;
    bool zh = parse->result->zh;
    scoped_str what = STR_INIT, why = STR_INIT;

    while (row < end && (strcmp(row->name, given->row->name) != 0 || !option_is_of(row, command)))
        row++;
    if (row == end)
        return options_usage(program, zh, zh ? "%s 没有选项 --%s" : "%s takes no --%s",
                             command ? command->name : program->name, given->row->name);
    if (!given->text) {
        *(bool *)((char *)values + row->place) = true;
        return 0;
    }
    str_printf(&what, "--%s", row->name);
    if (option_check(&row->value, what.data, zh, given->text, &why) < 0)
        return options_usage(program, zh, "%s", why.data);
    *(const char **)(void *)((char *)values + row->place) = given->text;
    return 0;
}

static int refuse_words(const struct parse *parse, unsigned most)
{
    const struct command_row *command = parse->result->command;
    bool zh = parse->result->zh;

    return most ? options_usage(parse->program, zh, zh ? "%s 需要%s" : "%s requires %s", command->name,
                                zh ? command->requires.zh : command->requires.en)
                : options_usage(parse->program, zh,
                                zh ? "%s 不带参数，给出了 \"%.*s\"" : "%s takes no argument, not \"%.*s\"",
                                command->name, SHOWN, parse->result->words[0]);
}

static int check_words(const struct parse *parse)
{
    const struct options_result *result = parse->result;
    const struct command_row *command = result->command;
    unsigned most = 0;

    while (most < COMMAND_ARGUMENTS_MAX && command->arguments[most].name)
        most++;
    if (result->word_count < (int)command->least || result->word_count > (int)most)
        return refuse_words(parse, most);
    for (int i = 0; i < result->word_count; i++) {
        scoped_str why = STR_INIT;

        if (option_check(&command->arguments[i], command->arguments[i].name, result->zh, result->words[i], &why) < 0)
            return options_usage(parse->program, result->zh, "%s", why.data);
    }
    return 0;
}

static int parse_all(struct parse *parse, int argc, char **argv, void *values)
{
    const struct program_options *program = parse->program;
    struct options_result *result = parse->result;
    int r = collect(parse, argc, argv);

    if (r)
        return r;
    result->words = argv + optind;
    result->word_count = argc - optind;
    if (result->word_count && !program->commands)
        return options_usage(program, result->zh, result->zh ? "多余的参数 \"%.*s\"" : "unexpected argument \"%.*s\"",
                             SHOWN, result->words[0]);
    if (result->word_count) {
        result->command = options_command(program, result->words[0]);
        if (!result->command)
            return options_unknown_command(program, result->zh, result->words[0]);
        result->words++;
        result->word_count--;
    }
    if (result->help || result->version)
        return 0;
    for (size_t i = 0; i < parse->given.count && r == 0; i++)
        r = store(parse, &parse->given.items[i], values);
    return r || !result->command ? r : check_words(parse);
}

int options_parse(const struct program_options *program, int argc, char **argv, void *values,
                  struct options_result *ret)
{
    struct parse parse = {.program = program, .result = ret};
    int r;

    build_table(&parse);
    find_language(&parse, argc, argv);
    r = parse_all(&parse, argc, argv, values);
    str_deinit(&parse.letters);
    vec_free(&parse.table);
    vec_free(&parse.given);
    return r;
}
