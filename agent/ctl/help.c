/* agentctl help, and --help. */
#include "agent/ctl/ctl.h"
#include "agent/ctl/options.h"

int ctl_print_help(const struct ctl *ctl, const struct command_row *command)
{
    scoped_str out = STR_INIT;

    options_help(ctl->program, command, ctl->zh, &out);
    fputs(str_text(&out), stdout);
    return 0;
}

int ctl_help(struct ctl *ctl)
{
    const struct command_row *command = NULL;

    if (ctl->word_count) {
        command = options_command(ctl->program, ctl->words[0]);
        if (!command)
            return options_unknown_command(ctl->program, ctl->zh, ctl->words[0]);
    }
    return ctl_print_help(ctl, command);
}
