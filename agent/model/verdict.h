/* Words shared by rules, checks and findings: verdicts, severities, subject kinds and input kinds, with their names. */
#ifndef AGENT_MODEL_VERDICT_H
#define AGENT_MODEL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/* In order of badness, so that a rule's own verdict is the greatest of its subjects'. VERDICT_NONE: nothing yet, or
 * gone. */
enum verdict {
    VERDICT_NONE,
    VERDICT_NOT_APPLICABLE,
    VERDICT_PASS,
    VERDICT_MANUAL,
    VERDICT_FAIL,
    VERDICT_ERROR,
    VERDICT_COUNT
};
const char *verdict_name(enum verdict verdict); /* "not_applicable"; NULL for VERDICT_NONE */
bool verdict_parse(const char *name, enum verdict *ret);
bool verdict_is_quiet(enum verdict verdict); /* in order: nothing to report of an exec */

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
const char *severity_name(enum severity severity);
bool severity_parse(const char *name, enum severity *ret);

enum subject_kind {
    SUBJECT_HOST,
    SUBJECT_DAEMON,
    SUBJECT_SWARM,
    SUBJECT_FILE,
    SUBJECT_CONTAINER,
    SUBJECT_IMAGE,
    SUBJECT_NETWORK,
    SUBJECT_EXEC,
    SUBJECT_KIND_COUNT
};
const char *subject_kind_name(enum subject_kind kind);
bool subject_kind_parse(const char *name, enum subject_kind *ret);

/* What a rule reads. A keyed input exists once per key (container id, file source …), the others once. */
enum input_kind {
    INPUT_VERSION,
    INPUT_INFO,
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
    INPUT_SECRETS,      /* the swarm's: struct secret_list_facts */
    INPUT_UNLOCK_KEY,   /* of the swarm, if its rotation is tracked: struct unlock_key_facts */
    INPUT_FILES,        /* key: fileset source; struct fileset_facts */
    INPUT_CONTAINER,    /* key: id; struct container_facts */
    INPUT_PROCESSES,    /* key: container id; struct process_facts */
    INPUT_IMAGE,        /* key: image id; struct image_facts */
    INPUT_HISTORY,      /* key: image id; struct history_facts */
    INPUT_LAYERS,       /* key: image id; struct layer_facts */
    INPUT_SCAN,         /* key: image id; struct scan_facts */
    INPUT_EXEC,         /* key: exec id; struct exec_facts */
    INPUT_KIND_COUNT
};
#define INPUT_BIT(kind) (1u << (kind))
const char *input_kind_name(enum input_kind kind);
bool input_is_of_engine(enum input_kind kind); /* comes from the engine, and waits while it cannot be reached */
bool input_is_of_image(enum input_kind kind);  /* its key is an image's id */

#endif
