/* Downloads that are run without being looked at, in a RUN step: 4.11. */
#include <string.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

static bool runs_text(const char *name)
{
    static const char *const names[] = {"eval", "source", ".", "su", "runuser", NULL};

    return shell_is_shell(name) || shell_is_one_of(name, names) || verified_words_is_interpreter(name);
}

enum { COMMAND_STEPS = 64, WORD_STEPS = 16 };

/* Who walks the tree of commands: DOWNLOADS are the names of variables that hold a download. */
struct search {
    struct map *downloads;
    struct budget *budget;
};

/* ---- What comes out of a command ---- */

static bool brings(const struct shell_command *list, const struct search *search);

/* Does TEXT begin with such a variable? */
static bool is_download(const char *text, const struct search *search)
{
    const char *begin = text + 1 + (text[0] == '$' && text[1] == '{');
    scoped(cleanup_free) char *name = NULL;

    if (text[0] != '$' || !map_count(search->downloads))
        return false;
    name = mem_strndup(begin, shell_name_length(begin));
    return map_get(search->downloads, name);
}

static bool word_brings(const struct shell_word *word, const struct search *search)
{
    for (const struct shell_substitution *s = word->substitutions; s; s = s->next)
        if (brings(s->commands, search))
            return true;
    return is_download(word->text, search);
}

/* A program or function of the builder's own that by its name brings what a URL leads to: "download https://…". */
static bool is_named_download(const struct shell_command *command)
{
    static const char *const names[] = {"download", "fetch", "curl", "wget"};
    bool named = false;

    for (size_t i = 0; i < countof(names); i++)
        named |= strcasestr(command->program, names[i]) != NULL;
    for (size_t i = 1; named && i < command->words.count; i++)
        if (strstr(command->words.items[i].text, "://") && !verified_words_is_local(command->words.items[i].text))
            return true;
    return false;
}

/* Does its output hold a download? */
static bool command_brings(const struct shell_command *command, const struct search *search)
{
    static const char *const writers[] = {"echo", "printf", "cat", NULL};

    if (!budget_take(search->budget, COMMAND_STEPS))
        return false;
    if (verified_words_download(command) || is_named_download(command) || brings(command->body, search) ||
        brings(command->scripts, search))
        return true;
    if (!shell_is_one_of(command->program, writers))
        return false;
    for (size_t i = 1; i < command->words.count && budget_take(search->budget, WORD_STEPS); i++)
        if (word_brings(&command->words.items[i], search))
            return true;
    for (const struct shell_redirect *redirect = command->redirects;
         redirect && budget_take(search->budget, WORD_STEPS); redirect = redirect->next)
        if (redirect->kind != SHELL_WRITE && word_brings(&redirect->word, search))
            return true;
    return false;
}

static bool brings(const struct shell_command *list, const struct search *search)
{
    for (; list && !budget_is_over(search->budget); list = list->next)
        for (const struct shell_command *command = list; command; command = command->pipe)
            if (command_brings(command, search))
                return true;
    return false;
}

/* Remembers what of WORDS is NAME=$(curl …). */
static void learn_downloads(const struct search *search, const struct shell_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *text = words->items[i].text, *sign = strchr(text, '=');

        if (shell_is_assignment(text) && (word_brings(&words->items[i], search) || is_download(sign + 1, search))) {
            scoped(cleanup_free) char *name = mem_strndup(text, shell_name_length(text));

            map_set(search->downloads, name, search->downloads);
        }
    }
}

/* ---- What a command runs ---- */

static bool interpreter_reads_input(const struct shell_command *command)
{
    if (!verified_words_is_interpreter(command->program))
        return false;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (strcmp(word, "-") == 0 || strcmp(word, "/dev/stdin") == 0 || strcmp(word, "/dev/fd/0") == 0)
            return true;
        if (word[0] != '-' || (word[1] != '-' && strpbrk(word + 1, "cmenpr")))
            return false;
    }
    return true;
}

/* Is TEXT the variable NAME? */
static bool is_variable(const char *text, const char *name)
{
    size_t length = strlen(name);
    bool braced = text[0] == '$' && text[1] == '{';

    return text[0] == '$' && strncmp(text + 1 + braced, name, length) == 0 &&
           strcmp(text + 1 + braced + length, braced ? "}" : "") == 0;
}

/* while read -r line; do eval "$line"; done */
static bool runs_lines(const struct shell_command *loop, struct budget *budget)
{
    const char *name = NULL;

    if (!str_starts(loop->source, "while") && !str_starts(loop->source, "until"))
        return false;
    for (const struct shell_command *inner = loop->body; inner && budget_take(budget, COMMAND_STEPS);
         inner = inner->next) {
        const struct shell_words *words = &inner->words;

        if (strcmp(inner->program, "read") == 0 && words->count > 1)
            name = words->items[words->count - 1].text;
        else if (name && words->count && is_variable(words->items[0].text, name))
            return true;
        for (size_t i = 1; name && runs_text(inner->program) && i < words->count && budget_take(budget, WORD_STEPS);
             i++)
            if (is_variable(words->items[i].text, name))
                return true;
    }
    return false;
}

/* parallel, and xargs where its input is the command; parallel(1). */
static bool runs_input_lines(const struct shell_command *command)
{
    if (strcmp(command->program, "parallel") == 0) {
        for (size_t i = 1; i < command->words.count; i++)
            if (strcmp(command->words.items[i].text, ":::") == 0 || strcmp(command->words.items[i].text, "::::") == 0)
                return false;
        return true;
    }
    return command->mark && command->words.count && strcmp(command->words.items[0].text, command->mark) == 0;
}

/* Does it run its input? A group's first commands share the group's. */
static bool runs_input(const struct shell_command *command, struct budget *budget)
{
    const struct shell_command *const lists[] = {command->body, command->scripts};

    if (!budget_take(budget, COMMAND_STEPS + WORD_STEPS * command->words.count))
        return false;
    if (!command->body && (shell_reads_input(command) || interpreter_reads_input(command) || runs_input_lines(command)))
        return true;
    if (command->body && runs_lines(command, budget))
        return true;
    for (size_t i = 0; i < countof(lists); i++)
        for (const struct shell_command *inner = lists[i]; inner && !budget_is_over(budget); inner = inner->next)
            if (runs_input(inner, budget))
                return true;
    return false;
}

static bool list_runs_input(const struct shell_substitution *list, struct budget *budget)
{
    for (; list && budget_take(budget, WORD_STEPS); list = list->next)
        if (list->is_file && list->commands && runs_input(list->commands, budget))
            return true;
    return false;
}

/* tee >(sh), curl … > >(sh) */
static bool feeds_shell(const struct shell_command *command, struct budget *budget)
{
    for (size_t i = 1; i < command->words.count; i++)
        if (str_starts(command->words.items[i].text, ">(") &&
            list_runs_input(command->words.items[i].substitutions, budget))
            return true;
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_WRITE && list_runs_input(redirect->word.substitutions, budget))
            return true;
    return false;
}

/* Is the word the text, or the file, that a shell's or an interpreter's words give it to run? */
static bool is_given_to_run(const struct shell_command *command, size_t i)
{
    const char *before = command->words.items[i - 1].text;

    return i == 1 || before[0] == '-' || strcmp(command->program, "eval") == 0;
}

/* sh -c "$(curl …)", eval "$(curl …)", bash <(curl …), $(curl …) */
static bool runs_output(const struct shell_command *command, const struct search *search)
{
    const struct shell_words *words = &command->words;
    bool given = false;

    if (words->count && (words->items[0].is_output || is_download(words->items[0].text, search)) &&
        word_brings(&words->items[0], search))
        return true;
    if (!words->count || !runs_text(command->program))
        return false;
    for (size_t i = 1; i < words->count; i++) {
        const struct shell_word *word = &words->items[i];
        bool is_run = is_given_to_run(command, i);

        for (const struct shell_substitution *s = word->substitutions; s; s = s->next)
            if (brings(s->commands, search) &&
                (s->is_file || (is_run && (word->is_output || str_starts(word->text, "$(") || word->text[0] == '`'))))
                return true;
        if (is_run && (i > 1 || strcmp(command->program, "eval") == 0) && is_download(word->text, search))
            return true;
    }
    for (const struct shell_redirect *redirect = command->redirects; redirect && !given; redirect = redirect->next)
        given = redirect->kind != SHELL_WRITE && word_brings(&redirect->word, search);
    return given && runs_input(command, search->budget);
}

/* The pipeline in LIST that does it. RET: the command in it. */
static const struct shell_command *find_run(const struct shell_command *list, const struct search *search,
                                            const struct shell_command **ret);

static const struct shell_command *find_in_words(const struct shell_words *words, const struct search *search,
                                                 const struct shell_command **ret)
{
    const struct shell_command *found = NULL;

    for (size_t i = 0; i < words->count && !found; i++)
        for (const struct shell_substitution *s = words->items[i].substitutions; s && !found; s = s->next)
            found = find_run(s->commands, search, ret);
    return found;
}

static const struct shell_command *find_run(const struct shell_command *list, const struct search *search,
                                            const struct shell_command **ret)
{
    const struct shell_command *found = NULL;

    for (; list && !found && !budget_is_over(search->budget); list = list->next) {
        bool downloading = false;

        for (const struct shell_command *command = list; command && !found; command = command->pipe) {
            if ((downloading && runs_input(command, search->budget)) || runs_output(command, search) ||
                ((downloading || verified_words_download(command)) && feeds_shell(command, search->budget))) {
                *ret = command;
                return downloading ? list : command;
            }
            downloading |= command_brings(command, search);
            found = find_run(command->body, search, ret);
            found = found ? found : find_run(command->scripts, search, ret);
            found = found ? found : find_in_words(&command->words, search, ret);
            found = found ? found : find_in_words(&command->assignments, search, ret);
        }
    }
    return found;
}

const struct shell_command *verified_run(const struct shell_line *line, const struct shell_command **ret)
{
    scoped(cleanup_map) struct map *downloads = map_new(NULL);
    const struct search search = {downloads, line->budget};

    for (size_t i = 0; i < line->count && !budget_is_over(line->budget); i++) {
        learn_downloads(&search, &line->items[i]->assignments);
        learn_downloads(&search, &line->items[i]->words);
    }
    return find_run(line->first, &search, ret);
}

/* ---- Files ---- */

/* perl a.pl, php -d x=y setup.php; not what an option gives to run. */
static const char *interpreted_file(const struct shell_command *command)
{
    static const char *const texts[] = {"-c", "-e", "-m", "-r", "-ne", "-pe", "-n", "-p", "-le", NULL};

    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (shell_is_one_of(word, texts))
            return NULL;
        if (word[0] != '-')
            return word;
    }
    return NULL;
}

const char *verified_run_path(const struct shell_command *command, struct budget *budget)
{
    const struct shell_word *file = shell_script_file(command);

    if (file)
        return file->text;
    if (!command->words.count)
        return NULL;
    if (strcmp(command->program, "cat") == 0 && command->pipe && runs_input(command->pipe, budget))
        return command->words.items[command->words.count - 1].text;
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_READ) {
            if (runs_input(command, budget))
                return redirect->word.text;
            break;
        }
    if (verified_words_is_interpreter(command->program))
        return interpreted_file(command);
    file = &command->words.items[0];
    return strpbrk(file->text, "/\\") ? file->text : NULL;
}
