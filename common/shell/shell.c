/* What is asked of commands that were read: see shell.h. */
#include "common/shell/shell.h"

#include <string.h>

void shell_line_deinit(struct shell_line *line)
{
    arena_free(line->arena);
    line->arena = NULL;
    line->first = NULL;
    map_free(line->variables);
    line->variables = NULL;
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

const char *shell_program(const struct shell_command *command)
{
    return command->words.count ? shell_base_name(command->words.items[0].text) : "";
}

const char *shell_output_file(const struct shell_command *command)
{
    static const char *const streams[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr", NULL};

    for (const struct shell_redirect *redirect = command->redirects; redirect; redirect = redirect->next)
        if (redirect->kind == SHELL_WRITE && !shell_is_one_of(redirect->word.text, streams))
            return redirect->word.text;
    return NULL;
}

bool shell_is_assignment(const char *word)
{
    size_t length = shell_name_length(word);

    return length && (word[length] == '=' || (word[length] == '+' && word[length + 1] == '='));
}
