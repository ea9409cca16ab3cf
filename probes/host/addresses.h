/* The addresses of the host's network interfaces. */
#ifndef PROBES_HOST_ADDRESSES_H
#define PROBES_HOST_ADDRESSES_H

#include "common/file.h"
#include "probes/facts/facts.h"

/* Those of the network namespace of PID (0: of process 1), as inet_ntop(3) prints them; none if they cannot be read. */
void addresses_read(const struct host_root *root, pid_t pid, struct arena *arena, struct string_list *ret);
/* The pure part: FIB_TRIE and IF_INET6 are the texts of /proc/net/fib_trie and /proc/net/if_inet6. */
void addresses_parse(const char *fib_trie, const char *if_inet6, struct arena *arena, struct string_list *ret);

#endif
