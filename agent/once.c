/* --once and --check-config: the same engine, without daemon, state, sinks or socket. */
#include "agent/once.h"

#include <errno.h>

#include "agent/api/view.h"
#include "agent/config/config_show.h"
#include "agent/options/agent_options.h"
#include "agent/words/words.h"
#include "common/log.h"
#include "common/out_file.h"
#include "common/text.h"

void agent_complain(enum language language, const struct error *error)
{
    scoped_str text = STR_INIT;

    words_render(&text, error->message, language, 0);
    log_error("%s", str_text(&text));
}

static int write_output(const struct report *report, const struct once_options *options, struct error *error)
{
    struct out_file output;
    struct report_out out = {0};
    int r = out_file_open(&output, options->output, 0600, error); /* it tells how the host can be attacked */

    if (r < 0)
        return r;
    out.fd = output.fd;
    r = report_write(report, options->format, &out, error);
    if (r == 0)
        return out_file_close(&output, error);
    out_file_abandon(&output);
    return r;
}

static bool has_failed(const struct report *report, const struct once_options *options)
{
    return report_failures(report, options->fail_on) || (options->fail_on_error && report_errors(report));
}

/* Uids are made of the machine's id: nothing of another machine's is known here. */
static void warn_of_another_machine(const struct baseline *baseline, const struct report_source *source,
                                    enum language language)
{
    const char *machine = baseline_machine(baseline);

    if (machine && !str_empty(source->machine) && !str_equal(machine, source->machine))
        log_warning("%s", words(language, "the baseline was made on another machine: every finding counts as new"));
}

static int report(struct agent *agent, const struct once_options *options, const struct baseline *baseline)
{
    scoped(cleanup_report) struct report *report = NULL;
    struct report_source source;
    struct agent_view view;
    struct error error = ERROR_INIT;

    agent_view(agent, &view);
    if (options->language)
        view.language = str_equal(options->language, "zh") ? LANGUAGE_ZH : LANGUAGE_EN;
    view_report_source(&view, &source);
    source.filter = &options->filter;
    source.baseline = baseline;
    if (baseline)
        warn_of_another_machine(baseline, &source, options->messages_in);
    if (report_new(&source, &report, &error) < 0) {
        agent_complain(options->messages_in, &error);
        return AGENT_EXIT_USAGE;
    }
    if (write_output(report, options, &error) < 0) {
        agent_complain(options->messages_in, &error);
        return AGENT_EXIT_OUTPUT;
    }
    return has_failed(report, options) ? AGENT_EXIT_FOUND : 0;
}

static int scan(const struct config_arguments *arguments, struct launch *launch, const struct once_options *options,
                const struct baseline *baseline)
{
    struct agent *agent = NULL;
    struct error error = ERROR_INIT;
    int r = agent_new(arguments, true, launch, &agent, &error), status;

    log_set_level(LOG_LEVEL_WARNING);
    if (r < 0) {
        agent_complain(options->messages_in, &error);
        return r == -EINVAL || r == -ESRCH ? AGENT_EXIT_CONFIG : AGENT_EXIT_UNREACHABLE;
    }
    r = agent_run(agent, &error);
    if (r < 0)
        agent_complain(options->messages_in, &error); /* and there is no report: a page of errors would not say more */
    status = r < 0 ? AGENT_EXIT_UNREACHABLE : report(agent, options, baseline);
    agent_free(agent);
    return status;
}

int agent_once(const struct config_arguments *arguments, struct launch *launch, const struct once_options *options)
{
    scoped(cleanup_baseline) struct baseline *baseline = NULL;
    struct error error = ERROR_INIT;

    if (options->baseline && baseline_read(options->baseline, &baseline, &error) < 0) {
        agent_complain(options->messages_in, &error);
        return AGENT_EXIT_USAGE;
    }
    return scan(arguments, launch, options, baseline);
}

static void print_fault(enum language language, const char *kind, const char *fault)
{
    scoped_str line = STR_INIT, safe = STR_INIT;

    words_render(&line, fault, language, 0);
    text_escape(&safe, str_text(&line), line.length, 0);
    fprintf(stderr, "%s%s\n", kind, str_text(&safe));
}

static void print_faults(const struct faults *faults, enum language language)
{
    for (size_t i = 0; i < faults->errors.count; i++)
        print_fault(language, "", faults->errors.items[i]);
    if (faults->errors_left_out)
        fprintf(stderr, words(language, "and %zu more errors\n"), faults->errors_left_out);
    for (size_t i = 0; i < faults->warnings.count; i++)
        print_fault(language, words(language, "warning: "), faults->warnings.items[i]);
    if (faults->warnings_left_out)
        fprintf(stderr, words(language, "and %zu more warnings\n"), faults->warnings_left_out);
}

/* "2 errors, 1 warning" */
static void print_counts(const struct faults *faults, enum language language)
{
    size_t errors = faults_errors(faults), warnings = faults->warnings.count + faults->warnings_left_out;

    fprintf(stderr, errors == 1 ? words(language, "%zu error") : words(language, "%zu errors"), errors);
    fprintf(stderr, warnings == 1 ? words(language, ", %zu warning\n") : words(language, ", %zu warnings\n"), warnings);
}

int agent_check_config(const struct config_arguments *arguments, enum language language)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    scoped(faults_free) struct faults faults = {0};
    size_t enabled = 0;
    int r = agent_check_all(arguments, &config, &rules, &faults);

    print_faults(&faults, language);
    if (r < 0 || !config || !rules) {
        print_counts(&faults, language);
        return AGENT_EXIT_CONFIG;
    }
    for (size_t i = 0; i < rules->count; i++)
        enabled += rules->rules[i].enabled;
    printf(words(language, "%s: OK; %zu rules, benchmark %s"),
           config->path ? config->path : words(language, "no configuration file"), enabled, config->benchmark);
    if (config->file_count > (config->path != NULL))
        printf(words(language, ", %zu files of conf.d"), config->file_count - (config->path != NULL));
    puts("");
    return 0;
}

int agent_show_config(const struct config_arguments *arguments, enum language language)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;

    if (config_load_words(arguments, &config, &error) < 0) {
        agent_complain(language, &error);
        return AGENT_EXIT_CONFIG;
    }
    config_show(config, &text);
    fputs(str_text(&text), stdout);
    return fflush(stdout) == EOF ? AGENT_EXIT_OUTPUT : 0;
}
