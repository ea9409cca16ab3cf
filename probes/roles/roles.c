/* The table of roles. */
#include "probes/roles/roles.h"

#include <errno.h>
#include <string.h>

#include "common/capability.h"
#include "probes/audit/audit.h"
#include "probes/host/proc.h"
#include "probes/images/layers.h"
#include "probes/images/scanner.h"
#include "probes/roles/roles_internal.h"
#include "probes/worker/handed.h"

static void hand_over_news(int socket, const void *argument)
{
    const struct role_context *context = argument;
    struct error error = ERROR_INIT;
    int fd = -1;

    if (context->audit_news)
        fd = *context->audit_news;
    else if (audit_open_news(&fd, &error) < 0 && error.number == EPERM)
        error_prefix(&error, "needs CAP_AUDIT_READ");
    handed_send(socket, fd, &error);
}

static size_t audit_tasks(const struct role_context *context, struct helper_task *ret)
{
    ret[AUDIT_LIST] =
        (struct helper_task){.run = audit_run, .timeout_ms = ROLE_TASK_MS, .capabilities = AUDIT_CAPABILITIES};
    ret[AUDIT_NEWS] = (struct helper_task){.serve = hand_over_news,
                                           .argument = context,
                                           .descriptor = context->audit_news,
                                           .timeout_ms = ROLE_TASK_MS,
                                           .capabilities = AUDIT_NEWS_CAPABILITIES};
    return AUDIT_NEWS + 1;
}

static size_t no_tasks(const struct role_context *context, struct helper_task *ret)
{
    (void)context;
    (void)ret;
    return 0;
}

static const struct {
    const char *name, *rights;
    uint64_t capabilities;
    unsigned at_once;
    size_t (*tasks)(const struct role_context *context, struct helper_task *ret);
} roles[ROLE_COUNT] = {
    [ROLE_AUDIT] = {"audit", "CAP_AUDIT_CONTROL", AUDIT_CAPABILITIES | AUDIT_NEWS_CAPABILITIES, 0, audit_tasks},
    [ROLE_PROCESSES] = {"processes", "CAP_SYS_PTRACE", PROC_CAPABILITIES, 0, processes_tasks},
    [ROLE_FILES] = {"files", "CAP_DAC_READ_SEARCH", CAPABILITY(CAP_DAC_READ_SEARCH), 0, files_tasks},
    [ROLE_LAYERS] = {"layers", "CAP_DAC_READ_SEARCH", LAYERS_CAPABILITIES, 0, layers_tasks},
    [ROLE_NETWORK] = {"network", "sockets of the internet", 0, NETWORK_AT_ONCE, network_tasks},
    [ROLE_SCANNER] = {"scanner", "a process for the scanner", SCANNER_CAPABILITIES, 0, scanner_tasks},
    [ROLE_ENGINE] = {"engine", "the engine's socket", CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH), 0,
                     no_tasks},
};

const char *role_name(enum role role)
{
    return roles[role].name;
}

const char *role_rights(enum role role)
{
    return roles[role].rights;
}

uint64_t role_capabilities(enum role role)
{
    return roles[role].capabilities;
}

unsigned role_at_once(enum role role)
{
    return roles[role].at_once;
}

enum role_user role_user(enum role role)
{
    if (role == ROLE_ENGINE)
        return ROLE_USER_ROOT;
    return role == ROLE_LAYERS || role == ROLE_SCANNER ? ROLE_USER_AGENT : ROLE_USER_OWN;
}

enum role role_find(const char *name)
{
    unsigned role = 0;

    while (role < ROLE_COUNT && strcmp(roles[role].name, name) != 0)
        role++;
    return (enum role)role;
}

size_t role_tasks(enum role role, const struct role_context *context, struct helper_task ret[ROLE_TASKS_MAX])
{
    return roles[role].tasks(context, ret);
}
