/* Listening TCP sockets, from /proc/PID/net/tcp and tcp6 (proc(5)). */
#ifndef PROBES_HOST_LISTENERS_H
#define PROBES_HOST_LISTENERS_H

#include "common/file.h"
#include "probes/facts/wire.h"

/* Those of the network namespace that PID, dockerd, is in; 0: of process 1. */
int listeners_read(const struct host_root *root, pid_t pid, struct listener_facts **ret, struct error *error);
/* TCP and TCP6 are the texts of the two files; TCP6 may be NULL. OWN: inodes of the engine's own sockets, in order. */
int listeners_parse(const char *tcp, const char *tcp6, const unsigned long *own, size_t own_count,
                    struct listener_facts **ret, struct error *error);

/* FACTS between processes. The caller frees what listeners_take() returns; NULL with ERROR: READER is broken. */
void listeners_put(struct str *out, const struct listener_facts *facts);
struct listener_facts *listeners_take(struct wire_reader *reader, struct error *error);

#endif
