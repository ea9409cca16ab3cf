/* Reading history steps and shell lines. A shell is not emulated: words and operators are told apart as far as build
 * files use them, and what a variable holds is not followed. */
#include "agent/checks/image_history.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/secrets.h"
#include "common/text.h"

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

static void cut(struct step *step, size_t length)
{
    step->body += length;
    step->length -= length;
    while (step->length && *step->body == ' ') {
        step->body++;
        step->length--;
    }
}

static size_t word_length(const struct step *step, size_t at)
{
    size_t end = at;

    while (end < step->length && !isspace((unsigned char)step->body[end]))
        end++;
    return end - at;
}

static bool is_word_of(const struct step *step, size_t at, size_t length, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == length && strncasecmp(step->body + at, *words, length) == 0)
            return true;
    return false;
}

/* Where the last part of the path begins that is the word from AT to END. */
static size_t base_of(const struct step *step, size_t at, size_t end)
{
    size_t name = end;

    while (name > at && step->body[name - 1] != '/' && step->body[name - 1] != '\\')
        name--;
    return name;
}

static size_t skip_blanks(const struct step *step, size_t at)
{
    while (at < step->length && isspace((unsigned char)step->body[at]))
        at++;
    return at;
}

/* "/usr/bin/env " at AT: how long it is, 0 when it is none. */
static size_t env_length(const struct step *step, size_t at)
{
    static const char *const env[] = {"env", NULL};
    size_t end = at + word_length(step, at), name = base_of(step, at, end);

    return is_word_of(step, name, end - name, env) ? skip_blanks(step, end) - at : 0;
}

/* A shell at AT, with its options up to the one behind which its script stands ("/bin/bash -o pipefail -c", "cmd /S
 * /C", "powershell -Command", "/usr/bin/env bash -c"): how long all of that is; 0: it is none. */
static size_t shell_length(const struct step *step, size_t at)
{
    static const char *const unix_shells[] = {"sh", "bash", "ash", "dash", "zsh", "ksh", NULL};
    static const char *const windows_shells[] = {"cmd",  "cmd.exe",  "powershell", "powershell.exe",
                                                 "pwsh", "pwsh.exe", NULL};
    static const char *const windows_ends[] = {"/c", "-command", "-c", NULL};
    size_t begin = at + env_length(step, at), length = word_length(step, begin), end = begin + length, options = 0;
    size_t name = base_of(step, begin, end);
    bool is_windows = is_word_of(step, name, end - name, windows_shells);

    if (!is_windows && !is_word_of(step, name, end - name, unix_shells))
        return 0;
    while (end < step->length && options++ < 16) {
        const char *word;
        bool ends;

        end = skip_blanks(step, end);
        length = word_length(step, end);
        word = step->body + end;
        if (!length || (*word != '-' && *word != '+' && !(is_windows && *word == '/') &&
                        !(options > 1 && !is_windows && end >= 3 && step->body[end - 2] == 'o')))
            return 0;
        ends = is_windows ? is_word_of(step, end, length, windows_ends)
                          : *word == '-' && length > 1 && word[1] != '-' && word[length - 1] == 'c';
        end += length;
        if (ends)
            return end - at;
    }
    return 0;
}

static bool skip_shell(struct step *step)
{
    size_t length = shell_length(step, 0);

    if (length)
        cut(step, length);
    return length > 0;
}

/* "|2 A=b C=d e /bin/sh -c": the count, then the build arguments, whose values may hold spaces. Where no shell follows
 * (the exec form), as far as it can be told. */
static void skip_arguments(struct step *step)
{
    size_t at = word_length(step, 0), arguments;

    if (!step->length || *step->body != '|')
        return;
    arguments = strtoul(step->body + 1, NULL, 10);
    for (size_t i = at; i < step->length; i++)
        if (isspace((unsigned char)step->body[i]) && i + 1 < step->length && shell_length(step, i + 1)) {
            cut(step, i + 1);
            return;
        }
    cut(step, at);
    for (; arguments && step->length; arguments--)
        cut(step, word_length(step, 0));
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
    struct step step = {.body = history_step->created_by, .length = strlen(history_step->created_by)}, marked;
    bool nop;

    while (step.length && isspace((unsigned char)*step.body))
        cut(&step, 1);
    drop_ending(&step, " # buildkit");
    marked = step;
    nop = skip_shell(&marked) && skip_prefix(&marked, "#(nop)");
    if (nop)
        step = marked;
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
        skip_shell(&step);
    }
    return step;
}

const struct history_facts *history_need(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct history_facts *history = store_history(in->store, in->key, &why);

    if (!history) {
        check_error(in, out, "history", why);
        return NULL;
    }
    for (size_t i = 0; i < history->count; i++)
        if (*history->items[i].created_by)
            return history;
    check_say(in, out, VERDICT_MANUAL, "it has no history: how it was built is not known");
    return NULL;
}

void history_say_step(const struct check_input *in, struct check_result *out, size_t number, const struct step *step,
                      const char *what)
{
    enum { STEP_SHOWN_MAX = 160 };
    scoped_str redacted = STR_INIT, shown = STR_INIT;

    if (in->explain) {
        secret_redact(&redacted, step->body, step->length, true);
        text_escape(&shown, str_text(&redacted), redacted.length, STEP_SHOWN_MAX);
    }
    check_say(in, out, VERDICT_FAIL, "step %zu: %s: %s", number + 1, what, str_text(&shown));
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

const char *shell_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool shell_is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

struct splitter {
    struct shell_line *line;
    struct shell_command command;
    size_t size;
    struct str word;
    bool in_word, quoted, piped;
    bool in_options; /* behind a prefix that takes options of its own, such as sudo */
    bool skip_value;
    struct str mark; /* that ends the here-document of the next line; empty: none */
    bool want_mark;
    size_t mark_command; /* number in the line of the command that reads it */
    unsigned depth;
};

static void split(struct splitter *splitter, const char *text, size_t length);

static bool is_shell(const char *word)
{
    static const char *const shells[] = {"sh", "bash", "ash", "dash", "zsh", "ksh", "su", NULL};

    return shell_is_one_of(shell_base_name(word), shells);
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

/* Words before a command that are not it. */
static bool is_prefix(struct splitter *splitter, const char *word, bool quoted)
{
    static const char *const with_options[] = {"sudo",  "doas",    "env",   "nice",   "ionice",  "time",
                                               "xargs", "timeout", "nohup", "stdbuf", "command", NULL};
    static const char *const plain[] = {"exec", "eatmydata", "if", "then", "else", "elif", "do",   "while", "until",
                                        "!",    "{",         "}",  "(",    ")",    "fi",   "done", NULL};
    static const char *const with_value[] = {"-u", "-g", "-I", "-a", "-d", NULL};

    if (splitter->skip_value) {
        splitter->skip_value = false;
        return true;
    }
    if (quoted)
        return false;
    if (shell_is_one_of(shell_base_name(word), with_options)) {
        splitter->in_options = true;
        return true;
    }
    if (splitter->in_options && (*word == '-' || isdigit((unsigned char)*word))) {
        splitter->skip_value = shell_is_one_of(word, with_value);
        return true;
    }
    return shell_is_one_of(word, plain) || is_assignment(word);
}

static void push_word(struct shell_command *command, size_t *size, const char *word, size_t length)
{
    if (command->count == *size) {
        *size = *size ? 2 * *size : 8;
        command->words = mem_realloc_array(command->words, *size, sizeof *command->words);
    }
    command->words[command->count++] = mem_strndup(word, length);
}

static void end_word(struct splitter *splitter)
{
    struct shell_command *command = &splitter->command;
    const char *word = str_text(&splitter->word);

    if (!splitter->in_word)
        return;
    splitter->in_word = false;
    if (splitter->want_mark) {
        splitter->want_mark = false;
        str_clear(&splitter->mark);
        str_append(&splitter->mark, *word == '-' ? word + 1 : word);
        splitter->mark_command = splitter->line->count;
    } else if (splitter->line->count < COMMANDS_MAX && command->count < WORDS_MAX &&
               (command->count || !is_prefix(splitter, word, splitter->quoted))) {
        push_word(command, &splitter->size, word, splitter->word.length);
    }
    splitter->quoted = false;
    str_clear(&splitter->word);
}

static void split_inner(struct splitter *splitter, const char *text, size_t length)
{
    struct splitter inner = {.line = splitter->line, .depth = splitter->depth + 1};

    if (splitter->depth < NESTING_MAX)
        split(&inner, text, length);
}

/* sh -c SCRIPT, eval WORD… */
static void split_script(struct splitter *splitter, const struct shell_command *command)
{
    if (strcmp(command->words[0], "eval") == 0)
        for (size_t i = 1; i < command->count; i++)
            split_inner(splitter, command->words[i], strlen(command->words[i]));
    if (!is_shell(command->words[0]))
        return;
    for (size_t i = 1; i + 1 < command->count; i++)
        if (takes_script(command->words[i])) {
            split_inner(splitter, command->words[i + 1], strlen(command->words[i + 1]));
            return;
        }
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
    splitter->in_options = splitter->skip_value = splitter->want_mark = false;
    if (!command.count) {
        free(command.words);
        return;
    }
    vec_push(splitter->line, command);
    split_script(splitter, &command);
}

/* $(…) inside double quotes runs as well. */
static void split_substitutions(struct splitter *splitter, const char *text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++) {
        size_t end, depth = 1;

        if (text[i] == '`') {
            const char *close = memchr(text + i + 1, '`', length - i - 1);

            if (!close)
                return;
            split_inner(splitter, text + i + 1, (size_t)(close - text) - i - 1);
            i = (size_t)(close - text);
        }
        if (text[i] != '$' || text[i + 1] != '(')
            continue;
        for (end = i + 2; end < length && depth; end++)
            depth += text[end] == '(' ? 1 : text[end] == ')' ? -1UL : 0;
        split_inner(splitter, text + i + 2, end - i - 2 - (depth == 0));
        i = end;
    }
}

static size_t read_quoted(struct splitter *splitter, const char *text, size_t length, size_t at)
{
    char quote = text[at++];
    size_t from = at;

    splitter->quoted |= !splitter->in_word;
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

/* < > << >> and their like are words; behind << stands the mark. What is a descriptor's number before them is dropped.
 */
static size_t read_redirection(struct splitter *splitter, const char *text, size_t length, size_t at)
{
    char c = text[at];
    const char *word = str_text(&splitter->word);

    if (splitter->in_word && word[strspn(word, "0123456789")] == '\0') {
        splitter->in_word = false;
        str_clear(&splitter->word);
    }
    end_word(splitter);
    if (c == '<' && at + 1 < length && text[at + 1] == '<') {
        at++;
        if (at + 1 < length && text[at + 1] == '<')
            return at + 1; /* a here-string is a word */
        splitter->want_mark = true;
        if (at + 1 < length && text[at + 1] == '-')
            at++;
        return at;
    }
    if (splitter->command.count && splitter->command.count < WORDS_MAX)
        push_word(&splitter->command, &splitter->size, c == '<' ? "<" : ">", 1);
    while (at + 1 < length && (text[at + 1] == '>' || text[at + 1] == '&' || text[at + 1] == '|'))
        at++;
    return at;
}

static bool is_piped_shell(const struct shell_line *line)
{
    const struct shell_command *last = &line->items[line->count - 1];

    return last->piped && is_shell(last->words[0]);
}

/* Reads the here-document whose first line begins at AT; gives where its mark's line ends. */
static size_t read_document(struct splitter *splitter, const char *text, size_t length, size_t at)
{
    size_t from = at, body = length;
    struct shell_command *command =
        splitter->mark_command < splitter->line->count ? &splitter->line->items[splitter->mark_command] : NULL;

    while (at < length) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t end = newline ? (size_t)(newline - text) : length, start = at;

        while (start < end && text[start] == '\t')
            start++;
        if (end - start == splitter->mark.length && memcmp(text + start, splitter->mark.data, end - start) == 0) {
            body = at;
            at = end;
            break;
        }
        at = end + 1;
    }
    str_clear(&splitter->mark);
    if (body > length)
        body = length;
    if (command && (is_shell(command->words[0]) || is_piped_shell(splitter->line))) {
        split_inner(splitter, text + from, body - from);
    } else if (command && command->count < WORDS_MAX) {
        size_t size = command->count;

        push_word(command, &size, text + from, body - from);
    }
    return at < length ? at : length;
}

static void split(struct splitter *splitter, const char *text, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        char c = text[at];

        if (c == '\\' && at + 1 < length) {
            if (text[++at] == '\r' && at + 1 < length && text[at + 1] == '\n')
                at++;
            if (text[at] != '\n') {
                splitter->in_word = true;
                str_append_char(&splitter->word, text[at]);
            }
        } else if (c == '"' || c == '\'') {
            at = read_quoted(splitter, text, length, at);
        } else if (c == '#' && !splitter->in_word) {
            while (at < length && text[at] != '\n')
                at++;
            end_command(splitter, false);
        } else if (c == '<' || c == '>') {
            at = read_redirection(splitter, text, length, at);
        } else if (c == '&' && at + 1 < length && text[at + 1] == '>') { /* &> */
            end_word(splitter);
        } else if (c == ';' || c == '&' || c == '|' || c == '\n' || c == '(' || c == ')' || c == '`') {
            bool pipe = c == '|' && !(at + 1 < length && text[at + 1] == '|') && !(at && text[at - 1] == '|');

            end_command(splitter, pipe || (c == '&' && at && text[at - 1] == '|'));
            if (c == '\n' && splitter->mark.length)
                at = read_document(splitter, text, length, at + 1);
        } else if (isspace((unsigned char)c)) {
            end_word(splitter);
        } else if (c) {
            splitter->in_word = true;
            str_append_char(&splitter->word, c);
        }
    }
    end_command(splitter, false);
    str_deinit(&splitter->word);
    str_deinit(&splitter->mark);
}

void shell_split(const char *text, size_t length, struct shell_line *ret)
{
    struct splitter splitter = {.line = ret};

    split(&splitter, text, length);
}
