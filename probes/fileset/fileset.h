/* Sets of host files that rules judge, each found by a source:
 *
 * - path:/etc/docker: that file or directory (several: path:/a,/b)
 * - content:/etc/hosts: the same, with the file's text (at most 1 MiB)
 * - tree:/etc/docker/certs.d: every regular file below it, at any depth (bounded: 4,096 files, depth 16; links are
 *   judged at their targets)
 * - folders:/etc/docker/certs.d: the same, with the directories too, that one among them
 * - unit:docker.service: the unit's file and its drop-ins
 * - option:tlscacert: the file that a daemon option names (arguments, then daemon.json; with TLS the engine's default
 *   path, $DOCKER_CERT_PATH or /root/.docker/{ca,cert,key}.pem, counts)
 * - sockets: the API's Unix sockets (option host, default /var/run/docker.sock; fd:// through docker.socket's
 *   ListenStream)
 * - containerd-sockets: the one that dockerd uses (as the engine reports it, else the option containerd), and
 *   containerd's and dockerd's own default
 * - daemon.json: the configuration file in use
 * - data-root: the engine's data root
 * - program:dockerd,docker: programs: dockerd and containerd are those that run, @runtime is the engine's default
 *   runtime, @shims are containerd's shims for all runtimes of the engine, others are looked up in dockerd's search
 *   path; "every docker" is each one in that path and in those of who logs in. What is not found is left out, and what
 *   is containerd's where dockerd has it within itself */
#ifndef PROBES_FILESET_FILESET_H
#define PROBES_FILESET_FILESET_H

#include "probes/daemon/daemon_config.h"
#include "probes/facts/wire.h"
#include "probes/worker/worker.h"

/* What sources are read against; each member may be NULL: unknown. */
struct fileset_context {
    const struct daemon_facts *daemon;
    const struct info_facts *info;
    const struct units_facts *units;
    const char *engine_socket; /* the Unix socket that the agent talks to, counted among "sockets:" */
};

/* Many sources at once, in a worker: what may block (a file system that does not answer, a tree of thousands) does so
 * there. Its argument is a struct fileset_request. */
struct fileset_request {
    const struct host_root *root;
    const struct fileset_context *context;
    const struct string_list *sources;
};
worker_run fileset_run;
/* The next source's set from what fileset_run gave, in the order of the request: 0, or a negative errno with ERROR as
 * fileset_read() gives it; -EPROTO: READER is broken, and there is nothing more in it. */
int fileset_take(struct wire_reader *reader, struct fileset_facts **ret, struct error *error);

/* A missing file is left out; one that cannot be read for another reason is an item with its error. The caller frees
 * RET. 0, -ENODATA if CONTEXT lacks what SOURCE requires, or another negative errno. */
int fileset_read(const struct host_root *root, const char *source, const struct fileset_context *context,
                 struct fileset_facts **ret, struct error *error);
/* The paths to watch so that a change of the set is noticed: calls BACK for each (path, whole tree or not). */
void fileset_watch_paths(const struct host_root *root, const char *source, const struct fileset_context *context,
                         void (*back)(const char *path, bool tree, void *user), void *user);
bool fileset_source_valid(const char *source, struct error *error);
/* Which members of the context SOURCE is read against. */
bool fileset_needs_daemon(const char *source);
bool fileset_needs_info(const char *source);
bool fileset_needs_units(const char *source);

#endif
