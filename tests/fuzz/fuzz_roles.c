/* The first byte chooses what the rest is: an answer of a role, as the agent takes it; a request to one, as the helper
 * does, on a host with next to nothing; or what the process that watches sends and is sent. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "probes/audit/audit.h"
#include "probes/daemon/daemon_wire.h"
#include "probes/docker/http.h"
#include "probes/environment/environment.h"
#include "probes/host/listeners.h"
#include "probes/host/node_certificates.h"
#include "probes/host/units.h"
#include "probes/roles/roles.h"
#include "probes/roles/watching_internal.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_wire.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size < 2 || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    if (data[0] < 16 || (data[0] >= 64 && data[0] < 128 && data[0] != 64 + 0x1f))
        return 1 + mutate_wire(data + 1, size - 1, max_size - 1, seed / 4);
    return 1 + mutate_wire_messages(data + 1, size - 1, max_size - 1, seed / 4);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WATCHES = 0x1f, WATCHES_MAX = 65536 }; /* a number of a request; bytes for it */

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

static void no_scanner(void *user, struct arena *arena, struct string_list *ret)
{
    (void)user;
    (void)arena;
    *ret = (struct string_list){0};
}

/* Watches stay in the process that serves them: the alarm that ends it is libFuzzer's again after that. */
static void serve_watches(const struct role_context *context, const char *text, size_t length)
{
    struct helper_task tasks[ROLE_TASKS_MAX];
    struct itimerval before;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
        send(fds[0], text, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length || shutdown(fds[0], SHUT_WR) < 0)
        __builtin_trap();
    getitimer(ITIMER_REAL, &before);
    role_tasks(ROLE_FILES, context, tasks);
    tasks[FILES_WATCH].serve(fds[1], tasks[FILES_WATCH].argument);
    setitimer(ITIMER_REAL, &before, NULL);
    close(fds[0]);
    close(fds[1]);
}

static void do_task(enum role role, unsigned number, const struct role_context *context, const char *text,
                    size_t length)
{
    struct helper_task tasks[ROLE_TASKS_MAX];
    scoped_str output = STR_INIT;
    struct error error = ERROR_INIT;
    struct helper_work work = {.message = text, .length = length};
    const struct helper_task *task = &tasks[number % role_tasks(role, context, tasks)];

    if (!task->run)
        return;
    work.argument = task->argument;
    task->run(&output, &work, &error);
    if (output.length && memmem(output.data, output.length, "secret", 6) && !memmem(text, length, "secret", 6))
        __builtin_trap();
}

/* To a helper on a host of two files: NUMBER chooses role and task. */
static void make_request(unsigned number, const char *text, size_t length)
{
    static const enum role roles[] = {ROLE_PROCESSES, ROLE_FILES, ROLE_LAYERS, ROLE_SCANNER};
    static const char volume[] = "{\"MountType\":\"none\",\"MountOpts\":\"bind\",\"MountDevice\":\"/d\"}",
                      account[] = "root:x:0:0::/:/bin/sh\n";
    char host[] = "unix:///nowhere";
    const struct docker_address nowhere = {.host_text = host};
    scoped(cleanup_host_root) struct host_root *root = NULL;
    struct folder folder;
    struct role_context context = {
        .proc = "/nowhere", .knows_source = knows_source, .scanner_command = no_scanner, .address = &nowhere};

    folder_make(&folder);
    folder_put(&folder, "etc/hosts", "x", 1);
    folder_put(&folder, "etc/shadow", "secret", 6);
    folder_put(&folder, "v/opts.json", volume, strlen(volume));
    folder_put(&folder, "overlay2/a/diff/etc/passwd", account, strlen(account));
    if (host_root_open(folder.path, &root, NULL) < 0)
        __builtin_trap();
    context.root = context.outside = root;
    if (number == WATCHES && length <= WATCHES_MAX)
        serve_watches(&context, text, length);
    else
        do_task(roles[number / 16 % countof(roles)], number % 16, &context, text, length);
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
    else if (data[0] >= 64 && data[0] < 128)
        make_request(data[0] - 64u, text, size - 1);
    else
        take_messages(text, size - 1);
    return 0;
}
