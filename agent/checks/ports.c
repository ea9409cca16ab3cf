/* Ports and ranges of them, and globs that allow single ports. */
#include "agent/checks/ports.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"

/* The number at *AT, which is moved past its digits. */
static bool read_number(const char **at, unsigned *ret)
{
    size_t digits = strspn(*at, "0123456789");

    *ret = 0;
    if (!digits || digits > 5)
        return false;
    for (; digits; digits--)
        *ret = *ret * 10 + (unsigned)(*(*at)++ - '0');
    return *ret > 0 && *ret <= UINT16_MAX;
}

bool port_parse(const char *text, struct port_range *ret)
{
    const char *at = text, *protocol = "tcp";

    if (!read_number(&at, &ret->first))
        return false;
    ret->last = ret->first;
    if (*at == '-') {
        at++;
        if (!read_number(&at, &ret->last) || ret->last < ret->first)
            return false;
    }
    if (*at == '/')
        protocol = at + 1;
    else if (*at)
        return false;
    if (!*protocol || strlen(protocol) >= sizeof ret->protocol)
        return false;
    for (size_t i = 0; i <= strlen(protocol); i++)
        ret->protocol[i] = (char)tolower((unsigned char)protocol[i]);
    return true;
}

bool port_within(const struct port_range *port, const struct port_range *range)
{
    return range->first <= port->first && port->last <= range->last && strcmp(port->protocol, range->protocol) == 0;
}

static bool is_glob(const char *entry)
{
    return strpbrk(entry, "*?") != NULL;
}

bool port_allowed(const struct string_list *allowed, const struct port_range *port)
{
    scoped(cleanup_free) char *name = mem_printf("%u/%s", port->first, port->protocol);

    for (size_t i = 0; i < allowed->count; i++) {
        const char *entry = allowed->items[i];
        struct port_range range;

        if (is_glob(entry) ? port->first == port->last && text_glob(entry, name)
                           : port_parse(entry, &range) && port_within(port, &range))
            return true;
    }
    return false;
}

/* "80*", "*" and "80?0/udp" can match a port by its full name; "80?" is a number without its protocol. */
static bool is_glob_of_ports(const char *entry)
{
    const char *protocol = entry + strspn(entry, "0123456789*?");

    if (!*protocol)
        return strchr(entry, '*') != NULL;
    return protocol > entry && *protocol == '/' && protocol[1] && !protocol[1 + strspn(protocol + 1, "tcpuds*?")];
}

/* Can it match a port at all? Protocols are those that an engine publishes. */
static bool is_entry(const char *entry)
{
    static const char *const protocols[] = {"tcp", "udp", "sctp"};
    struct port_range range;

    if (is_glob(entry))
        return is_glob_of_ports(entry);
    for (size_t i = 0; port_parse(entry, &range) && i < countof(protocols); i++)
        if (strcmp(range.protocol, protocols[i]) == 0)
            return true;
    return false;
}

int check_validate_ports(const struct rule *rule, const char **ret_key, struct error *error)
{
    const struct check_input in = {.rule = rule};
    const struct string_list *allowed = &check_param(&in, "allowed")->list;

    *ret_key = "allowed";
    for (size_t i = 0; i < allowed->count; i++)
        if (!is_entry(allowed->items[i]))
            return error_set(error, EINVAL,
                             "\"%.64s\" is not a port; use 80, 80/tcp, 8000-8010/udp or a glob such as 80*/tcp",
                             allowed->items[i]);
    return 0;
}
