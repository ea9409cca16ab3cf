/* The inputs: what rules read, and so what makes them stale. One table defines how each is found, fetched and kept; a
 * new input is a row here, its probe (agent/fetch) and the checks that read it. */
#ifndef AGENT_MODEL_INPUT_H
#define AGENT_MODEL_INPUT_H

#include <stdbool.h>
#include <stdint.h>

enum input_kind {
    INPUT_VERSION,
    INPUT_INFO,
    INPUT_UNITS,        /* systemd's: struct units_facts */
    INPUT_DAEMON,       /* dockerd's arguments and daemon.json: struct daemon_facts */
    INPUT_LSM,          /* struct lsm_facts */
    INPUT_MOUNTS,       /* struct mounts_facts */
    INPUT_GROUP,        /* who may use the socket: struct group_facts */
    INPUT_AUDIT,        /* struct audit_facts */
    INPUT_ENVIRONMENT,  /* of DOCKER_CONTENT_TRUST: struct environment_facts */
    INPUT_LISTENERS,    /* struct listener_facts */
    INPUT_CERTIFICATES, /* of this swarm node: struct certificate_facts */
    INPUT_CONTAINERS,   /* the list: struct container_list_facts */
    INPUT_IMAGES,       /* the list: struct image_list_facts */
    INPUT_NETWORKS,     /* the list: struct network_list_facts */
    INPUT_SERVICES,     /* the list: struct service_list_facts */
    INPUT_TASKS,        /* the swarm's on this node: struct task_list_facts */
    INPUT_SECRETS,      /* the swarm's: struct secret_list_facts */
    INPUT_UNLOCK_KEY,   /* of the swarm, if its rotation is tracked: struct unlock_key_facts */
    INPUT_FILES,        /* struct fileset_facts */
    INPUT_CONTAINER,    /* struct container_facts */
    INPUT_PROCESSES,    /* struct process_facts */
    INPUT_IMAGE,        /* struct image_facts */
    INPUT_HISTORY,      /* struct history_facts */
    INPUT_LAYERS,       /* struct layer_facts */
    INPUT_SCAN,         /* struct scan_facts */
    INPUT_EXEC,         /* struct exec_facts */
    INPUT_KIND_COUNT
};
#define INPUT_BIT(kind) (1u << (kind))

/* Is there one of it, or one for each of something? */
enum input_key {
    INPUT_KEY_NONE,
    INPUT_KEY_CONTAINER, /* by the container's id */
    INPUT_KEY_IMAGE,     /* by the image's id */
    INPUT_KEY_EXEC,      /* by the exec's id */
    INPUT_KEY_SOURCE     /* by a source of files, see probes/fileset/fileset.h */
};

struct input_type {
    const char *name;
    enum input_key key;
    bool from_engine; /* the engine answers it: while that cannot be reached it stays stale */
    bool of_peer; /* it is the host's, of the engine behind the socket: not read before that has answered, or is known
                   * not to answer */
    bool background; /* it takes long, and nobody waits for it: the agent is ready without it */
    bool final;      /* it never changes, and is not read a second time */
    bool swept;      /* not every change of it is reported: it is read again with each sweep */
    /* INPUT_BITs of the inputs without which it cannot be read: it is fetched after they have come, and again when they
     * change. */
    unsigned built_on;
};
extern const struct input_type input_types[INPUT_KIND_COUNT];

/* The type's built_on; of files only what their source needs. */
unsigned input_built_on(enum input_kind kind, const char *key);

#endif
