/* docker-bench-agent: reads its arguments, runs the agent, frees it. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/launch/launch.h"
#include "agent/libraries.h"
#include "agent/once.h"
#include "agent/options/agent_options.h"
#include "common/log.h"

static int print_help(bool zh)
{
    scoped_str out = STR_INIT;

    setlocale(LC_CTYPE, "C.UTF-8"); /* by which widths are counted */
    options_help(&agent_options_table, NULL, zh, &out);
    fputs(str_text(&out), stdout);
    return 0;
}

static int run(const struct config_arguments *arguments, struct launch *launch)
{
    struct agent *agent = NULL;
    struct error error = ERROR_INIT;
    int r = agent_new(arguments, false, launch, &agent, &error);

    if (r < 0) {
        log_error("%s", error.text);
        return r == -EINVAL || r == -ESRCH ? AGENT_EXIT_CONFIG : EXIT_FAILURE;
    }
    r = agent_run(agent, &error);
    if (r < 0)
        log_error("%s", error.text);
    agent_free(agent);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int start(const struct agent_options *options)
{
    struct launch launch = {.fd = -1, .folder = options->helpers, .has_rights = options->helpers != NULL};
    struct error error = ERROR_INIT;

    if (agent_user_find(options->user, options->once, launch.folder != NULL, &launch.user, &error) < 0) {
        log_error("%s", error.text);
        return AGENT_EXIT_USAGE;
    }
    if (!launch.folder && launch_begin(&options->arguments, options->once, &launch, &error) < 0) {
        log_error("%s", error.text);
        return EXIT_FAILURE;
    }
    return options->once ? agent_once(&options->arguments, &launch, str_equal(options->format, "json"))
                         : run(&options->arguments, &launch);
}

int main(int argc, char **argv)
{
    struct agent_options options = {0};
    struct options_result result = {.zh = options_locale_is_chinese()};
    int r;

    libraries_prepare();
    r = options_parse(&agent_options_table, argc, argv, &options, &result);
    if (r)
        return r;
    if (result.help)
        return print_help(result.zh);
    if (result.version) {
        puts("docker-bench-agent " PROGRAM_VERSION);
        return 0;
    }
    if (options.format && !options.once)
        return options_usage(&agent_options_table, result.zh, "%s",
                             result.zh ? "--format 需要 --once" : "--format requires --once");
    return options.check_config ? agent_check_config(&options.arguments) : start(&options);
}
