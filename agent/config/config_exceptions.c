/* "waivers" and "attestations" of the configuration. */
#include <string.h>

#include "agent/config/config_internal.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/str.h"

/* RFC 3339, or a day: until its end, UTC. */
static int read_expiry(struct config_reader *reader, const struct json *object, usec_t *ret)
{
    const struct json *value = json_get(object, "expires");
    const char *text = json_string(value);
    scoped(cleanup_free) char *full = NULL;

    if (!value)
        return 0;
    full = text && strlen(text) == strlen("2026-12-31") ? mem_printf("%sT23:59:59.999999Z", text) : mem_strdup(text);
    if (!full || clock_parse(full, ret) < 0)
        return config_refuse(reader, value, "expires: must be a date (2026-12-31) or an RFC 3339 time");
    return 0;
}

static int require(struct config_reader *reader, const struct json *object, const char *const *keys)
{
    for (; *keys; keys++)
        if (!json_get(object, *keys))
            return config_refuse(reader, object, "%s: missing", *keys);
    return 0;
}

/* Whom a waiver or an attestation is for. One that can match nothing is refused. */
static int read_scope(struct config_reader *reader, const struct json *object, const char **ret)
{
    static const char *const prefixes[] = {"name", "label", "image"};
    int r = config_read_string(reader, object, "subject", ret);
    scoped(cleanup_free) char *word = NULL;
    enum subject_kind kind;
    size_t length;
    bool known;

    if (r < 0 || !*ret || str_equal(*ret, "*"))
        return r;
    length = strcspn(*ret, ":");
    word = mem_strndup(*ret, length);
    known = subject_kind_parse(word, &kind);
    for (size_t i = 0; (*ret)[length] && i < countof(prefixes); i++)
        known |= strcmp(word, prefixes[i]) == 0;
    if (known && (!(*ret)[length] || (*ret)[length + 1]))
        return 0;
    return config_refuse(reader, json_get(object, "subject"),
                         "subject: must be \"*\", a kind such as \"container\", \"name:GLOB\", \"label:KEY=VALUE\", "
                         "\"image:GLOB\" or \"KIND:ID\"");
}

static int read_waiver(struct config_reader *reader, const struct json *object, struct waiver *waiver)
{
    static const char *const keys[] = {"rule", "subject", "reason", "by", "expires", NULL};
    static const char *const required[] = {"rule", "reason", "by", NULL};
    int r = json_type(object) == JSON_OBJECT ? config_json_keys(object, reader->file, keys, reader->error)
                                             : config_refuse(reader, object, "waivers: must be a list of objects");

    if (r == 0)
        r = require(reader, object, required);
    waiver->line = json_line(object);
    if (r == 0)
        r = config_read_string(reader, object, "rule", &waiver->rule);
    if (r == 0)
        r = read_scope(reader, object, &waiver->subject);
    if (r == 0)
        r = config_read_string(reader, object, "reason", &waiver->reason);
    if (r == 0)
        r = config_read_string(reader, object, "by", &waiver->by);
    return r < 0 ? r : read_expiry(reader, object, &waiver->expires);
}

static int read_attestation(struct config_reader *reader, const struct json *object, struct attestation *attestation)
{
    static const char *const keys[] = {"rule", "subject", "status", "by", "evidence", "expires", NULL};
    static const char *const required[] = {"rule", "status", "by", NULL}, *const words[] = {"pass", "fail", NULL};
    unsigned index = 0;
    int r = json_type(object) == JSON_OBJECT ? config_json_keys(object, reader->file, keys, reader->error)
                                             : config_refuse(reader, object, "attestations: must be a list of objects");

    if (r == 0)
        r = require(reader, object, required);
    attestation->line = json_line(object);
    if (r == 0)
        r = config_read_word(reader, json_get(object, "status"), "status", words, &index);
    attestation->status = index ? VERDICT_FAIL : VERDICT_PASS;
    if (r == 0)
        r = config_read_string(reader, object, "rule", &attestation->rule);
    if (r == 0)
        r = read_scope(reader, object, &attestation->subject);
    if (r == 0)
        r = config_read_string(reader, object, "by", &attestation->by);
    if (r == 0)
        r = config_read_string(reader, object, "evidence", &attestation->evidence);
    return r < 0 ? r : read_expiry(reader, object, &attestation->expires);
}

int config_read_exceptions(struct config_reader *reader, const struct json *root)
{
    struct config *config = reader->config;
    const struct json *waivers = json_get(root, "waivers"), *attestations = json_get(root, "attestations");
    int r = 0;

    if (waivers)
        r = config_read_list(reader, waivers, "waivers", sizeof *config->waivers, (void **)&config->waivers,
                             &config->waiver_count);
    for (size_t i = 0; r == 0 && i < config->waiver_count; i++)
        r = read_waiver(reader, json_at(waivers, i), &config->waivers[i]);
    if (r == 0 && attestations)
        r = config_read_list(reader, attestations, "attestations", sizeof *config->attestations,
                             (void **)&config->attestations, &config->attestation_count);
    for (size_t i = 0; r == 0 && i < config->attestation_count; i++)
        r = read_attestation(reader, json_at(attestations, i), &config->attestations[i]);
    return r;
}
