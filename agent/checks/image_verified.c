/* Packages that an image's steps installed unverified, from its history: 4.11. What is looked for: image_unseen.c,
 * image_switches.c, image_plain.c. */
#include "agent/checks/image_verified.h"

#include <ctype.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"

static const char unseen[] = "runs what it downloads unseen", off[] = "switches verification off",
                  plain[] = "takes a file or packages over plain HTTP and checks no checksum",
                  plain_index[] = "names an index of packages over plain HTTP";

/* PowerShell: iex ((New-Object Net.WebClient).DownloadString('https://…')). */
static bool invokes_download(const char *text)
{
    static const char *const runs[] = {"iex ", "iex(", "| iex", "|iex", "Invoke-Expression"};
    static const char *const brings[] = {"DownloadString", "Invoke-WebRequest", "Invoke-RestMethod", "iwr ", "irm "};
    bool run = false, bring = false;

    for (size_t i = 0; i < countof(runs); i++)
        run |= strcasestr(text, runs[i]) != NULL;
    for (size_t i = 0; i < countof(brings); i++)
        bring |= strcasestr(text, brings[i]) != NULL;
    return run && bring;
}

char *verified_last_part(const char *url)
{
    size_t length = strcspn(url, "?#\"' \t\n"), start = length;

    while (start && url[start - 1] != '/')
        start--;
    return mem_strndup(url + start, length - start);
}

/* Does a step behind number I check the file NAME? */
static bool is_checked_later(const struct history_facts *history, size_t i, const char *name)
{
    for (i++; *name && i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);
        scoped(cleanup_free) char *body = mem_strndup(step.body, step.length);
        scoped(shell_line_deinit) struct shell_line line = {0};

        if (step.instruction != INSTRUCTION_RUN || !strstr(body, name))
            continue;
        shell_parse(step.body, step.length, step.dialect, NULL, &line);
        if (verified_checks(&line))
            return true;
    }
    return false;
}

/* ADD http://… without --checksum=algorithm:digest (Dockerfile reference, "ADD --checksum"). */
static bool adds_plain(const struct history_facts *history, size_t i, const char *body)
{
    static const char option[] = "--checksum=";
    const char *url = verified_plain_url(body), *checksum = strstr(body, option);
    scoped(cleanup_free) char *name = url ? verified_last_part(url) : NULL;

    return url && !(checksum && isalnum((unsigned char)checksum[strlen(option)])) &&
           !is_checked_later(history, i, name);
}

/* WHY: not all of the step was read; else as it was. */
static void say_run(const struct check_input *in, struct check_result *out, const struct history_facts *history,
                    size_t i, const struct step *step, const struct map *variables, const char **why)
{
    scoped(cleanup_free) char *body = mem_strndup(step->body, step->length), *file = NULL, *name = NULL;
    scoped(cleanup_free) char *arguments = mem_strndup(step->arguments ? step->arguments : "", step->arguments_length);
    scoped(shell_line_deinit) struct shell_line line = {0};
    const struct shell_command *command = NULL, *end = NULL;
    const char *fault = NULL;
    bool checked;

    shell_parse(step->body, step->length, step->dialect, variables, &line);
    checked = verified_checks(&line);
    if ((command = verified_unseen(&line, &end)) || invokes_download(body) ||
        (!checked && (command = verified_runs_file(&line)))) {
        fault = unseen;
    } else if ((command = verified_off(&line))) {
        fault = off;
    } else if (verified_text_off(arguments)) {
        fault = "switches verification off by a build argument";
    } else if (!checked && (command = verified_plain(&line, &file))) {
        name = file ? verified_last_part(file) : mem_strdup("");
        if (!is_checked_later(history, i, name))
            fault = plain;
    }
    end = end ? end : command;
    if (fault)
        history_say(in, out, i, fault, command ? command->source : NULL,
                    command ? (size_t)(end->source - command->source) + end->source_length : 0);
    else if (line.why)
        *why = line.why;
}

void check_image_verified_packages(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = history_need(in, out);
    const char *why = NULL; /* a step was not read whole */
    size_t unread = 0;
    scoped(cleanup_map) struct map *variables = map_new(free);

    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);
        scoped(cleanup_free) char *body = mem_strndup(step.body, step.length);

        history_learn(variables, &step);
        if (step.instruction == INSTRUCTION_RUN) {
            const char *step_why = NULL;

            say_run(in, out, history, i, &step, variables, &step_why);
            if (step_why) {
                why = step_why;
                unread = i;
            }
        } else if (step.instruction == INSTRUCTION_ADD && adds_plain(history, i, body)) {
            history_say(in, out, i, plain, step.body, step.length);
        } else if (step.instruction == INSTRUCTION_ENV || step.instruction == INSTRUCTION_ARG) {
            if (verified_text_off(body))
                history_say(in, out, i, off, step.body, step.length);
            else if (verified_plain_index(body))
                history_say(in, out, i, plain_index, step.body, step.length);
        }
    }
    if (why && out->verdict == VERDICT_NONE)
        history_say_unread(in, out, unread, why);
    else if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no step installs what is not verified");
    else
        check_remedy(in, out,
                     "# in these steps: install signed packages, or check a download with sha256sum -c or "
                     "gpg --verify before it is used");
}
