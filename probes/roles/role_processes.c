/* What only who may trace a process sees: dockerd and its configuration, which its environment leads to, whose
 * listening sockets are its own, the programs in a container. */
#include <string.h>

#include "probes/daemon/daemon_config.h"
#include "probes/daemon/daemon_wire.h"
#include "probes/host/listeners.h"
#include "probes/host/proc.h"
#include "probes/host/units.h"
#include "probes/roles/roles_internal.h"

enum { QUERIES_MAX = 65536, ID_MAX = 128 };

/* ---- dockerd ---- */

void roles_ask_daemon(struct str *out, pid_t peer, bool is_podman, const struct units_facts *units)
{
    wire_put_number(out, peer);
    wire_put_number(out, is_podman);
    units_put(out, units);
}

static int read_daemon(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(256);
    struct role_request request = role_request(argument, arena);
    const struct host_root *root = request.context->root;
    scoped(cleanup_facts) struct facts *units_owned = NULL;
    struct units_facts *units;
    struct daemon_facts *daemon = NULL;
    pid_t peer = (pid_t)wire_number(&request.reader), pid = 0;
    bool is_podman = wire_number(&request.reader) != 0, found;
    int r;

    units = units_take(&request.reader, error);
    units_owned = units ? &units->facts : NULL;
    r = units ? role_request_end(&request, error) : -EPROTO;
    if (r < 0)
        return r;
    found = daemon_find(root, units, peer, &pid, error) == 0;
    r = daemon_config_read(root, units, found ? pid : 0, found ? NULL : error->message, &daemon, error);
    if (r < 0)
        return r;
    if (!found)
        daemon_config_engine(root, units, peer, is_podman, daemon);
    daemon_put(output, daemon);
    facts_free(&daemon->facts);
    return 0;
}

/* ---- Listening sockets ---- */

void roles_ask_listeners(struct str *out, pid_t dockerd)
{
    wire_put_number(out, dockerd);
}

static int read_listeners(struct str *output, const void *argument, struct error *error)
{
    struct role_request request = role_request(argument, NULL);
    pid_t pid = (pid_t)wire_number(&request.reader);
    struct listener_facts *facts = NULL;
    int r = role_request_end(&request, error);

    if (r < 0)
        return r;
    r = listeners_read(request.context->root, pid, &facts, error);
    if (r < 0)
        return r;
    listeners_put(output, facts);
    facts_free(&facts->facts);
    return 0;
}

/* ---- Containers ---- */

void roles_ask_ipc(struct str *out, pid_t one, pid_t other)
{
    wire_put_number(out, one);
    wire_put_number(out, other);
}

static int compare_ipc(struct str *output, const void *argument, struct error *error)
{
    struct role_request request = role_request(argument, NULL);
    pid_t one = (pid_t)wire_number(&request.reader), other = (pid_t)wire_number(&request.reader);
    enum tristate same = TRI_ABSENT;
    char a[64], b[64];
    int r = role_request_end(&request, error);

    if (r < 0)
        return r;
    if (proc_read_link(request.context->root, one, "ns/ipc", a, sizeof a) == 0 &&
        proc_read_link(request.context->root, other, "ns/ipc", b, sizeof b) == 0)
        same = strcmp(a, b) == 0 ? TRI_TRUE : TRI_FALSE;
    wire_put_number(output, same);
    return 0;
}

void roles_ask_processes(struct str *out, const struct processes_query *queries, size_t count)
{
    wire_put_number(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_number(out, queries[i].pid);
        wire_put_text(out, queries[i].id);
    }
}

static void put_processes(struct str *output, const struct host_root *root, pid_t pid, const char *id)
{
    struct process_facts *facts = NULL;
    struct error why = ERROR_INIT;
    int r = proc_container_processes(root, pid, id, &facts, &why);

    wire_put_number(output, r);
    if (r < 0) {
        wire_put_text(output, why.message);
        return;
    }
    proc_put(output, facts);
    facts_free(&facts->facts);
}

static int read_processes(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct role_request request = role_request(argument, arena);
    size_t count = wire_count(&request.reader, QUERIES_MAX);
    struct processes_query *queries = arena_alloc(arena, (count + 1) * sizeof *queries);
    int r;

    for (size_t i = 0; i < count && !request.reader.broken; i++) {
        queries[i].pid = (pid_t)wire_number(&request.reader);
        queries[i].id = wire_text(&request.reader);
        request.reader.broken |= !queries[i].id || strlen(queries[i].id) > ID_MAX;
    }
    r = role_request_end(&request, error);
    for (size_t i = 0; r == 0 && i < count; i++)
        put_processes(output, request.context->root, queries[i].pid, queries[i].id);
    return r;
}

int roles_take_processes(struct wire_reader *reader, struct process_facts **ret, struct error *error)
{
    int r = wire_failure(reader);

    if (r < 0) {
        scoped(cleanup_arena) struct arena *arena = arena_new(256);
        const char *why;

        reader->arena = arena;
        why = wire_text(reader);
        if (!reader->broken)
            return error_set(error, -r, "%s", why ? why : error_reason(-r));
    }
    *ret = proc_take(reader, error);
    return *ret ? 0 : -EPROTO;
}

size_t processes_tasks(const struct role_context *context, struct helper_task *ret)
{
    const struct helper_task task = {
        .argument = context, .root = context->root, .timeout_ms = ROLE_TASK_MS, .capabilities = PROC_CAPABILITIES};

    for (unsigned i = PROCESSES_DAEMON; i <= PROCESSES_IPC; i++)
        ret[i] = task;
    ret[PROCESSES_DAEMON].run = read_daemon;
    ret[PROCESSES_LISTENERS].run = read_listeners;
    ret[PROCESSES_CONTAINERS].run = read_processes;
    ret[PROCESSES_IPC].run = compare_ipc;
    return PROCESSES_IPC + 1;
}
