/* The options of docker-bench-agent. */
#ifndef AGENT_OPTIONS_AGENT_OPTIONS_H
#define AGENT_OPTIONS_AGENT_OPTIONS_H

#include "agent/config/config.h"
#include "common/options/options.h"

/* The agent's exit statuses, beside 0 and EXIT_FAILURE. */
enum {
    AGENT_EXIT_FOUND = 1, /* --once */
    AGENT_EXIT_USAGE = OPTIONS_USAGE,
    AGENT_EXIT_UNREACHABLE = 3, /* --once */
    AGENT_EXIT_OUTPUT = 5,      /* --once */
    AGENT_EXIT_CONFIG = 78      /* EX_CONFIG of sysexits.h */
};

/* What the command line gave; NULL or false: not given. */
struct agent_options {
    struct config_arguments arguments;
    const char *helpers, *user;
    bool once, check_config, show_config;
    /* of --once */
    const char *format, *output, *lang, *fail_on, *new_only, *rule, *section, *severity, *level;
    bool fail_on_error;
};

extern const struct program_options agent_options_table; /* its values: struct agent_options */

#endif
