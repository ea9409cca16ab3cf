/* Sets of host files that rules judge, each found by a source:
 *
 *   "path:/etc/docker"             that file or folder (several: "path:/a,/b")
 *   "tree:/etc/docker/certs.d"     every regular file below it, at any depth (bounded: 4,096 files, depth 16; links not
 * followed out) "unit:docker.service"          the unit's file and its drop-ins "option:tlscacert"             the file
 * a daemon option names (arguments, then daemon.json; the engine's default path counts when TLS is on:
 * $DOCKER_CERT_PATH or /root/.docker/{ca,cert,key}.pem, if it exists) "sockets:"                     the API's Unix
 * sockets (option host, default /var/run/docker.sock; fd:// through docker.socket's ListenStream) "daemon.json:" the
 * configuration file in use */
#ifndef PROBES_FILESET_H
#define PROBES_FILESET_H

#include "probes/daemon_config.h"

/* DAEMON may be NULL where SOURCE does not need it. ENGINE_SOCKET: the Unix socket that the agent talks to (NULL with
 * TCP), counted among "sockets:". A file that is missing is left out; one that cannot be read for another reason is an
 * item with its error. */
int fileset_read(const struct host_root *root, const char *source, const struct daemon_facts *daemon,
                 const char *engine_socket, struct fileset_facts **ret, struct error *error);
/* The paths to watch so that a change of the set is noticed: calls BACK for each (path, whole tree or not). */
void fileset_watch_paths(const struct host_root *root, const char *source, const struct daemon_facts *daemon,
                         const char *engine_socket, void (*back)(const char *path, bool tree, void *user), void *user);
bool fileset_source_valid(const char *source, struct error *error);
bool fileset_needs_daemon(const char *source);

#endif
