/* Findings read back at a start, and what became of them at the end of the first full scan.
 *
 * Each is adopted when its subject is seen again (restored.c); what did not come back by the end of the first full scan
 * is closed with a transition. Facts of execs, which the engine forgets, come with them. */
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"
#include "common/json_in.h"

/* A time of then; now, where it is invalid or in the future. */
static usec_t restored_time(const struct evaluator *evaluator, usec_t at)
{
    usec_t now = clock_now(evaluator->clock);

    return at > 0 && at < now ? at : now;
}

/* EXTRA: as transition_build.c wrote it. */
static void restore_exec(struct evaluator *evaluator, const char *id, const char *extra)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *exec;
    const char *why;
    struct arena *arena;
    struct exec_facts *facts;

    if (!extra || store_get(evaluator->store, INPUT_EXEC, id, NULL) ||
        json_parse(extra, strlen(extra), NULL, &doc, NULL) < 0)
        return;
    exec = json_get(json_root(doc), "exec");
    why = json_string(json_get(json_root(doc), "exec_error"));
    if (!exec) {
        if (why)
            store_put_error(evaluator->store, INPUT_EXEC, id, why);
        return;
    }
    arena = arena_new(256);
    facts = arena_alloc(arena, sizeof *facts);
    facts->facts.arena = arena;
    facts->id = arena_strdup(arena, id);
    facts->container_id = arena_strdup(arena, json_string(json_get(exec, "container")));
    facts->container_name = arena_strdup(arena, json_string(json_get(exec, "container_name")));
    facts->container_user = arena_strdup(arena, json_string(json_get(exec, "container_user")));
    facts->user = arena_strdup(arena, json_text(json_get(exec, "user"), ""));
    facts->command = arena_strdup(arena, json_string(json_get(exec, "command")));
    facts->privileged = json_bool(json_get(exec, "privileged"), false);
    facts->command_digest = arena_strdup(arena, json_string(json_get(exec, "digest")));
    facts->lost = arena_strdup(arena, json_string(json_get(exec, "lost")));
    facts->last_id = arena_strdup(arena, json_text(json_get(exec, "last_id"), id));
    facts->count = json_int(json_get(exec, "count"), 1) > 0 ? (uint64_t)json_int(json_get(exec, "count"), 1) : 1;
    facts->seen = restored_time(evaluator, json_int(json_get(exec, "seen"), 0));
    facts->first = restored_time(evaluator, json_int(json_get(exec, "first"), facts->seen));
    store_put(evaluator->store, INPUT_EXEC, id, &facts->facts);
}

void evaluator_restore(struct evaluator *evaluator, const struct restored_finding *finding)
{
    struct restored *restored;
    const struct rule *rule;
    struct rule removed;
    enum subject_kind kind;
    scoped(cleanup_free) char *key = NULL;

    if (!subject_kind_parse(finding->kind, &kind))
        return;
    if (finding->status == VERDICT_NONE) {
        exec_know(evaluator, exec_digest(finding->id), EXEC_CLOSED);
        return;
    }
    if (!evaluator->restored)
        evaluator->restored = map_new(restored_free);
    restored = mem_alloc(sizeof *restored);
    restored->verdict = finding->status;
    restored->seq = finding->seq;
    restored->since = restored_time(evaluator, finding->since);
    restored->waived = finding->waived;
    restored->name = mem_strdup(finding->name);
    rule = rule_set_find(evaluator->rules, finding->slug);
    removed = restored_removed_rule(finding->slug);
    open_change(evaluator, rule ? rule : &removed, finding->kind, finding->id, VERDICT_NONE, finding->status);
    key = restored_key(finding->slug, finding->kind, finding->id);
    map_set(evaluator->restored, key, restored);
    if (kind == SUBJECT_EXEC)
        restore_exec(evaluator, finding->id, finding->extra);
}

/* The group of a finding that was open. */
static void revive_group(struct evaluator *evaluator, const char *id)
{
    const struct exec_facts *exec = store_exec(evaluator->store, id, NULL);
    scoped(cleanup_free) char *key = exec ? exec_key(exec) : NULL, *own = mem_printf(EXEC_OWN_KEY "%s", id);
    bool is_first = key && !exec_group_by_key(evaluator, key); /* once each exec had a finding of its own */
    struct exec_group *group = exec_group_new(evaluator, id, is_first ? key : own);

    if (!exec) {
        group->first = group->last = clock_now(evaluator->clock);
        return;
    }
    group->count = exec->count;
    group->first = exec->first;
    group->last = exec->seen;
    group->last_id = mem_strdup(exec->last_id);
    exec_group_remember(evaluator, group, exec_digest(id));
    exec_group_remember(evaluator, group, exec_digest(exec->last_id));
}

/* What came after a finding's last transition was noted. */
static void update_counts(struct evaluator *evaluator)
{
    const struct exec_group *group;

    TAILQ_FOREACH(group, &evaluator->exec_groups->open, order)
    {
        /* Nobody else has seen them yet. */
        struct exec_facts *exec = (struct exec_facts *)(uintptr_t)store_exec(evaluator->store, group->id, NULL);

        if (!exec)
            continue;
        exec->count = group->count;
        exec->first = group->first;
        exec->seen = group->last;
        exec->last_id = arena_strdup(exec->facts.arena, group->last_id);
    }
}

/* Execs that are still of interest become subjects at once: no event will bring them back. */
static void revive_execs(struct evaluator *evaluator)
{
    struct map *names = map_new(free); /* exec id → its container's name */
    size_t at = 0;
    const char *key, *id;
    void *value;

    while (map_next(evaluator->restored, &at, &key, &value)) {
        const char *rest = strchr(key, ' ');

        if (str_starts(rest, " exec ") && !map_get(names, rest + strlen(" exec ")))
            map_set(names, rest + strlen(" exec "), mem_strdup(((const struct restored *)value)->name));
    }
    for (at = 0; map_next(names, &at, &id, &value);) {
        struct subject *subject = subject_ensure(evaluator, SUBJECT_EXEC, id, value);

        revive_group(evaluator, id);
        for (size_t i = 0; i < subject->pair_count; i++)
            evaluate_pair(evaluator, subject, &subject->pairs[i]);
    }
    map_free(names);
    exec_notes_apply(evaluator);
    exec_groups_sort(evaluator);
    update_counts(evaluator);
    exec_groups_sweep_later(evaluator);
}

/* Host and daemon are there before the state is read. */
static void adopt_present(struct evaluator *evaluator)
{
    size_t at = 0;
    struct subject *subject;

    while ((subject = subject_next(evaluator, &at)))
        for (size_t i = 0; i < subject->pair_count; i++)
            restored_adopt(evaluator, subject, &subject->pairs[i]);
}

void evaluator_restored(struct evaluator *evaluator, uint64_t last_seq)
{
    evaluator->last_seq = last_seq;
    if (!evaluator->restored)
        return;
    adopt_present(evaluator);
    revive_execs(evaluator);
}

/* KEY of a verdict, "slug kind:id", is taken apart. */
static void close_restored(struct evaluator *evaluator, char *key, const struct restored *restored)
{
    struct restored_parts parts;
    const struct rule *rule = restored_parts(evaluator, key, &parts);
    enum subject_kind subject_kind;
    struct subject subject;
    struct pair pair;

    if (!rule || !subject_kind_parse(parts.kind, &subject_kind))
        return;
    subject = (struct subject){.kind = subject_kind, .id = (char *)(uintptr_t)parts.id, .name = restored->name};
    pair = (struct pair){.rule = rule, .verdict = restored->verdict, .since = restored->since};
    emit_transition(evaluator, &subject, &pair, pair.verdict, "start", true);
}

bool restored_close(struct evaluator *evaluator, size_t max)
{
    size_t at = 0;
    const char *key;
    void *value;

    for (; evaluator->restored && max && map_next(evaluator->restored, &at, &key, &value); max--) {
        scoped(cleanup_free) char *copy = mem_strdup(key);
        struct restored *restored = map_steal(evaluator->restored, copy);

        close_restored(evaluator, copy, restored);
        restored_free(restored);
    }
    if (evaluator->restored && map_count(evaluator->restored))
        return false;
    map_free(take(evaluator->restored));
    return true;
}
