/* Questions about commands that were read; see shell.h. */
#include "common/shell/shell.h"

#include <string.h>

void shell_line_deinit(struct shell_line *line)
{
    arena_free(line->arena);
    line->arena = NULL;
    line->first = NULL;
    map_free(line->variables);
    line->variables = NULL;
    map_free(line->functions);
    line->functions = NULL;
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
        if (*word == **words && strcmp(word, *words) == 0)
            return true;
    return false;
}

bool shell_is_assignment(const char *word)
{
    size_t length = shell_name_length(word);

    return length && (word[length] == '=' || (word[length] == '+' && word[length + 1] == '='));
}
