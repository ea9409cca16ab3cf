/* dockerd's own arguments and daemon.json, put together as dockerd does. */
#ifndef PROBES_DAEMON_DAEMON_CONFIG_H
#define PROBES_DAEMON_DAEMON_CONFIG_H

#include "common/file.h"
#include "probes/facts/facts.h"

/* The dockerd behind an engine socket: PEER_PID from the socket's credentials; 1 (socket activation) or 0 (TCP,
 * unknown): the unit's main process as UNITS has it (may be NULL), else the pid file (/var/run/docker.pid). Negative
 * errno with ERROR when there is none on this host. */
int daemon_find(const struct host_root *root, const struct units_facts *units, pid_t peer_pid, pid_t *ret_pid,
                struct error *error);

/* Reads /proc/PID/cmdline and the configuration file. PID 0 (not found): options from the default configuration file
 * only, and why_no_pid says so. An unreadable or unparsable file is recorded in config_error, not returned. */
int daemon_config_read(const struct host_root *root, const struct units_facts *units, pid_t pid, const char *why_no_pid,
                       struct daemon_facts **ret, struct error *error);
/* Behind the socket is PEER_PID, which is no dockerd: notes in FACTS when it is podman. */
void daemon_config_engine(const struct host_root *root, pid_t peer_pid, struct daemon_facts *facts);

/* The paths, besides the configuration file, whose change may change what is read: where docker.socket's files may lie,
 * and containerd's configuration. */
void daemon_watch_paths(void (*back)(const char *path, bool tree, void *user), void *user);

/* Pure part: ARGUMENTS as in cmdline (argv[0] first; a wrapper's "dockerd" may stand later), CONFIG the text of
 * daemon.json or NULL.
 * --x=v, --x v, -H v, -Hv, -D, bare booleans, repeated flags, Go's spellings of booleans; "--" ends. Keys of
 * daemon.json get the flag's name ("hosts" → "host", "labels" → "label", "default-ulimits" object → one
 * "default-ulimit" "name=soft:hard" each, …). */
int daemon_config_parse(const char *const *arguments, size_t argument_count, const char *config, size_t config_length,
                        struct daemon_facts **ret, struct error *error);

/* First value of an option, or NULL; RET_PLACE may be NULL. A boolean flag set to false or an empty string is given as
 * such. */
const char *daemon_option(const struct daemon_facts *daemon, const char *name, enum option_place *ret_place);
/* The boolean: FALLBACK when not set. */
bool daemon_option_bool(const struct daemon_facts *daemon, const char *name, bool fallback,
                        enum option_place *ret_place);

/* Is NAME a flag that holds a boolean? */
bool daemon_option_is_boolean(const char *name);
/* A value that Go's strconv.ParseBool takes. */
bool daemon_option_parses(const char *value);

/* For a name that is probably misspelt, or a key of daemon.json, the flag that is meant; NULL: it is a flag, or one
 * that is not known here (a newer engine's). */
const char *daemon_option_meant(const char *name);
bool daemon_option_known(const char *name); /* is it a flag that is known here? */

#endif
