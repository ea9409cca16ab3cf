/* Local addresses out of /proc: in fib_trie an address stands on a line of its own ("|-- 10.0.0.1"), and below it what
 * it is ("/32 host LOCAL"); in if_inet6 it is the first word of each line, 32 hexadecimal digits. */
#include "probes/host/addresses.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/memory.h"

enum { ADDRESSES_MAX = 4096, FILE_MAX_BYTES = 16 << 20 };

static void add(struct arena *arena, struct string_list *ret, const char *address, size_t length)
{
    for (size_t i = 0; i < ret->count; i++)
        if (strlen(ret->items[i]) == length && strncmp(ret->items[i], address, length) == 0)
            return;
    if (ret->count < ADDRESSES_MAX)
        ret->items[ret->count++] = arena_strndup(arena, address, length);
}

static void add_v6(struct arena *arena, struct string_list *ret, const char *hex)
{
    struct in6_addr address = IN6ADDR_ANY_INIT;
    char text[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < sizeof address.s6_addr; i++) {
        const char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        address.s6_addr[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    inet_ntop(AF_INET6, &address, text, sizeof text);
    add(arena, ret, text, strlen(text));
}

void addresses_parse(const char *fib_trie, const char *if_inet6, struct arena *arena, struct string_list *ret)
{
    static const char leaf[] = "|-- ", local[] = "/32 host LOCAL";
    const char *address = NULL;
    size_t length = 0;

    *ret = (struct string_list){.items = arena_alloc(arena, ADDRESSES_MAX * sizeof *ret->items)};
    for (const char *line = fib_trie; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, " ");

        if (str_starts(at, leaf)) {
            address = at + strlen(leaf);
            length = strcspn(address, " \n");
        } else if (address && str_starts(at, local)) {
            add(arena, ret, address, length);
        }
    }
    for (const char *line = if_inet6; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strspn(line, "0123456789abcdefABCDEF") == 32)
            add_v6(arena, ret, line);
}

void addresses_read(const struct host_root *root, pid_t pid, struct arena *arena, struct string_list *ret)
{
    scoped(cleanup_free) char *folder = mem_printf("/proc/%d/net", pid > 0 ? (int)pid : 1);
    scoped(cleanup_free) char *v4 = mem_printf("%s/fib_trie", folder), *v6 = mem_printf("%s/if_inet6", folder);
    scoped_str fib_trie = STR_INIT, if_inet6 = STR_INIT;

    host_read(root, v4, FILE_MAX_BYTES, &fib_trie, NULL);
    host_read(root, v6, FILE_MAX_BYTES, &if_inet6, NULL);
    addresses_parse(str_text(&fib_trie), str_text(&if_inet6), arena, ret);
}
