/* The kernel's rules and those on disk as one object. */
#include <errno.h>
#include <stdlib.h>

#include "common/json_in.h"
#include "probes/audit/audit_internal.h"
#include "probes/facts/digest.h"

static void read_kernel(const struct json *root, struct audit_facts *facts)
{
    const struct json *rules = json_get(root, "rules");
    struct arena *arena = facts->facts.arena;

    facts->enabled = json_bool(json_get(root, "enabled"), false);
    facts->locked = json_bool(json_get(root, "locked"), false);
    facts->kernel = arena_alloc(arena, (json_count(rules) + 1) * sizeof *facts->kernel);
    for (size_t i = 0; i < json_count(rules); i++) {
        const struct json *rule = json_at(rules, i);

        facts->kernel[facts->kernel_count++] = (struct audit_rule){
            .list = json_bool(json_get(rule, "exit"), false) ? AUDIT_LIST_EXIT : AUDIT_LIST_OTHER,
            .never = json_bool(json_get(rule, "never"), false),
            .task = json_bool(json_get(rule, "task"), false),
            .directory = json_bool(json_get(rule, "directory"), false),
            .conditional = json_bool(json_get(rule, "conditional"), false),
            .path = arena_strdup(arena, json_string(json_get(rule, "path"))),
            .text = arena_strdup(arena, json_text(json_get(rule, "text"), "")),
            .calls = {[AUDIT_NATIVE] = strtoull(json_text(json_get(rule, "native"), "0"), NULL, 16),
                      [AUDIT_COMPAT] = strtoull(json_text(json_get(rule, "compat"), "0"), NULL, 16)},
        };
    }
}

static void digest_place(struct hash *hash, const struct audit_place_on_disk *place)
{
    digest_text(hash, place->file);
    digest_text(hash, place->text);
    digest_number(hash, place->line);
}

static void digest_rules(struct hash *hash, const struct audit_rule *rules, size_t count)
{
    digest_number(hash, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        digest_number(hash, rules[i].list);
        digest_number(hash, rules[i].never);
        digest_number(hash, rules[i].directory);
        digest_number(hash, rules[i].conditional);
        digest_number(hash, (int64_t)rules[i].calls[AUDIT_NATIVE]);
        digest_number(hash, (int64_t)rules[i].calls[AUDIT_COMPAT]);
        digest_text(hash, rules[i].text);
        digest_text(hash, rules[i].target);
        digest_place(hash, &rules[i].source);
    }
}

/* A refusal (by capabilities, a sandbox, a user namespace) is distinguished from an answer that broke off. */
static enum audit_kernel state_of(int number)
{
    switch (number) {
    case EPERM:
    case EACCES:
    case ECONNREFUSED:
    case EAFNOSUPPORT:
        return AUDIT_KERNEL_DENIED;
    case EPROTONOSUPPORT:
        return AUDIT_KERNEL_ABSENT;
    default:
        return AUDIT_KERNEL_UNKNOWN;
    }
}

int audit_parse(const struct host_root *root, const char *output, size_t length, int kernel_errno,
                const char *kernel_error, struct audit_facts **ret, struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct audit_facts *facts;
    struct arena *arena;

    if (output && json_parse(output, length, NULL, &doc, error) < 0)
        return error_prefix(error, "audit");
    arena = arena_new(4096);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->kernel_state = output ? AUDIT_KERNEL_READ : state_of(kernel_errno);
    facts->kernel_error = output ? NULL : arena_strdup(arena, kernel_error ? kernel_error : "unknown");
    if (output)
        read_kernel(json_root(doc), facts);
    audit_find_targets(root, arena, facts->kernel, facts->kernel_count);
    audit_read_disk(root, facts);
    audit_digest(facts);
    *ret = facts;
    return 0;
}

void audit_digest(struct audit_facts *facts)
{
    struct hash hash;

    hash_init(&hash);
    digest_number(&hash, facts->kernel_state);
    digest_text(&hash, facts->kernel_error);
    digest_text(&hash, facts->disk_error);
    digest_number(&hash, facts->enabled);
    digest_number(&hash, facts->locked);
    digest_number(&hash, facts->disk_disabled);
    digest_text(&hash, facts->disk_file);
    digest_place(&hash, &facts->off);
    digest_place(&hash, &facts->refused);
    digest_number(&hash, facts->tool_missing);
    digest_rules(&hash, facts->kernel, facts->kernel_count);
    digest_rules(&hash, facts->disk, facts->disk_count);
    facts->facts.digest = hash_end(&hash);
}
