/* What a helper knows of the host and of its own configuration, before it is asked for anything. */
#ifndef AGENT_HELPER_CONTEXT_H
#define AGENT_HELPER_CONTEXT_H

#include "agent/config/config.h"
#include "probes/roles/roles.h"

struct helper_context {
    const struct config_arguments *arguments;
    struct config *config; /* as it was at the start; NULL: it could not be read */
    struct error why;      /* of role network: the reason */
    struct rule_set *rules;
    struct docker_address address;
    char *layers_cache;
    struct host_root *root, *outside;
    char *proc;
    struct role_context role; /* for role_tasks(); points to the others */
};

/* ARGUMENTS outlive it. ONCE: nothing is kept in the state directory. A configuration that cannot be loaded, which the
 * agent reports, is not an error: then ARGUMENTS say where the host's root is, and no source of files is known until it
 * can. 0, or a negative errno with ERROR. */
int helper_context_load(const struct config_arguments *arguments, bool once, struct helper_context *ret,
                        struct error *error);
/* The same for role network, which is told where to connect and listen and knows nothing else of the host. */
void helper_context_load_network(const struct config_arguments *arguments, struct helper_context *ret);
void helper_context_free(struct helper_context *context);

#endif
