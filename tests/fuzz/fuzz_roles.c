/* The first byte chooses what the rest is: an answer of a role, as the agent takes it; a request to one, as the helper
 * does, on a host with next to nothing; or what the process that watches sends and is sent. */
#include <errno.h>
#include <string.h>

#include "probes/audit/audit.h"
#include "probes/daemon/daemon_wire.h"
#include "probes/environment/environment.h"
#include "probes/host/listeners.h"
#include "probes/host/node_certificates.h"
#include "probes/host/units.h"
#include "probes/roles/roles.h"
#include "probes/roles/watching_internal.h"
#include "tests/fuzz/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Answers ---- */

static void take_daemon(struct wire_reader *reader)
{
    struct daemon_facts *facts = daemon_take(reader, NULL);
    scoped_str again = STR_INIT;
    struct daemon_facts *copy;
    struct wire_reader second;

    if (!facts)
        return;
    daemon_put(&again, facts);
    second = (struct wire_reader){.at = again.data, .left = again.length};
    copy = daemon_take(&second, NULL);
    if (!copy || second.left || copy->facts.digest != facts->facts.digest)
        __builtin_trap();
    daemon_option(facts, "host", NULL);
    facts_free(&copy->facts);
    facts_free(&facts->facts);
}

static void take_processes(struct wire_reader *reader)
{
    struct process_facts *facts = NULL;

    while (roles_take_processes(reader, &facts, NULL) != -EPROTO && reader->left) {
        facts_free(facts ? &facts->facts : NULL);
        facts = NULL;
    }
    facts_free(facts ? &facts->facts : NULL);
}

static void take_sets(struct wire_reader *reader)
{
    struct fileset_facts *set = NULL;

    while (fileset_take(reader, &set, NULL) != -EPROTO && reader->left) {
        facts_free(set ? &set->facts : NULL);
        set = NULL;
    }
    facts_free(set ? &set->facts : NULL);
}

static void free_any(void *facts)
{
    facts_free(facts);
}

static void take_answer(unsigned kind, const char *text, size_t length)
{
    struct wire_reader reader = {.at = text, .left = length};
    struct audit_facts *audit = NULL;

    switch (kind) {
    case 0:
        take_daemon(&reader);
        break;
    case 1:
        free_any(environment_take(&reader, NULL));
        break;
    case 2:
        free_any(listeners_take(&reader, NULL));
        break;
    case 3:
        free_any(node_certificates_take(&reader, NULL));
        break;
    case 4:
        take_processes(&reader);
        break;
    case 5:
        take_sets(&reader);
        break;
    case 6:
        if (audit_merge_take(text, length, &audit, NULL) == 0)
            facts_free(&audit->facts);
        break;
    default:
        free_any(units_take(&reader, NULL));
        break;
    }
}

/* ---- Requests ---- */

static bool knows_source(const char *source, void *user)
{
    (void)user;
    return str_starts(source, "content:/etc/");
}

static void make_request(unsigned number, const char *text, size_t length)
{
    static const unsigned asked[][2] = {
        {ROLE_PROCESSES, PROCESSES_DAEMON}, {ROLE_PROCESSES, PROCESSES_LISTENERS},
        {ROLE_PROCESSES, PROCESSES_IPC},    {ROLE_PROCESSES, PROCESSES_CONTAINERS},
        {ROLE_FILES, FILES_ENVIRONMENT},    {ROLE_FILES, FILES_CERTIFICATES},
        {ROLE_FILES, FILES_AUDIT},          {ROLE_FILES, FILES_SETS},
        {ROLE_FILES, FILES_PLACES},
    };
    scoped(cleanup_host_root) struct host_root *root = NULL;
    struct folder folder;
    struct role_context context = {.proc = "/nowhere", .knows_source = knows_source};
    struct helper_task tasks[ROLE_TASKS_MAX];
    scoped_str output = STR_INIT;
    struct error error = ERROR_INIT;
    struct helper_work work = {.message = text, .length = length};
    const unsigned *task = asked[number % countof(asked)];

    folder_make(&folder);
    folder_put(&folder, "etc/hosts", "x", 1);
    folder_put(&folder, "etc/shadow", "secret", 6);
    if (host_root_open(folder.path, &root, NULL) < 0)
        __builtin_trap();
    context.root = context.outside = root;
    role_tasks((enum role)task[0], &context, tasks);
    work.argument = tasks[task[1]].argument;
    tasks[task[1]].run(&output, &work, &error);
    if (output.length && memmem(output.data, output.length, "secret", 6) && !memmem(text, length, "secret", 6))
        __builtin_trap();
    folder_remove(&folder);
}

/* ---- Watching ---- */

static void take_messages(const char *text, size_t length)
{
    struct evbuffer *in = evbuffer_new();
    scoped_str message = STR_INIT;
    int r = 1;

    evbuffer_add(in, text, length);
    while (r > 0) {
        scoped(cleanup_arena) struct arena *arena = arena_new(256);
        struct wire_reader reader;

        r = watching_take(in, arena, &message, &reader);
        while (r > 0 && reader.left && !reader.broken)
            wire_text(&reader);
    }
    evbuffer_free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *text = NULL;

    if (!size)
        return 0;
    text = mem_strndup((const char *)data + 1, size - 1);
    if (data[0] < 16)
        take_answer(data[0] % 8, text, size - 1);
    else if (data[0] < 32)
        make_request(data[0] % 16, text, size - 1);
    else
        take_messages(text, size - 1);
    return 0;
}
