/* Completion for fish. */
#include <string.h>

#include "common/options/document.h"

/* What the agent names, or one more of words with commas between them. */
static void append_functions(struct str *out, const struct program_options *program)
{
    scoped_str name = STR_INIT;

    document_identifier(&name, program);
    str_printf(out,
               "function __%s_words\n"
               "    set -l token (commandline -ct | string replace -r -- '^--[^=]*=' '')\n"
               "    set -l before (string replace -r -- '[^,]*$' '' \"$token\")\n"
               "    printf '%%s\\n' \"$before\"$argv\n"
               "end\n\n",
               name.data);
    if (!program->commands)
        return;
    str_printf(out,
               "function __%s_list\n"
               "    set -l socket\n"
               "    set -l words (commandline -opc)\n"
               "    set -l at (contains -i -- --socket $words)\n"
               "    and set socket --socket $words[(math $at + 1)]\n"
               "    %s $socket complete $argv[1] 2>/dev/null\n"
               "end\n\n"
               "# How many arguments its command has before the cursor is to be $argv[2].\n"
               "function __%s_argument\n"
               "    set -l words (commandline -opc)\n"
               "    set -l at (contains -i -- $argv[1] $words)\n"
               "    or return 1\n"
               "    set -l after (string match -v -- '-*' $words[(math $at + 1)..-1])\n"
               "    test (count $after) -eq $argv[2]\n"
               "end\n\n",
               name.data, program->name, name.data);
}

static void append_action(struct str *out, const struct program_options *program, const struct option_value *value)
{
    const char *const *words = document_words(value);
    const char *list = document_list(program, value->kind);
    scoped_str name = STR_INIT, action = STR_INIT;

    document_identifier(&name, program);
    if (list) {
        str_printf(&action, "(__%s_list %s)", name.data, list);
    } else if (value->kind == OPTION_FOLDER) {
        str_append(&action, "(__fish_complete_directories)");
    } else if (value->kind == OPTION_USER) {
        str_append(&action, "(__fish_complete_users)");
    } else if (value->kind == OPTION_COMMAND) {
        for (size_t i = 0; i < program->command_count; i++)
            if (!program->commands[i].hidden)
                str_printf(&action, "%s%s", action.length ? " " : "", program->commands[i].name);
    } else {
        for (size_t i = 0; words && words[i]; i++)
            str_printf(&action, "%s%s", i ? " " : "", words[i]);
    }
    if (value->kind == OPTION_WORDS && action.length) {
        scoped_str several = STR_INIT;

        str_printf(&several, "(__%s_words %s)", name.data, action.data);
        str_append(out, " -a ");
        document_quote(out, several.data);
    } else if (action.length) {
        str_append(out, " -a ");
        document_quote(out, action.data);
    }
}

static void begin_line(struct str *out, const struct program_options *program, const char *commands)
{
    scoped_str condition = STR_INIT;

    str_printf(out, "complete -c %s", program->name);
    if (!commands)
        return;
    str_printf(&condition, "__fish_seen_subcommand_from %s", commands);
    str_append(out, " -n ");
    document_quote(out, condition.data);
}

static void append_option(struct str *out, const struct program_options *program, const struct option_row *row)
{
    begin_line(out, program, row->commands);
    if (row->letter)
        str_printf(out, " -s %c", row->letter);
    str_printf(out, " -l %s", row->name);
    if (row->value.kind == OPTION_FILE)
        str_append(out, " -r -F");
    else if (row->value.kind != OPTION_FLAG)
        str_append(out, " -x");
    if (row->value.kind != OPTION_FLAG)
        append_action(out, program, &row->value);
    str_append(out, " -d ");
    document_quote(out, row->help.en);
    str_append_char(out, '\n');
}

static void append_command(struct str *out, const struct program_options *program, const struct command_row *command)
{
    scoped_str name = STR_INIT;

    document_identifier(&name, program);
    str_printf(out, "complete -c %s -n __fish_use_subcommand -a %s -d ", program->name, command->name);
    document_quote(out, command->help.en);
    str_append_char(out, '\n');
    for (unsigned i = 0; i < COMMAND_ARGUMENTS_MAX && command->arguments[i].name; i++) {
        scoped_str action = STR_INIT;

        append_action(&action, program, &command->arguments[i]);
        if (action.length)
            str_printf(out, "complete -c %s -n '__%s_argument %s %u'%s\n", program->name, name.data, command->name, i,
                       action.data);
    }
}

void document_fish(const struct program_options *program, struct str *out)
{
    str_printf(out, "# Completion of %s for fish, made from the table of its options.\n", program->name);
    append_functions(out, program);
    str_printf(out, "complete -c %s -f\n", program->name);
    for (size_t i = 0; i < program->command_count; i++)
        if (!program->commands[i].hidden)
            append_command(out, program, &program->commands[i]);
    for (size_t i = 0; i < program->option_count; i++)
        if (!program->options[i].hidden)
            append_option(out, program, &program->options[i]);
}
