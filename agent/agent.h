/* The one context: configuration, rules, probes, engine, sinks and server, wired together on one loop. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/api/view.h"
#include "agent/evaluator/evaluator.h"
#include "agent/sinks/sink.h"
#include "probes/docker/docker.h"
#include "probes/watch/watch.h"

struct agent;
struct launch;

void agent_view(const struct agent *agent, struct agent_view *ret);
void agent_scan(struct agent *agent, const char *cause); /* full re-evaluation */

/* The configuration and its rules, of command line, environment and files. */
int agent_load_config(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                      struct error *error);
/* The same, and all that is wrong or cannot be meant; see config_check(). */
int agent_check_all(const struct config_arguments *arguments, struct config **ret, struct rule_set **ret_rules,
                    struct faults *faults);
/* LAUNCH, which outlives it: where helpers come from; NULL: there are none. */
int agent_new(const struct config_arguments *arguments, bool once, struct launch *launch, struct agent **ret,
              struct error *error);
void agent_free(struct agent *agent);
/* Until SIGTERM or SIGINT; once: until the scan is done. -ECHILD: the launcher has ended.
 */
int agent_run(struct agent *agent, struct error *error);

#endif
