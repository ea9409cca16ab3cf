/* What helpers do in the place of the agent (probes/worker/helper.h): the tasks of each role, and how what they are
 * asked and what they answer is written and read.
 *
 * A request holds numbers, ids, facts that only say where to look, and names of sources. A source is read if the
 * helper's own configuration has it; of what the agent names otherwise nothing is handed out but what the facts of the
 * answer hold. An answer is facts; an error is that of the task. */
#ifndef PROBES_ROLES_ROLES_H
#define PROBES_ROLES_ROLES_H

#include <sys/socket.h>

#include "probes/facts/wire.h"
#include "probes/fileset/fileset.h"
#include "probes/host/mount_places.h"
#include "probes/worker/helper_task.h"

struct volume_source;

enum role {
    ROLE_AUDIT,     /* CAP_AUDIT_CONTROL: lists the kernel's audit rules; CAP_AUDIT_READ: opens the socket by which it
                       reports changes, where systemd has not done so */
    ROLE_PROCESSES, /* CAP_SYS_PTRACE, with CAP_DAC_READ_SEARCH for what only a process's owner may open */
    ROLE_FILES,     /* CAP_DAC_READ_SEARCH */
    ROLE_LAYERS,    /* the same, and CAP_SYS_ADMIN where there is that, for trusted.overlay.* attributes */
    ROLE_NETWORK,   /* none: it alone makes sockets of the internet, and hands them over */
    ROLE_SCANNER,   /* the scanner that the configuration names, with CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE */
    ROLE_ENGINE,    /* the engine's connection (probes/docker/broker.h); it has no tasks. Another user's
                     * socket takes CAP_DAC_OVERRIDE, another user's key CAP_DAC_READ_SEARCH; else it keeps neither */
    ROLE_COUNT
};
enum { ROLE_TASKS_MAX = HELPER_TASKS_MAX };
const char *role_name(enum role role);   /* "audit" */
const char *role_rights(enum role role); /* "CAP_AUDIT_CONTROL", for people */
unsigned role_at_once(enum role role);   /* as in struct helper_role */
uint64_t role_capabilities(enum role role);
/* Who runs it: a user of the helpers' own; the agent's, where what it keeps in the state directory is the agent's, or
 * it executes the administrator's program; root, whose sockets engines have. */
enum role_user { ROLE_USER_OWN, ROLE_USER_AGENT, ROLE_USER_ROOT };
enum role_user role_user(enum role role);
enum role role_find(const char *name); /* ROLE_COUNT: there is none of that name */

/* Of a sink: what is connected to. */
struct receiver_place {
    const char *host, *port; /* a name or an address; digits */
    int type;                /* SOCK_STREAM, SOCK_DGRAM */
};
/* What is listened on. */
struct listener_place {
    struct sockaddr_storage address;
    socklen_t length;
};

/* What the helpers know of themselves; it outlives them. */
struct role_context {
    const struct host_root *root;
    const struct host_root *outside; /* the host as its first process sees it; may be ROOT */
    const char *proc;                /* where the host's /proc is */
    /* Does a rule of the helper's own configuration read that file source? */
    bool (*knows_source)(const char *source, void *user);
    /* The scanner's arguments by the helper's own configuration, in ARENA; none: none is configured. */
    void (*scanner_command)(void *user, struct arena *arena, struct string_list *ret);
    /* Where the sink of the helper's own configuration is that sends to ADDRESS, a text as there; texts in ARENA. 0, or
     * a negative errno with ERROR: it has none. */
    int (*find_receiver)(const char *address, void *user, struct arena *arena, struct receiver_place *ret,
                         struct error *error);
    /* The same of metrics.listen. */
    int (*find_listener)(const char *address, void *user, struct listener_place *ret, struct error *error);
    void *user;
    const struct docker_address *address; /* the engine's, for the export of layers */
    const char *layers_cache;             /* directory; NULL: nothing is kept */
    const int *audit_news;                /* the socket of audit_open_news() that systemd has passed on; NULL: none */
};
/* The tasks of ROLE, whose numbers are those below; their count. */
size_t role_tasks(enum role role, const struct role_context *context, struct helper_task ret[ROLE_TASKS_MAX]);

/* ---- Audit ---- */

enum audit_task {
    AUDIT_LIST, /* the output of audit_run, no message */
    AUDIT_NEWS, /* a descriptor (handed.h) for audit_watch_new() */
};

/* ---- Processes ---- */

enum processes_task {
    PROCESSES_DAEMON,     /* facts of the engine's daemon, for daemon_take() */
    PROCESSES_LISTENERS,  /* for listeners_take(); the message is a pid, 0: dockerd is unknown */
    PROCESSES_CONTAINERS, /* of each container one answer, for roles_take_processes() */
    PROCESSES_IPC,        /* do two processes share their IPC namespace? A number, of enum tristate */
};

/* PEER serves the engine's socket, 0: unknown; IS_PODMAN as it reports itself; UNITS may be NULL. */
void roles_ask_daemon(struct str *out, pid_t peer, bool is_podman, const struct units_facts *units);
void roles_ask_listeners(struct str *out, pid_t dockerd);
void roles_ask_ipc(struct str *out, pid_t one, pid_t other);

/* A container's first process. */
struct processes_query {
    pid_t pid;
    const char *id;
};
void roles_ask_processes(struct str *out, const struct processes_query *queries, size_t count);
/* The next container's, in the order of the request: 0, or a negative errno with ERROR as proc_container_processes()
 * gives it; -EPROTO: READER is broken. The caller frees RET. */
int roles_take_processes(struct wire_reader *reader, struct process_facts **ret, struct error *error);

/* ---- Files ---- */

enum files_task {
    FILES_GROUPS,       /* groups_run_asked() */
    FILES_ENVIRONMENT,  /* for environment_take() */
    FILES_CERTIFICATES, /* for node_certificates_take() */
    FILES_AUDIT,        /* for audit_merge_take() */
    FILES_SETS,         /* of each source one answer, for fileset_take() */
    FILES_PLACES,       /* of each query one answer, for mount_places_take() */
    FILES_VOLUMES,      /* of each volume one answer, for roles_take_volume() */
    FILES_UNITS,        /* for units_parse() */
    FILES_WATCH,        /* for watching_new() */
};

/* What environment_read() takes. */
void roles_ask_environment(struct str *out, const char *of_dockerd, const char *dockerd_error);
/* What node_certificates_read() takes. */
void roles_ask_certificates(struct str *out, const char *data_root);
/* KERNEL_RULES: of audit_run; NULL: it failed with KERNEL_ERRNO, described by KERNEL_ERROR. */
void roles_ask_audit(struct str *out, const char *kernel_rules, int kernel_errno, const char *kernel_error);
void roles_ask_sets(struct str *out, const struct fileset_context *context, const struct string_list *sources);
void roles_ask_places(struct str *out, const struct string_list *sockets, const struct place_query *queries,
                      size_t count);
/* SOURCE is named as the local driver names where it keeps a volume's data. */
bool roles_is_local_volume(const char *source);
void roles_ask_volumes(struct str *out, const struct string_list *sources);
/* The next volume's, in the order of the request, in READER's arena: RET is what it mounts. False: the engine has to be
 * asked. */
bool roles_take_volume(struct wire_reader *reader, struct volume_source *ret);
/* NAMES: at most UNITS_MAX. */
void roles_ask_units(struct str *out, const struct string_list *names);

/* ---- Network: sockets, for sockets.h ---- */

enum network_task { NETWORK_CONNECT, NETWORK_LISTEN };

/* ---- Images ---- */

enum layers_task { LAYERS_READ /* for layers_parse() */ };
enum scanner_task { SCANNER_RUN /* for scanner_parse() */ };

/* As in struct layers_request. */
struct layers_query {
    unsigned api_minor;
    const char *image_id;
    const struct string_list *layers, *directories;
    const char *broker; /* the socket of the process that has the engine's connection, for the export of layers */
};
void roles_ask_layers(struct str *out, const struct layers_query *query);
void roles_ask_scan(struct str *out, const char *image);

#endif
