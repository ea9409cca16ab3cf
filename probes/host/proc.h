/* Processes of the host, read from /proc without the help of a shell or the engine. */
#ifndef PROBES_HOST_PROC_H
#define PROBES_HOST_PROC_H

#include "common/capability.h"
#include "common/file.h"
#include "probes/facts/wire.h"

/* The processes in the cgroup of PID (a container's State.Pid) and in the cgroups below it: the container's own ones,
 * also with --pid=host. cgroup v1 (the pids or first hierarchy) and v2. If the container's cgroup is not its own (the
 * root cgroup, or not naming CONTAINER_ID while others share it), falls back to the processes whose pid namespace
 * equals PID's and differs from ours, else to PID and its descendants. At most 4,096 processes. The caller frees RET.
 * 0, -ESRCH if the process has ended, or another negative errno. */
int proc_container_processes(const struct host_root *root, pid_t pid, const char *container_id,
                             struct process_facts **ret, struct error *error);

/* FACTS between processes. The caller frees what proc_take() returns; NULL with ERROR: READER is broken. */
void proc_put(struct str *out, const struct process_facts *facts);
struct process_facts *proc_take(struct wire_reader *reader, struct error *error);

/* PID's arguments, argv[0] first, allocated in ARENA. 0, -ESRCH if the process has ended, or another negative errno. */
int proc_read_cmdline(const struct host_root *root, pid_t pid, struct arena *arena, struct string_list *ret,
                      struct error *error);
/* What reading another user's process takes: its links, and also its environment and descriptors, which only their
 * owner may open. */
#define PROC_LINK_CAPABILITIES CAPABILITY(CAP_SYS_PTRACE)
#define PROC_CAPABILITIES      (CAPABILITY(CAP_SYS_PTRACE) | CAPABILITY(CAP_DAC_READ_SEARCH))

/* Reads a link below /proc/PID ("exe", "cwd") into BUFFER of SIZE bytes, unresolved: it may name a path of another
 * mount namespace. A target that is too long is cut. 0 or a negative errno. */
int proc_read_link(const struct host_root *root, pid_t pid, const char *name, char *buffer, size_t size);
/* The value of NAME in PID's environment at its start; NULL: unset or unreadable. The caller frees. */
char *proc_read_environment(const struct host_root *root, pid_t pid, const char *name);
/* Can PID's environment be read? 0 or a negative errno. */
int proc_may_trace(const struct host_root *root, pid_t pid);
/* A child of PARENT whose comm is NAME; 0: none. */
pid_t proc_find_child(const struct host_root *root, pid_t parent, const char *name);
/* PID's effective user and group, as the host numbers them. 0, -ESRCH if the process has ended, or another negative
 * errno. */
int proc_read_owner(const struct host_root *root, pid_t pid, uid_t *ret_uid, gid_t *ret_gid);
/* When PID started: in clock ticks since the machine's start, which with PID name the process, and as a time. False:
 * unknown. */
bool proc_started(const struct host_root *root, pid_t pid, uint64_t *ret_ticks, usec_t *ret_at);
/* One letter of /proc/PID/stat ('R', 'S', 'T' …) or a negative errno. */
int proc_state(const struct host_root *root, pid_t pid);
/* The security modules that the kernel runs. The caller frees RET. 0 or a negative errno. */
int proc_read_lsm(const struct host_root *root, struct lsm_facts **ret, struct error *error);

/* The host's user and group names, from its own /etc/passwd and /etc/group (not this process's NSS: the host root may
 * be another tree). Reads once; look-ups are by id and by name, and return strings owned by NAMES. */
struct names;
int names_read(const struct host_root *root, struct names **ret, struct error *error);
void names_free(struct names *names);
const char *names_user(const struct names *names, uid_t uid); /* NULL: no name */
const char *names_group(const struct names *names, gid_t gid);
bool names_group_id(const struct names *names, const char *group, gid_t *ret_gid);
/* An unsigned 32-bit id in plain decimal; (id)-1 means "none" to the kernel. */
bool names_parse_id(const char *text, uint32_t *ret);
DEFINE_CLEANUP(struct names *, cleanup_names, names_free)

#endif
