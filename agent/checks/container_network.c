/* Published ports and networks. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/ports.h"
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
        str_printf(out, "a %s chosen by the engine", what);
    else if (port->host_port == port->host_port_last)
        str_printf(out, "%s %d", what, port->host_port);
    else
        str_printf(out, "%s %d-%d", what, port->host_port, port->host_port_last);
}

/* As the one before except for its address: published on both IPv4 and IPv6, which is reported once. */
static bool repeats_previous(const struct container_facts *c, size_t index)
{
    const struct port_binding *port = &c->ports[index];

    return index && strcmp(port[-1].container_port, port->container_port) == 0 &&
           port[-1].host_port == port->host_port && port[-1].host_port_last == port->host_port_last;
}

void check_container_privileged_ports(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    for (size_t i = 0; i < c->port_count; i++) {
        const char *protocol = strchr(c->ports[i].container_port, '/');
        scoped_str number = STR_INIT;

        if (!is_privileged(in, &c->ports[i]) || repeats_previous(c, i))
            continue;
        print_host_port(&c->ports[i], "host port", &number);
        check_say(in, out, VERDICT_FAIL, "%s%s is published for %s", number.data, protocol ? protocol : "/tcp",
                  c->ports[i].container_port);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no privileged host port beyond those allowed is published");
    else
        check_remedy_recreate(in, out, "publishing host ports 1024 and above");
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

void check_container_needed_ports(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct image_facts *image;
    const char *why;

    if (!c)
        return;
    if (c->publish_all_ports) {
        check_say(in, out, VERDICT_FAIL, "publishes every exposed port (-P)");
        check_remedy_recreate(in, out, "publishing only the ports it needs with -p");
        return;
    }
    image = store_image(in->store, c->image_id, &why);
    for (size_t i = 0; i < c->port_count; i++) {
        const char *name = c->ports[i].container_port;
        scoped_str number = STR_INIT;
        struct port_range port;

        if ((port_parse(name, &port) && port_allowed(&check_param(in, "allowed")->list, &port)) ||
            repeats_previous(c, i))
            continue;
        if (!image) {
            check_error(in, out, "image", why);
            return;
        }
        print_host_port(&c->ports[i], "host port", &number);
        if (is_exposed(image, name))
            check_say(in, out, VERDICT_MANUAL, "%s is published on %s; is it needed?", name, number.data);
        else
            check_say(in, out, VERDICT_FAIL, "%s is published on %s, but the image does not expose it", name,
                      number.data);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, c->port_count ? "only allowed ports are published" : "no port is published");
    else if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out, "publishing only the ports it needs with -p");
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

void check_container_bound_interface(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *unknown = NULL;

    if (!c)
        return;
    for (size_t i = 0; i < c->port_count; i++) {
        const struct port_binding *port = &c->ports[i];
        enum address_kind kind = address_kind(port->host_ip);
        scoped_str number = STR_INIT;

        if (kind == ADDRESS_UNKNOWN)
            unknown = port->host_ip;
        if (kind != ADDRESS_ANY)
            continue;
        print_host_port(port, "port", &number);
        check_say(in, out, VERDICT_FAIL, "%s is published on %s of every interface (%s)", port->container_port,
                  number.data, *port->host_ip ? port->host_ip : "no address given");
    }
    if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out,
                              c->is_swarm_task ? "without published ports, which a service cannot bind to an address"
                                               : "with -p <address>:<host port>:<port>");
    else if (unknown)
        check_error(in, out, unknown, "not an IP address");
    else
        check_say(in, out, VERDICT_PASS,
                  c->port_count ? "every published port is bound to a specific address" : "no port is published");
}

/* What is in no other network is put into one first: cut off from all, it would get the default one again. */
static void remedy_bridge(const struct check_input *in, struct check_result *out, const struct container_facts *c,
                          const char *engine, const char *network)
{
    scoped_str command = STR_INIT;

    if (c->networks.count == 1) {
        str_append(&command, "network connect <network> ");
        text_shell_quote(&command, *c->name ? c->name : in->key);
        str_printf(&command, " && %s ", engine);
    }
    str_printf(&command, "network disconnect %s", network);
    check_remedy_container(in, out, command.data, "--network-add <network>");
}

void check_container_default_bridge(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct version_facts *version = store_version(in->store, NULL);
    bool podman;

    if (!c)
        return;
    check_fact_list(in, out, "networks", &c->networks);
    podman = version && version->is_podman && lists(&c->networks, "podman"); /* the default's name there */
    if (!podman && !lists(&c->networks, "bridge")) {
        check_say(in, out, VERDICT_PASS, "not attached to the default bridge");
        return;
    }
    check_say(in, out, VERDICT_FAIL, "attached to the default network %s", podman ? "podman" : "bridge");
    remedy_bridge(in, out, c, podman ? "podman" : "docker", podman ? "podman" : "bridge");
}
