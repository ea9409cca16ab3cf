/* "waivers", "attestations" and "exclude" of the configuration. */
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
    int r = 0;

    for (; *keys; keys++)
        if (!json_get(object, *keys))
            r = config_refuse(reader, object, "%s: missing", *keys);
    return r;
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

/* "5.4", ["5.4", "5.5"], "section:5" or "*". */
static int read_rules(struct config_reader *reader, const struct json *value, struct waiver *waiver)
{
    struct arena *arena = reader->config->arena;
    size_t count = json_type(value) == JSON_ARRAY ? json_count(value) : 1;
    scoped_str text = STR_INIT;

    waiver->rules.items = arena_alloc(arena, (count + 1) * sizeof *waiver->rules.items);
    for (size_t i = 0; i < count; i++) {
        const struct json *word = json_type(value) == JSON_ARRAY ? json_at(value, i) : value;

        if (str_empty(json_string(word)))
            return config_refuse(reader, word, "rule: must be an id, a slug, \"section:5\", \"*\", or a list of these");
        waiver->rules.items[waiver->rules.count++] = arena_strdup(arena, json_string(word));
        str_printf(&text, "%s%s", i ? ", " : "", json_string(word));
    }
    if (!count)
        return config_refuse(reader, value, "rule: the list is empty");
    waiver->rule = arena_strdup(arena, str_text(&text));
    return 0;
}

static int read_waiver(struct config_reader *reader, const struct json *object, struct waiver *waiver)
{
    static const char *const keys[] = {"rule", "subject", "reason", "by", "expires", NULL};
    static const char *const required[] = {"rule", "reason", "by", NULL};
    int r;

    waiver->file = config_file_of(reader->config, object);
    waiver->line = json_line(object);
    if (json_type(object) != JSON_OBJECT)
        return config_refuse(reader, object, "waivers: must be a list of objects");
    r = config_read_keys(reader, object, "waivers", keys);
    r = config_worse(r, require(reader, object, required));
    if (json_get(object, "rule"))
        r = config_worse(r, read_rules(reader, json_get(object, "rule"), waiver));
    r = config_worse(r, read_scope(reader, object, &waiver->subject));
    r = config_worse(r, config_read_string(reader, object, "reason", &waiver->reason));
    r = config_worse(r, config_read_string(reader, object, "by", &waiver->by));
    return config_worse(r, read_expiry(reader, object, &waiver->expires));
}

static int read_attestation(struct config_reader *reader, const struct json *object, struct attestation *attestation)
{
    static const char *const keys[] = {"rule", "subject", "status", "by", "evidence", "expires", NULL};
    static const char *const required[] = {"rule", "status", "by", NULL}, *const words[] = {"pass", "fail", NULL};
    unsigned index = 0;
    int r;

    attestation->file = config_file_of(reader->config, object);
    attestation->line = json_line(object);
    if (json_type(object) != JSON_OBJECT)
        return config_refuse(reader, object, "attestations: must be a list of objects");
    r = config_read_keys(reader, object, "attestations", keys);
    r = config_worse(r, require(reader, object, required));
    if (json_get(object, "status"))
        r = config_worse(r, config_read_word(reader, json_get(object, "status"), "status", words, &index));
    attestation->status = index ? VERDICT_FAIL : VERDICT_PASS;
    r = config_worse(r, config_read_string(reader, object, "rule", &attestation->rule));
    r = config_worse(r, read_scope(reader, object, &attestation->subject));
    r = config_worse(r, config_read_string(reader, object, "by", &attestation->by));
    r = config_worse(r, config_read_string(reader, object, "evidence", &attestation->evidence));
    return config_worse(r, read_expiry(reader, object, &attestation->expires));
}

static int read_exclusion(struct config_reader *reader, const struct json *value, struct exclusion *exclusion)
{
    static const char *const prefixes[] = {"name:", "label:", "image:"};
    const char *scope = json_string(value);
    bool known = false;

    exclusion->file = config_file_of(reader->config, value);
    exclusion->line = json_line(value);
    exclusion->scope = arena_strdup(reader->config->arena, scope ? scope : "");
    for (size_t i = 0; scope && i < countof(prefixes); i++)
        known = known || (str_starts(scope, prefixes[i]) && scope[strlen(prefixes[i])]);
    return known ? 0
                 : config_refuse(reader, value,
                                 "exclude: must be a list of \"name:GLOB\", \"label:KEY=VALUE\" and \"image:GLOB\"");
}

static int read_exclusions(struct config_reader *reader, const struct json *list)
{
    struct config *config = reader->config;
    int r = list ? config_read_list(reader, list, "exclude", sizeof *config->exclusions, (void **)&config->exclusions,
                                    &config->exclusion_count)
                 : 0;

    for (size_t i = 0; i < config->exclusion_count; i++)
        r = config_worse(r, read_exclusion(reader, json_at(list, i), &config->exclusions[i]));
    return r;
}

int config_read_exceptions(struct config_reader *reader, const struct json *root)
{
    struct config *config = reader->config;
    const struct json *waivers = json_get(root, "waivers"), *attestations = json_get(root, "attestations");
    int r = 0, other = 0;

    if (waivers)
        r = config_read_list(reader, waivers, "waivers", sizeof *config->waivers, (void **)&config->waivers,
                             &config->waiver_count);
    for (size_t i = 0; i < config->waiver_count; i++)
        r = config_worse(r, read_waiver(reader, json_at(waivers, i), &config->waivers[i]));
    if (attestations)
        other = config_read_list(reader, attestations, "attestations", sizeof *config->attestations,
                                 (void **)&config->attestations, &config->attestation_count);
    for (size_t i = 0; i < config->attestation_count; i++)
        other = config_worse(other, read_attestation(reader, json_at(attestations, i), &config->attestations[i]));
    return config_worse(config_worse(r, other), read_exclusions(reader, json_get(root, "exclude")));
}
