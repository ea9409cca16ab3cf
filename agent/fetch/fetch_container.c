/* What a container's document leaves out: where on the host is what its mounts show, what its volumes mount, whose IPC
 * namespace it has. What cannot be found out is said so in the facts, since a rule must not take it for harmless. */
#include <errno.h>
#include <string.h>

#include "agent/fetch/fetch_internal.h"
#include "agent/model/check.h"
#include "probes/docker/docker.h"
#include "probes/docker/volume.h"
#include "probes/facts/digest.h"
#include "probes/host/mount_places.h"
#include "probes/host/proc.h"

static bool is_volume(const struct mount_facts *mount)
{
    return str_equal(mount->type, "volume");
}

/* Arenas are joined by copying. */
static void keep_source(struct arena *arena, const struct string_list *devices, bool block_device, bool read_only,
                        struct mount_facts *mount)
{
    if (!devices->count)
        return;
    mount->devices = (struct string_list){.items = arena_alloc(arena, devices->count * sizeof *devices->items)};
    for (size_t i = 0; i < devices->count; i++)
        mount->devices.items[mount->devices.count++] = arena_strdup(arena, devices->items[i]);
    mount->block_device = block_device;
    mount->rw = mount->rw && !read_only;
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
        digest_number(&hash, mount->block_device);
        for (size_t d = 0; d < mount->devices.count; d++)
            digest_text(&hash, mount->devices.items[d]);
        for (size_t p = 0; p < mount->place_count; p++) {
            digest_text(&hash, mount->places[p].below);
            digest_text(&hash, mount->places[p].path);
            digest_text(&hash, mount->places[p].socket);
            digest_number(&hash, mount->places[p].kind);
            digest_number(&hash, mount->places[p].layer);
        }
        digest_text(&hash, mount->unknown);
    }
    container->facts.digest = hash_end(&hash);
}

static void finish(struct request *request)
{
    struct container_facts *container = take(request->held);

    fetch_finish(request, &container->facts, 0, NULL);
}

/* Unknown where that could not be seen. */
static void on_ipc(const char *output, size_t length, int number, const char *why, void *user)
{
    struct request *request = user;
    struct container_facts *container = request->held;
    struct wire_reader reader = {.at = output, .left = length};
    int64_t same = number ? TRI_ABSENT : wire_number(&reader);
    struct hash hash;

    (void)why;
    request->worker = NULL;
    if (!number && !reader.broken && same >= TRI_ABSENT && same <= TRI_TRUE)
        container->host_ipc = (enum tristate)same;
    hash_init(&hash);
    digest_number(&hash, (int64_t)container->facts.digest);
    digest_number(&hash, container->host_ipc);
    container->facts.digest = hash_end(&hash);
    finish(request);
}

/* podman before 4.4 says "shareable" of the host's own IPC namespace too; of what runs, the kernel shows it. */
static bool must_look_at_ipc(const struct fetcher *fetcher, const struct container_facts *container)
{
    return str_equal(container->ipc_mode, "shareable") && container->running && container->pid > 0 &&
           docker_is_podman(fetcher->docker) && !docker_is_remote(fetcher->docker);
}

static void complete(struct request *request)
{
    struct fetcher *fetcher = request->fetcher;
    pid_t engine = docker_peer_pid(fetcher->docker); /* whose namespace "host" means */
    struct error error = ERROR_INIT;
    scoped_str message = STR_INIT;

    digest_mounts(request->held);
    if (!must_look_at_ipc(fetcher, request->held)) {
        finish(request);
        return;
    }
    roles_ask_ipc(&message, (pid_t)request->held->pid, engine > 0 ? engine : 1);
    request->worker = fetch_ask(fetcher, ROLE_PROCESSES, PROCESSES_IPC, &message, on_ipc, request, &error);
    if (!request->worker)
        on_ipc(NULL, 0, error.number, error.message, request);
}

static void add_sockets(const struct string_list *from, struct string_list *to)
{
    to->items = mem_realloc_array(to->items, to->count + from->count + 1, sizeof *to->items);
    for (size_t i = 0; i < from->count; i++)
        to->items[to->count++] = from->items[i];
}

/* The sockets that rule 5.31 names, and that in use. The caller frees the items. */
static struct string_list list_sockets(const struct fetcher *fetcher)
{
    const struct rule_set *rules = evaluator_rules(fetcher->evaluator);
    const char *engine = fetch_engine_socket(fetcher);
    struct string_list list = {0};

    for (size_t i = 0; i < rules->count; i++) {
        const struct param_spec *spec = rules->rules[i].check->params;

        for (size_t k = 0; rules->rules[i].enabled && spec && spec[k].name; k++)
            if (str_equal(rules->rules[i].check->name, "container-engine-socket") && str_equal(spec[k].name, "sockets"))
                add_sockets(&rules->rules[i].params[k].list, &list);
    }
    if (engine)
        add_sockets(&(struct string_list){.items = &engine, .count = 1}, &list);
    return list;
}

static struct place_query query_of(const struct lookup *lookup)
{
    const struct container_facts *container = lookup->request->held;
    const struct mount_facts *mount = &container->mounts[lookup->mount];

    return (struct place_query){.pid = container->running ? (pid_t)container->pid : 0,
                                .source = mount->source,
                                .destination = mount->destination,
                                .is_volume = is_volume(mount),
                                .devices = mount->devices,
                                .block_device = mount->block_device,
                                .container = container};
}

static struct worker *start_lookups(void *owner, const struct string_list *sources, void *const *items,
                                    worker_done *done, void *user, struct error *error)
{
    struct fetcher *fetcher = owner;
    scoped(cleanup_free) struct place_query *queries = mem_realloc_array(NULL, sources->count, sizeof *queries);
    struct string_list sockets = list_sockets(fetcher);
    scoped_str message = STR_INIT;

    for (size_t i = 0; i < sources->count; i++)
        queries[i] = query_of(items[i]);
    roles_ask_places(&message, &sockets, queries, sources->count);
    free(sockets.items);
    return fetch_ask(fetcher, ROLE_FILES, FILES_PLACES, &message, done, user, error);
}

/* A directory on the way that may not be searched, or does not answer, may hide anything. */
static void take_lookup(void *owner, const char *source, void *item, struct wire_reader *reader, int number,
                        const char *why)
{
    struct lookup *lookup = item;
    struct request *request = lookup->request;
    struct mount_facts *mount = &request->held->mounts[lookup->mount];
    struct arena *arena = request->held->facts.arena;
    struct place_list places = {0};
    const char *unknown = why;
    struct error error = ERROR_INIT;

    (void)owner;
    (void)source;
    (void)number;
    if (reader)
        reader->arena = arena;
    if (reader && mount_places_take(reader, &places, &unknown, &error) < 0)
        unknown = error.message;
    mount->places = places.items;
    mount->place_count = places.count;
    mount->unknown = unknown ? arena_strdup(arena, unknown) : mount->unknown;
    if (!--request->lookup_count)
        complete(request);
}

static bool is_silent(void *owner)
{
    return fetch_is_silent(owner, ROLE_FILES);
}

static const struct batch_type lookups = {
    .what = "file system", .start = start_lookups, .is_silent = is_silent, .answer = take_lookup};

/* Asks for all of the container's mounts; it is complete when the last answer has come. Another host's paths cannot be
 * looked up. */
static void look_up_places(struct request *request)
{
    struct fetcher *fetcher = request->fetcher;
    const struct container_facts *container = request->held;

    if (!fetcher->path_batch)
        fetcher->path_batch = batch_new(fetcher->base, &lookups, fetcher);
    request->lookups = mem_realloc_array(NULL, container->mount_count + 1, sizeof *request->lookups);
    for (size_t i = 0; !docker_is_remote(fetcher->docker) && i < container->mount_count; i++) {
        const struct mount_facts *mount = &container->mounts[i];

        if (*mount->source != '/' || !(is_volume(mount) || str_equal(mount->type, "bind")))
            continue;
        request->lookups[request->lookup_count] = (struct lookup){.request = request, .mount = i};
        batch_add(fetcher->path_batch, mount->devices.count == 1 ? mount->devices.items[0] : mount->source,
                  &request->lookups[request->lookup_count++]);
    }
    if (!request->lookup_count)
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
    if (volume) {
        keep_source(container->facts.arena, &volume->devices, volume->block_device, volume->read_only, mount);
    } else if (number != ENOENT) {
        mount->unknown = arena_strdup(container->facts.arena, why);
        container->incomplete = mount->unknown; /* it is read again */
    }
    facts_free(facts);
    ask_for_volumes(request);
}

static bool is_known(const struct request *request)
{
    for (size_t i = 0; i < request->volume_count; i++)
        if (request->volumes[i].mount == request->mount)
            return request->volumes[i].known;
    return false;
}

/* Another host's files cannot be read, and podman keeps what dockerd has beside a volume's data elsewhere. */
static bool has_options_beside(const struct fetcher *fetcher)
{
    return !docker_is_podman(fetcher->docker) && !docker_is_remote(fetcher->docker);
}

/* Goes on at the request's mount, until an answer is to be waited for or all are known. A volume whose data is not
 * where the local driver has it is no part of this host. */
static void ask_for_volumes(struct request *request)
{
    struct container_facts *container = request->held;

    for (; request->mount < container->mount_count; request->mount++) {
        struct mount_facts *mount = &container->mounts[request->mount];
        const char *name = str_empty(mount->name) ? mount->source : mount->name;

        if (!is_volume(mount) || mount->devices.count || !roles_is_local_volume(mount->source) || is_known(request))
            continue;
        docker_fetch_volume(request->fetcher->docker, name, on_volume, request);
        return;
    }
    look_up_places(request);
}

static void on_options(const char *output, size_t length, int number, const char *why, void *user)
{
    struct request *request = user;
    struct container_facts *container = request->held;
    struct wire_reader reader = {.at = output, .left = length, .arena = container->facts.arena};

    (void)why;
    request->worker = NULL;
    for (size_t i = 0; !number && i < request->volume_count; i++) {
        struct volume_source source;

        request->volumes[i].known = roles_take_volume(&reader, &source);
        if (request->volumes[i].known)
            keep_source(container->facts.arena, &source.devices, source.block_device, source.read_only,
                        &container->mounts[request->volumes[i].mount]);
    }
    ask_for_volumes(request);
}

/* What volumes mount of the host is looked for beside their data first; the engine is asked for the others. */
static void read_options(struct request *request)
{
    const struct container_facts *container = request->held;
    struct string_list sources = {.items = mem_realloc_array(NULL, container->mount_count + 1, sizeof *sources.items)};
    scoped_str message = STR_INIT;

    request->volumes = mem_realloc_array(NULL, container->mount_count + 1, sizeof *request->volumes);
    for (size_t i = 0; i < container->mount_count; i++) {
        const struct mount_facts *mount = &container->mounts[i];

        if (!is_volume(mount) || mount->devices.count || !roles_is_local_volume(mount->source))
            continue;
        request->volumes[request->volume_count++] = (struct volume){.mount = i};
        sources.items[sources.count++] = mount->source;
    }
    if (sources.count) {
        roles_ask_volumes(&message, &sources);
        request->worker = fetch_ask(request->fetcher, ROLE_FILES, FILES_VOLUMES, &message, on_options, request, NULL);
    }
    free(sources.items);
    if (!request->worker)
        ask_for_volumes(request);
}

void fetch_complete_container(struct request *request, struct container_facts *container)
{
    request->held = container;
    request->mount = 0;
    if (has_options_beside(request->fetcher))
        read_options(request);
    else
        ask_for_volumes(request);
}
