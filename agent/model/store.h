/* The facts known now: one slot per input, with its value or why there is none. Checks read it; only the evaluator
 * writes. */
#ifndef AGENT_MODEL_STORE_H
#define AGENT_MODEL_STORE_H

#include "agent/model/input.h"
#include "common/map.h"
#include "probes/facts/facts.h"

struct store;

struct store *store_new(void);
void store_free(struct store *store);

/* KEY: NULL for inputs without one. Takes ownership of FACTS. True if the facts differ from the ones before. */
bool store_put(struct store *store, enum input_kind kind, const char *key, struct facts *facts);
/* Records that the input could not be read; WHY is copied. True if that or the reason is new. */
bool store_put_error(struct store *store, enum input_kind kind, const char *key, const char *why);
void store_remove(struct store *store, enum input_kind kind, const char *key);
/* Owned by STORE. NULL: none, and RET_WHY (may be NULL) is the reason ("not read yet"). */
const struct facts *store_get(const struct store *store, enum input_kind kind, const char *key, const char **ret_why);
/* Was it tried to read it, and failed? */
bool store_is_failed(const struct store *store, enum input_kind kind, const char *key);
size_t store_count(const struct store *store, enum input_kind kind);
bool store_next(const struct store *store, enum input_kind kind, size_t *at, const char **ret_key,
                const struct facts **ret_facts); /* skips slots in error */

/* Bytes that all facts take, and those of one input: maintained. */
size_t store_size(const struct store *store);
size_t store_size_of(const struct store *store, enum input_kind kind, const char *key);
/* Which of the inputs of KINDS (a bit each, INPUT_BIT()) takes most: its size, 0 where there are no facts of them.
 * EXCEPT (may be NULL) left out. Goes through all of them. */
size_t store_largest(const struct store *store, unsigned kinds, const struct facts *except, enum input_kind *ret_kind,
                     const char **ret_key);

/* The number of running containers, of those with facts: maintained, not counted on each call. Paused ones do not run.
 */
size_t store_running(const struct store *store);
/* The number of slots of KIND whose facts lack a member that every engine sends: maintained. */
size_t store_unread(const struct store *store, enum input_kind kind);
/* The number of slots of KIND that could not be read. */
size_t store_failed(const struct store *store, enum input_kind kind);
/* Why one of them could not be, and its key, both owned by STORE; NULL: all were read. */
const char *store_failure(const struct store *store, enum input_kind kind, const char **ret_key);
/* The number of containers, of those with facts, that were created from the image: maintained, not counted. */
size_t store_image_users(const struct store *store, const char *image_id);

#define STORE_GETTER(name, type, kind)                                                                                 \
    static inline const struct type *store_##name(const struct store *store, const char **ret_why)                     \
    {                                                                                                                  \
        return (const struct type *)store_get(store, kind, NULL, ret_why);                                             \
    }
#define STORE_KEYED_GETTER(name, type, kind)                                                                           \
    static inline const struct type *store_##name(const struct store *store, const char *key, const char **ret_why)    \
    {                                                                                                                  \
        return (const struct type *)store_get(store, kind, key, ret_why);                                              \
    }
STORE_GETTER(version, version_facts, INPUT_VERSION)
STORE_GETTER(info, info_facts, INPUT_INFO)
STORE_GETTER(units, units_facts, INPUT_UNITS)
STORE_GETTER(daemon, daemon_facts, INPUT_DAEMON)
STORE_GETTER(lsm, lsm_facts, INPUT_LSM)
STORE_GETTER(mounts, mounts_facts, INPUT_MOUNTS)
STORE_GETTER(group, group_facts, INPUT_GROUP)
STORE_GETTER(audit, audit_facts, INPUT_AUDIT)
STORE_GETTER(environment, environment_facts, INPUT_ENVIRONMENT)
STORE_GETTER(listeners, listener_facts, INPUT_LISTENERS)
STORE_GETTER(certificates, certificate_facts, INPUT_CERTIFICATES)
STORE_GETTER(networks, network_list_facts, INPUT_NETWORKS)
STORE_GETTER(services, service_list_facts, INPUT_SERVICES)
STORE_GETTER(tasks, task_list_facts, INPUT_TASKS)
STORE_GETTER(secrets, secret_list_facts, INPUT_SECRETS)
STORE_GETTER(unlock_key, unlock_key_facts, INPUT_UNLOCK_KEY)
STORE_GETTER(containers, container_list_facts, INPUT_CONTAINERS)
STORE_GETTER(images, image_list_facts, INPUT_IMAGES)
STORE_KEYED_GETTER(files, fileset_facts, INPUT_FILES)
STORE_KEYED_GETTER(container, container_facts, INPUT_CONTAINER)
STORE_KEYED_GETTER(processes, process_facts, INPUT_PROCESSES)
STORE_KEYED_GETTER(image, image_facts, INPUT_IMAGE)
STORE_KEYED_GETTER(history, history_facts, INPUT_HISTORY)
STORE_KEYED_GETTER(layers, layer_facts, INPUT_LAYERS)
STORE_KEYED_GETTER(scan, scan_facts, INPUT_SCAN)
STORE_KEYED_GETTER(exec, exec_facts, INPUT_EXEC)

DEFINE_CLEANUP(struct store *, cleanup_store, store_free)

#endif
