/* What a container's document leaves out: where its binds lead on the host, what its volumes bind, whose IPC namespace
 * it has. What cannot be found out is said so in the facts, since a rule must not take it for harmless. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "probes/docker/docker.h"
#include "probes/docker/volume.h"
#include "probes/facts/digest.h"
#include "probes/host/proc.h"

static bool is_absent(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

static bool is_volume(const struct mount_facts *mount)
{
    return !mount->device && str_equal(mount->type, "volume");
}

/* Paths of containers are the host's, of which a sandbox hides some from us. */
static const struct host_root *host_of(const struct fetcher *fetcher)
{
    return fetcher->outside ? fetcher->outside : fetcher->root;
}

/* The folder that MOUNT's volume binds, from what dockerd keeps beside the volume's data. False: it is not to be found
 * there and the engine must be asked. podman keeps it elsewhere, and another host's files cannot be read. */
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
    r = host_read(host_of(fetcher), path, OPTIONS_MAX, &text, NULL);
    if (is_absent(r))
        return host_stat(host_of(fetcher), folder, &st, NULL) == 0;
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

/* Follows the links of what MOUNT shows. A folder on the way that may not be looked into may hide one. */
static void resolve(struct fetcher *fetcher, struct container_facts *container, struct mount_facts *mount)
{
    const char *source = bound_folder(mount);
    scoped(cleanup_free) char *target = NULL;
    struct error error = ERROR_INIT;
    int r;

    if (!source || docker_is_remote(fetcher->docker))
        return; /* another machine's paths */
    r = host_resolve(host_of(fetcher), source, &target, &error);
    if (r == 0 && !str_equal(target, source))
        mount->resolved = arena_strdup(container->facts.arena, target);
    if (r == 0) {
        scoped(cleanup_close) int fd = host_open(host_of(fetcher), source, O_PATH, &error);

        r = fd < 0 && !is_absent(fd) ? fd : 0;
    }
    if (r < 0)
        mount->unknown = arena_strdup(container->facts.arena, error.text);
}

static void resolve_all(struct fetcher *fetcher, struct container_facts *container)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, (int64_t)container->facts.digest);
    for (size_t i = 0; i < container->mount_count; i++) {
        struct mount_facts *mount = &container->mounts[i];

        resolve(fetcher, container, mount);
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
    pid_t evaluator = docker_peer_pid(fetcher->docker); /* whose namespace "host" means */
    char own[64], host[64];
    struct hash hash;

    if (!str_equal(container->ipc_mode, "shareable") || !container->running || container->pid <= 0 ||
        docker_is_remote(fetcher->docker) ||
        !proc_read_link(fetcher->root, (pid_t)container->pid, "ns/ipc", own, sizeof own) ||
        !proc_read_link(fetcher->root, evaluator > 0 ? evaluator : 1, "ns/ipc", host, sizeof host))
        return;
    container->host_ipc = strcmp(own, host) == 0 ? TRI_TRUE : TRI_FALSE;
    hash_init(&hash);
    digest_number(&hash, (int64_t)container->facts.digest);
    digest_number(&hash, container->host_ipc);
    container->facts.digest = hash_end(&hash);
}

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
    resolve_all(request->fetcher, container);
    look_at_ipc(request->fetcher, container);
    request->held = NULL;
    fetch_finish(request, &container->facts, 0, NULL);
}

void fetch_complete_container(struct request *request, struct container_facts *container)
{
    request->held = container;
    request->mount = 0;
    ask_for_volumes(request);
}
