/* Published ports and networks. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/ports.h"
#include "agent/checks/remedy.h"
#include "agent/checks/task.h"
#include "common/text.h"

/* A host port or range of them that is below 1024 and not allowed, in whole or in part. */
static bool is_privileged(const struct check_input *in, const struct port_binding *binding)
{
    enum { LAST_PRIVILEGED = 1023 };
    struct port_range port;

    if (!port_parse(binding->container_port, &port))
        return binding->host_port > 0 && binding->host_port <= LAST_PRIVILEGED;
    for (int n = binding->host_port; n > 0 && n <= binding->host_port_last && n <= LAST_PRIVILEGED; n++) {
        port.first = port.last = (unsigned)n;
        if (!port_allowed(&check_param(in, "allowed")->list, &port))
            return true;
    }
    return false;
}

/* "host port 443", "host port 443-450" where WHAT is "host port". */
static void print_host_port(const struct port_binding *port, const char *what, struct str *out)
{
    if (port->host_port <= 0)
        message_add(out, "a %s chosen by the engine", what);
    else if (port->host_port == port->host_port_last)
        str_printf(out, "%s %d", what, port->host_port);
    else
        str_printf(out, "%s %d-%d", what, port->host_port, port->host_port_last);
}

/* What a container publishes: by itself, and by the service whose task it is in the swarm's routing mesh. */
struct published {
    const struct container_facts *container;
    const struct service_item *service; /* NULL: none */
    struct task task;
    const char *why_no_services;
};

static struct published find_published(const struct check_input *in, const struct container_facts *c)
{
    struct published published = {.container = c, .task = check_task(in, c)};
    const struct service_list_facts *services;

    if (published.task.state != TASK_REAL)
        return published;
    services = store_services(in->store, &published.why_no_services);
    if (services)
        published.why_no_services = NULL;
    for (size_t i = 0; services && i < services->count; i++)
        if (str_equal(services->items[i].id, published.task.service_id))
            published.service = &services->items[i];
    return published;
}

/* NULL past the end. */
static const struct port_binding *port_at(const struct published *published, size_t index)
{
    size_t own = published->container->port_count;

    if (index < own)
        return &published->container->ports[index];
    return published->service && index - own < published->service->port_count ? &published->service->ports[index - own]
                                                                              : NULL;
}

static bool is_of_service(const struct published *published, size_t index)
{
    return index >= published->container->port_count;
}

/* Where what is known shows no fault: a worker cannot see what the service of its task publishes. */
static void say_unseen_ports(const struct check_input *in, struct check_result *out, const struct published *published)
{
    const struct container_facts *c = published->container;
    bool in_mesh = !c->running;

    for (size_t i = 0; i < c->networks.count; i++)
        in_mesh |= strcmp(c->networks.items[i], "ingress") == 0;
    if (published->task.state == TASK_UNKNOWN)
        check_error(in, out, M_("tasks of the swarm"), published->task.why);
    else if (published->why_no_services)
        check_error(in, out, M_("services of the swarm"), published->why_no_services);
    else if (published->task.state == TASK_UNVERIFIED && in_mesh)
        check_say(in, out, VERDICT_MANUAL,
                  "a task of a service whose published ports only a manager sees (docker service inspect)");
}

/* As the one before except for its address: published on both IPv4 and IPv6, which is reported once. */
static bool repeats_previous(const struct published *published, size_t index)
{
    const struct port_binding *port = port_at(published, index), *before = index ? port_at(published, index - 1) : NULL;

    invariant(port);
    return before && is_of_service(published, index) == is_of_service(published, index - 1) &&
           strcmp(before->container_port, port->container_port) == 0 && before->host_port == port->host_port &&
           before->host_port_last == port->host_port_last;
}

void check_container_privileged_ports(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct port_binding *port;
    struct published published;

    if (!c)
        return;
    published = find_published(in, c);
    for (size_t i = 0; (port = port_at(&published, i)); i++) {
        const char *protocol = strchr(port->container_port, '/');
        scoped_str number = STR_INIT;

        if (!is_privileged(in, port) || repeats_previous(&published, i))
            continue;
        print_host_port(port, "host port", &number);
        check_say(in, out, VERDICT_FAIL, "%s%s is published for %s%s", number.data, protocol ? protocol : "/tcp",
                  port->container_port, is_of_service(&published, i) ? M_(" by its service, on every node") : "");
    }
    if (out->verdict == VERDICT_NONE)
        say_unseen_ports(in, out, &published);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no privileged host port beyond those allowed is published");
    else if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out,
                              &(struct remedy_change){.how = M_("publishing host ports 1024 and above"),
                                                      .key = "ports",
                                                      .compose = M_("publish host ports 1024 and above under ports"),
                                                      .service = "--publish-rm PORT --publish-add HOST_PORT:PORT",
                                                      .need = FIX_WORDS});
}

static bool lists(const struct string_list *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], s) == 0)
            return true;
    return false;
}

static bool is_exposed(const struct image_facts *image, const char *port)
{
    struct port_range published, exposed;

    if (!port_parse(port, &published))
        return lists(&image->exposed_ports, port);
    for (size_t i = 0; i < image->exposed_ports.count; i++)
        if (port_parse(image->exposed_ports.items[i], &exposed) && port_within(&published, &exposed))
            return true;
    return false;
}

static const struct remedy_change needed_ports = {.how = M_("publishing only the ports it needs with -p"),
                                                  .key = "ports",
                                                  .compose = M_("leave under ports only those it needs"),
                                                  .service = "--publish-rm PORT",
                                                  .need = FIX_WORDS};

void check_container_needed_ports(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct port_binding *binding;
    const struct image_facts *image;
    struct published published;
    const char *why;

    if (!c)
        return;
    if (c->publish_all_ports) {
        check_say(in, out, VERDICT_FAIL, "publishes every exposed port (-P)");
        check_remedy_recreate(in, out, &needed_ports);
        return;
    }
    published = find_published(in, c);
    image = store_image(in->store, c->image_id, &why);
    for (size_t i = 0; (binding = port_at(&published, i)); i++) {
        const char *name = binding->container_port;
        const char *by = is_of_service(&published, i) ? " of every node" : "";
        scoped_str number = STR_INIT;
        struct port_range port;

        if ((port_parse(name, &port) && port_allowed(&check_param(in, "allowed")->list, &port)) ||
            repeats_previous(&published, i))
            continue;
        if (!image) {
            check_error(in, out, M_("image"), why);
            return;
        }
        print_host_port(binding, "host port", &number);
        if (is_exposed(image, name))
            check_say(in, out, VERDICT_MANUAL, "%s is published on %s%s; is it needed?", name, number.data, by);
        else
            check_say(in, out, VERDICT_FAIL, "%s is published on %s%s, but the image does not expose it", name,
                      number.data, by);
    }
    if (out->verdict < VERDICT_FAIL)
        say_unseen_ports(in, out, &published);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  port_at(&published, 0) ? "only allowed ports are published" : "no port is published");
    else if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out, &needed_ports);
}

enum address_kind { ADDRESS_OWN, ADDRESS_ANY, ADDRESS_UNKNOWN };

/* "", 0.0.0.0, :: and every other spelling of "any address". */
static enum address_kind address_kind(const char *address)
{
    static const unsigned char zero[16];
    unsigned char bytes[16];
    scoped(cleanup_free) char *bare = NULL;
    bool any;

    if (!*address)
        return ADDRESS_ANY;
    bare = mem_strndup(address + (*address == '['), strcspn(address + (*address == '['), "]%"));
    if (inet_pton(AF_INET, bare, bytes) == 1)
        any = memcmp(bytes, zero, 4) == 0;
    else if (inet_pton(AF_INET6, bare, bytes) == 1)
        any = memcmp(bytes, zero, 16) == 0 || (memcmp(bytes, zero, 10) == 0 && bytes[10] == 0xff && bytes[11] == 0xff &&
                                               memcmp(bytes + 12, zero, 4) == 0);
    else
        return ADDRESS_UNKNOWN;
    return any ? ADDRESS_ANY : ADDRESS_OWN;
}

/* The address at which C's networks publish what names none, where all of them have one: "" everywhere. NULL: unknown,
 * and error has been reported. A container that runs shows the address itself. */
static const char *default_address(const struct check_input *in, struct check_result *out,
                                   const struct container_facts *c)
{
    const char *why, *address = NULL;
    const struct network_list_facts *networks = store_networks(in->store, &why);

    if (c->running)
        return "";
    if (!networks) {
        check_error(in, out, M_("networks"), why);
        return NULL;
    }
    for (size_t n = 0; n < c->networks.count; n++) {
        const char *binding = NULL;

        for (size_t i = 0; i < networks->count; i++)
            if (str_equal(networks->items[i].name, c->networks.items[n]))
                binding = networks->items[i].host_binding;
        if (str_empty(binding) || address_kind(binding) == ADDRESS_ANY)
            return "";
        address = binding;
    }
    return address ? address : "";
}

void check_container_bound_interface(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct port_binding *port;
    const char *unknown = NULL;
    struct published published;

    if (!c)
        return;
    published = find_published(in, c);
    for (size_t i = 0; (port = port_at(&published, i)); i++) {
        const char *address = port->host_ip;
        enum address_kind kind;
        scoped_str number = STR_INIT;

        if (!*address && !is_of_service(&published, i) && !(address = default_address(in, out, c)))
            return;
        kind = address_kind(address);
        if (kind == ADDRESS_UNKNOWN)
            unknown = address;
        if (kind != ADDRESS_ANY)
            continue;
        print_host_port(port, "port", &number);
        if (is_of_service(&published, i))
            check_say(in, out, VERDICT_FAIL, "%s is published by its service on %s of every interface of every node",
                      port->container_port, number.data);
        else
            check_say(in, out, VERDICT_FAIL, "%s is published on %s of every interface (%s)", port->container_port,
                      number.data, *port->host_ip ? port->host_ip : M_("no address given"));
    }
    if (out->verdict == VERDICT_NONE && unknown)
        check_error(in, out, unknown, M_("not an IP address"));
    else if (out->verdict == VERDICT_NONE)
        say_unseen_ports(in, out, &published);
    if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(
            in, out,
            &(struct remedy_change){.how = M_("with -p ADDRESS:HOST_PORT:PORT"),
                                    .key = "ports",
                                    .compose =
                                        M_("put an address before the port under ports: \"ADDRESS:HOST_PORT:PORT\""),
                                    .service = "--publish-rm PORT",
                                    .need = FIX_WORDS});
    else if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  port_at(&published, 0) ? "every published port is bound to a specific address"
                                         : "no port is published");
}

/* What is in no other network is put into one first: cut off from all, it would get the default one again. */
static void remedy_bridge(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                          const char *engine, const char *network)
{
    scoped_str command = STR_INIT;

    if (!in->explain)
        return;
    if (c->networks.count == 1) {
        str_append(&command, "network connect NETWORK ");
        text_shell_quote(&command, *c->name ? c->name : in->key);
        str_printf(&command, " && %s ", engine);
    }
    str_printf(&command, "network disconnect %s", network);
    check_remedy_update(
        in, out, command.data,
        &(struct remedy_change){.how = M_("with --network NETWORK"),
                                .key = "network_mode",
                                .compose = M_("remove network_mode: bridge, so that it gets its project's own network"),
                                .service = "--network-add NETWORK",
                                .need = FIX_WORDS});
}

void check_container_default_bridge(const struct check_input *in, struct check_result *out)
{
    static const char joins[] = "container:";
    enum { CHAIN_MAX = 16 };
    const struct container_facts *c = check_container(in, out), *at = c;
    const char *why, *name;
    const struct version_facts *version = store_version(in->store, &why);
    bool podman = version && version->is_podman;

    if (!c)
        return;
    check_fact_list(in, out, "networks", &c->networks);
    for (size_t depth = 0; str_starts(at->network_mode, joins); depth++) {
        const struct container_facts *next = check_find_container(in->store, at->network_mode + strlen(joins));

        if (!next || depth == CHAIN_MAX) {
            check_say(in, out, VERDICT_ERROR, "shares the network of unknown container %s",
                      at->network_mode + strlen(joins));
            return;
        }
        at = next;
    }
    if (at != c && !check_has_member(in, out, at, "NetworkSettings.Networks HostConfig.NetworkMode"))
        return;
    if (!version && lists(&at->networks, "podman")) { /* podman's default, but any name to dockerd */
        check_error(in, out, M_("version"), why);
        return;
    }
    name = podman && lists(&at->networks, "podman") ? "podman" : "bridge";
    if (!lists(&at->networks, name)) {
        check_say(in, out, VERDICT_PASS, "not attached to the default bridge");
        return;
    }
    if (at == c) {
        check_say(in, out, VERDICT_FAIL, "attached to the default network %s", name);
        remedy_bridge(in, out, c, podman ? "podman" : "docker", podman ? "podman" : name);
    } else {
        check_say(in, out, VERDICT_FAIL,
                  "shares the network of container %s, which is attached to the default network %s", at->name, name);
        check_remedy_recreate(
            in, out,
            &(struct remedy_change){.how = M_("after that container has been given a network of its own"),
                                    .key = "network_mode",
                                    .compose = M_("give the container that network_mode names a network of its own")});
    }
}
