/* The files that swarmkit keeps (ca/config.go, NewConfigPaths). */
#include "probes/host/node_certificates.h"

#include "common/capability.h"
#include "probes/facts/digest.h"
#include "probes/host/certificate.h"

const char node_certificates_folder[] = "swarm/certificates";

static void read_one(const struct host_root *root, struct arena *arena, const char *data_root, const char *name,
                     struct certificate_periods *ret, const char **ret_error)
{
    enum { CERTIFICATE_MAX_BYTES = 1 << 20 };
    scoped(cleanup_free) char *path = mem_printf("%s/%s/%s", data_root, node_certificates_folder, name);
    scoped_str text = STR_INIT;
    struct error error = ERROR_INIT;
    int r = host_read(root, path, CERTIFICATE_MAX_BYTES, &text, NULL);

    if (r < 0)
        error_set(&error, -r, "%s: %s", path, capability_why(-r, CAPABILITY(CAP_DAC_READ_SEARCH)));
    else
        r = certificate_periods(str_text(&text), text.length, ret, &error);
    if (r < 0)
        *ret_error = arena_strdup(arena, error.message);
}

static void digest_facts(struct certificate_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, facts->node_begins);
    digest_number(&hash, facts->node_ends);
    digest_number(&hash, facts->issuer_begins);
    digest_number(&hash, facts->root_begins);
    digest_number(&hash, facts->root_ends);
    digest_text(&hash, facts->node_error);
    digest_text(&hash, facts->root_error);
    facts->facts.digest = hash_end(&hash);
}

struct certificate_facts *node_certificates_read(const struct host_root *root, const char *data_root)
{
    struct arena *arena = arena_new(512);
    struct certificate_facts *facts = arena_alloc(arena, sizeof *facts);
    struct certificate_periods node = {0}, issuer = {0};

    facts->facts.arena = arena;
    if (data_root) {
        read_one(root, arena, data_root, "swarm-node.crt", &node, &facts->node_error);
        read_one(root, arena, data_root, "swarm-root-ca.crt", &issuer, &facts->root_error);
    }
    facts->node_begins = node.first_begins;
    facts->node_ends = node.first_ends;
    facts->issuer_begins = node.next_begins;
    facts->root_begins = issuer.newest_begins;
    facts->root_ends = issuer.newest_ends;
    digest_facts(facts);
    return facts;
}

void node_certificates_put(struct str *out, const struct certificate_facts *facts)
{
    wire_put_number(out, facts->node_begins);
    wire_put_number(out, facts->node_ends);
    wire_put_number(out, facts->issuer_begins);
    wire_put_number(out, facts->root_begins);
    wire_put_number(out, facts->root_ends);
    wire_put_text(out, facts->node_error);
    wire_put_text(out, facts->root_error);
}

struct certificate_facts *node_certificates_take(struct wire_reader *reader, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(512);
    struct certificate_facts *facts = arena_alloc(arena, sizeof *facts);

    reader->arena = arena;
    facts->node_begins = wire_number(reader);
    facts->node_ends = wire_number(reader);
    facts->issuer_begins = wire_number(reader);
    facts->root_begins = wire_number(reader);
    facts->root_ends = wire_number(reader);
    facts->node_error = wire_text(reader);
    facts->root_error = wire_text(reader);
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "certificates");
        return NULL;
    }
    digest_facts(facts);
    facts->facts.arena = take(arena);
    return facts;
}
