/* The engine's JSON documents made facts. Pure: no I/O, no state; every limit is fixed; fuzzed.
 *
 * Each function parses one document (Engine API 1.24–1.55 and podman's compatible one) and returns a facts object that
 * the caller frees with facts_free(&x->facts), or -EINVAL/-EFBIG with an ERROR that names the document and what is
 * wrong with it: not an object, or the one field without which it means nothing (Id) is missing or malformed. */
#ifndef PROBES_DOCKER_DOCKER_PARSE_H
#define PROBES_DOCKER_DOCKER_PARSE_H

#include "common/json_filter.h"
#include "common/json_in.h"
#include "probes/facts/facts.h"

/* The engine's documents; the last is one line of GET /events. */
enum docker_document {
    DOCUMENT_VERSION,
    DOCUMENT_INFO,
    DOCUMENT_CONTAINER_LIST,
    DOCUMENT_CONTAINER,
    DOCUMENT_IMAGE_LIST,
    DOCUMENT_IMAGE,
    DOCUMENT_HISTORY,
    DOCUMENT_NETWORK_LIST,
    DOCUMENT_SERVICE_LIST,
    DOCUMENT_TASK_LIST,
    DOCUMENT_SECRET_LIST,
    DOCUMENT_VOLUME,
    DOCUMENT_UNLOCK_KEY,
    DOCUMENT_EXEC,
    DOCUMENT_EVENT,
    DOCUMENT_COUNT
};
/* What of DOCUMENT the parsers read; the caller frees. */
struct json_shape *document_shape(enum docker_document document);
size_t document_limit(enum docker_document document); /* bytes of an answer */
/* What POINTERS, lines of JSON pointers, lead to in DOCUMENT, of a list in each of its items, and what an item is known
 * by; NULL without any. */
struct json_shape *document_own_shape(enum docker_document document, const char *pointers);
/* A filter for what users' own rules read of it. */
struct json_filter *document_own_filter(enum docker_document document, const struct json_shape *shape);
/* A filter with the limits of DOCUMENT, for its shape; the caller frees it before SHAPE. */
struct json_filter *document_filter(enum docker_document document, const struct json_shape *shape);
const char *document_name(enum docker_document document); /* as errors begin: "container_list" */
/* Makes facts of DOCUMENT's reduced text; not of an event. */
int document_parse(enum docker_document document, const char *text, size_t length, struct facts **ret,
                   struct error *error);

int parse_version(const char *data, size_t length, struct version_facts **ret, struct error *error);
int parse_info(const char *data, size_t length, struct info_facts **ret, struct error *error);
int parse_container_list(const char *data, size_t length, struct container_list_facts **ret, struct error *error);
int parse_container(const char *data, size_t length, struct container_facts **ret, struct error *error);
int parse_image_list(const char *data, size_t length, struct image_list_facts **ret, struct error *error);
int parse_image(const char *data, size_t length, struct image_facts **ret, struct error *error);
int parse_history(const char *data, size_t length, struct history_facts **ret, struct error *error);
int parse_network_list(const char *data, size_t length, struct network_list_facts **ret, struct error *error);
int parse_service_list(const char *data, size_t length, struct service_list_facts **ret, struct error *error);
int parse_task_list(const char *data, size_t length, struct task_list_facts **ret, struct error *error);
int parse_secret_list(const char *data, size_t length, struct secret_list_facts **ret, struct error *error);
int parse_volume(const char *data, size_t length, struct volume_facts **ret, struct error *error);
int parse_unlock_key(const char *data, size_t length, struct unlock_key_facts **ret, struct error *error);
int parse_exec(const char *data, size_t length, struct exec_facts **ret, struct error *error);

/* One event of GET /events. Strings point into the JSON value: copy what you keep. Only Type, Action and Actor are used
 * (newer engines drop the older fields); podman's names are mapped to Docker's (died → die, remove of a container →
 * destroy, exec → exec_create, exec_died → exec_die). */
struct docker_event {
    const char *type;      /* "container" */
    const char *action;    /* up to the first ':' : "exec_create", "health_status", "start" */
    size_t action_length;  /* of it */
    const char *id;        /* Actor.ID */
    const char *container; /* Attributes.container (network and volume events), may be NULL */
    const char *exec_id;   /* Attributes.execID: a hint only, labels can overwrite it; may be NULL */
    const char *name;      /* Attributes.name, may be NULL */
    bool started;          /* an exec_create that is its start as well (podman has one event for both) */
    const char *command;   /* exec_create, exec_start: what is run, see docker_exec_text(); else NULL */
    int64_t time_nano;
    uint64_t digest; /* of Type, Action, Actor.ID, timeNano and Attributes: the de-duplication key */
};
int parse_event_value(const struct json *value, struct docker_event *ret_event, struct error *error);
/* An exec is recognized in an event by what it runs: a hash of the program, a space, and the arguments with spaces
 * between, as the event has them; never 0. */
uint64_t docker_exec_text(const char *command, size_t length);

/* 64 hex digits (container, exec, network, image without "sha256:"); podman's too. NULL is not. */
bool docker_id_valid(const char *id);

#endif
