/* --once and --check-config: the same engine, without daemon, state, sinks or socket. */
#include "agent/once.h"

#include <errno.h>

#include "agent/api/view.h"
#include "agent/options/agent_options.h"
#include "common/log.h"

static bool has_failure(const struct evaluator *evaluator)
{
    size_t at = 0;
    const struct subject *subject;

    while ((subject = evaluator_next_subject(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++)
            if (subject->pairs[i].verdict == VERDICT_FAIL && subject->pairs[i].rule->severity >= SEVERITY_HIGH &&
                !evaluator_waiver(evaluator, subject, &subject->pairs[i]))
                return true;
    return false;
}

static int print_json(const struct agent_view *view)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    struct finding_filter all = {.kind = -1, .waived = -1, .limit = SIZE_MAX};
    struct error error = ERROR_INIT;

    json_out_object(out, NULL);
    json_out_object(out, "status");
    view_status(view, out);
    json_out_end_object(out);
    if (view_findings(view, &all, out, &error) < 0) {
        log_error("%s", error.text);
        return EXIT_FAILURE;
    }
    json_out_end_object(out);
    puts(json_out_text(out, NULL));
    return 0;
}

int agent_once(const struct config_arguments *arguments, struct launch *launch, bool json)
{
    struct agent *agent = NULL;
    struct agent_view view;
    struct error error = ERROR_INIT;
    int r = agent_new(arguments, true, launch, &agent, &error);

    log_set_level(LOG_LEVEL_WARNING);
    if (r < 0) {
        log_error("%s", error.text);
        return r == -EINVAL || r == -ESRCH ? AGENT_EXIT_CONFIG : AGENT_EXIT_UNREACHABLE;
    }
    r = agent_run(agent, &error);
    if (r < 0)
        log_error("%s", error.text);
    agent_view(agent, &view);
    if (json) {
        if (print_json(&view) != 0)
            r = -EIO;
    } else {
        scoped_str text = STR_INIT;

        view_once_text(&view, &text);
        fputs(str_text(&text), stdout);
    }
    if (r < 0)
        r = AGENT_EXIT_UNREACHABLE;
    else
        r = has_failure(view.evaluator) ? AGENT_EXIT_FOUND : 0;
    if (fflush(stdout) == EOF || ferror(stdout)) {
        log_error("cannot write the output");
        r = AGENT_EXIT_OUTPUT;
    }
    agent_free(agent);
    return r;
}

static void print_faults(const struct faults *faults)
{
    for (size_t i = 0; i < faults->errors.count; i++)
        fprintf(stderr, "%s\n", faults->errors.items[i]);
    if (faults->errors_left_out)
        fprintf(stderr, "and %zu more errors\n", faults->errors_left_out);
    for (size_t i = 0; i < faults->warnings.count; i++)
        fprintf(stderr, "warning: %s\n", faults->warnings.items[i]);
    if (faults->warnings_left_out)
        fprintf(stderr, "and %zu more warnings\n", faults->warnings_left_out);
}

int agent_check_config(const struct config_arguments *arguments)
{
    scoped(cleanup_config) struct config *config = NULL;
    scoped(cleanup_rule_set) struct rule_set *rules = NULL;
    scoped(faults_free) struct faults faults = {0};
    size_t enabled = 0;
    int r = agent_check_all(arguments, &config, &rules, &faults);

    print_faults(&faults);
    if (r < 0 || !config || !rules) {
        fprintf(stderr, "%zu error%s, %zu warning%s\n", faults_errors(&faults), faults_errors(&faults) == 1 ? "" : "s",
                faults.warnings.count, faults.warnings.count == 1 ? "" : "s");
        return AGENT_EXIT_CONFIG;
    }
    for (size_t i = 0; i < rules->count; i++)
        enabled += rules->rules[i].enabled;
    printf("%s: OK; %zu rules, benchmark %s", config->path ? config->path : "no configuration file", enabled,
           config->benchmark);
    if (config->file_count > (config->path != NULL))
        printf(", %zu files of conf.d", config->file_count - (config->path != NULL));
    puts("");
    return 0;
}
