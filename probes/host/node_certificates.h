/* When the certificates of this swarm node are valid: its own, and that of the CA which it trusts. */
#ifndef PROBES_HOST_NODE_CERTIFICATES_H
#define PROBES_HOST_NODE_CERTIFICATES_H

#include "common/file.h"
#include "probes/facts/wire.h"

/* Where they are below the engine's data root. */
extern const char node_certificates_folder[];

/* DATA_ROOT: the engine's, of a node that is in a swarm; NULL: it is in none, and the facts are empty. What could not
 * be read is part of the facts. The caller frees. */
struct certificate_facts *node_certificates_read(const struct host_root *root, const char *data_root);

/* FACTS between processes. The caller frees what node_certificates_take() returns; NULL with ERROR: READER is broken.
 */
void node_certificates_put(struct str *out, const struct certificate_facts *facts);
struct certificate_facts *node_certificates_take(struct wire_reader *reader, struct error *error);

#endif
