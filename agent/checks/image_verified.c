/* Packages that an image's steps installed unverified, from its history: 4.11. What is looked for in a step is in
 * image_verified_*.c; what happens to the files that they download, in whichever step, in image_downloads*.c. */
#include "agent/checks/image_verified.h"

#include <ctype.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"

static const char unseen[] = M_("runs a download without checking it"), off[] = M_("switches verification off"),
                  plain[] = M_("fetches a file or packages over plain HTTP without checking a checksum"),
                  plain_index[] = M_("uses a package index over plain HTTP"),
                  unchecked[] = M_("installs or runs a download that nothing verifies");

/* PowerShell: iex ((New-Object Net.WebClient).DownloadString('https://…')). */
static bool invokes_download(const char *text)
{
    static const char *const runs[] = {"iex ", "iex(", "| iex", "|iex", "Invoke-Expression", "scriptblock]::Create"};
    static const char *const brings[] = {"DownloadString", "Invoke-WebRequest", "Invoke-RestMethod", "iwr ", "irm "};
    bool run = false, bring = false;

    for (size_t i = 0; i < countof(runs); i++)
        run |= strcasestr(text, runs[i]) != NULL;
    for (size_t i = 0; i < countof(brings); i++)
        bring |= strcasestr(text, brings[i]) != NULL;
    return run && bring;
}

/* What is wrong with the commands of a step; NULL: nothing. RET_BEGIN, RET_END: the first command and the last; NULL:
 * it is not one of the commands. */
static const char *find_fault(const struct shell_line *line, const struct downloads *downloads, const char *body,
                              const char *arguments, const struct shell_command **ret_begin,
                              const struct shell_command **ret_end)
{
    if ((*ret_begin = verified_run(line, ret_end)) || invokes_download(body))
        return unseen;
    if ((*ret_begin = *ret_end = verified_off(line, downloads)))
        return off;
    if (verified_off_text(arguments))
        return M_("switches verification off by a build argument");
    if ((*ret_begin = *ret_end = verified_http(line)))
        return plain;
    if ((*ret_begin = *ret_end = verified_direct(line)))
        return unchecked;
    return NULL;
}

/* First what is downloaded, then what is checked, then what is used: an installation may come before its check. */
static void follow_downloads(struct downloads *downloads, size_t i, const struct shell_line *line, const char *body)
{
    downloads->here = downloads->work_dir;
    for (size_t k = 0; k < line->count; k++) {
        downloads_remember(downloads, line->items[k]);
        downloads_read(downloads, i, line->items[k], line->budget);
        downloads_read_windows(downloads, i, line->items[k]);
    }
    if (strcasestr(body, "DownloadFile(")) /* PowerShell's words are not the shell's */
        downloads_read_text(downloads, i, body, line->budget);
    if (strcasestr(body, "-OutFile") || strcasestr(body, "-Destination"))
        downloads_read_powershell(downloads, i, body, line->budget);
    for (size_t k = 0; downloads->first && k < line->count; k++)
        downloads_run(downloads, i, line->items[k], line->budget);
    for (size_t k = 0; downloads->first && k < line->count; k++)
        downloads_check(downloads, i, line->items[k], line->budget);
    if (downloads->first && strcasestr(body, "Get-FileHash"))
        downloads_check_powershell(downloads, body, line->budget);
}

/* A step that is to be reported. */
struct report {
    struct report *next;
    enum verdict verdict;
    size_t step;
    const char *fault;
    char *text; /* NULL: none */
    size_t length;
};

struct judgement {
    struct history_reading reading;
    struct downloads downloads;
    const char *fault;             /* the first that fails; NULL: none */
    struct report *reports, **end; /* in the order of their steps, up to where downloads are judged */
};

static void judgement_end(struct judgement *judgement)
{
    history_end(&judgement->reading);
    downloads_deinit(&judgement->downloads);
    for (struct report *report = judgement->reports, *next; report; report = next) {
        next = report->next;
        free(report->text);
        free(report);
    }
}

/* After those of the same step and before those of later ones; to be asked for in the order of steps, for RUN steps and
 * then for downloads. */
static void report(struct judgement *judgement, size_t i, const char *fault, const char *text, size_t length)
{
    struct report *added = mem_alloc(sizeof *added);

    *added = (struct report){.verdict = fault != unchecked ? VERDICT_FAIL : VERDICT_MANUAL,
                             .step = i,
                             .fault = fault,
                             .text = text ? mem_strndup(text, length) : NULL,
                             .length = length};
    while (*judgement->end && (*judgement->end)->step <= i)
        judgement->end = &(*judgement->end)->next;
    added->next = *judgement->end;
    *judgement->end = added;
    judgement->end = &added->next;
}

/* What fails first, so that it is shown however much there is. */
static void say_reports(struct judgement *judgement)
{
    static const enum verdict verdicts[] = {VERDICT_FAIL, VERDICT_MANUAL};

    for (size_t k = 0; k < countof(verdicts); k++)
        for (const struct report *report = judgement->reports; report; report = report->next) {
            if (report->verdict != verdicts[k])
                continue;
            if (report->verdict == VERDICT_FAIL && !judgement->fault)
                judgement->fault = report->fault;
            history_say(&judgement->reading, report->verdict, report->step, report->fault, report->text,
                        report->length);
        }
}

static void judge_run(struct judgement *judgement, size_t i)
{
    struct history_reading *reading = &judgement->reading;
    const struct step *step = &reading->steps[i];
    scoped(cleanup_free) char *body = mem_strndup(step->body, step->length);
    scoped(cleanup_free) char *arguments = mem_strndup(step->arguments ? step->arguments : "", step->arguments_length);
    scoped(shell_line_deinit) struct shell_line line = {0};
    const struct shell_command *begin = NULL, *end = NULL;
    const char *fault = NULL;

    if (history_parse(reading, i, reading->variables, &line)) {
        follow_downloads(&judgement->downloads, i, &line, body);
        fault = find_fault(&line, &judgement->downloads, body, arguments, &begin, &end);
    }
    history_judged(reading, i, &line);
    if (fault)
        report(judgement, i, fault, begin ? begin->source : NULL,
               begin ? (size_t)(end->source - begin->source) + end->source_length : 0);
}

/* ADD https://…, unless with --checksum=algorithm:digest (Dockerfile reference, "ADD --checksum"). */
static void read_add(struct downloads *downloads, size_t i, const char *body)
{
    static const char option[] = "--checksum=", blanks[] = " \t,[]\"'";
    const char *checksum = strstr(body, option), *last = strrchr(body, ' ');

    for (const char *word = body + strspn(body, blanks); *word; word += strspn(word, blanks)) {
        size_t length = strcspn(word, blanks);
        scoped(cleanup_free) char *url = mem_strndup(word, length);

        word += length;
        if (url[0] == '-' || !strstr(url, "://") || verified_words_is_local(url))
            continue;
        downloads_add_instruction(downloads, i, url, body, last ? last + 1 : body,
                                  checksum && isalnum((unsigned char)checksum[strlen(option)]));
    }
}

static void enter_work_dir(struct downloads *downloads, const char *path)
{
    downloads->here = NULL;
    downloads_enter(downloads, path);
    downloads->work_dir = downloads->here;
}

static const char *fault_of(const struct download *download)
{
    if (download->verified)
        return NULL;
    if (download->insecure)
        return off;
    if (download->plain && (download->packaged || download->used))
        return plain;
    return download->used ? unchecked : NULL;
}

static void judge_downloads(struct judgement *judgement)
{
    const struct download *reported = NULL;

    judgement->end = &judgement->reports;
    for (const struct download *download = judgement->downloads.first; download; download = download->next) {
        const char *fault = fault_of(download);

        if (!fault || (reported && reported->step == download->step && fault == fault_of(reported) &&
                       strcmp(reported->text, download->text) == 0)) /* another file of the same command */
            continue;
        report(judgement, download->step, fault, download->text, strlen(download->text));
        reported = download;
    }
}

static void judge_setting(struct judgement *judgement, size_t i, const char *body)
{
    const struct step *step = &judgement->reading.steps[i];

    if (verified_off_text(body))
        report(judgement, i, off, step->body, step->length);
    else if (verified_http_index(body))
        report(judgement, i, plain_index, step->body, step->length);
}

static const char *remedy_of(const char *fault)
{
    if (fault == unseen)
        return M_("in these steps: RUN curl -fsSLo FILE URL && echo 'SHA256  FILE' | sha256sum -c && sh FILE, instead "
                  "of a pipe into a shell");
    if (fault == plain || fault == plain_index)
        return M_("in these steps: download over https://, and check each file with echo 'SHA256  FILE' | sha256sum -c "
                  "or gpg --verify before it is used");
    return M_("in these steps: leave verification on and add what it lacks, the repository's key or the server's CA; a "
              "single file may be checked with echo 'SHA256  FILE' | sha256sum -c");
}

void check_image_verified_packages(const struct check_input *in, struct check_result *out)
{
    scoped(judgement_end) struct judgement judgement = {.downloads = downloads_new()};
    struct history_reading *reading = &judgement.reading;

    judgement.end = &judgement.reports;
    if (!history_begin(reading, in, out))
        return;
    for (size_t i = 0; i < reading->count; i++) {
        const struct step *step = &reading->steps[i];
        scoped(cleanup_free) char *body = mem_strndup(step->body, step->length);

        history_learn(reading, i);
        if (step->instruction == INSTRUCTION_RUN)
            judge_run(&judgement, i);
        else if (step->instruction == INSTRUCTION_ADD)
            read_add(&judgement.downloads, i, body);
        else if (step->instruction == INSTRUCTION_WORKDIR)
            enter_work_dir(&judgement.downloads, body);
        else if (step->instruction == INSTRUCTION_ENV || step->instruction == INSTRUCTION_ARG)
            judge_setting(&judgement, i, body);
    }
    judge_downloads(&judgement);
    say_reports(&judgement);
    if (!history_say_end(reading, "no step installs anything unverified"))
        check_remedy_note(in, out, "%s", remedy_of(judgement.fault));
}
