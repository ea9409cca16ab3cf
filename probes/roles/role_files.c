/* What only who may read every file sees. Sets of files and places of mounts have files of their own. */
#include <string.h>

#include "probes/audit/audit.h"
#include "probes/environment/environment.h"
#include "probes/host/groups.h"
#include "probes/host/node_certificates.h"
#include "probes/host/units.h"
#include "probes/roles/roles_internal.h"

enum { SETS_MS = 10000, PLACES_MS = 10000, UNITS_MS = 10000 };

/* ---- The environment ---- */

void roles_ask_environment(struct str *out, const char *of_dockerd, const char *dockerd_error)
{
    wire_put_text(out, of_dockerd);
    wire_put_text(out, dockerd_error);
}

static int read_environment(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    struct role_request request = role_request(argument, arena);
    const char *of_dockerd = wire_text(&request.reader), *dockerd_error = wire_text(&request.reader);
    struct environment_facts *facts;
    int r = role_request_end(&request, error);

    if (r < 0)
        return r;
    facts = environment_read(request.context->root, "DOCKER_CONTENT_TRUST", of_dockerd, dockerd_error);
    environment_put(output, facts);
    facts_free(&facts->facts);
    return 0;
}

/* ---- The swarm node's certificates ---- */

void roles_ask_certificates(struct str *out, const char *data_root)
{
    wire_put_text(out, data_root);
}

static int read_certificates(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    struct role_request request = role_request(argument, arena);
    const char *data_root = wire_text(&request.reader);
    struct certificate_facts *facts;
    int r = role_request_end(&request, error);

    if (r < 0)
        return r;
    facts = node_certificates_read(request.context->root, data_root);
    node_certificates_put(output, facts);
    facts_free(&facts->facts);
    return 0;
}

/* ---- Audit rules on disk ---- */

void roles_ask_audit(struct str *out, const char *kernel_rules, int kernel_errno, const char *kernel_error)
{
    wire_put_text(out, kernel_rules);
    wire_put_number(out, kernel_errno);
    wire_put_text(out, kernel_error);
}

static int read_audit(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(4096);
    struct role_request request = role_request(argument, arena);
    struct audit_request audit = {.root = request.context->root, .output = wire_text(&request.reader)};
    int r;

    audit.length = audit.output ? strlen(audit.output) : 0;
    audit.kernel_errno = (int)wire_number(&request.reader);
    audit.kernel_error = wire_text(&request.reader);
    r = role_request_end(&request, error);
    return r < 0 ? r : audit_merge_run(output, &audit, error);
}

/* ---- Units ---- */

void roles_ask_units(struct str *out, const struct string_list *names)
{
    wire_put_list(out, names);
}

static int read_units(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct role_request request = role_request(argument, arena);
    struct string_list names;
    int r;

    wire_list(&request.reader, UNITS_MAX, &names);
    r = role_request_end(&request, error);
    return r < 0 ? r
                 : units_run(output, &(struct units_request){.root = request.context->root, .names = &names}, error);
}

size_t files_tasks(const struct role_context *context, struct helper_task *ret)
{
    const struct helper_task task = {.argument = context,
                                     .root = context->root,
                                     .timeout_ms = ROLE_TASK_MS,
                                     .capabilities = CAPABILITY(CAP_DAC_READ_SEARCH)};

    for (unsigned i = FILES_GROUPS; i < FILES_WATCH; i++)
        ret[i] = task;
    ret[FILES_GROUPS].run = groups_run_asked;
    ret[FILES_GROUPS].argument = context->root;
    ret[FILES_ENVIRONMENT].run = read_environment;
    ret[FILES_CERTIFICATES].run = read_certificates;
    ret[FILES_AUDIT].run = read_audit;
    ret[FILES_SETS].run = files_read_sets;
    ret[FILES_SETS].timeout_ms = SETS_MS;
    ret[FILES_PLACES].run = files_find_places;
    ret[FILES_PLACES].timeout_ms = PLACES_MS;
    ret[FILES_PLACES].root = context->outside;
    ret[FILES_VOLUMES].run = files_read_volumes;
    ret[FILES_VOLUMES].root = context->outside;
    ret[FILES_UNITS].run = read_units;
    ret[FILES_UNITS].timeout_ms = UNITS_MS;
    ret[FILES_WATCH] = (struct helper_task){.serve = files_serve_watches,
                                            .argument = context,
                                            .root = context->root,
                                            .outside = context->outside,
                                            .timeout_ms = ROLE_TASK_MS,
                                            .capabilities = CAPABILITY(CAP_DAC_READ_SEARCH)};
    return FILES_WATCH + 1;
}
