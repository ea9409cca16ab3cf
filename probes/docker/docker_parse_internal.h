/* Parts of the engine's documents that have files of their own, and what the parsers of all of them share. Only
 * docker_parse*.c include this. */
#ifndef PROBES_DOCKER_DOCKER_PARSE_INTERNAL_H
#define PROBES_DOCKER_DOCKER_PARSE_INTERNAL_H

#include "probes/docker/docker_parse.h"
#include "probes/facts/parse_util.h"

/* Of GET /containers/{id}/json: each copies from ROOT, the whole document, into C, which BUILDER makes; what is wrong
 * is refused there. */
void container_parse_mounts(struct builder *builder, const struct json *root, struct container_facts *c);
/* Reads network_mode, which must be there. */
void container_parse_networks(struct builder *builder, const struct json *root, struct container_facts *c);
/* Reads running, publish_all_ports, exposed_ports, network_mode and networks, which must be there. */
void container_parse_ports(struct builder *builder, const struct json *root, struct container_facts *c);

/* The name by which the container of ID is shown: NAME without its slash, or the short id where it has none or one that
 * holds a secret. */
const char *docker_shown_name(struct builder *builder, const char *name, const char *id);
bool docker_is_secret_name(const char *name);

/* "Swarm" of GET /info into INFO; NULL: the engine has no swarm mode (podman). */
void parse_swarm(struct builder *builder, const struct json *swarm, struct info_facts *info);

enum { CONTAINER_LABELS_MAX = 64 }; /* how many of a container's labels are kept */

/* DATA reduced and parsed; the caller frees. */
int document_reduce(enum docker_document document, const char *data, size_t length, struct json_doc **ret_doc,
                    struct error *error);

/* Facts of a document's reduced value. */
typedef int parse_reduced(const struct json *value, struct facts **ret, struct error *error);
parse_reduced reduced_version, reduced_info, reduced_container_list, reduced_container, reduced_image_list,
    reduced_image, reduced_history, reduced_network_list, reduced_service_list, reduced_task_list, reduced_secret_list,
    reduced_volume, reduced_unlock_key, reduced_exec;

/* Defines parse_NAME() and reduced_NAME() over parse_NAME_value(). */
#define PARSE_TEXT(name, type, document)                                                                               \
    int parse_##name(const char *data, size_t length, struct type **ret, struct error *error)                          \
    {                                                                                                                  \
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;                                                          \
        int r = document_reduce(document, data, length, &doc, error);                                                  \
                                                                                                                       \
        return r < 0 ? error_prefix(error, #name) : parse_##name##_value(json_root(doc), ret, error);                  \
    }                                                                                                                  \
    int reduced_##name(const struct json *value, struct facts **ret, struct error *error)                              \
    {                                                                                                                  \
        struct type *facts = NULL;                                                                                     \
        int r = parse_##name##_value(value, &facts, error);                                                            \
                                                                                                                       \
        if (r == 0)                                                                                                    \
            *ret = &facts->facts;                                                                                      \
        return r;                                                                                                      \
    }

/* "linux/arm64/v8"; NULL: there is no such platform. */
const char *build_platform(struct builder *b, const struct json *os, const struct json *architecture,
                           const struct json *variant);

#endif
