/* The ways to run without a daemon: one scan to standard output, and a look at the configuration. */
#ifndef AGENT_ONCE_H
#define AGENT_ONCE_H

#include "agent/agent.h"
#include "agent/report/report.h"

/* What --once is to report, and what is to fail. */
struct once_options {
    enum report_format format;
    const char *output;        /* a file, replaced as a whole; NULL or "-": standard output */
    const char *language;      /* "en", "zh"; NULL: the configuration's */
    enum language messages_in; /* of what is said on standard error */
    enum severity fail_on;
    bool fail_on_error;
    const char *baseline;         /* a file: only what is new since counts; NULL: everything */
    struct finding_filter filter; /* what of it counts */
};

/* One full scan by the same engine. Returns the exit status: 0 no unwaived failure of the severity or above, 1 some, or
 * an error that is to fail; 2 the baseline or the selection is wrong, 78 the configuration, 3 the engine cannot be
 * reached, 5 the output cannot be written. */
int agent_once(const struct config_arguments *arguments, struct launch *launch, const struct once_options *options);
/* Reads the configuration and the rules: success to standard output, all errors, and warnings of what cannot have been
 * meant, to standard error, a line each, in LANGUAGE. Returns the exit status: 0, with warnings too, or 78. */
int agent_check_config(const struct config_arguments *arguments, enum language language);
/* Prints the files of the configuration as they are merged, with the place of each value; errors in LANGUAGE. Returns
 * the exit status: 0, or 78 where they are not valid. */
int agent_show_config(const struct config_arguments *arguments, enum language language);
/* Logs ERROR in LANGUAGE. */
void agent_complain(enum language language, const struct error *error);

#endif
