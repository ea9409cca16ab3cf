/* Downloads that are run without being looked at, in a RUN step: 4.11. */
#include <string.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

bool verified_is_download(const struct shell_command *command)
{
    static const char *const names[] = {"curl",  "wget", "fetch", "aria2c", "wget2", "axel", "http",
                                        "https", "lynx", "links", "elinks", "w3m",   NULL};

    return shell_is_one_of(shell_program(command), names);
}

static bool is_interpreter(const char *name)
{
    static const char *const names[] = {"perl", "ruby", "node", "php", "pwsh", "lua", "tclsh", "Rscript", NULL};

    return shell_is_one_of(name, names) || str_starts(name, "python");
}

static bool runs_text(const char *name)
{
    static const char *const names[] = {"eval", "source", ".", "su", "runuser", NULL};

    return shell_is_shell(name) || shell_is_one_of(name, names) || is_interpreter(name);
}

/* ---- What comes out of a command ---- */

static bool brings(const struct shell_command *list);

static bool word_brings(const struct shell_word *word)
{
    for (const struct shell_substitution *s = word->substitutions; s; s = s->next)
        if (brings(s->commands))
            return true;
    return false;
}

/* Does its output hold a download? */
static bool command_brings(const struct shell_command *command)
{
    static const char *const writers[] = {"echo", "printf", "cat", NULL};

    if (verified_is_download(command) || brings(command->body) || brings(command->scripts))
        return true;
    if (!shell_is_one_of(shell_program(command), writers))
        return false;
    for (size_t i = 1; i < command->words.count; i++)
        if (word_brings(&command->words.items[i]))
            return true;
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind != SHELL_WRITE && word_brings(&redirect->word))
            return true;
    return false;
}

static bool brings(const struct shell_command *list)
{
    for (; list; list = list->next)
        for (const struct shell_command *command = list; command; command = command->pipe)
            if (command_brings(command))
                return true;
    return false;
}

/* ---- What a command runs ---- */

static bool interpreter_reads_input(const struct shell_command *command)
{
    if (!is_interpreter(shell_program(command)))
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

/* Does it run its input? A group's first commands share the group's. */
static bool runs_input(const struct shell_command *command)
{
    const struct shell_command *const lists[] = {command->body, command->scripts};

    if (!command->body && (shell_reads_input(command) || interpreter_reads_input(command)))
        return true;
    for (size_t i = 0; i < countof(lists); i++)
        for (const struct shell_command *inner = lists[i]; inner; inner = inner->next)
            if (runs_input(inner))
                return true;
    return false;
}

/* Is the word the text, or the file, that a shell's or an interpreter's words give it to run? */
static bool is_given_to_run(const struct shell_command *command, size_t i)
{
    const char *before = command->words.items[i - 1].text;

    return i == 1 || before[0] == '-' || strcmp(shell_program(command), "eval") == 0;
}

/* sh -c "$(curl …)", eval "$(curl …)", bash <(curl …), $(curl …) */
static bool runs_output(const struct shell_command *command)
{
    const struct shell_words *words = &command->words;

    if (words->count && words->items[0].is_output && word_brings(&words->items[0]))
        return true;
    if (!words->count || !runs_text(shell_program(command)))
        return false;
    for (size_t i = 1; i < words->count; i++) {
        const struct shell_word *word = &words->items[i];

        for (const struct shell_substitution *s = word->substitutions; s; s = s->next)
            if (brings(s->commands) &&
                (s->is_file || (is_given_to_run(command, i) &&
                                (word->is_output || str_starts(word->text, "$(") || word->text[0] == '`'))))
                return true;
    }
    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind != SHELL_WRITE && word_brings(&redirect->word) && runs_input(command))
            return true;
    return false;
}

static const struct shell_command *find_unseen(const struct shell_command *list);

static const struct shell_command *find_in_words(const struct shell_words *words)
{
    const struct shell_command *found = NULL;

    for (size_t i = 0; i < words->count && !found; i++)
        for (const struct shell_substitution *s = words->items[i].substitutions; s && !found; s = s->next)
            found = find_unseen(s->commands);
    return found;
}

static const struct shell_command *find_unseen(const struct shell_command *list)
{
    const struct shell_command *found = NULL;

    for (; list && !found; list = list->next) {
        bool downloading = false;

        for (const struct shell_command *command = list; command && !found; command = command->pipe) {
            if ((downloading && runs_input(command)) || runs_output(command))
                return command->source ? command : list;
            downloading |= command_brings(command);
            found = find_unseen(command->body);
            found = found ? found : find_unseen(command->scripts);
            found = found ? found : find_in_words(&command->words);
            found = found ? found : find_in_words(&command->assignments);
        }
    }
    return found;
}

const struct shell_command *verified_unseen(const struct shell_line *line)
{
    return find_unseen(line->first);
}
