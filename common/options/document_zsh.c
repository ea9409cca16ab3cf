/* Completion for zsh, by _arguments. */
#include <string.h>

#include "common/options/document.h"

/* Within the brackets of a specification of _arguments. */
static void append_escaped(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            str_append_char(out, '\\');
        str_append_char(out, *text);
    }
}

/* ":severity:_sequence compadd - low medium" */
static void append_action(struct str *out, const struct program_options *program, const struct option_value *value)
{
    const char *const *words = document_words(value);
    const char *list = document_list(program, value->kind);

    str_append_char(out, ':');
    append_escaped(out, value->noun ? value->noun : value->name);
    str_append_char(out, ':');
    if (list) {
        str_append_char(out, '_');
        document_identifier(out, program);
        str_printf(out, "_list %s", list);
    } else if (value->kind == OPTION_FILE) {
        str_append(out, "_files");
    } else if (value->kind == OPTION_FOLDER) {
        str_append(out, "_files -/");
    } else if (value->kind == OPTION_USER) {
        str_append(out, "_users");
    } else if (value->kind == OPTION_COMMAND) {
        str_append_char(out, '_');
        document_identifier(out, program);
        str_append(out, "_commands");
    } else if (words) {
        str_append(out, value->kind == OPTION_WORDS ? "_sequence compadd -" : "compadd -");
        for (size_t i = 0; words[i]; i++)
            str_printf(out, " %s", words[i]);
    } else {
        str_append_char(out, ' ');
    }
}

static void append_option(struct str *out, const struct program_options *program, const struct option_row *row)
{
    bool takes_value = row->value.kind != OPTION_FLAG;
    scoped_str rest = STR_INIT;

    str_append_char(&rest, '[');
    append_escaped(&rest, row->help.en);
    str_append_char(&rest, ']');
    if (takes_value)
        append_action(&rest, program, &row->value);
    str_append(out, "    ");
    if (row->letter)
        str_printf(out, "'(-%c --%s)'{-%c%s,--%s%s}", row->letter, row->name, row->letter, takes_value ? "+" : "",
                   row->name, takes_value ? "=" : "");
    else
        str_printf(out, "--%s%s", row->name, takes_value ? "=" : "");
    document_quote(out, str_text(&rest));
    str_append_char(out, '\n');
}

static void append_options(struct str *out, const struct program_options *program, const struct command_row *command)
{
    for (size_t i = 0; i < program->option_count; i++)
        if (!program->options[i].hidden && !program->options[i].commands == !command &&
            option_is_of(&program->options[i], command))
            append_option(out, program, &program->options[i]);
}

static void append_command_names(struct str *out, const struct program_options *program)
{
    str_append_char(out, '_');
    document_identifier(out, program);
    str_append(out, "_commands() {\n    local -a commands=(\n");
    for (size_t i = 0; i < program->command_count; i++) {
        scoped_str row = STR_INIT;

        if (program->commands[i].hidden)
            continue;
        str_printf(&row, "%s:", program->commands[i].name);
        str_append(&row, program->commands[i].help.en);
        str_append(out, "        ");
        document_quote(out, str_text(&row));
        str_append_char(out, '\n');
    }
    str_append(out, "    )\n    _describe -t commands command commands\n}\n\n");
}

static void append_command(struct str *out, const struct program_options *program, const struct command_row *command)
{
    str_printf(out, "    %s)\n        _arguments $common \\\n", command->name);
    for (size_t i = 0; i < program->option_count; i++) {
        scoped_str line = STR_INIT;

        if (program->options[i].hidden || !program->options[i].commands || !option_is_of(&program->options[i], command))
            continue;
        append_option(&line, program, &program->options[i]);
        str_printf(out, "        %.*s \\\n", (int)line.length - 1, line.data);
    }
    for (unsigned i = 0; i < COMMAND_ARGUMENTS_MAX && command->arguments[i].name; i++) {
        scoped_str line = STR_INIT;

        str_printf(&line, "%u", i + 1);
        append_action(&line, program, &command->arguments[i]);
        str_append(out, "            ");
        document_quote(out, str_text(&line));
        str_append(out, " \\\n");
    }
    str_append(out, "            && return\n        ;;\n");
}

static void append_commands(struct str *out, const struct program_options *program)
{
    str_append(out, "_arguments -C $common '1: :->command' '*:: :->arguments' && return\n\n"
                    "if [[ $state == command ]]; then\n    _");
    document_identifier(out, program);
    str_append(out, "_commands\nelse\n    case $words[1] in\n");
    for (size_t i = 0; i < program->command_count; i++)
        if (!program->commands[i].hidden)
            append_command(out, program, &program->commands[i]);
    str_append(out, "    esac\nfi\n");
}

/* Names that the agent knows, with what they are. _arguments calls it with options for compadd before its own argument.
 */
static void append_list(struct str *out, const struct program_options *program)
{
    scoped_str name = STR_INIT;

    document_identifier(&name, program);
    str_printf(out,
               "_%s_list() {\n"
               "    local -a lines names shown socket=()\n"
               "    local at=${line_words[(I)--socket]}\n"
               "    ((at)) && socket=(--socket ${line_words[at+1]})\n"
               "    lines=(${(f)\"$(%s $socket complete ${@[-1]} 2>/dev/null)\"})\n"
               "    names=(${lines%%%%$'\\t'*})\n"
               "    shown=(${lines//$'\\t'/  })\n"
               "    compadd \"${@[1,-2]}\" -l -d shown -a names\n"
               "}\n\n",
               name.data, program->name);
}

void document_zsh(const struct program_options *program, struct str *out)
{
    str_printf(out, "#compdef %s\n# Completion of %s for zsh, made from the table of its options.\n\n", program->name,
               program->name);
    if (program->commands) {
        append_list(out, program);
        append_command_names(out, program);
    }
    str_append(out, "local -a common line_words=($words)\nlocal curcontext=$curcontext state line\ncommon=(\n");
    append_options(out, program, NULL);
    str_append(out, ")\n\n");
    if (program->commands)
        append_commands(out, program);
    else
        str_append(out, "_arguments $common\n");
}
