/* agentctl: reads its arguments, runs one command. */
#include <errno.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/options.h"

/* A disk that is full, a pipe that nobody reads: what was printed in part must not end as if it were whole. */
static int flush_output(const struct ctl *ctl, int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    ctl_complain("%s: %s", tr(ctl, "cannot write", "无法写出"), strerror(errno));
    return EXIT_UNWRITTEN;
}

static int run(struct ctl *ctl, const struct options_result *result)
{
    if (result->help)
        return ctl_print_help(ctl, result->command);
    if (result->version) {
        puts("agentctl " PROGRAM_VERSION);
        return 0;
    }
    if (!result->command)
        return ctl_usage(ctl, "%s", tr(ctl, "missing command, such as status", "缺少命令，例如 status"));
    ctl->terminal = terminal_of_stdout(ctl->json ? "json" : ctl->output, ctl->no_color ? "never" : ctl->color);
    ctl->terminal.headings = !ctl->no_header;
    ctl->json = ctl->terminal.output == OUTPUT_JSON;
    ctl->words = result->words;
    ctl->word_count = result->word_count;
    return ((ctl_command *)result->command->run)(ctl);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.program = &agentctl_options, .socket = "/run/docker-bench-agent/agent.sock"};
    struct options_result result = {.zh = options_locale_is_chinese()};
    int r;

    terminal_set_locale();
    r = options_parse(&agentctl_options, argc, argv, &ctl, &result);
    ctl.zh = result.zh;
    return r ? r : flush_output(&ctl, run(&ctl, &result));
}
