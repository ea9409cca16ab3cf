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

static enum language language_of(const struct options_result *result)
{
    return result->zh ? LANGUAGE_ZH : LANGUAGE_EN;
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

/* What only --once takes, the first one given; NULL: none of it. */
static const char *given_of_once(const struct agent_options *options)
{
    const struct {
        const char *name;
        bool given;
    } all[] = {
        {"--format", options->format},
        {"--output", options->output},
        {"--lang", options->check_config || options->show_config ? NULL : options->lang},
        {"--fail-on", options->fail_on},
        {"--new-only", options->new_only},
        {"--rule", options->rule},
        {"--section", options->section},
        {"--level", options->level},
        {"--fail-on-error", options->fail_on_error},
        {"--severity", options->severity},
    };

    for (size_t i = 0; i < countof(all); i++)
        if (all[i].given)
            return all[i].name;
    return NULL;
}

/* The words of a list, which the table of options has checked, as bits. */
static unsigned read_severities(const char *list)
{
    unsigned bits = 0;

    while (list && *list) {
        size_t length = strcspn(list, ",");
        scoped(cleanup_free) char *word = mem_strndup(list, length);
        enum severity severity;

        if (severity_parse(word, &severity))
            bits |= 1u << severity;
        list += length + (list[length] == ',');
    }
    return bits;
}

static unsigned read_levels(const char *list)
{
    return (list && strchr(list, '1') ? 1u << 1 : 0) | (list && strchr(list, '2') ? 1u << 2 : 0);
}

static int once(const struct agent_options *options, struct launch *launch, enum language language)
{
    struct once_options chosen = {.format = REPORT_TEXT,
                                  .output = options->output,
                                  .language = options->lang,
                                  .messages_in = language,
                                  .fail_on = SEVERITY_HIGH,
                                  .fail_on_error = options->fail_on_error,
                                  .baseline = options->new_only,
                                  .filter = FINDING_FILTER_ALL};
    struct error error = ERROR_INIT;

    if (options->format && report_format_parse(options->format, &chosen.format, &error) < 0) {
        agent_complain(language, &error);
        return AGENT_EXIT_USAGE;
    }
    if (options->fail_on)
        (void)severity_parse(options->fail_on, &chosen.fail_on);
    chosen.filter.rule = options->rule;
    chosen.filter.section = options->section;
    chosen.filter.severities = read_severities(options->severity);
    chosen.filter.levels = read_levels(options->level);
    return agent_once(&options->arguments, launch, &chosen);
}

static int start(const struct agent_options *options, enum language language)
{
    struct launch launch = {.fd = -1, .folder = options->helpers, .has_rights = options->helpers != NULL};
    struct error error = ERROR_INIT;

    if (agent_user_find(options->user, options->once, launch.folder != NULL, &launch.user, &error) < 0) {
        agent_complain(language, &error);
        return AGENT_EXIT_USAGE;
    }
    if (!launch.folder && launch_begin(&options->arguments, options->once, &launch, &error) < 0) {
        agent_complain(language, &error);
        return EXIT_FAILURE;
    }
    return options->once ? once(options, &launch, language) : run(&options->arguments, &launch);
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
    if (given_of_once(&options) && !options.once)
        return options_usage(&agent_options_table, result.zh, result.zh ? "%s 需要 --once" : "%s requires --once",
                             given_of_once(&options));
    if (options.show_config)
        return agent_show_config(&options.arguments, language_of(&result));
    return options.check_config ? agent_check_config(&options.arguments, language_of(&result))
                                : start(&options, language_of(&result));
}
