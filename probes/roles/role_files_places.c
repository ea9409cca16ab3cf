/* Places of mounts. Of the paths only what mount_places.h says of them is handed out: where they lead, and what kind of
 * thing is there. */
#include "probes/host/mount_places.h"

#include "probes/roles/roles_internal.h"

enum { ITEMS_MAX = 65536 };

static void put_query(struct str *out, const struct place_query *query)
{
    wire_put_number(out, query->pid);
    wire_put_text(out, query->source);
    wire_put_text(out, query->destination);
    wire_put_number(out, query->is_volume);
    wire_put_list(out, &query->devices);
    wire_put_number(out, query->block_device);
    wire_put_number(out, query->container ? (int64_t)query->container->mount_count : 0);
    for (size_t i = 0; query->container && i < query->container->mount_count; i++)
        wire_put_text(out, query->container->mounts[i].destination);
}

void roles_ask_places(struct str *out, const struct string_list *sockets, const struct place_query *queries,
                      size_t count)
{
    wire_put_list(out, sockets);
    wire_put_number(out, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        put_query(out, &queries[i]);
}

/* The container's other mounts, of which only the destinations count. */
static const struct container_facts *take_container(struct wire_reader *reader)
{
    struct container_facts *container = arena_alloc(reader->arena, sizeof *container);
    size_t count = wire_count(reader, ITEMS_MAX);

    container->mounts = arena_alloc(reader->arena, (count + 1) * sizeof *container->mounts);
    while (container->mount_count < count && !reader->broken) {
        struct mount_facts *mount = &container->mounts[container->mount_count++];

        mount->destination = wire_text(reader);
        reader->broken |= !mount->destination;
    }
    return container;
}

static void take_query(struct wire_reader *reader, struct place_query *ret)
{
    ret->pid = (pid_t)wire_number(reader);
    ret->source = wire_text(reader);
    ret->destination = wire_text(reader);
    ret->is_volume = wire_number(reader) != 0;
    wire_list(reader, ITEMS_MAX, &ret->devices);
    ret->block_device = wire_number(reader) != 0;
    ret->container = take_container(reader);
    reader->broken |= !ret->source || !ret->destination;
}

int files_find_places(struct str *output, const void *argument, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(4096);
    struct role_request request = role_request(argument, arena);
    struct place_query *queries;
    struct string_list sockets;
    size_t count;
    int r;

    wire_list(&request.reader, ITEMS_MAX, &sockets);
    count = wire_count(&request.reader, ITEMS_MAX);
    queries = arena_alloc(arena, (count + 1) * sizeof *queries);
    for (size_t i = 0; i < count && !request.reader.broken; i++)
        take_query(&request.reader, &queries[i]);
    r = role_request_end(&request, error);
    if (r < 0)
        return r;
    return mount_places_run(output,
                            &(struct places_request){.root = request.context->outside,
                                                     .proc = request.context->proc,
                                                     .sockets = &sockets,
                                                     .queries = queries,
                                                     .count = count},
                            error);
}
