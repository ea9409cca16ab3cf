/* Reading history steps and shell lines. A shell is not emulated: words and operators are told apart as far as build
 * files use them, and what a variable holds is not followed. */
#include "agent/checks/image_history.h"

#include <ctype.h>
#include <string.h>

enum { COMMANDS_MAX = 4096, WORDS_MAX = 1024, NESTING_MAX = 4 };

static bool skip_prefix(struct step *step, const char *prefix)
{
    size_t length = strlen(prefix);

    if (step->length < length || strncmp(step->body, prefix, length) != 0)
        return false;
    step->body += length;
    step->length -= length;
    while (step->length && *step->body == ' ') {
        step->body++;
        step->length--;
    }
    return true;
}

/* "|2 A=b C=d e /bin/sh -c": the count, then the build arguments, whose values may hold spaces. */
static void skip_arguments(struct step *step)
{
    static const char shell[] = "/bin/sh -c ";
    const char *at;

    if (!step->length || *step->body != '|')
        return;
    at = memmem(step->body, step->length, shell, sizeof shell - 1);
    if (!at) { /* another shell: behind the last argument, as far as it can be told */
        const char *space = memchr(step->body, ' ', step->length);

        at = space ? space + 1 : step->body + step->length;
    } else {
        at += sizeof shell - 1;
    }
    step->length -= (size_t)(at - step->body);
    step->body = at;
}

static void drop_ending(struct step *step, const char *ending)
{
    size_t length = strlen(ending);

    if (step->length >= length && memcmp(step->body + step->length - length, ending, length) == 0)
        step->length -= length;
}

struct step history_step_read(const struct history_step *history_step)
{
    static const struct {
        const char *word;
        enum instruction instruction;
    } words[] = {{"COPY ", INSTRUCTION_COPY},       {"ADD ", INSTRUCTION_ADD},          {"RUN ", INSTRUCTION_RUN},
                 {"ENV ", INSTRUCTION_META},        {"LABEL ", INSTRUCTION_META},       {"CMD ", INSTRUCTION_META},
                 {"ENTRYPOINT ", INSTRUCTION_META}, {"EXPOSE ", INSTRUCTION_META},      {"USER ", INSTRUCTION_META},
                 {"WORKDIR ", INSTRUCTION_META},    {"VOLUME ", INSTRUCTION_META},      {"ARG ", INSTRUCTION_META},
                 {"STOPSIGNAL ", INSTRUCTION_META}, {"HEALTHCHECK ", INSTRUCTION_META}, {"SHELL ", INSTRUCTION_META},
                 {"ONBUILD ", INSTRUCTION_META},    {"MAINTAINER ", INSTRUCTION_META},  {"FROM ", INSTRUCTION_META}};
    struct step step = {.body = history_step->created_by, .length = strlen(history_step->created_by)};
    bool nop;

    while (step.length && isspace((unsigned char)*step.body)) {
        step.body++;
        step.length--;
    }
    drop_ending(&step, " # buildkit");
    nop = skip_prefix(&step, "/bin/sh -c #(nop)");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (skip_prefix(&step, words[i].word)) {
            step.instruction = words[i].instruction;
            break;
        }
    if (nop)
        return step;
    if (step.instruction == INSTRUCTION_OTHER && step.length && *step.body != '#')
        step.instruction = INSTRUCTION_RUN;
    if (step.instruction == INSTRUCTION_RUN) {
        skip_arguments(&step);
        skip_prefix(&step, "/bin/sh -c ");
    }
    return step;
}

/* ---- Shell lines ---- */

void shell_line_deinit(struct shell_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        for (size_t k = 0; k < line->items[i].count; k++)
            free(line->items[i].words[k]);
        free(line->items[i].words);
    }
    vec_free(line);
}

struct splitter {
    struct shell_line *line;
    struct shell_command command;
    size_t size;
    struct str word;
    bool in_word, piped;
    unsigned depth;
};

static void split(struct splitter *splitter, const char *text, size_t length);

static bool is_shell(const char *word)
{
    static const char *const shells[] = {"sh", "bash", "ash", "dash", "zsh", "ksh"};
    const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(name, shells[i]) == 0)
            return true;
    return false;
}

/* -c, -ec, -lc … */
static bool takes_script(const char *word)
{
    return word[0] == '-' && word[1] != '-' && strchr(word, 'c') != NULL;
}

static bool is_assignment(const char *word)
{
    const char *at = word;

    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return at != word && *at == '=' && !isdigit((unsigned char)*word);
}

static bool is_prefix(const char *word)
{
    static const char *const prefixes[] = {"sudo", "env",  "exec", "time", "nice", "command", "eatmydata",
                                           "if",   "then", "else", "elif", "do",   "while",   "until",
                                           "!",    "{",    "}",    "(",    ")",    "fi",      "done"};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strcmp(word, prefixes[i]) == 0)
            return true;
    return is_assignment(word);
}

static void end_word(struct splitter *splitter)
{
    struct shell_command *command = &splitter->command;

    if (!splitter->in_word)
        return;
    splitter->in_word = false;
    if (splitter->line->count < COMMANDS_MAX && command->count < WORDS_MAX &&
        (command->count || !is_prefix(str_text(&splitter->word)))) {
        if (command->count == splitter->size) {
            splitter->size = splitter->size ? 2 * splitter->size : 8;
            command->words = mem_realloc_array(command->words, splitter->size, sizeof *command->words);
        }
        command->words[command->count++] = mem_strdup(str_text(&splitter->word));
    }
    str_clear(&splitter->word);
}

static void end_command(struct splitter *splitter, bool pipe)
{
    struct shell_command command;

    end_word(splitter);
    command = splitter->command;
    command.piped = splitter->piped;
    splitter->piped = pipe;
    splitter->command = (struct shell_command){0};
    splitter->size = 0;
    if (!command.count) {
        free(command.words);
        return;
    }
    vec_push(splitter->line, command);
    if (splitter->depth < NESTING_MAX && is_shell(command.words[0]))
        for (size_t i = 1; i + 1 < command.count; i++)
            if (takes_script(command.words[i])) {
                struct splitter inner = {.line = splitter->line, .depth = splitter->depth + 1};

                split(&inner, command.words[i + 1], strlen(command.words[i + 1]));
                return;
            }
}

/* $(…) and `…` inside double quotes run as well. */
static void split_substitutions(struct splitter *splitter, const char *text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++) {
        size_t end = 0, depth = 1;

        if (text[i] != '$' || text[i + 1] != '(')
            continue;
        for (end = i + 2; end < length && depth; end++)
            depth += text[end] == '(' ? 1 : text[end] == ')' ? -1UL : 0;
        if (splitter->depth < NESTING_MAX) {
            struct splitter inner = {.line = splitter->line, .depth = splitter->depth + 1};

            split(&inner, text + i + 2, end - i - 2 - (depth == 0));
        }
        i = end;
    }
}

static size_t read_quoted(struct splitter *splitter, const char *text, size_t length, size_t at)
{
    char quote = text[at++];
    size_t from = at;

    splitter->in_word = true;
    while (at < length && text[at] != quote) {
        if (quote == '"' && text[at] == '\\' && at + 1 < length)
            at++;
        str_append_char(&splitter->word, text[at++]);
    }
    if (quote == '"')
        split_substitutions(splitter, text + from, at - from);
    return at;
}

static void split(struct splitter *splitter, const char *text, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        char c = text[at];

        if (c == '\\' && at + 1 < length) {
            if (text[++at] != '\n') {
                splitter->in_word = true;
                str_append_char(&splitter->word, text[at]);
            }
        } else if (c == '"' || c == '\'') {
            at = read_quoted(splitter, text, length, at);
        } else if (c == '#' && !splitter->in_word) {
            while (at < length && text[at] != '\n')
                at++;
            end_command(splitter, false);
        } else if (c == ';' || c == '&' || c == '|' || c == '\n' || c == '(' || c == ')' || c == '`') {
            bool pipe = c == '|' && !(at + 1 < length && text[at + 1] == '|') && !(at && text[at - 1] == '|');

            if (c == '&' && at && text[at - 1] == '>') /* 2>&1, >&2 */
                continue;
            end_command(splitter, pipe || (c == '&' && at && text[at - 1] == '|'));
        } else if (isspace((unsigned char)c)) {
            end_word(splitter);
        } else if (c) {
            splitter->in_word = true;
            str_append_char(&splitter->word, c);
        }
    }
    end_command(splitter, false);
    str_deinit(&splitter->word);
}

void shell_split(const char *text, size_t length, struct shell_line *ret)
{
    struct splitter splitter = {.line = ret};

    split(&splitter, text, length);
}
