/* What a restart needs of execs beside their findings' last transitions: how many there were since, which of them were
 * counted, and what was acknowledged. Written at most once a second for each group that changed. */
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"
#include "common/json_in.h"
#include "common/json_out.h"

static const char note_prefix[] = "exec:";

static char *note_text(const struct exec_group *group)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text;
    size_t length;

    json_out_object(out, NULL);
    json_out_string(out, "key", group->key);
    json_out_int(out, "count", (int64_t)group->count);
    json_out_int(out, "first", group->first);
    json_out_int(out, "last", group->last);
    json_out_string(out, "last_id", group->last_id);
    json_out_bool(out, "acknowledged", group->acknowledged);
    json_out_array(out, "ids");
    for (size_t i = 0; i < group->recent_count; i++) {
        size_t oldest = group->recent_count < EXEC_RECENT_MAX ? 0 : group->recent_next;
        char digest[20];

        snprintf(digest, sizeof digest, "%016llx", (unsigned long long)group->recent[(oldest + i) % EXEC_RECENT_MAX]);
        json_out_string(out, NULL, digest);
    }
    json_out_end_array(out);
    json_out_end_object(out);
    text = json_out_text(out, &length);
    return mem_strndup(text, length);
}

static void write_note(struct evaluator *evaluator, const char *id)
{
    scoped(cleanup_free) char *name = mem_printf("%s%s", note_prefix, id), *text = NULL;
    struct exec_group *group = exec_group_find(evaluator, id);

    if (group) {
        group->dirty = false;
        text = note_text(group);
    }
    if (evaluator->callbacks.note)
        evaluator->callbacks.note(name, text, evaluator->callbacks.user);
}

bool exec_notes_write(struct evaluator *evaluator, size_t most)
{
    struct exec_groups *groups = evaluator->exec_groups;
    size_t count = groups->dirty.count < most ? groups->dirty.count : most;

    for (size_t i = 0; i < count; i++) {
        write_note(evaluator, groups->dirty.items[i]);
        free(groups->dirty.items[i]);
    }
    if (!count)
        return true;
    memmove(groups->dirty.items, groups->dirty.items + count,
            (groups->dirty.count - count) * sizeof *groups->dirty.items);
    groups->dirty.count -= count;
    return !groups->dirty.count;
}

void evaluator_write_notes(struct evaluator *evaluator)
{
    exec_notes_write(evaluator, SIZE_MAX);
}

bool evaluator_restore_note(struct evaluator *evaluator, const char *name, const char *text)
{
    if (!str_starts(name, note_prefix))
        return false;
    map_set(evaluator->exec_groups->noted, name + strlen(note_prefix), mem_strdup(text));
    return true;
}

/* A time of then; now, where it is invalid or in the future. */
static usec_t past(const struct evaluator *evaluator, const struct json *at)
{
    usec_t now = clock_now(evaluator->clock), then = json_int(at, 0);

    return then > 0 && then < now ? then : now;
}

static void apply(struct evaluator *evaluator, const char *id, const struct json *note)
{
    const struct json *ids = json_get(note, "ids");
    struct exec_group *group = exec_group_find(evaluator, id);
    const char *key = json_string(json_get(note, "key")), *last_id = json_string(json_get(note, "last_id"));
    int64_t count = json_int(json_get(note, "count"), 1);

    if (!group && json_bool(json_get(note, "acknowledged"), false) && key && !exec_group_by_key(evaluator, key)) {
        group = exec_group_new(evaluator, id, key);
        exec_group_acknowledge(evaluator, id);
    }
    if (!group) { /* its finding has ended */
        vec_push(&evaluator->exec_groups->dirty, mem_strdup(id));
        return;
    }
    if ((uint64_t)count >= group->count || group->acknowledged) {
        group->count = count > 0 ? (uint64_t)count : 1;
        group->first = past(evaluator, json_get(note, "first"));
        group->last = past(evaluator, json_get(note, "last"));
        free(group->last_id);
        group->last_id = mem_strdup(last_id);
    }
    group->noted = true;
    for (size_t i = 0; i < json_count(ids) && i < EXEC_RECENT_MAX; i++)
        exec_group_remember(evaluator, group, strtoull(json_text(json_at(ids, i), "0"), NULL, 16));
}

void exec_notes_apply(struct evaluator *evaluator)
{
    size_t at = 0;
    const char *id;
    void *text;

    while (map_next(evaluator->exec_groups->noted, &at, &id, &text)) {
        scoped(cleanup_json_doc) struct json_doc *doc = NULL;

        if (json_parse(text, strlen(text), NULL, &doc, NULL) == 0)
            apply(evaluator, id, json_root(doc));
    }
    if (evaluator->exec_groups->dirty.count)
        evtimer_add(evaluator->exec_groups->timer, &(struct timeval){.tv_sec = 1});
    map_free(evaluator->exec_groups->noted);
    evaluator->exec_groups->noted = map_new(free);
}
