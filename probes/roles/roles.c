/* The table of roles. */
#include "probes/roles/roles.h"

#include "probes/audit/audit.h"
#include "probes/roles/roles_internal.h"

static size_t audit_tasks(const struct role_context *context, struct helper_task *ret)
{
    (void)context;
    ret[AUDIT_LIST] =
        (struct helper_task){.run = audit_run, .timeout_ms = ROLE_TASK_MS, .capabilities = AUDIT_CAPABILITIES};
    return AUDIT_LIST + 1;
}

static const struct {
    const char *name, *rights;
    size_t (*tasks)(const struct role_context *context, struct helper_task *ret);
} roles[ROLE_COUNT] = {
    [ROLE_AUDIT] = {"audit", "CAP_AUDIT_CONTROL", audit_tasks},
    [ROLE_PROCESSES] = {"processes", "CAP_SYS_PTRACE", processes_tasks},
    [ROLE_FILES] = {"files", "CAP_DAC_READ_SEARCH", files_tasks},
    [ROLE_LAYERS] = {"layers", "CAP_DAC_READ_SEARCH", layers_tasks},
    [ROLE_SCANNER] = {"scanner", "CAP_DAC_READ_SEARCH", scanner_tasks},
};

const char *role_name(enum role role)
{
    return roles[role].name;
}

const char *role_rights(enum role role)
{
    return roles[role].rights;
}

size_t role_tasks(enum role role, const struct role_context *context, struct helper_task ret[ROLE_TASKS_MAX])
{
    return roles[role].tasks(context, ret);
}
