/* dockerd's own arguments and daemon.json, put together as dockerd does. */
#ifndef PROBES_DAEMON_DAEMON_CONFIG_H
#define PROBES_DAEMON_DAEMON_CONFIG_H

#include "common/file.h"
#include "probes/facts/facts.h"

/* Finds the dockerd that serves an engine socket: PEER_PID from the socket's credentials; for 1 (socket activation) or
 * 0 (TCP, unknown) the unit's main process according to UNITS (may be NULL), else the pid file (/var/run/docker.pid).
 * 0, or a negative errno with ERROR if there is none on this host. */
int daemon_find(const struct host_root *root, const struct units_facts *units, pid_t peer_pid, pid_t *ret_pid,
                struct error *error);

/* Reads /proc/PID/cmdline and the configuration file. PID 0 (not found): options from the default configuration file
 * only, and WHY_NO_PID is recorded as the reason. An unreadable or invalid file is recorded in config_error, not
 * returned. The caller frees RET. 0 or a negative errno. */
int daemon_config_read(const struct host_root *root, const struct units_facts *units, pid_t pid, const char *why_no_pid,
                       struct daemon_facts **ret, struct error *error);
/* The socket is served by PEER_PID (0: unknown), which is not dockerd: if it is podman, or IS_PODMAN (as it says
 * itself), FACTS' options become those of containers.conf ("containers.log_driver"). */
void daemon_config_engine(const struct host_root *root, const struct units_facts *units, pid_t peer_pid, bool is_podman,
                          struct daemon_facts *facts);

/* The paths, besides the configuration file, whose change may change what is read: where docker.socket's files may be,
 * and containerd's configuration. */
void daemon_watch_paths(void (*back)(const char *path, bool tree, void *user), void *user);

/* The pure part. ARGUMENTS as in cmdline (argv[0] first; after a wrapper "dockerd" may come later), CONFIG the text of
 * daemon.json or NULL.
 *
 * --x=v, --x v, -H v, -Hv, -D, bare booleans, repeated flags, Go's spellings of booleans; "--" ends. Keys of
 * daemon.json get the flag's name ("hosts" → "host", "labels" → "label", "default-ulimits" object → one
 * "default-ulimit" "name=soft:hard" each, …). The caller frees RET. 0 or a negative errno. */
int daemon_config_parse(const char *const *arguments, size_t argument_count, const char *config, size_t config_length,
                        struct daemon_facts **ret, struct error *error);

/* The first value of an option, owned by DAEMON, or NULL; RET_PLACE may be NULL. A boolean flag set to false or an
 * empty string is returned as such. */
const char *daemon_option(const struct daemon_facts *daemon, const char *name, enum option_place *ret_place);
/* The boolean; FALLBACK if not set. */
bool daemon_option_bool(const struct daemon_facts *daemon, const char *name, bool fallback,
                        enum option_place *ret_place);

/* Is NAME a flag that holds a boolean? */
bool daemon_option_is_boolean(const char *name);
/* Is VALUE one that Go's strconv.ParseBool accepts? */
bool daemon_option_parses(const char *value);

/* For a name that is probably misspelt, or a key of daemon.json, the flag that is meant; NULL: NAME is a flag, or
 * unknown (a newer engine's). */
const char *daemon_option_meant(const char *name);
bool daemon_option_known(const char *name); /* is NAME a flag known here? */

#endif
