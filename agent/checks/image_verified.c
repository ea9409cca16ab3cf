/* Packages that an image's steps installed unverified, from its history: 4.11. What is looked for is in
 * image_verified_run.c, image_verified_off.c and image_verified_http.c. */
#include "agent/checks/image_verified.h"

#include <ctype.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"

static const char unseen[] = "runs a download without checking it", off[] = "switches verification off",
                  plain[] = "fetches a file or packages over plain HTTP without checking a checksum",
                  plain_index[] = "uses a package index over plain HTTP";

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

/* What is known of a step: does it compare checksums or signatures? */
enum sums { SUMS_UNKNOWN, SUMS_NONE, SUMS_COMPARED };

struct judgement {
    struct history_reading reading;
    unsigned char *sums; /* enum sums, one for each step */
};

static void judgement_end(struct judgement *judgement)
{
    history_end(&judgement->reading);
    free(judgement->sums);
}

static bool compares_sums(struct judgement *judgement, size_t i)
{
    scoped(shell_line_deinit) struct shell_line line = {0};

    if (judgement->sums[i] == SUMS_UNKNOWN) {
        judgement->sums[i] =
            history_parse(&judgement->reading, i, NULL, &line) && verified_sums(&line) ? SUMS_COMPARED : SUMS_NONE;
        budget_take(&judgement->reading.budget, judgement->reading.own.taken);
    }
    return judgement->sums[i] == SUMS_COMPARED;
}

/* Does a step after number I check the file NAME? */
static bool is_checked_later(struct judgement *judgement, size_t i, const char *name)
{
    enum { STEP_STEPS = 16, CHARACTERS_PER_STEP = 4 };

    for (i++; *name && i < judgement->reading.count; i++) {
        const struct step *step = &judgement->reading.steps[i];

        if (step->instruction != INSTRUCTION_RUN)
            continue;
        if (!budget_take(&judgement->reading.budget, STEP_STEPS + step->length / CHARACTERS_PER_STEP))
            return false;
        if (memmem(step->body, step->length, name, strlen(name)) && compares_sums(judgement, i))
            return true;
    }
    return false;
}

/* ADD http://… without --checksum=algorithm:digest (Dockerfile reference, "ADD --checksum"). */
static bool adds_plain(struct judgement *judgement, size_t i, const char *body)
{
    static const char option[] = "--checksum=";
    const char *url = verified_http_url(body), *checksum = strstr(body, option);
    scoped(cleanup_free) char *name = url ? verified_words_last_part(url) : NULL;

    return url && !(checksum && isalnum((unsigned char)checksum[strlen(option)])) &&
           !is_checked_later(judgement, i, name);
}

/* What is wrong with the commands of a step; NULL: nothing. RET_BEGIN, RET_END: the first command and the last; NULL:
 * it is not one of the commands. RET_FILE: which is taken over plain HTTP, owned by the caller; NULL: none. */
static const char *find_fault(const struct shell_line *line, const char *body, const char *arguments,
                              const struct shell_command **ret_begin, const struct shell_command **ret_end,
                              char **ret_file)
{
    bool checked = verified_sums(line);

    if ((*ret_begin = verified_run(line, ret_end)) || invokes_download(body))
        return unseen;
    if (!checked && (*ret_begin = *ret_end = verified_run_file(line)))
        return unseen;
    if ((*ret_begin = *ret_end = verified_off(line)))
        return off;
    if (verified_off_text(arguments))
        return "switches verification off by a build argument";
    if (!checked && (*ret_begin = *ret_end = verified_http(line, ret_file)))
        return plain;
    return NULL;
}

static void judge_run(struct judgement *judgement, size_t i)
{
    struct history_reading *reading = &judgement->reading;
    const struct step *step = &reading->steps[i];
    scoped(cleanup_free) char *body = mem_strndup(step->body, step->length), *file = NULL, *name = NULL;
    scoped(cleanup_free) char *arguments = mem_strndup(step->arguments ? step->arguments : "", step->arguments_length);
    scoped(shell_line_deinit) struct shell_line line = {0};
    const struct shell_command *begin = NULL, *end = NULL;
    const char *fault = NULL;

    if (history_parse(reading, i, reading->variables, &line))
        fault = find_fault(&line, body, arguments, &begin, &end, &file);
    history_judged(reading, i, &line);
    if (fault == plain) {
        name = file ? verified_words_last_part(file) : mem_strdup("");
        if (is_checked_later(judgement, i, name))
            return;
    }
    if (fault)
        history_say(reading, VERDICT_FAIL, i, fault, begin ? begin->source : NULL,
                    begin ? (size_t)(end->source - begin->source) + end->source_length : 0);
}

void check_image_verified_packages(const struct check_input *in, struct check_result *out)
{
    scoped(judgement_end) struct judgement judgement = {0};
    struct history_reading *reading = &judgement.reading;

    if (!history_begin(reading, in, out))
        return;
    judgement.sums = mem_alloc(reading->count);
    for (size_t i = 0; i < reading->count; i++) {
        const struct step *step = &reading->steps[i];
        scoped(cleanup_free) char *body = mem_strndup(step->body, step->length);

        history_learn(reading, i);
        if (step->instruction == INSTRUCTION_RUN) {
            judge_run(&judgement, i);
        } else if (step->instruction == INSTRUCTION_ADD && adds_plain(&judgement, i, body)) {
            history_say(reading, VERDICT_FAIL, i, plain, step->body, step->length);
        } else if (step->instruction == INSTRUCTION_ENV || step->instruction == INSTRUCTION_ARG) {
            if (verified_off_text(body))
                history_say(reading, VERDICT_FAIL, i, off, step->body, step->length);
            else if (verified_http_index(body))
                history_say(reading, VERDICT_FAIL, i, plain_index, step->body, step->length);
        }
    }
    if (!history_say_end(reading, "no step installs anything unverified"))
        check_remedy(in, out,
                     "# in these steps: install signed packages, or check a download with sha256sum -c or "
                     "gpg --verify before it is used");
}
