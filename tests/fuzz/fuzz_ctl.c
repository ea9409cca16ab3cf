/* Any bytes as what a hostile agent answers, head and body, to each command of agentctl that reads an answer; and as a
 * time of the command line. The first byte chooses: a command (a to j), the same with an answer whose head is in the
 * input (A to J), with --json (0 to 9), a time (t). */
#include <fcntl.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/options.h"
#include "common/when.h"
#include "tests/fuzz/answering.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(1)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void command(const char *body, size_t length, unsigned which)
{
    static ctl_command *const commands[] = {ctl_status, ctl_findings, ctl_rules,   ctl_explain, ctl_history,
                                            ctl_diff,   ctl_check,    ctl_metrics, ctl_scan,    ctl_version};
    struct answering agent = {.text = body, .length = length, .has_head = which >= 'A' && which <= 'J'};
    struct folder folder;
    char rule[] = "5.4", hour[] = "1h";
    char *words[] = {rule, NULL};
    struct ctl ctl = {.program = &agentctl_options, .json = which < 'A', .zh = which & 1, .words = words};
    size_t index = (which < 'A' ? which : (which | 0x20) - 'a') % countof(commands);

    folder_make(&folder);
    answering_start(&agent, &folder, "s");
    ctl.socket = agent.path;
    ctl.terminal = (struct terminal){.output = which < 'A' ? OUTPUT_JSON : (enum output)(length % OUTPUT_JSON),
                                     .width = 80,
                                     .colour = true,
                                     .headings = true};
    ctl.word_count = commands[index] == ctl_explain || commands[index] == ctl_diff;
    if (commands[index] == ctl_diff)
        words[0] = hour;
    commands[index](&ctl);
    answering_stop(&agent);
    folder_remove(&folder);
}

static void time_of(const char *text)
{
    char buffer[CLOCK_TEXT_SIZE];
    usec_t at;

    if (when_parse(text, INT64_C(1795514400) * USEC_PER_SEC, &at) == 0)
        when_format(at, buffer);
}

/* What agentctl prints goes nowhere; a sanitizer's report does not. */
static void be_quiet(void)
{
    static bool is;
    int null = is ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        close(null);
    }
    is = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);

    if (!size)
        return 0;
    be_quiet();
    terminal_set_locale();
    if (text[0] == 't')
        time_of(text + 1);
    else
        command(text + 1, size - 1, (unsigned char)text[0]);
    return 0;
}
