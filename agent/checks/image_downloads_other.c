/* What is downloaded by other than the programs that bring files: clones of sources, calls in texts for interpreters,
 * and ADD. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/checks/image_downloads.h"
#include "agent/checks/image_verified.h"
#include "common/str.h"

enum { WORD_STEPS = 64 };

/* ---- Clones ---- */

/* git clone, submodule add and their like; svn, hg. */
void downloads_read_clone(struct downloads *downloads, size_t step, const struct shell_command *command)
{
    static const char *const tools[] = {"git", "svn", "hg", "bzr", NULL};
    static const char *const actions[] = {"clone", "fetch",  "pull",   "submodule", "remote", "checkout",
                                          "co",    "export", "branch", "subtree",   NULL};
    static const char *const values[] = {
        "-b", "--branch", "--depth", "-c",       "--config", "-C",         "-j",         "--reference",     "--jobs",
        "-r", "--filter", "-o",      "--origin", "-u",       "--username", "--password", "--shallow-since", NULL};
    const char *url = NULL, *folder = NULL;
    bool action = false;
    const char *first;
    struct download *download;

    if (!shell_is_one_of(command->program, tools))
        return;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (shell_is_one_of(word, values))
            i++;
        else if (word[0] == '-')
            continue;
        else if (!action && !shell_is_one_of(word, actions))
            return;
        else if (!action)
            action = true;
        else if (!url && (strstr(word, "://") || str_starts(word, "git@") || word[0] == '$'))
            url = word;
        else if (url && !folder)
            folder = word;
    }
    if (!url || verified_words_is_local(url))
        return;
    download = downloads_add(downloads, step, url, command->source, command->source_length);
    download->directory = true;
    download->plain = verified_words_is_plain(url);
    download->packaged = true;
    first = download->names[0];
    if (first && str_ends(first, ".git")) {
        scoped(cleanup_free) char *name = mem_strndup(first, strlen(first) - strlen(".git"));

        downloads_name(downloads, download, name);
    }
    if (folder)
        downloads_name(downloads, download, folder);
}

/* ---- Texts for interpreters, and Windows' ---- */

/* The values in quotes after a call: a URL, and the files that it is stored as. */
static void add_values(struct downloads *downloads, size_t step, const char *call, size_t length, struct budget *budget)
{
    static const char quotes[] = "\"'";
    scoped(cleanup_free) char *text = mem_strndup(call, length);
    struct download *download = NULL;
    const char *end;

    for (const char *at = text; at && (at = strpbrk(at, quotes)) && budget_take(budget, WORD_STEPS);
         at = *end ? end + 1 : NULL) {
        scoped(cleanup_free) char *value = NULL;

        end = at + 1 + strcspn(at + 1, quotes);
        value = mem_strndup(at + 1, (size_t)(end - at - 1));
        if (strstr(value, "://") && !verified_words_is_local(value)) {
            download = downloads_add(downloads, step, value, call, length);
            downloads_set_source(download, value);
        } else if (download && *value && !strpbrk(value, " ,();")) {
            downloads_add_file(downloads, download, value);
        }
    }
}

void downloads_read_text(struct downloads *downloads, size_t step, const char *text, struct budget *budget)
{
    static const char *const calls[] = {"copy(",         "urlretrieve(",       "urlopen(",  "download.file(",
                                        "DownloadFile(", "file_get_contents(", "URI.open(", "getstore("};
    const char *call = NULL;

    if (!strstr(text, "://") || !budget_take(budget, WORD_STEPS + countof(calls) * strlen(text)))
        return;
    for (size_t i = 0; i < countof(calls); i++)
        for (call = strcasestr(text, calls[i]); call; call = strcasestr(call + 1, calls[i])) {
            size_t length = strcspn(call, ")");

            if (!budget_take(budget, WORD_STEPS + length))
                return;
            add_values(downloads, step, call, length + (call[length] == ')'), budget);
        }
}

void downloads_add_instruction(struct downloads *downloads, size_t step, const char *url, const char *body,
                               const char *destination, bool checked)
{
    struct download *download = downloads_add(downloads, step, url, body, strlen(body));

    download->plain = verified_words_is_plain(url);
    download->packaged = true;
    download->directory = str_ends(url, ".git") || strstr(url, ".git#");
    download->verified = checked;
    download->used = downloads_is_archive(url, strcspn(url, "?#")) || verified_words_is_program_path(destination);
    downloads_name(downloads, download, destination);
}
