/* What a container publishes and which networks it is in, made facts: of one that does not run by what it asks for,
 * since the engine lists no ports of it. */
#include <string.h>

#include "common/str.h"
#include "probes/docker/docker_parse_internal.h"

static size_t count_bindings(const struct json *ports)
{
    size_t count = 0;

    for (size_t i = 0; json_type(ports) == JSON_OBJECT && i < json_count(ports); i++)
        count += json_count(json_member(ports, i, NULL, NULL));
    return count;
}

/* Does it have a network of its own at all? Otherwise nothing is published, whatever was asked for. */
static bool publishes(const struct container_facts *c)
{
    for (size_t i = 0; i < c->networks.count; i++)
        if (str_equal(c->networks.items[i], "none"))
            return false;
    if (str_equal(c->network_mode, "none") && !c->networks.count)
        return false;
    return !str_equal(c->network_mode, "host") && !str_starts(c->network_mode, "container:");
}

/* "443", "443-450", and "" or "0" where the engine chooses. */
static bool parse_host_port(const char *text, struct port_binding *ret)
{
    unsigned number[2] = {0};
    const char *at = text;

    for (size_t i = 0; i < countof(number); i++) {
        size_t digits = strspn(at, "0123456789");

        if (digits > 5 || (!digits && *text))
            return false;
        for (; digits; digits--)
            number[i] = number[i] * 10 + (unsigned)(*at++ - '0');
        if (number[i] > UINT16_MAX)
            return false;
        if (i == 0 && *at != '-')
            number[++i] = number[0];
        else if (i == 0)
            at++;
    }
    ret->host_port = (int)number[0];
    ret->host_port_last = (int)number[1];
    return !*at && number[0] <= number[1];
}

static void add_binding(struct builder *b, const char *container_port, const struct json *binding,
                        struct container_facts *c)
{
    const struct json *host_port = json_get(binding, "HostPort");
    struct port_binding *port;

    invariant(c->ports); /* there is room for each binding */
    port = &c->ports[c->port_count++];
    *port = (struct port_binding){
        .container_port = container_port,
        .host_ip = build_text_or(b, json_get(binding, "HostIp")),
    };
    if (binding)
        build_required(b, binding, "HostPort", JSON_STRING, "HostPort of a port");
    if (!parse_host_port(build_text_or(b, host_port), port))
        build_refuse(b, host_port, "is not a port");
}

static bool is_bound(const struct container_facts *c, const char *port)
{
    for (size_t i = 0; c->ports && i < c->port_count; i++)
        if (str_equal(c->ports[i].container_port, port))
            return true;
    return false;
}

/* PublishAllPorts: a port of the engine's choice on every interface for each exposed one that has none. */
static void add_exposed(struct builder *b, struct container_facts *c)
{
    for (size_t i = 0; c->publish_all_ports && i < c->exposed_ports.count; i++)
        if (!is_bound(c, c->exposed_ports.items[i])) {
            invariant(c->ports);
            c->ports[c->port_count++] =
                (struct port_binding){.container_port = c->exposed_ports.items[i], .host_ip = ""};
            build_number(b, (int64_t)i);
        }
}

/* What is published: as it is while the container runs, as it will be otherwise. A container between two restarts has
 * no ports just now and keeps those it was given. An empty list of bindings is a port of the engine's choice. */
void container_parse_ports(struct builder *b, const struct json *root, struct container_facts *c)
{
    const struct json *settings = build_typed(b, json_get(root, "NetworkSettings"), JSON_OBJECT);
    const struct json *ports = build_typed(b, json_get(settings, "Ports"), JSON_OBJECT);
    const struct json *restarting = build_typed(b, json_path(root, "State", "Restarting", NULL), JSON_BOOL);
    bool is = c->running && ((ports && !json_bool(restarting, false)) || count_bindings(ports));
    size_t room;

    if (!is)
        ports = build_typed(b, json_path(root, "HostConfig", "PortBindings", NULL), JSON_OBJECT);
    room = count_bindings(ports) + json_count(ports) + c->exposed_ports.count;
    build_number(b, (int64_t)count_bindings(ports));
    if (room > LIST_MAX) {
        b->too_long = "PortBindings";
        return;
    }
    if (!is && !publishes(c))
        return;
    c->ports = room ? arena_alloc(b->arena, room * sizeof *c->ports) : NULL;
    for (size_t i = 0; i < json_count(ports); i++) {
        const char *port;
        size_t length;
        const struct json *bindings = build_typed(b, json_member(ports, i, &port, &length), JSON_ARRAY);
        const char *container_port;

        if (is && !json_count(bindings))
            continue;
        container_port = build_string(b, port, length);
        if (!json_count(bindings))
            add_binding(b, container_port, NULL, c);
        for (size_t k = 0; k < json_count(bindings); k++)
            add_binding(b, container_port, build_item(b, bindings, k, JSON_OBJECT), c);
    }
    if (!is)
        add_exposed(b, c);
}

/* Where the engine does not list them, they follow from the mode. An empty list is one: of a container cut off from
 * all. */
void container_parse_networks(struct builder *b, const struct json *root, struct container_facts *c)
{
    const struct json *networks = json_path(root, "NetworkSettings", "Networks", NULL);

    build_keys(b, networks, "NetworkSettings.Networks", &c->networks);
    if ((networks && json_type(networks) != JSON_NULL) ||
        !json_string(json_path(root, "HostConfig", "NetworkMode", NULL)))
        return;
    if (*c->network_mode && strcmp(c->network_mode, "default") != 0 && strcmp(c->network_mode, "bridge") != 0)
        return;
    c->networks.items = arena_alloc(b->arena, sizeof *c->networks.items);
    c->networks.items[0] = "bridge";
    c->networks.count = 1;
}
