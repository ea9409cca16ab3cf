/* Facts: what the outside world looks like, as plain data, without a verdict.
 *
 * Each facts object lives in one arena and begins with `struct facts`, so that any of them is freed and compared the
 * same way. Two objects of one kind are equal exactly when their digests are (a keyed 64-bit hash over every field).
 * Strings are as they came (bytes, maybe not UTF-8, but no NUL: cut there); NULL where the source had no value. */
#ifndef PROBES_FACTS_FACTS_H
#define PROBES_FACTS_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/memory.h"

struct facts {
    struct arena *arena;
    uint64_t digest;
    /* Of the engine's JSON what users' own rules read, where there are such; POINTERS: what that is, JSON pointers with
     * a line break before and after each. DOCUMENT NULL and DOCUMENT_ERROR: why it is not kept. Else NULL. */
    const char *document, *pointers, *document_error;
    /* Members that every engine sends and this answer lacks or has of another type: rules that read them cannot judge.
     */
    struct unread_member {
        const char *name; /* "HostConfig.Privileged", "[].Options" of each item of a list */
        const char *why;  /* "is missing", "is not a boolean" */
    } * unread;
    size_t unread_count;
};

static inline void facts_free(struct facts *facts)
{
    if (facts)
        arena_free(facts->arena); /* contains the object itself */
}

DEFINE_CLEANUP(struct facts *, cleanup_facts, facts_free)

struct string_list {
    const char **items;
    size_t count;
};

/* A boolean the source may leave out: absent is not false. */
enum tristate { TRI_ABSENT = -1, TRI_FALSE = 0, TRI_TRUE = 1 };

/* GET /version */
struct version_facts {
    struct facts facts;
    const char *version, *api_version, *min_api_version, *os, *arch, *kernel;
    const char *platform; /* Platform.Name */
    bool is_podman;       /* Components[0].Name is "Podman Engine" */
    enum tristate experimental;
};

/* GET /info */
struct info_facts {
    struct facts facts;
    const char *id, *name, *server_version, *driver, *data_root, *logging_driver, *cgroup_driver, *cgroup_version,
        *default_runtime;
    struct string_list security_options; /* raw: "name=seccomp,profile=default" */
    struct string_list driver_status;    /* "key: value" */
    struct string_list insecure_cidrs;
    struct string_list insecure_indexes; /* names of IndexConfigs with Secure false */
    struct string_list mirrors;          /* of RegistryConfig and of each index */
    struct string_list open_addresses; /* "http://127.0.0.1:2375": the API without TLS, "https://…": without verifying
                                          clients, as the engine warns */
    struct string_list authorization_plugins;
    bool has_registry_config, has_plugins;
    enum tristate live_restore, debug, experimental;
    /* derived from security_options; has_security_options false: not reported (podman) */
    bool has_security_options, apparmor, selinux, seccomp, userns, rootless, no_new_privileges;
    const char *seccomp_profile; /* "default", "builtin", "unconfined", a path; NULL without seccomp */
    /* Swarm */
    const char *swarm_state, *swarm_node_id; /* "inactive", "active" … */
    bool swarm_unreadable;                   /* there is something about the swarm, but not its state */
    bool has_swarm_control, swarm_control;   /* a manager: only it sees what follows */
    const char *swarm_error, *swarm_address; /* swarm_address: by which the other nodes reach this one */
    int64_t swarm_managers, swarm_nodes;
    unsigned swarm_port;             /* this node's own in RemoteManagers; 0: it is not there */
    bool has_cluster, root_rotation; /* root_rotation: one is under way */
    usec_t cluster_updated;          /* Cluster.UpdatedAt while a root rotation is under way, else 0 */
    enum tristate autolock;          /* Spec.EncryptionConfig.AutoLockManagers */
    bool has_node_cert_expiry;
    int64_t node_cert_expiry;            /* Spec.CAConfig.NodeCertExpiry, nanoseconds */
    usec_t root_ca_begins, root_ca_ends; /* of the newest certificate in TLSInfo.TrustRoot; 0: not reported */
    struct string_list runtimes;         /* "name=path", or the shim's type in its place */
    bool containerd_store;               /* images are in containerd's snapshotter, not in the data root */
    const char *containerd_address;      /* Containerd.Address (API 1.46), NULL: not reported */
};

/* GET /networks */
struct network_list_facts {
    struct facts facts;
    struct network_item {
        const char *id, *name, *driver, *scope;
        const char *icc;          /* com.docker.network.bridge.enable_icc, NULL: not set */
        const char *host_binding; /* com.docker.network.bridge.host_binding_ipv4: where ports are published that name no
                                     address; the default bridge's is dockerd's option "ip". NULL: everywhere */
        bool default_bridge;      /* com.docker.network.bridge.default_bridge is "true", or it is named bridge */
        bool encrypted;           /* the option is there, whatever its value */
        bool ingress;
        struct string_list
            recreate; /* of overlay networks: options with which "docker network create" makes it again,
                         but driver, encryption and ingress; what the engine chose by itself is left out */
    } * items;
    size_t count;
};

struct port_binding {
    const char *container_port;    /* "80/tcp" */
    const char *host_ip;           /* "" when empty */
    int host_port, host_port_last; /* a range of which the engine takes one, or one and the same; 0: of its choice */
};

/* GET /services, reduced to what a rule reads: the values themselves are not kept. */
struct service_list_facts {
    struct facts facts;
    size_t count;               /* services */
    size_t with_secrets;        /* services that use the swarm's own secrets */
    struct string_list exposed; /* "service: variable (kind)" for each secret-shaped environment value */
    struct service_item {
        const char *id, *name;
        struct port_binding *ports; /* published in ingress mode: on every interface of every node */
        size_t port_count;
    } * items;
};

/* GET /tasks, those of this node. */
struct task_list_facts {
    struct facts facts;
    struct task_item {
        const char *id, *service_id, *container_id; /* container_id: "" before it has one */
    } * items;
    size_t count;
};

/* GET /secrets, which reports names and dates and never the contents: their number. */
struct secret_list_facts {
    struct facts facts;
    size_t count;
};

/* GET /swarm/unlockkey: the key itself is wiped by whoever looks up when it was first seen. */
struct unlock_key_facts {
    struct facts facts;
    char *key;         /* NULL once it has been looked up; "": none */
    usec_t first_seen; /* 0: no record of it is kept */
};

/* Listening TCP sockets of the engine's network namespace, from /proc. */
struct listener_facts {
    struct facts facts;
    const char *own_error; /* why dockerd's descriptors could not be seen */
    struct listener_item {
        const char *address; /* "0.0.0.0", "127.0.0.1", "::" */
        unsigned port;
        bool of_engine; /* dockerd itself holds it; false also where its descriptors cannot be seen */
    } * items;
    size_t count;
    bool engine_seen; /* the engine's descriptors can be seen: what is not of_engine is another program's */
};

/* Groups of the host as its name service has them: those that may use the engine's sockets. */
struct group_facts {
    struct facts facts;
    struct group_item {
        const char *name; /* of the first entry; the gid in decimal where there is none */
        gid_t gid;
        bool exists;
        struct string_list primary; /* users other than root whose primary group it is; of root's own group only those
                                       that can log in */
        struct group_line {
            const char *name;
            gid_t gid;
            struct string_list members;
        } * lines; /* every entry of that gid or that name */
        size_t line_count;
    } * items;
    size_t count;
};

/* Programs of the kernel's own width, and 32-bit programs on a 64-bit kernel. */
enum audit_width { AUDIT_NATIVE, AUDIT_COMPAT };

/* What the kernel's audit watches, and what the files on disk would have it watch. */
struct audit_facts {
    struct facts facts;
    /* DENIED: this agent may not ask, so the files are all there is; ABSENT: the kernel was built without audit;
     * UNKNOWN: the answer did not come whole. */
    enum audit_kernel {
        AUDIT_KERNEL_READ,
        AUDIT_KERNEL_DENIED,
        AUDIT_KERNEL_ABSENT,
        AUDIT_KERNEL_UNKNOWN
    } kernel_state;
    const char *kernel_error; /* why, when it is not READ */
    bool enabled, locked;     /* locked: no rule can be loaded before the next boot */
    struct audit_rule {
        enum { AUDIT_LIST_EXIT, AUDIT_LIST_OTHER } list;
        bool never;         /* EXIT: hides what it matches from the rules after it; OTHER: hides it at any position */
        bool task;          /* a task rule: programs that it matched when they started stay hidden without it */
        bool directory;     /* -w dir, -F dir=: everything below; else the file of that name alone */
        bool conditional;   /* it has fields that narrow it (auid, uid, exe …): it does not watch everything */
        const char *path;   /* NULL: a rule without path */
        const char *target; /* PATH with the links of its directories resolved, as the kernel does, but not its own;
                               NULL: not looked up */
        const char *text;   /* as auditctl prints it, and takes it after "-d" in place of "-a" */
        const char *key;    /* of a rule on disk, several separated by \001; NULL: none, or unknown */
        struct audit_place_on_disk {
            const char *file; /* NULL: unknown */
            const char *text; /* the line as it is there */
            unsigned line;    /* its number, from 1 */
        } source;             /* of a rule on disk */
        uint64_t calls[2];    /* by width: the system calls that it records or hides (audit_call_name) */
    } * kernel, *disk;
    size_t kernel_count, disk_count;
    bool disk_disabled;    /* the files switch auditing off */
    const char *disk_file; /* where another rule belongs; NULL: there is neither a directory of rules nor a file */
    struct audit_place_on_disk off;     /* what switches it off, when disk_disabled */
    struct audit_place_on_disk refused; /* what auditctl refuses: nothing after it is loaded. No text: nothing is */
    bool tool_missing;                  /* auditctl is not installed */
    const char *disk_error;
};

/* When the certificates of this swarm node are valid, from their files; 0: not there. */
struct certificate_facts {
    struct facts facts;
    usec_t node_begins, node_ends, root_begins, root_ends;
    usec_t issuer_begins; /* of the newest one after the node's own: a root that an older one vouches for */
    const char *node_error, *root_error;
};

/* What DOCKER_CONTENT_TRUST is for everybody who works on the host, once all places have been read. */
struct environment_facts {
    struct facts facts;
    const char *place; /* what set or unset it last: the file, or "dockerd's environment"; NULL: nothing does */
    unsigned line;     /* 0: no line */
    const char *value; /* NULL: not set */
    bool exported;
    const char *open_place; /* what changes it after that, under a condition or by evaluation; NULL: nothing does */
    unsigned open_line;     /* 0: no line */
    const char *error;      /* a place that could not be read */
    const char *client, *client_version; /* the package of the docker client, and its version; NULL: unknown */
};

/* GET /containers/json?all=1 : only what names the containers and counts them */
struct container_list_facts {
    struct facts facts;
    struct container_list_item {
        const char *id, *name, *state; /* name without the leading slash */
    } * items;
    size_t count;
};

enum place_kind { PLACE_UNKNOWN, PLACE_DIRECTORY, PLACE_SOCKET, PLACE_FILE };

struct mount_facts {
    const char *type, *source, *destination, *propagation, *name; /* type: bind volume tmpfs npipe cluster image */
    /* Of a local volume that is no storage of the engine's own, what of the host it mounts by its driver options: the
     * directory that it binds, those that it overlays, its block device, the kernel's own file system by its path. */
    struct string_list devices;
    bool block_device;      /* DEVICES is one */
    struct mount_place {    /* where on the host is what it shows, under every name */
        const char *below;  /* inside the mount: "/sub" for another file system that is mounted there; "" for itself */
        const char *path;   /* without links */
        const char *socket; /* the engine's socket that it is another name of, or that has another name in it; NULL */
        enum place_kind kind; /* unknown where nothing asks for it, and where there is nothing */
        unsigned layer; /* of an overlay that the mount shows: 1 is the upper one, the only one that is written to, and
                           2 … lie below it; 0: no layer */
    } * places;
    size_t place_count;  /* 0: not looked up; the paths as they were given count */
    const char *unknown; /* why it is not known where it leads or what the volume mounts; NULL: it is known */
    bool rw;
};

/* GET /volumes/{name}, reduced to what it mounts of the host: see struct mount_facts */
struct volume_facts {
    struct facts facts;
    struct string_list devices;
    bool block_device, read_only;
};

struct device_facts {
    const char *path_on_host, *path_in_container, *permissions;
};

/* HostConfig.SecurityOpt's choice of seccomp (the API contains a custom profile as inline JSON). */
enum seccomp_choice {
    SECCOMP_UNSAID, /* the engine's default applies */
    SECCOMP_BUILTIN,
    SECCOMP_UNCONFINED,
    SECCOMP_CUSTOM,
    SECCOMP_ALLOWS_ALL, /* custom: allows by default and denies nothing, see seccomp_profile_resolve() */
    SECCOMP_UNREADABLE  /* custom, and no JSON profile */
};

/* A choice of seccomp; for SECCOMP_CUSTOM with the rules that may deny a system call or concern AF_ALG sockets, each
 * with what it is made for. */
struct seccomp_profile {
    enum seccomp_choice choice;
    bool lets_through; /* calls that no rule names */
    struct seccomp_rule {
        struct seccomp_condition {
            struct string_list caps, arches; /* as the profile writes them: "CAP_CHOWN", "amd64" */
            const char *min_kernel;          /* "4.8"; NULL: any */
        } includes, excludes;
        bool lets_through;
        bool denies; /* a system call that exists */
        bool on_alg; /* it is for sockets of the family AF_ALG */
    } * rules;
    size_t rule_count;
    uint64_t digest; /* of its text; 0: none */
};

/* GET /containers/{id}/json */
struct container_facts {
    struct facts facts;
    const char *id, *name;      /* name without the leading slash */
    const char *image_id;       /* .Image */
    const char *image_platform; /* which of the image's it runs: "linux/arm64"; NULL: the engine does not say (before
                                   API 1.48, and without containerd's store) */
    const char *image_ref;      /* .Config.Image */
    const char *user;           /* .Config.User, "" when empty */
    struct string_list exposed_ports; /* .Config.ExposedPorts keys */
    const char *status;               /* State.Status */
    bool running, paused;             /* State.Running (true while paused) */
    bool auto_remove;                 /* the engine removes it when it ends */
    int64_t pid;                      /* State.Pid on the host, 0 when it does not run */
    usec_t created, started, finished;
    const char *health;     /* State.Health.Status, NULL: none */
    uint64_t health_text;   /* of the exec that its health check is, see docker_exec_text(); 0: none */
    usec_t health_interval; /* the shortest time between two health checks */
    struct string_list exec_ids;
    const char *task_label;   /* label com.docker.swarm.task.id, NULL: none or empty. Anybody may set it */
    bool has_pod_label;       /* label io.kubernetes.pod.uid is there, as anybody may set it */
    const char *execid_label; /* not NULL: a label named execID (or a label that overwrites event attributes) exists */

    const char *apparmor_profile, *process_label;
    bool privileged, readonly_rootfs, publish_all_ports;
    struct string_list cap_add, cap_drop;
    struct string_list security_opt; /* profiles given inline are cut */
    struct seccomp_profile seccomp;
    const char *network_mode, *pid_mode, *ipc_mode, *uts_mode, *userns_mode, *cgroup_parent;
    enum tristate
        host_ipc; /* it runs in the host's IPC namespace: looked up if ipc_mode does not show it, else absent */
    int64_t memory, memory_reservation, cpu_shares, nano_cpus, cpu_quota, cpu_period;
    int64_t pids_limit; /* 0 when null */
    const char *cpuset_cpus;
    const char *restart_policy;
    int64_t restart_retries;
    struct device_facts *devices;
    size_t device_count;
    struct string_list device_requests; /* one line each: "driver=nvidia count=-1 capabilities=gpu ids=…" */
    struct string_list device_cgroup_rules;
    struct string_list ulimits; /* "nofile=1024:2048" */
    const char *incomplete;     /* why something beside the document could not be read; NULL: all was */
    struct mount_facts *mounts; /* .Mounts, and HostConfig.Mounts/Binds of a container never started, merged */
    size_t mount_count;
    struct port_binding *ports; /* running: NetworkSettings.Ports; otherwise HostConfig.PortBindings and with
                                   PublishAllPorts the exposed ones, unless it has no network of its own */
    size_t port_count;
    struct string_list networks; /* names in NetworkSettings.Networks; where that is absent, network_mode "bridge",
                                    "default" or "" counts as "bridge" */
    /* Secrets that it was given: what names each ("DB_PASSWORD (value of …)"), and a digest of the whole variable or
     * command, by which the image's own are told apart. The values are not kept. */
    struct exposed_secret {
        const char *what;
        uint64_t digest;
    } * exposed;
    size_t exposed_count;
    struct string_list labels; /* "key=value", bounded in count and length: for waivers */
};

/* GET /images/json, whose entries have their digests (podman answers nothing at all when asked for them) */
struct image_list_facts {
    struct facts facts;
    struct image_list_item {
        const char *id;
        struct string_list tags, digests; /* "<none>:<none>" left out */
        int64_t created, size;            /* seconds since 1970 (any number), bytes */
    } * items;
    size_t count;
};

/* GET /images/{id}/json */
struct image_facts {
    struct facts facts;
    const char *id, *user;
    struct string_list tags, digests, exposed_ports;
    struct string_list healthcheck; /* Config.Healthcheck.Test */
    bool has_healthcheck;
    struct string_list entrypoint, command; /* Config.Entrypoint, Config.Cmd: never printed whole */
    struct string_list env, labels;         /* "NAME=value", as they are: never printed whole */
    struct string_list layers;              /* RootFS.Layers, diff ids from the base up */
    const char *graph_driver;               /* GraphDriver.Name, NULL with the containerd image store */
    struct string_list layer_directories;   /* overlay2: upper first, then the lower ones; each a "diff" directory */
    const char *created;
    int64_t size;
    const char *artifact;           /* it is an OCI artifact and no image: of what kind; NULL: it is an image */
    const char *platform;           /* what the rest is of: "linux/amd64" */
    struct string_list platforms;   /* of which it is here, where there are several */
    bool has_identity;              /* the engine says what it knows of its origin (API 1.53): the next three */
    struct string_list pulled_from; /* repositories */
    struct string_list signers;     /* of its signatures that were verified */
    bool built_here;
};

/* GET /images/{id}/history, from the base up. Texts are whole: one that is too long is an error of the document. */
struct history_facts {
    struct facts facts;
    struct history_step {
        const char *created_by, *comment;
        int64_t size;
    } * items;
    size_t count;
};

enum { LAYER_ACCOUNT_ROOT = '0', LAYER_ACCOUNT_OTHER = '1' };

/* The contents of an image's layers, whiteouts applied. */
struct layer_facts {
    struct facts facts;
    struct layer_file { /* setuid and setgid programs, and those whose capabilities are as good as root's */
        const char *path;
        uid_t uid;
        mode_t mode;
        bool setuid;           /* or setgid */
        uint64_t capabilities; /* those as good as root's that its program gets, a bit each; maybe with SETUID false */
    } * setuid;
    size_t setuid_count;
    const char *package_manager; /* "dpkg", "apk, rpm" …; NULL: none found */
    const char *packages_error;  /* a database is there, and why it cannot be read; NULL: all of them were */
    struct string_list packages; /* names, sorted */
    struct string_list tools;    /* interactive and build tools found as programs */
    /* Of its /etc/passwd a line for each account, in their order there: LAYER_ACCOUNT_ROOT or LAYER_ACCOUNT_OTHER, and
     * the name. NULL: it has none, unless ACCOUNTS_ERROR is why it cannot be read. */
    const char *accounts, *accounts_error;
    uint64_t files, dropped; /* seen; setuid programs and tools that are not listed, since they are too many */
};

/* The reason why there is no scan_facts if no scanner is configured. */
#define SCAN_NOT_CONFIGURED "no scanner is configured"

/* A scanner's report on an image. */
struct scan_facts {
    struct facts facts;
    const char *threshold;    /* configured, NULL: the rule's own */
    unsigned counts[5];       /* unknown, low, medium, high, critical */
    struct string_list worst; /* "CRITICAL CVE-2024-1 openssl 3.0.1 (fixed in 3.0.2)", worst first, bounded */
};

/* GET /exec/{id}/json */
struct exec_facts {
    struct facts facts;
    const char *id, *container_id, *user; /* user "" when empty */
    const char *command;                  /* entrypoint and arguments, space between, cut at 1 KiB; for people only */
    const char *command_digest;           /* of the whole command without its secrets, the same after a restart */
    uint64_t text;                        /* of the whole command, see docker_exec_text() */
    bool privileged, running;
    int64_t pid;
    /* filled by the agent, not by the parser: the container's name and Config.User when the exec was seen */
    const char *container_name, *container_user;
    /* Equal execs of a container are one: ID is the first one's. */
    uint64_t count;      /* 0: 1 */
    usec_t first, seen;  /* when the first and the last one were seen */
    const char *last_id; /* the last one's */
    const char *lost;    /* not NULL: the record could not be read, and why; there is no more than the container */
};

/* A container's own processes, from its cgroup in /proc. */
struct process_facts {
    struct facts facts;
    struct process_item {
        pid_t pid;
        const char *comm, *argv0, *exe; /* argv0 and exe: base names, NULL when unreadable */
    } * items;
    size_t count;
    bool truncated;     /* not all processes were examined */
    const char *unseen; /* why some programs (exe) could not be seen; NULL: all were, or their processes have ended */
};

/* A file's POSIX ACL beyond what its mode says. */
struct acl_facts {
    bool present;
    unsigned group; /* what the owning group has without the mask: its bits of the mode once the list is removed */
    unsigned other; /* what everybody else has */
    struct acl_entry {
        bool is_group; /* of a named group, else of a named user */
        uint32_t id;
        const char *name;     /* as file_facts.user and group */
        unsigned permissions; /* r 4, w 2, x 1, what the mask takes away left out */
    } * entries;
    size_t count;
};

/* A set of files that rules judge, found by one source (see probes/fileset/fileset.h). */
struct file_facts {
    const char *path, *target; /* target: symlinks resolved; equal to path without */
    uid_t uid;
    gid_t gid;
    const char *user, *group;       /* names from the host's /etc/passwd and /etc/group; NULL: an id without a name */
    mode_t mode;                    /* as st_mode */
    struct acl_facts acl, defaults; /* defaults: of a directory, what is given to each file that is made in it */
    const char *content;            /* of a content: source; NULL: not read */
    const char *error;              /* not NULL: could not be read, and why; the rest is empty */
};
struct fileset_facts {
    struct facts facts;
    struct file_facts *items; /* by path, in the order of strcmp(); no path twice */
    size_t count;
    bool truncated; /* more files than the limit */
    struct file_link {
        const char *path;
        bool directory; /* it leads to one */
    } * links;          /* symbolic links in a tree, which lead to what the tree's own watch does not see */
    size_t link_count;
    const char *expected_group; /* sockets: the group configured for dockerd, "docker" by default */
    gid_t expected_gid;
    bool expected_group_exists;
    const char *engine_socket; /* sockets: the one that the agent talks to, there or not; may be NULL */
    bool rootless;             /* the engine is its user's own; what follows is that user */
    uid_t engine_uid;
    gid_t engine_gid;
    const char *engine_user, *engine_group; /* NULL: ids without names */
    /* sockets: the unit that opens some of them, and what it would give these at its next start; NULL: there is none */
    const char *socket_unit;      /* "docker.socket" */
    struct string_list activated; /* their paths as resolved */
    const char *socket_mode, *socket_user, *socket_group;
};

/* Where an effective option of dockerd came from. */
enum option_place { OPTION_DEFAULT, OPTION_DAEMON_JSON, OPTION_CMDLINE, OPTION_ENGINE };

/* The configuration file beside the engine's process. */
enum config_age {
    CONFIG_CURRENT,    /* not changed since the process read it */
    CONFIG_NEWER,      /* changed since, and what it was then is not known: the options are those of the next start */
    CONFIG_REMEMBERED, /* changed since, and the options are those that the agent saw when it was read */
};

/* systemd units that other facts are found by: those of the engine, and those that rules name. */
struct units_facts {
    struct facts facts;
    struct unit_facts {
        const char *name;     /* "docker.service" */
        const char *fragment; /* its file; NULL: no such unit, or it is masked */
        struct string_list drop_ins;
        pid_t main_pid; /* 0: none, or not known */
        bool stopped;   /* inactive or deactivating according to systemd */
    } * items;
    size_t count;
};

/* dockerd's own arguments and configuration file. */
struct daemon_facts {
    struct facts facts;
    pid_t pid;              /* 0: not found on this host */
    const char *why_no_pid; /* why not, when pid is 0 */
    bool podman;            /* the socket is served by podman, not dockerd */
    const char *exe;        /* the engine's real path, NULL when unreadable */
    /* What only who may trace the process sees of it, NULL where it has none: PROCESS_ERROR is why not, or NULL. */
    const char *process_error;
    const char *working_folder;
    const char *search_path, *runtime_folder, *content_trust; /* PATH, XDG_RUNTIME_DIR, DOCKER_CONTENT_TRUST */
    const char *containerd_exe;                               /* the program of the containerd that serves it */
    const char *containerd_root;                              /* where that keeps its data; NULL: unknown */
    struct string_list arguments;
    struct string_list activated; /* ListenStream values of docker.socket, when a host is fd:// */
    const char *activated_error;  /* why they are unknown */
    bool rootless;                /* configured so, or started in rootlesskit */
    uid_t engine_uid;             /* of a rootless engine: whose it is; else 0 */
    gid_t engine_gid;
    const char *config_path; /* daemon.json in use (host path) */
    bool config_exists;
    const char *config_error; /* not NULL: it does not parse or cannot be read: why */
    /* Where a line editor finds the members of the file's object, in their order; of a key that is there twice the last
     * one counts. */
    struct config_place {
        const char *key;            /* as it is written */
        unsigned line;              /* of its value; 0: the value is an object, or cannot be addressed */
        unsigned more_lines;        /* into which a list goes on */
        const char *before, *value; /* the text that is replaced: what comes before the value on its line, and it */
        unsigned nth;               /* which occurrence in the line both together are */
        size_t at, length;          /* of its value: bytes of the file; whatever it is */
    } * places;
    size_t place_count;
    unsigned config_brace_line; /* of the object's first brace; 0: it cannot be edited (UTF-16) */
    bool config_is_blank;       /* it has no member at all */
    size_t config_inside;       /* the byte after that brace; 0: as above */
    const char *config_sha256;  /* of the file's text, in hex; NULL: there is none, or it is not JSON */
    struct daemon_option {
        const char *name;  /* long name, singular as on the command line: "host", "tlscacert", "no-new-privileges"; of
                              podman "containers.log_driver" as in containers.conf */
        const char *value; /* booleans as "true"/"false"; objects as compact JSON */
        enum option_place place;
        const char *file; /* the file that says so where that is not config_path, else NULL */
    } * options;
    size_t option_count;
    uint64_t start_ticks; /* when the process started, proc_pid_stat(5); 0: unknown */
    usec_t started;       /* the same as a time */
    /* The file's mtime and ctime, or when it was removed from its folder; 0: there is none. */
    usec_t config_modified, config_changed;
    enum config_age config_age;
    struct daemon_option *next; /* CONFIG_REMEMBERED: the file's options as they are now, for the next start */
    size_t next_count;
    bool openrc;            /* OpenRC starts the host's services, not systemd */
    const char *tls_folder; /* of TLS files that are not named; NULL: not looked up */
    /* The file that "seccomp-profile" names, NULL: no file. */
    const char *seccomp_path, *seccomp_error; /* the latter: why it cannot be read */
    struct seccomp_profile seccomp;           /* SECCOMP_CUSTOM or _UNREADABLE */
    usec_t seccomp_changed;                   /* its ctime, 0: unknown */
    struct string_list own_addresses;         /* of the host's interfaces, where a log option names an address */
    struct string_list podman_services;       /* TCP addresses that podman serves its API on */
};

/* The host's mounts, from its mountinfo (proc(5)). */
struct mounts_facts {
    struct facts facts;
    struct mount_point {
        const char *mount_point, *root, *type, *source, *options; /* octal escapes undone */
        const char *file_system_options;                          /* of the file system, not of this mount alone */
        int id, parent;                                           /* PARENT: the mount that it is mounted on */
        unsigned major, minor;
    } * items;
    size_t count;
    bool has_configured;
    struct string_list configured; /* where something is mounted at the next start too: /etc/fstab, mount units */
};

/* What host this is: its distribution, and what the kernel offers, LSMs and the like, read from /sys and /proc. */
struct lsm_facts {
    struct facts facts;
    /* os-release(5): "rhel", "9.4", "fedora"; NULL: no such file or no such line */
    const char *os_id, *os_version, *os_like;
    bool apparmor; /* /sys/module/apparmor/parameters/enabled is Y, and the list of LSMs in securityfs contains it or
                      cannot be read */
    bool selinux;  /* /sys/fs/selinux is there with a readable enforce */
    bool selinux_enforcing;
    const char *kernel;   /* release */
    const char *lsm_list; /* "lockdown,capability,apparmor", NULL where it cannot be read */
    const char *lockdown; /* "none", "integrity", "confidentiality", NULL */
    int aslr;             /* randomize_va_space, -1 unknown */
};

#endif
