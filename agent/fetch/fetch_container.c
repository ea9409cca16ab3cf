/* What a container's document leaves out: where its binds lead on the host, what its volumes bind, whose IPC namespace
 * it has. What cannot be found out is said so in the facts, since a rule must not take it for harmless. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/docker/docker.h"
#include "probes/docker/volume.h"
#include "probes/facts/digest.h"
#include "probes/host/proc.h"
#include "probes/host/resolve.h"

enum { LOOKUP_LIMIT = 16 << 20, LOOKUP_MS = 10000 };

static bool is_absent(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

static bool is_volume(const struct mount_facts *mount)
{
    return !mount->device && str_equal(mount->type, "volume");
}

/* The directory that MOUNT's volume binds, from what dockerd keeps beside the volume's data. False: it is not to be
 * found there and the engine must be asked. podman keeps it elsewhere, and another host's files cannot be read. */
static bool read_volume_options(struct fetcher *fetcher, struct container_facts *container, struct mount_facts *mount)
{
    enum { OPTIONS_MAX = 64 * 1024 };
    static const char data[] = "/_data";
    scoped(cleanup_free) char *folder = NULL, *path = NULL;
    scoped_str text = STR_INIT;
    struct stat st;
    bool read_only = false;
    int r;

    if (!str_ends(mount->source, data))
        return true; /* no local volume */
    if (docker_is_podman(fetcher->docker) || docker_is_remote(fetcher->docker))
        return false;
    folder = mem_strndup(mount->source, strlen(mount->source) - strlen(data));
    path = mem_printf("%s/opts.json", folder);
    r = host_read(fetch_outside(fetcher), path, OPTIONS_MAX, &text, NULL);
    if (is_absent(r))
        return host_stat(fetch_outside(fetcher), folder, &st, NULL) == 0;
    if (r < 0 || volume_parse_options(str_text(&text), text.length, container->facts.arena, &mount->device, &read_only,
                                      NULL) < 0)
        return false;
    mount->rw = mount->rw && !(mount->device && read_only);
    return true;
}

static const char *bound_folder(const struct mount_facts *mount)
{
    const char *source = str_equal(mount->type, "bind") ? mount->source : mount->device;

    return source && source[0] == '/' ? source : NULL;
}

/* ---- Where binds lead ---- */

static void digest_mounts(struct container_facts *container)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, (int64_t)container->facts.digest);
    for (size_t i = 0; i < container->mount_count; i++) {
        const struct mount_facts *mount = &container->mounts[i];

        digest_number(&hash, mount->rw);
        digest_text(&hash, mount->device);
        digest_text(&hash, mount->resolved);
        digest_text(&hash, mount->unknown);
    }
    container->facts.digest = hash_end(&hash);
}

/* podman before 4.4 says "shareable" of the host's own IPC namespace too; of what runs, the kernel tells. */
static void look_at_ipc(struct fetcher *fetcher, struct container_facts *container)
{
    pid_t engine = docker_peer_pid(fetcher->docker); /* whose namespace "host" means */
    char own[64], host[64];
    struct hash hash;

    if (!str_equal(container->ipc_mode, "shareable") || !container->running || container->pid <= 0 ||
        docker_is_remote(fetcher->docker) ||
        !proc_read_link(fetcher->root, (pid_t)container->pid, "ns/ipc", own, sizeof own) ||
        !proc_read_link(fetcher->root, engine > 0 ? engine : 1, "ns/ipc", host, sizeof host))
        return;
    container->host_ipc = strcmp(own, host) == 0 ? TRI_TRUE : TRI_FALSE;
    hash_init(&hash);
    digest_number(&hash, (int64_t)container->facts.digest);
    digest_number(&hash, container->host_ipc);
    container->facts.digest = hash_end(&hash);
}

static void complete(struct request *request)
{
    struct container_facts *container = take(request->held);

    digest_mounts(container);
    look_at_ipc(request->fetcher, container);
    fetch_finish(request, &container->facts, 0, NULL);
}

static struct worker *start_lookups(void *owner, const struct string_list *paths, worker_done *done, void *user,
                                    struct error *error)
{
    struct fetcher *fetcher = owner;
    const struct resolve_request request = {.root = fetch_outside(fetcher), .paths = paths};

    return worker_start(fetcher->workers,
                        &(struct worker_options){.run = resolve_run,
                                                 .argument = &request,
                                                 .root = fetch_outside(fetcher),
                                                 .limit = LOOKUP_LIMIT,
                                                 .timeout_ms = LOOKUP_MS,
                                                 .capabilities = FETCH_CAPABILITIES,
                                                 .done = done,
                                                 .user = user},
                        error);
}

/* Where a bind leads. A directory on the way that may not be searched, or does not answer, may hide anything. */
static void take_lookup(void *owner, const char *path, void *item, struct wire_reader *reader, int number,
                        const char *why)
{
    struct request *request = item;
    struct arena *scratch = arena_new(512);
    const char *target = NULL, *unknown = why;
    struct error error = ERROR_INIT;

    (void)owner;
    (void)number;
    if (reader)
        reader->arena = scratch;
    if (reader && resolve_take(reader, &target, &unknown, &error) < 0)
        unknown = error.text;
    for (size_t i = 0; i < request->held->mount_count; i++) {
        struct mount_facts *mount = &request->held->mounts[i];
        struct arena *arena = request->held->facts.arena;

        if (!str_equal(bound_folder(mount), path))
            continue;
        mount->resolved = target && !str_equal(target, path) ? arena_strdup(arena, target) : NULL;
        mount->unknown = unknown ? arena_strdup(arena, unknown) : mount->unknown;
    }
    arena_free(scratch);
    if (!--request->lookups)
        complete(request);
}

static const struct batch_type lookups = {.what = "file system", .start = start_lookups, .answer = take_lookup};

static bool is_met_before(const struct container_facts *container, size_t at, const char *path)
{
    for (size_t i = 0; i < at; i++)
        if (str_equal(bound_folder(&container->mounts[i]), path))
            return true;
    return false;
}

/* Asks for all of the container's paths; it is complete when the last answer has come. Another host's paths cannot be
 * looked up. */
static void look_up_paths(struct request *request)
{
    struct fetcher *fetcher = request->fetcher;
    const struct container_facts *container = request->held;

    if (!fetcher->path_batch)
        fetcher->path_batch = batch_new(fetcher->base, &lookups, fetcher);
    for (size_t i = 0; !docker_is_remote(fetcher->docker) && i < container->mount_count; i++) {
        const char *path = bound_folder(&container->mounts[i]);

        if (!path || is_met_before(container, i, path))
            continue;
        request->lookups++;
        batch_add(fetcher->path_batch, path, request);
    }
    if (!request->lookups)
        complete(request);
}

/* ---- Volumes ---- */

static void ask_for_volumes(struct request *request);

static void on_volume(struct facts *facts, int number, const char *why, void *user)
{
    struct request *request = user;
    struct container_facts *container = request->held;
    struct mount_facts *mount = &container->mounts[request->mount++];
    const struct volume_facts *volume = (const struct volume_facts *)facts;

    if (number == ENOTCONN) { /* the container itself is asked for again */
        fetch_finish(request, NULL, number, why);
        return;
    }
    if (volume && volume->device) {
        mount->device = arena_strdup(container->facts.arena, volume->device);
        mount->rw = mount->rw && !volume->read_only;
    } else if (!volume && number != ENOENT) {
        mount->unknown = arena_strdup(container->facts.arena, why);
    }
    facts_free(facts);
    ask_for_volumes(request);
}

/* Goes on at the request's mount, until an answer is to be waited for or all are known. */
static void ask_for_volumes(struct request *request)
{
    struct container_facts *container = request->held;

    for (; request->mount < container->mount_count; request->mount++) {
        struct mount_facts *mount = &container->mounts[request->mount];
        const char *name = str_empty(mount->name) ? mount->source : mount->name;

        if (!is_volume(mount) || read_volume_options(request->fetcher, container, mount))
            continue;
        docker_fetch_volume(request->fetcher->docker, name, on_volume, request);
        return;
    }
    look_up_paths(request);
}

void fetch_complete_container(struct request *request, struct container_facts *container)
{
    request->held = container;
    request->mount = 0;
    ask_for_volumes(request);
}
