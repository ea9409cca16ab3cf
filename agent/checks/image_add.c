/* ADD where COPY serves, from an image's history: 4.9. */
#include <string.h>
#include <strings.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"
#include "common/str.h"

/* Is WORD the name of an archive that ADD unpacks, the classic builder's "file:…", or a variable, as builders keep it
 * that do not expand it? The classic builder's "multi:…" are several. */
static bool may_be_root(const char *word)
{
    static const char *const endings[] = {".tar",  ".tar.gz", ".tgz",     ".tar.xz", ".txz",      ".tar.bz2",
                                          ".tbz2", ".tbz",    ".tar.zst", ".tzst",   ".tar.lzma", ".tar.lz4"};
    size_t length = strlen(word);

    if (str_starts(word, "file:") || *word == '$')
        return true;
    for (size_t i = 0; i < countof(endings); i++) {
        size_t ending = strlen(endings[i]);

        if (length > ending && strcasecmp(word + length - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

/* Does a DESTINATION mean the root? AT_ROOT: the work directory is the root as well. */
static bool is_root_path(const char *destination, bool at_root)
{
    static const char *const here[] = {".", "./", "./.", NULL};

    return (*destination && destination[strspn(destination, "/")] == '\0') || strcmp(destination, "\\") == 0 ||
           (at_root && shell_is_one_of(destination, here));
}

/* The file system that an image begins with: one archive, unpacked at the root. One from a URL is not unpacked, and a
 * step that is too complex to be read does not count either. */
static bool is_root(const struct step *step, bool at_root)
{
    enum { STEPS_MAX = 1 << 16 };
    const struct shell_options options = {.dialect = SHELL_WINDOWS};
    struct budget budget = {.max = STEPS_MAX};
    scoped(shell_line_deinit) struct shell_line line = {0};
    const struct shell_words *words;
    size_t sources = 0;

    shell_parse(step->body, step->length, &options, &budget, &line);
    if (line.count != 1 || line.why || line.items[0]->redirects)
        return false;
    words = &line.items[0]->words;
    for (size_t i = 0; i + 1 < words->count; i++) {
        const char *word = words->items[i].text;

        if (str_starts(word, "--") || strcmp(word, "in") == 0)
            continue;
        sources++;
        if (strstr(word, "://") || !may_be_root(word))
            return false;
    }
    return sources == 1 && is_root_path(words->items[words->count - 1].text, at_root);
}

static bool sets_root(const struct step *step)
{
    return step->length == 1 && *step->body == '/';
}

void check_image_add_instruction(const struct check_input *in, struct check_result *out)
{
    scoped(history_end) struct history_reading reading;
    bool first = true;   /* nothing has been put into the image yet */
    bool at_root = true; /* the work directory is the root */

    if (!history_begin(&reading, in, out))
        return;
    reading.runs_do_not_matter = true;
    for (size_t i = 0; i < reading.count; i++) {
        const struct step *step = &reading.steps[i];

        if (step->instruction == INSTRUCTION_ADD && (step->is_trigger || !first || !is_root(step, at_root)))
            history_say(&reading, VERDICT_FAIL, i, step->is_trigger ? "ONBUILD ADD" : "ADD", step->body, step->length);
        if (step->instruction == INSTRUCTION_WORKDIR)
            at_root = sets_root(step);
        if (step->instruction == INSTRUCTION_ADD || step->instruction == INSTRUCTION_COPY ||
            step->instruction == INSTRUCTION_RUN ||
            (step->instruction == INSTRUCTION_OTHER && reading.facts->items[i].size > 0))
            first = false;
    }
    if (!history_say_end(&reading, "no ADD beyond the base layer"))
        check_remedy_note(in, out, "in these steps: COPY for files; RUN curl … && sha256sum -c for downloads");
}
