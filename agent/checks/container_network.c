/* Published ports and networks. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/checks/checks.h"

/* "80/tcp" → "tcp" */
static const char *protocol(const char *port)
{
    const char *slash = strchr(port, '/');

    return slash ? slash + 1 : "tcp";
}

void check_container_privileged_ports(const struct check_input *in, struct check_result *out)
{
    enum { FIRST_FREE = 1024 };
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    for (size_t i = 0; i < c->port_count; i++) {
        const struct port_binding *port = &c->ports[i];
        scoped_str name = STR_INIT;

        if (port->host_port <= 0 || port->host_port >= FIRST_FREE)
            continue;
        str_printf(&name, "%d/%s", port->host_port, protocol(port->container_port));
        if (!check_allowed(in, "allowed", name.data))
            check_say(in, out, VERDICT_FAIL, "host port %s is published for %s", name.data, port->container_port);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no privileged host port beyond those allowed is published");
    else
        check_remedy_recreate(in, out, "publishing host ports from 1024 on");
}

static bool lists(const struct string_list *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], s) == 0)
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
        const char *port = c->ports[i].container_port;

        if (check_allowed(in, "allowed", port))
            continue;
        if (!image) {
            check_error(in, out, "image", why);
            return;
        }
        if (lists(&image->exposed_ports, port))
            check_say(in, out, VERDICT_MANUAL, "%s is published at host port %d; is it needed?", port,
                      c->ports[i].host_port);
        else
            check_say(in, out, VERDICT_FAIL, "%s is published at host port %d and the image does not expose it", port,
                      c->ports[i].host_port);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  c->port_count ? "only configured ports are published" : "no port is published");
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

    if (!c)
        return;
    for (size_t i = 0; i < c->port_count; i++) {
        const struct port_binding *port = &c->ports[i];
        enum address_kind kind = address_kind(port->host_ip);

        if (kind == ADDRESS_UNKNOWN)
            check_error(in, out, port->host_ip, "it is not an address");
        if (kind == ADDRESS_ANY)
            check_say(in, out, VERDICT_FAIL, "%s is published at port %d of every interface (%s)", port->container_port,
                      port->host_port, *port->host_ip ? port->host_ip : "no address given");
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS,
                  c->port_count ? "every published port has an address of its own" : "no port is published");
    else if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out, "with -p <address>:<host port>:<port>");
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
    check_remedy_container(in, out, podman ? "podman network disconnect podman" : "docker network disconnect bridge");
}
