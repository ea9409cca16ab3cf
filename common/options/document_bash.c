/* Completion for bash. What an agent names is compared as text and never expanded; what a shell would take for more
 * than a word `complete` does not list. */
#include <string.h>

#include "common/options/document.h"

/* COMMANDS of which a word is $command; nothing for NULL, which is all. */
static void append_condition(struct str *out, const char *commands)
{
    if (!commands)
        return;
    str_append(out, "[[ ' ");
    str_append(out, commands);
    str_append(out, " ' == *\" $command \"* ]] && ");
}

static void append_candidates(struct str *out, const struct program_options *program, const struct option_value *value)
{
    const char *const *words = document_words(value);
    const char *list = document_list(program, value->kind);

    if (list) {
        str_append(out, "mapfile -t candidates < <(_");
        document_identifier(out, program);
        str_printf(out, "_list %s)", list);
    } else if (value->kind == OPTION_FILE) {
        str_append(out, "mode=file");
    } else if (value->kind == OPTION_FOLDER) {
        str_append(out, "mode=folder");
    } else if (value->kind == OPTION_USER) {
        str_append(out, "mode=user");
    } else if (value->kind == OPTION_COMMAND) {
        str_append(out, "candidates=(\"${commands[@]}\")");
    } else if (!words) {
        str_append(out, "mode=none");
    } else {
        str_append(out, "candidates=(");
        for (size_t i = 0; words[i]; i++)
            str_printf(out, "%s%s", i ? " " : "", words[i]);
        str_append_char(out, ')');
    }
    if (value->kind == OPTION_WORDS)
        str_append(out, " several=1");
}

/* What follows an option: "--severity" for those commands. */
static void append_value_cases(struct str *out, const struct program_options *program)
{
    for (size_t i = 0; i < program->option_count; i++) {
        const struct option_row *row = &program->options[i];

        if (row->hidden || row->value.kind == OPTION_FLAG)
            continue;
        str_append(out, "        ");
        append_condition(out, row->commands);
        if (row->letter)
            str_printf(out, "[[ $prev == -%c || $prev == --%s ]] && ", row->letter, row->name);
        else
            str_printf(out, "[[ $prev == --%s ]] && ", row->name);
        str_append(out, "{ ");
        append_candidates(out, program, &row->value);
        str_append(out, "; }\n");
    }
}

static void append_option_names(struct str *out, const struct program_options *program)
{
    for (size_t i = 0; i < program->option_count; i++) {
        const struct option_row *row = &program->options[i];

        if (row->hidden)
            continue;
        str_append(out, "        ");
        append_condition(out, row->commands);
        str_printf(out, "candidates+=(--%s)\n", row->name);
    }
}

static void append_arguments(struct str *out, const struct program_options *program)
{
    for (size_t c = 0; c < program->command_count; c++)
        for (unsigned i = 0; i < COMMAND_ARGUMENTS_MAX && program->commands[c].arguments[i].name; i++) {
            if (program->commands[c].hidden)
                continue;
            str_printf(out, "        [[ $command == %s && $position == %u ]] && { ", program->commands[c].name, i);
            append_candidates(out, program, &program->commands[c].arguments[i]);
            str_append(out, "; }\n");
        }
}

/* "--socket | --rule | -c": those after which a value follows. */
static void append_takers(struct str *out, const struct program_options *program)
{
    for (size_t i = 0; i < program->option_count; i++) {
        const struct option_row *row = &program->options[i];

        if (row->value.kind == OPTION_FLAG)
            continue;
        str_printf(out, "%s--%s", out->length ? " | " : "", row->name);
        if (row->letter)
            str_printf(out, " | -%c", row->letter);
    }
}

static void append_head(struct str *out, const struct program_options *program)
{
    scoped_str takers = STR_INIT;

    str_append(out,
               "    local line=${COMP_LINE:0:COMP_POINT} cur prev command= position=0 i mode=word several= socket=()\n"
               "    local words candidates=() commands=(");
    for (size_t i = 0; program->commands && i < program->command_count; i++)
        if (!program->commands[i].hidden)
            str_printf(out, "%s ", program->commands[i].name);
    append_takers(&takers, program);
    str_printf(out,
               ")\n"
               "    read -ra words <<<\"$line\"\n"
               "    [[ $line == *[[:blank:]] ]] && words+=('')\n"
               "    cur=${words[-1]} prev=${words[-2]:-}\n"
               "    [[ $cur == --*=* ]] && prev=${cur%%%%=*} cur=${cur#*=}\n"
               "    for ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
               "        case ${words[i]} in\n"
               "        --socket) socket=(--socket \"${words[i + 1]}\"); i=$((i + 1)) ;;\n"
               "        %s) i=$((i + 1)) ;;\n"
               "        -*) ;;\n"
               "        *) [[ -z $command ]] && command=${words[i]} || position=$((position + 1)) ;;\n"
               "        esac\n"
               "    done\n",
               takers.data);
}

/* Candidates that go on from $cur, as words of the shell. bash has split the line at : and = too, and replaces only
 * what follows these. */
static const char tail[] =
    "    case $mode in\n"
    "    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
    "    folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
    "    user) mapfile -t COMPREPLY < <(compgen -u -- \"$cur\"); return ;;\n"
    "    esac\n"
    "    local before= keep= candidate\n"
    "    [[ -n $several && $cur == *,* ]] && before=${cur%,*},\n"
    "    [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] && keep=${cur%:*}:\n"
    "    for candidate in \"${candidates[@]}\"; do\n"
    "        candidate=$before${candidate%%$'\\t'*}\n"
    "        [[ $candidate == \"$cur\"* ]] && COMPREPLY+=(\"${candidate#\"$keep\"}\")\n"
    "    done\n"
    "    [[ -n $several && ${#COMPREPLY[@]} == 1 ]] && compopt -o nospace\n"
    "    return 0\n"
    "}\n";

void document_bash(const struct program_options *program, struct str *out)
{
    scoped_str name = STR_INIT;

    document_identifier(&name, program);
    str_printf(out, "# Completion of %s for bash, made from the table of its options.\n", program->name);
    if (program->commands)
        str_printf(out, "_%s_list() { %s \"${socket[@]}\" complete \"$1\" 2>/dev/null; }\n\n", name.data,
                   program->name);
    str_printf(out, "_%s() {\n", name.data);
    append_head(out, program);
    str_append(out, "    COMPREPLY=()\n    if [[ $prev == -* && $prev != --*=* ]]; then\n");
    append_value_cases(out, program);
    str_append(out,
               "        :\n    fi\n"
               "    if [[ ${#candidates[@]} == 0 && $mode == word && ($cur == -* || ${#commands[@]} == 0) ]]; then\n");
    append_option_names(out, program);
    if (program->commands) {
        str_append(out, "    elif [[ ${#candidates[@]} == 0 && $mode == word && -z $command ]]; then\n"
                        "        candidates=(\"${commands[@]}\")\n"
                        "    elif [[ ${#candidates[@]} == 0 && $mode == word ]]; then\n");
        append_arguments(out, program);
    }
    str_append(out, "        :\n    fi\n");
    str_append(out, tail);
    str_printf(out, "complete -F _%s %s\n", name.data, program->name);
}
