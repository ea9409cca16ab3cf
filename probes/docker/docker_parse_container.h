/* Parts of GET /containers/{id}/json that have files of their own. Only probes/docker_parse_*.c include this.
 *
 * Each copies from ROOT, the whole document, into C, which BUILDER makes; what is wrong is refused there. */
#ifndef PROBES_DOCKER_DOCKER_PARSE_CONTAINER_H
#define PROBES_DOCKER_DOCKER_PARSE_CONTAINER_H

#include "probes/facts/parse_util.h"

void container_parse_mounts(struct builder *builder, const struct json *root, struct container_facts *c);
/* Reads network_mode, which must be there. */
void container_parse_networks(struct builder *builder, const struct json *root, struct container_facts *c);
/* Reads running, publish_all_ports, exposed_ports, network_mode and networks, which must be there. */
void container_parse_ports(struct builder *builder, const struct json *root, struct container_facts *c);

#endif
