/* A container's mounts made facts: those that it has, those that it will have, and what their volumes bind. A volume is
 * known by its name; whether it is a directory of the host in disguise only its driver options show. */
#include <errno.h>
#include <string.h>

#include "common/str.h"
#include "probes/docker/docker_parse.h"
#include "probes/docker/docker_parse_internal.h"
#include "probes/docker/volume.h"

/* Slashes at the end do not matter. */
static bool same_place(const char *a, const char *b)
{
    size_t length = strlen(a), other = strlen(b);

    while (length > 1 && a[length - 1] == '/')
        length--;
    while (other > 1 && b[other - 1] == '/')
        other--;
    return length == other && strncmp(a, b, length) == 0;
}

static struct mount_facts *mount_at(const struct container_facts *c, const char *destination)
{
    for (size_t i = 0; c->mounts && i < c->mount_count; i++)
        if (same_place(c->mounts[i].destination, destination))
            return &c->mounts[i];
    return NULL;
}

/* What was requested, where the mount itself does not have it. */
static void complete(struct mount_facts *mount, const char *propagation)
{
    if (!*mount->propagation)
        mount->propagation = propagation;
}

/* "--mount type=volume,volume-opt=o=bind,volume-opt=device=/etc" */
static void add_volume_options(struct builder *b, const struct json *requested, struct mount_facts *mount)
{
    const struct json *volume = build_present(b, json_get(requested, "VolumeOptions"), JSON_OBJECT);
    const struct json *driver = build_present(b, json_get(volume, "DriverConfig"), JSON_OBJECT);
    const struct json *options = build_typed(b, json_get(driver, "Options"), JSON_OBJECT);
    const char *name = json_text(build_present(b, json_get(driver, "Name"), JSON_STRING), "local");
    const char *type = build_text(b, json_get(options, "type")), *o = build_text(b, json_get(options, "o"));
    const char *device = build_text(b, json_get(options, "device"));
    struct volume_source source;

    if (strcmp(mount->type, "volume") != 0 || !(str_equal(name, "local") || !*name))
        return;
    volume_read_source(type, o, device, b->arena, &source);
    if (!source.devices.count)
        return;
    mount->devices = source.devices;
    mount->block_device = source.block_device;
    mount->rw = mount->rw && !source.read_only;
    build_number(b, mount->rw);
}

/* "source:destination[:options]"; a source without a slash is a named volume. */
static void add_bind(struct builder *b, const char *bind, struct container_facts *c)
{
    static const char *const propagations[] = {"rshared", "shared", "rslave", "slave", "rprivate", "private"};
    scoped(cleanup_free) char *copy = mem_strdup(bind);
    char *destination = strchr(copy, ':'), *options;
    const char *propagation = "";
    struct mount_facts *mount;

    if (!destination)
        return;
    *destination++ = '\0';
    options = strchr(destination, ':');
    if (options)
        *options++ = '\0';
    else
        options = destination + strlen(destination);
    for (size_t i = 0; i < countof(propagations) && !*propagation; i++)
        if (volume_has_option(options, propagations[i])) {
            propagation = propagations[i];
            build_number(b, (int64_t)i);
        }
    mount = mount_at(c, destination);
    if (mount) {
        complete(mount, propagation);
        return;
    }
    invariant(c->mounts); /* there is room for each mount, request and bind */
    mount = &c->mounts[c->mount_count++];
    *mount = (struct mount_facts){
        .type = copy[0] == '/' ? "bind" : "volume",
        .source = build_string(b, copy, strlen(copy)),
        .destination = build_string(b, destination, strlen(destination)),
        .propagation = propagation,
        .rw = !volume_has_option(options, "ro"),
    };
    build_number(b, mount->rw);
}

/* Engines before 1.25 do not say what kind a mount is: a volume has a name then. */
static const char *mount_type(const char *type, const char *name)
{
    if (*type)
        return type;
    return str_empty(name) ? "bind" : "volume";
}

static void add_mount(struct builder *b, const struct json *mount, struct container_facts *c)
{
    const char *name = build_text(b, json_get(mount, "Name"));

    invariant(c->mounts);
    c->mounts[c->mount_count++] = (struct mount_facts){
        .type = mount_type(build_text_or(b, json_get(mount, "Type")), name),
        .name = name,
        .source = build_text_or(b, json_get(mount, "Source")),
        .destination = build_text_or(b, json_get(mount, "Destination")),
        .propagation = build_text_or(b, json_get(mount, "Propagation")),
        .rw = build_bool(b, json_get(mount, "RW")), /* absent: an error for those who ask for it */
    };
}

/* One of "--mount". */
static void add_requested(struct builder *b, const struct json *mount, struct container_facts *c)
{
    const struct json *options = build_present(b, json_get(mount, "BindOptions"), JSON_OBJECT);
    const char *target = build_text_or(b, json_get(mount, "Target"));
    const char *propagation = build_text_or(b, json_get(options, "Propagation"));
    struct mount_facts *there = mount_at(c, target);

    if (there) {
        complete(there, propagation);
    } else {
        invariant(c->mounts);
        there = &c->mounts[c->mount_count++];
        *there = (struct mount_facts){
            .type = mount_type(build_text_or(b, json_get(mount, "Type")), NULL),
            .source = build_text_or(b, json_get(mount, "Source")),
            .destination = target,
            .propagation = propagation,
            .rw = !build_bool(b, json_get(mount, "ReadOnly")),
        };
    }
    add_volume_options(b, mount, there);
}

/* A container that was never started may list its mounts in HostConfig alone. */
void container_parse_mounts(struct builder *b, const struct json *root, struct container_facts *c)
{
    const struct json *host = json_get(root, "HostConfig");
    const struct json *mounts = build_typed(b, json_get(root, "Mounts"), JSON_ARRAY);
    const struct json *requested = build_typed(b, json_get(host, "Mounts"), JSON_ARRAY);
    const struct json *binds = build_typed(b, json_get(host, "Binds"), JSON_ARRAY);
    size_t room = json_count(mounts) + json_count(requested) + json_count(binds);

    build_number(b, (int64_t)room);
    if (room > LIST_MAX) {
        b->too_long = "Mounts";
        return;
    }
    c->mounts = room ? arena_alloc(b->arena, room * sizeof *c->mounts) : NULL;
    for (size_t i = 0; i < json_count(mounts); i++)
        add_mount(b, build_item(b, mounts, i, JSON_OBJECT), c);
    for (size_t i = 0; i < json_count(requested); i++)
        add_requested(b, build_item(b, requested, i, JSON_OBJECT), c);
    for (size_t i = 0; i < json_count(binds); i++) {
        const char *bind = json_string(build_item(b, binds, i, JSON_STRING));

        if (bind)
            add_bind(b, bind, c);
    }
}

/* Another driver than "local" mounts by itself: its options mean something else. */
static int parse_volume_value(const struct json *value, struct volume_facts **ret, struct error *error)
{
    struct builder b;
    struct volume_facts *volume;
    struct volume_source source = {0};
    const char *type, *o, *device;
    const struct json *options;
    int r;

    if (json_type(value) != JSON_OBJECT || !json_string(json_get(value, "Driver")))
        return error_set(error, EINVAL, "volume: not an object with Driver");
    volume = build_begin(&b, sizeof *volume, 256);
    b.document = value;
    options = build_typed(&b, json_get(value, "Options"), JSON_OBJECT);
    if (!json_get(value, "Options")) /* null: there are none */
        build_required(&b, value, "Options", JSON_OBJECT, "Options");
    type = build_text(&b, json_get(options, "type"));
    o = build_text(&b, json_get(options, "o"));
    device = build_text(&b, json_get(options, "device"));
    if (str_equal(json_string(json_get(value, "Driver")), "local"))
        volume_read_source(type, o, device, b.arena, &source);
    volume->devices = source.devices;
    volume->block_device = source.block_device;
    volume->read_only = source.read_only;
    r = build_end(&b, &volume->facts, "volume", error);
    if (r == 0)
        *ret = volume;
    return r;
}

PARSE_TEXT(volume, volume_facts, DOCUMENT_VOLUME)
