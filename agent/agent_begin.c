/* How work begins: the configuration is loaded, a full scan is started. */
#include "agent/agent_internal.h"

static const char *from_environment(const char *name)
{
    return getenv(name);
}

int agent_load_config(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                      struct error *error)
{
    int r = config_load(arguments, from_environment, ret, error);

    if (r < 0)
        return r;
    r = config_load_rules(*ret, ret_rules, error);
    if (r < 0) {
        config_free(*ret);
        *ret = NULL;
    }
    return r;
}

int agent_check_all(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                    struct faults *faults)
{
    return config_check(arguments, from_environment, ret, ret_rules, faults);
}

void agent_scan(struct agent *agent, const char *cause)
{
    agent->scanning = true;
    agent->scan_started = clock_now(&clock_system);
    agent->scan_clock = clock_monotonic();
    evaluator_stale_all(agent->evaluator, cause);
}
