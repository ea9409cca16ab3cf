/* What all parts of 4.11 ask of a command. */
#include <string.h>

#include "agent/checks/image_verified.h"

char *verified_words_last_part(const char *url)
{
    size_t length = strcspn(url, "?#\"' \t\n"), start = length;

    while (start && url[start - 1] != '/')
        start--;
    return mem_strndup(url + start, length - start);
}

bool verified_words_download(const struct shell_command *command)
{
    static const char *const names[] = {"curl",  "wget", "fetch", "aria2c", "wget2", "axel", "http",
                                        "https", "lynx", "links", "elinks", "w3m",   NULL};

    return shell_is_one_of(command->program, names);
}

bool verified_words_only_print(const struct shell_command *command)
{
    static const char *const printers[] = {"echo", "printf", NULL};
    static const char *const readers[] = {"grep", "egrep", "fgrep", "test", "[", "[[", NULL};
    const char *name = command->program;

    if (shell_is_one_of(name, readers))
        return true;
    if (!shell_is_one_of(name, printers) || (command->inside && !verified_words_only_print(command->inside)))
        return false;
    for (const struct shell_command *writer = command; writer; writer = writer->outer)
        if (writer->pipe || writer->output)
            return false;
    return true;
}
