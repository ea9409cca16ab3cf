/* The parts of a manual page that the table has, in scdoc(5). */
#include <string.h>

#include "common/options/document.h"

/* Text of the table: what scdoc takes for markup is escaped. */
static void append_text(struct str *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (strchr("*_\\`[]#", *at) || (at == text && *at == '-'))
            str_append_char(out, '\\');
        str_append_char(out, *at);
    }
}

/* "only of this rule" becomes a sentence. */
static void append_sentence(struct str *out, const char *text)
{
    scoped_str sentence = STR_INIT;

    str_append(&sentence, text);
    if (sentence.length && sentence.data[0] >= 'a' && sentence.data[0] <= 'z')
        sentence.data[0] = (char)(sentence.data[0] - 'a' + 'A');
    append_text(out, str_text(&sentence));
    str_append_char(out, '.');
}

static void append_value(struct str *out, const struct option_value *value)
{
    str_append_char(out, '_');
    append_text(out, value->name);
    str_append_char(out, '_');
}

static void append_words(struct str *out, const struct option_value *value)
{
    if (!value->words || strchr(value->name, '|'))
        return;
    str_append(out, " One of ");
    for (size_t i = 0; value->words[i]; i++) {
        str_append(out, i ? ", *" : "*");
        append_text(out, value->words[i]);
        str_append_char(out, '*');
    }
    str_append(out, value->kind == OPTION_WORDS ? ", or several with commas." : ".");
}

static void append_more(struct str *out, const char *more)
{
    if (!more)
        return;
    str_append_char(out, ' ');
    append_text(out, more);
}

static void append_option(struct str *out, const struct option_row *row)
{
    if (row->letter)
        str_printf(out, "*-%c*, ", row->letter);
    str_printf(out, "*--%s*", row->name);
    if (row->value.kind != OPTION_FLAG) {
        str_append_char(out, ' ');
        append_value(out, &row->value);
    }
    str_append(out, "\n\t");
    append_sentence(out, row->help.en);
    append_words(out, &row->value);
    append_more(out, row->more.en);
    str_append(out, "\n\n");
}

static void append_options(struct str *out, const struct program_options *program, const struct command_row *command)
{
    for (size_t i = 0; i < program->option_count; i++) {
        const struct option_row *row = &program->options[i];

        if (!row->hidden && !row->commands == !command && option_is_of(row, command))
            append_option(out, row);
    }
}

static void append_commands(struct str *out, const struct program_options *program)
{
    for (size_t c = 0; c < program->command_count; c++) {
        const struct command_row *command = &program->commands[c];

        if (command->hidden)
            continue;
        str_printf(out, "## %s", command->name);
        for (unsigned i = 0; i < COMMAND_ARGUMENTS_MAX && command->arguments[i].name; i++)
            str_printf(out, i < command->least ? " %s" : " [%s]", command->arguments[i].name);
        str_append(out, "\n\n");
        append_sentence(out, command->help.en);
        append_more(out, command->more.en);
        str_append(out, "\n\n");
        append_options(out, program, command);
    }
}

static void append_exits(struct str *out, const struct program_options *program)
{
    for (size_t i = 0; i < program->exit_count; i++) {
        str_printf(out, "*%d*\n\t", program->exits[i].status);
        append_sentence(out, program->exits[i].help.en);
        str_append(out, "\n\n");
    }
}

void document_man(const struct program_options *program, const char *prose, struct str *out)
{
    for (const char *at = prose; *at;) {
        size_t length = strcspn(at, "\n");

        if (length == strlen("@COMMANDS@") && strncmp(at, "@COMMANDS@", length) == 0) {
            append_commands(out, program);
        } else if (length == strlen("@OPTIONS@") && strncmp(at, "@OPTIONS@", length) == 0) {
            append_options(out, program, NULL);
        } else if (length == strlen("@EXIT@") && strncmp(at, "@EXIT@", length) == 0) {
            append_exits(out, program);
        } else {
            str_append_n(out, at, length);
            str_append_char(out, '\n');
        }
        at += length + (at[length] == '\n');
    }
}
