/* Help, for 80 columns in both languages. */
#include <string.h>

#include "common/options/options.h"
#include "common/text.h"

enum {
    WIDTH = 80,
    DESCRIPTION = 26,
    EXITS = 6
}; /* columns; where descriptions of options, and of exit statuses, begin */

static const char *of(struct option_text text, bool zh)
{
    return zh && text.zh ? text.zh : text.en;
}

/* LEFT, and what it is beside it. */
static void append_row(struct str *out, const struct str *left, const char *text)
{
    unsigned columns = (unsigned)text_columns(str_text(left));

    str_append(out, str_text(left));
    text_wrap(out, text, columns + 2 > DESCRIPTION ? WIDTH : columns, DESCRIPTION, WIDTH);
}

static void append_option(struct str *out, const struct option_row *row, bool zh, bool more)
{
    scoped_str left = STR_INIT;

    if (row->letter)
        str_printf(&left, "  -%c, --%s", row->letter, row->name);
    else
        str_printf(&left, "      --%s", row->name);
    if (row->value.kind != OPTION_FLAG)
        str_printf(&left, " %s", row->value.name);
    append_row(out, &left, of(row->help, zh));
    if (row->value.words && !strchr(row->value.name, '|')) {
        scoped_str words = STR_INIT;

        for (size_t i = 0; row->value.words[i]; i++)
            str_printf(&words, "%s%s", !i ? "" : zh ? "、" : ", ", row->value.words[i]);
        text_wrap(out, str_text(&words), 0, DESCRIPTION, WIDTH);
    }
    if (more && of(row->more, zh))
        text_wrap(out, of(row->more, zh), 0, DESCRIPTION, WIDTH);
}

static void append_arguments(struct str *out, const struct command_row *command)
{
    for (unsigned i = 0; i < COMMAND_ARGUMENTS_MAX && command->arguments[i].name; i++)
        str_printf(out, i < command->least ? " %s" : " [%s]", command->arguments[i].name);
}

static void append_commands(struct str *out, const struct program_options *program, bool zh)
{
    str_append(out, zh ? "\n命令：\n" : "\nCommands:\n");
    for (size_t i = 0; i < program->command_count; i++) {
        const struct command_row *command = &program->commands[i];
        scoped_str left = STR_INIT;

        if (command->hidden)
            continue;
        str_printf(&left, "  %s", command->name);
        append_arguments(&left, command);
        append_row(out, &left, of(command->help, zh));
    }
}

/* Those that COMMAND takes and not every command; COMMAND NULL: those that every command takes. */
static void append_options(struct str *out, const struct program_options *program, const struct command_row *command,
                           bool zh)
{
    bool any = false;

    for (size_t i = 0; i < program->option_count; i++) {
        const struct option_row *row = &program->options[i];

        if (row->hidden || !row->commands != !command || !option_is_of(row, command))
            continue;
        if (!any)
            str_append(out, zh ? "\n选项：\n" : "\nOptions:\n");
        any = true;
        append_option(out, row, zh, command || !program->commands);
    }
}

static void help_of_command(const struct program_options *program, const struct command_row *command, bool zh,
                            struct str *out)
{
    scoped_str usage = STR_INIT;

    str_printf(out, zh ? "用法：%s %s [选项]..." : "Usage: %s %s [OPTION]...", program->name, command->name);
    append_arguments(out, command);
    str_append_char(out, '\n');
    str_printf(&usage, zh ? "%s。" : "%s.", of(command->help, zh));
    if (!zh && usage.data[0] >= 'a' && usage.data[0] <= 'z')
        usage.data[0] = (char)(usage.data[0] - 'a' + 'A');
    text_wrap(out, usage.data, 0, 0, WIDTH);
    if (of(command->more, zh))
        text_wrap(out, of(command->more, zh), 0, 0, WIDTH);
    append_options(out, program, command, zh);
    str_printf(out,
               zh ? "\n所有命令共有的选项见 '%s --help'。\n" : "\nOptions that every command takes: '%s --help'.\n",
               program->name);
}

void options_help(const struct program_options *program, const struct command_row *command, bool zh, struct str *out)
{
    if (command) {
        help_of_command(program, command, zh, out);
        return;
    }
    if (program->commands)
        str_printf(out, zh ? "用法：%s [选项]... 命令 [参数]...\n" : "Usage: %s [OPTION]... COMMAND [ARGUMENT]...\n",
                   program->name);
    else
        str_printf(out, zh ? "用法：%s [选项]...\n" : "Usage: %s [OPTION]...\n", program->name);
    text_wrap(out, of(program->about, zh), 0, 0, WIDTH);
    if (program->commands)
        append_commands(out, program, zh);
    append_options(out, program, NULL, zh);
    if (program->commands)
        str_printf(out, zh ? "\n命令自己的选项见 '%s help 命令'。\n" : "\nOptions of a command: '%s help COMMAND'.\n",
                   program->name);
    str_append(out, zh ? "\n退出状态：\n" : "\nExit status:\n");
    for (size_t i = 0; i < program->exit_count; i++) {
        scoped_str left = STR_INIT;

        str_printf(&left, "  %-2d", program->exits[i].status);
        str_append(out, left.data);
        text_wrap(out, of(program->exits[i].help, zh), left.length, EXITS, WIDTH);
    }
}
