/* A host made of files, read by those who read a host: the first byte chooses whom. What follows are files, each a line
 * "=/path" and its contents, or a link, a line "=> /path target". */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "probes/audit/audit.h"
#include "probes/daemon/containerd.h"
#include "probes/daemon/daemon_memory.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/environment/environment.h"
#include "probes/fileset/fileset.h"
#include "probes/host/acl.h"
#include "probes/host/addresses.h"
#include "probes/host/groups.h"
#include "probes/host/listeners.h"
#include "probes/host/machine_id.h"
#include "probes/host/mount_places.h"
#include "probes/host/node_certificates.h"
#include "probes/host/own_container.h"
#include "probes/host/proc.h"
#include "probes/host/socket_unit.h"
#include "probes/host/unlock_key.h"
#include "probes/images/layers_internal.h"
#include "probes/watch/mounts.h"
#include "tests/fuzz/folder.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_host.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size < 2 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    return 1 + mutate_host(data + 1, size - 1, max_size - 1, seed / 16);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 24, PATH_LENGTH_MAX = 120, ENGINE_PID = 7 };

static const char container_id[] = "0123456789ab";

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* ---- Files ---- */

/* Nothing leads out of the folder. */
static bool is_path(const char *path, size_t length)
{
    if (length < 2 || length > PATH_LENGTH_MAX || path[0] != '/' || path[length - 1] == '/')
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)path[i] <= ' ' || (path[i] == '/' && i + 1 < length && path[i + 1] == '/') ||
            (path[i] == '.' && i && path[i - 1] == '/' && i + 1 < length && (path[i + 1] == '.' || path[i + 1] == '/')))
            return false;
    return true;
}

/* What cannot be made (a file where a folder of the same name is) is left out. */
static void make_file(const struct folder *folder, const char *path, const char *text, size_t length)
{
    scoped(cleanup_free) char *full = mem_printf("%s%s", folder->path, path);
    FILE *file;

    for (char *slash = full + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    file = fopen(full, "w");
    if (!file)
        return;
    require(fwrite(text, 1, length, file) == length);
    fclose(file);
    if (strstr(path, "/bin/"))
        chmod(full, 04755);
}

static void make_link(const struct folder *folder, const char *path, const char *target)
{
    scoped(cleanup_free) char *full = mem_printf("%s%s", folder->path, path);

    make_file(folder, path, "", 0);
    if (unlink(full) == 0 && symlink(target, full) < 0)
        return;
}

/* Links last: no file is written through one. */
static void make_files(const struct folder *folder, const char *text, size_t size, bool links)
{
    size_t at = 0, count = 0;

    while (at < size && count++ < FILES_MAX) {
        const char *next = memmem(text + at + 1, size - at - 1, "\n=", 2);
        size_t end = next ? (size_t)(next - text) + 1 : size;
        const char *line = memchr(text + at, '\n', end - at);
        size_t length = line ? (size_t)(line - text) - at : end - at;
        scoped(cleanup_free) char *head = mem_strndup(text + at, length);
        char *path = head[0] ? head + 1 : head, *target = strchr(path, ' ');

        if (head[0] == '=' && path[0] == '>' && target) {
            path = target + 1;
            target = strchr(path, ' ');
            if (links && target && is_path(path, (size_t)(target - path))) {
                *target = '\0';
                make_link(folder, path, target + 1);
            }
        } else if (head[0] == '=' && !links && is_path(path, strlen(path)) && strlen(head) == length) {
            make_file(folder, path, line ? line + 1 : "", line ? end - length - at - 1 : 0);
        }
        at = end;
    }
}

/* ---- Readers ---- */

static void read_groups(const struct host_root *root)
{
    const struct groups_request requests[] = {{root, "docker", false}, {root, "0,999", true}, {root, "999", false}};
    struct names *names = NULL;
    gid_t gid;

    for (size_t i = 0; i < countof(requests); i++) {
        struct group_facts *facts = NULL;
        scoped_str output = STR_INIT;

        if (groups_run(&output, &requests[i], NULL) == 0 &&
            groups_parse(str_text(&output), output.length, &facts, NULL) == 0)
            facts_free(&facts->facts);
    }
    if (names_read(root, &names, NULL) < 0)
        return;
    names_user(names, 1000);
    names_group(names, 999);
    names_group_id(names, "docker", &gid);
    names_free(names);
}

static void read_processes(const struct host_root *root)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct process_facts *facts = NULL, *again;
    struct string_list arguments;
    scoped_str text = STR_INIT;
    char exe[64];
    uint64_t ticks;
    uid_t uid;
    gid_t gid;
    usec_t at;

    proc_read_cmdline(root, ENGINE_PID, arena, &arguments, NULL);
    proc_read_link(root, ENGINE_PID, "exe", exe, sizeof exe);
    free(proc_read_environment(root, ENGINE_PID, "PATH"));
    proc_find_child(root, ENGINE_PID, "containerd");
    proc_read_owner(root, ENGINE_PID, &uid, &gid);
    proc_started(root, ENGINE_PID, &ticks, &at);
    proc_state(root, ENGINE_PID);
    if (proc_container_processes(root, ENGINE_PID, container_id, &facts, NULL) < 0)
        return;
    proc_put(&text, facts);
    again = proc_take(&(struct wire_reader){.at = text.data, .left = text.length}, NULL);
    require(again && again->count == facts->count);
    facts_free(&again->facts);
    facts_free(&facts->facts);
}

static void read_host(const struct host_root *root)
{
    char machine[MACHINE_ID_SIZE];
    struct lsm_facts *lsm = NULL;
    struct error error = ERROR_INIT;

    if (machine_id_read(root, machine, &error) == 0)
        require(strlen(machine) == MACHINE_ID_SIZE - 1);
    else
        require(*error.text);
    if (proc_read_lsm(root, &lsm, NULL) == 0)
        facts_free(&lsm->facts);
}

static void read_daemon(const struct host_root *root, const char *state)
{
    struct daemon_facts *facts = NULL;
    pid_t pid = 0;

    daemon_find(root, NULL, 0, &pid, NULL);
    free(containerd_root(root, containerd_find(root, NULL, ENGINE_PID)));
    if (daemon_config_read(root, NULL, ENGINE_PID, NULL, &facts, NULL) == 0) {
        struct daemon_memory *memory = daemon_memory_new(state, true);

        daemon_memory_apply(memory, facts, NULL);
        daemon_memory_reloaded(memory, 7);
        daemon_memory_apply(memory, facts, NULL);
        daemon_memory_free(memory);
        seccomp_profile_read_file(root, "/etc/docker/s.json", facts);
        facts_free(&facts->facts);
    }
    facts = NULL;
    if (daemon_config_read(root, NULL, 0, "why", &facts, NULL) == 0) {
        daemon_config_engine(root, NULL, ENGINE_PID, true, facts);
        facts_free(&facts->facts);
    }
}

static void read_network(const struct host_root *root)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct listener_facts *facts = NULL;
    struct string_list addresses;

    addresses_read(root, ENGINE_PID, arena, &addresses);
    if (listeners_read(root, ENGINE_PID, &facts, NULL) == 0)
        facts_free(&facts->facts);
}

static void free_any(void *facts)
{
    facts_free(facts);
}

static void read_environment(const struct host_root *root)
{
    struct environment_facts *facts = environment_read(root, "DOCKER_CONTENT_TRUST", "1", NULL);
    scoped_str text = STR_INIT;

    environment_find_client(root, facts);
    environment_digest(facts);
    environment_put(&text, facts);
    facts_free(&facts->facts);
    free_any(environment_take(&(struct wire_reader){.at = text.data, .left = text.length}, NULL));
    free_any(node_certificates_read(root, "/var/lib/docker"));
}

static void read_mounts(const struct host_root *root, const char *proc)
{
    static const char *items[] = {"/run/docker.sock"}, *devices[] = {"/dev/sdb"};
    const struct string_list sockets = {.items = items, .count = 1};
    static const struct container_facts container;
    const struct place_query queries[] = {
        {.pid = ENGINE_PID, .source = "/etc", .destination = "/data", .container = &container},
        {.source = "/var/lib/docker", .destination = "/d", .container = &container},
        {.source = "/var/lib/docker/volumes/v/_data",
         .destination = "/v",
         .is_volume = true,
         .devices = {.items = devices, .count = 1},
         .block_device = true,
         .container = &container},
    };
    const struct places_request request = {
        .root = root, .proc = proc, .sockets = &sockets, .queries = queries, .count = countof(queries)};
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct mounts_facts *facts = NULL;
    struct wire_reader reader = {.arena = arena};
    char own[OWN_CONTAINER_SIZE];
    scoped_str output = STR_INIT, table = STR_INIT;

    if (mounts_read(proc, &facts, NULL) == 0) {
        mounts_read_configured(root, facts);
        facts_free(&facts->facts);
    }
    if (host_read(root, "/proc/7/mountinfo", 65536, &table, NULL) == 0 && own_container_parse(str_text(&table), own))
        require(strlen(own) == OWN_CONTAINER_SIZE - 1);
    if (mount_places_run(&output, &request, NULL) < 0)
        return;
    reader.at = output.data;
    reader.left = output.length;
    for (size_t i = 0; i < countof(queries); i++) {
        struct place_list places;
        const char *error;

        require(mount_places_take(&reader, &places, &error, NULL) == 0);
    }
}

static void read_files(const struct host_root *root)
{
    static const char *const sources[] = {"content:/etc/environment,/etc/fstab",
                                          "tree:/etc/docker/certs.d",
                                          "folders:/etc/docker",
                                          "unit:docker.service",
                                          "option:tlscacert",
                                          "sockets:",
                                          "containerd-sockets:",
                                          "daemon.json:",
                                          "data-root:",
                                          "program:dockerd,docker,containerd,@runtime,@shims",
                                          "program:every docker",
                                          "path:/etc/docker"};
    struct daemon_facts *daemon = NULL;
    struct fileset_context context = {.engine_socket = "/run/docker.sock"};
    char *value = NULL;

    if (daemon_config_read(root, NULL, ENGINE_PID, NULL, &daemon, NULL) == 0)
        context.daemon = daemon;
    for (size_t i = 0; i < countof(sources); i++) {
        struct fileset_facts *facts = NULL;

        if (fileset_read(root, sources[i], &context, &facts, NULL) == 0)
            facts_free(&facts->facts);
    }
    if (unit_value(root, NULL, "docker.socket", "Socket", "SocketMode", &value, NULL) == 0)
        free(value);
    if (daemon)
        facts_free(&daemon->facts);
}

static void read_audit(const struct host_root *root)
{
    struct audit_facts *facts = NULL;

    if (audit_parse(root, NULL, 0, EPERM, "not permitted", &facts, NULL) == 0)
        facts_free(&facts->facts);
}

static void read_layer(const struct host_root *root)
{
    static const uint64_t key[2] = {1, 2};
    scoped(cleanup_close) int fd = host_open(root, "/layer", O_RDONLY | O_DIRECTORY, NULL);
    struct layer_databases databases = {0};
    struct layer_summary summary;

    if (fd < 0)
        return;
    layer_summary_init(&summary, key);
    layer_read_folder(fd, &summary, &databases, NULL);
    layer_read_databases(&databases, &summary);
    layer_free_databases(&databases);
    layer_summary_finish(&summary);
    layer_summary_deinit(&summary);
}

static void read_state(const char *state)
{
    usec_t seen;

    if (unlock_key_first_seen(state, "SWMKEY-1-x", true, 7, &seen, NULL) == 0)
        require(unlock_key_first_seen(state, "SWMKEY-1-x", true, 9, &seen, NULL) == 0);
}

static void read_acl(const char *text, size_t size)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct acl_facts facts;

    acl_parse(text, size, arena, &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_host_root) struct host_root *root = NULL;
    scoped(cleanup_free) char *proc = NULL, *state = NULL;
    const char *text = (const char *)data + 1;
    struct folder folder;

    if (!size)
        return 0;
    if (data[0] == 'x') {
        read_acl(text, size - 1);
        return 0;
    }
    folder_make(&folder);
    make_files(&folder, text, size - 1, false);
    make_files(&folder, text, size - 1, true);
    proc = mem_printf("%s/proc", folder.path);
    state = mem_printf("%s/state", folder.path);
    require(host_root_open(folder.path, &root, NULL) == 0);
    switch (data[0]) {
    case 'g':
        read_groups(root);
        break;
    case 'p':
        read_processes(root);
        break;
    case 'h':
        read_host(root);
        break;
    case 'd':
        read_daemon(root, state);
        break;
    case 'n':
        read_network(root);
        break;
    case 'e':
        read_environment(root);
        break;
    case 'm':
        read_mounts(root, proc);
        break;
    case 'f':
        read_files(root);
        break;
    case 'a':
        read_audit(root);
        break;
    case 'l':
        read_layer(root);
        break;
    case 's':
        read_state(state);
        break;
    default:
        break;
    }
    folder_remove(&folder);
    return 0;
}
