/* Merging the kernel's and the on-disk rules in a worker: rules are looked up by the targets of their paths, and a
 * directory on the way may be on a file system that does not answer. */
#include <errno.h>
#include <string.h>

#include "probes/audit/audit_internal.h"
#include "probes/facts/wire.h"

enum { RULES_MAX = 65536 };

static void put_place(struct str *output, const struct audit_place_on_disk *place)
{
    wire_put_text(output, place->file);
    wire_put_text(output, place->text);
    wire_put_number(output, place->line);
}

static void put_rules(struct str *output, const struct audit_rule *rules, size_t count)
{
    wire_put_number(output, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_number(output, rules[i].list);
        wire_put_number(output, rules[i].never);
        wire_put_number(output, rules[i].task);
        wire_put_number(output, rules[i].directory);
        wire_put_number(output, rules[i].conditional);
        wire_put_text(output, rules[i].path);
        wire_put_text(output, rules[i].target);
        wire_put_text(output, rules[i].text);
        wire_put_text(output, rules[i].key);
        put_place(output, &rules[i].source);
        wire_put_number(output, (int64_t)rules[i].calls[AUDIT_NATIVE]);
        wire_put_number(output, (int64_t)rules[i].calls[AUDIT_COMPAT]);
    }
}

int audit_merge_run(struct str *output, const void *argument, struct error *error)
{
    const struct audit_request *request = argument;
    struct audit_facts *facts = NULL;
    int r = audit_parse(request->root, request->output, request->length, request->kernel_errno, request->kernel_error,
                        &facts, error);

    if (r < 0)
        return r;
    wire_put_number(output, facts->kernel_state);
    wire_put_text(output, facts->kernel_error);
    wire_put_number(output, facts->enabled);
    wire_put_number(output, facts->locked);
    put_rules(output, facts->kernel, facts->kernel_count);
    put_rules(output, facts->disk, facts->disk_count);
    wire_put_number(output, facts->disk_disabled);
    wire_put_text(output, facts->disk_file);
    put_place(output, &facts->off);
    put_place(output, &facts->refused);
    wire_put_number(output, facts->tool_missing);
    wire_put_text(output, facts->disk_error);
    facts_free(&facts->facts);
    return 0;
}

static void take_place(struct wire_reader *reader, struct audit_place_on_disk *ret)
{
    ret->file = wire_text(reader);
    ret->text = wire_text(reader);
    ret->line = (unsigned)wire_number(reader);
}

static void take_rules(struct wire_reader *reader, struct audit_rule **ret, size_t *ret_count)
{
    size_t count = wire_count(reader, RULES_MAX);

    *ret = arena_alloc(reader->arena, (count + 1) * sizeof **ret);
    for (*ret_count = 0; *ret_count < count && !reader->broken; ++*ret_count) {
        struct audit_rule *rule = &(*ret)[*ret_count];

        rule->list = wire_number(reader) == AUDIT_LIST_EXIT ? AUDIT_LIST_EXIT : AUDIT_LIST_OTHER;
        rule->never = wire_number(reader) != 0;
        rule->task = wire_number(reader) != 0;
        rule->directory = wire_number(reader) != 0;
        rule->conditional = wire_number(reader) != 0;
        rule->path = wire_text(reader);
        rule->target = wire_text(reader);
        rule->text = wire_text(reader);
        rule->key = wire_text(reader);
        take_place(reader, &rule->source);
        rule->calls[AUDIT_NATIVE] = (uint64_t)wire_number(reader);
        rule->calls[AUDIT_COMPAT] = (uint64_t)wire_number(reader);
        reader->broken |= !rule->text;
    }
}

int audit_merge_take(const char *output, size_t length, struct audit_facts **ret, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(4096);
    struct wire_reader reader = {.at = output, .left = length, .arena = arena};
    struct audit_facts *facts = arena_alloc(arena, sizeof *facts);
    int64_t state = wire_number(&reader);

    reader.broken = reader.broken || state < AUDIT_KERNEL_READ || state > AUDIT_KERNEL_UNKNOWN;
    facts->kernel_state = (int)state;
    facts->kernel_error = wire_text(&reader);
    facts->enabled = wire_number(&reader) != 0;
    facts->locked = wire_number(&reader) != 0;
    take_rules(&reader, &facts->kernel, &facts->kernel_count);
    take_rules(&reader, &facts->disk, &facts->disk_count);
    facts->disk_disabled = wire_number(&reader) != 0;
    facts->disk_file = wire_text(&reader);
    take_place(&reader, &facts->off);
    take_place(&reader, &facts->refused);
    facts->tool_missing = wire_number(&reader) != 0;
    facts->disk_error = wire_text(&reader);
    if (wire_end(&reader, error) < 0) {
        error_prefix(error, "audit");
        return -EPROTO;
    }
    audit_digest(facts);
    facts->facts.arena = take(arena);
    *ret = facts;
    return 0;
}
