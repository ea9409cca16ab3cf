/* The sockets of a unit: its files as they are now (systemd.socket(5)). */
#include "probes/host/socket_unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"

enum { SOCKETS_MAX = 256, PORT_MAX = 65535 };

const char socket_unit_docker[] = "docker.socket", socket_unit_default_socket[] = "/run/docker.sock";

struct streams {
    const char *unit;
    struct path_list *list;
    size_t first; /* of this unit in LIST */
};

/* A port number from 1 on, and nothing after it? */
static bool is_port(const char *text)
{
    size_t length = strspn(text, "0123456789");
    unsigned long port = length && length <= 5 && !text[length] ? strtoul(text, NULL, 10) : 0;

    return port >= 1 && port <= PORT_MAX;
}

/* What systemd takes for a socket's address; a line with anything else is ignored. */
static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
    scoped(cleanup_free) char *host = NULL;
    unsigned char address[sizeof(struct in6_addr)];

    if ((*text == '/' || *text == '@') && text[1])
        return true;
    if (str_starts(text, "vsock:") || is_port(text))
        return true;
    if (*text == '[' && bracket) {
        host = mem_strndup(text + 1, (size_t)(bracket - text - 1));
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
        if (colon)
            host[strcspn(host, "%")] = '\0';
        return colon && inet_pton(AF_INET6, host, address) == 1 && strtoul(colon + 1, NULL, 10) > 0;
    }
    if (!colon)
        return false;
    host = mem_strndup(text, (size_t)(colon - text));
    return inet_pton(AF_INET, host, address) == 1 && is_port(colon + 1);
}

/* An empty assignment of any kind of socket resets those of all kinds. */
static void add_stream(const char *key, const char *value, void *user)
{
    static const char *const kinds[] = {"ListenStream",       "ListenDatagram",   "ListenSequentialPacket",
                                        "ListenFIFO",         "ListenSpecial",    "ListenNetlink",
                                        "ListenMessageQueue", "ListenUSBFunction"};
    struct streams *streams = user;
    struct path_list *list = streams->list;
    scoped_str text = STR_INIT;
    size_t kind = 0;

    while (kind < countof(kinds) && strcmp(kinds[kind], key) != 0)
        kind++;
    if (kind == countof(kinds))
        return;
    if (!*value) {
        while (list->count > streams->first)
            free(list->items[--list->count]);
        return;
    }
    if (kind != 0 || list->count - streams->first >= SOCKETS_MAX)
        return;
    unit_expand(streams->unit, value, &text);
    if (is_address(str_text(&text)))
        vec_push(list, str_steal(&text));
}

int socket_unit_streams(const struct host_root *root, const struct units_facts *units, const char *unit,
                        const char *otherwise, struct path_list *ret, struct error *error)
{
    struct streams streams = {.unit = unit, .list = ret, .first = ret->count};
    bool exists = false;
    int r = unit_read(root, units, unit, "Socket", add_stream, &streams, &exists, error);

    if (r == 0 && !exists && otherwise)
        vec_push(ret, mem_strdup(otherwise));
    return r;
}

static bool is_activation(const struct daemon_option *option)
{
    return strcmp(option->name, "host") == 0 && str_starts(option->value, "fd://");
}

bool socket_unit_activates(const struct daemon_facts *daemon)
{
    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (is_activation(&daemon->options[i]))
            return true;
    return false;
}
