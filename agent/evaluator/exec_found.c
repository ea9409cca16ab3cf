/* What is known of one more exec, its record or the loss of it, becomes a part of its group's finding. */
#include <openssl/sha.h>
#include <string.h>

#include "agent/evaluator/evaluator_internal.h"
#include "common/secrets/secrets.h"

/* The SHA-256 of COUNT texts, with an octet 0x1f between them, in hexadecimal. The caller frees. */
static char *digest_of(const char *const *texts, size_t count)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    scoped_str all = STR_INIT, hex = STR_INIT;

    for (size_t i = 0; i < count; i++)
        str_printf(&all, "%s%s", i ? "\x1f" : "", texts[i] ? texts[i] : "");
    SHA256((const unsigned char *)str_text(&all), all.length, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        str_printf(&hex, "%02x", hash[i]);
    return str_steal(&hex);
}

char *exec_key(const struct exec_facts *exec)
{
    const char *texts[] = {exec->lost         ? "lost"
                           : exec->privileged ? "privileged"
                                              : "plain",
                           exec->container_id, exec->user, exec->command_digest ? exec->command_digest : exec->command};

    return digest_of(texts, countof(texts));
}

/* The group that the exec ID is counted in. What was known of it by itself becomes that group, or ends. */
static struct exec_group *group_for(struct evaluator *evaluator, const char *id, const char *key, const char *cause)
{
    struct exec_group *own = exec_group_find(evaluator, id), *group = exec_group_by_key(evaluator, key);
    struct subject *subject;

    if (!own || own == group)
        return group ? group : exec_group_new(evaluator, id, key);
    if (!group) {
        exec_group_rekey(evaluator, own, key);
        own->count = 0;
        return own;
    }
    subject = subject_find(evaluator, SUBJECT_EXEC, id);
    if (subject)
        subject_close(evaluator, subject, cause);
    store_remove(evaluator->store, INPUT_EXEC, id);
    exec_group_forget(evaluator, id);
    return group;
}

static void evaluate(struct evaluator *evaluator, struct subject *subject, const char *cause)
{
    const char *outer = evaluator->cause;

    evaluator->cause = cause;
    for (size_t i = 0; i < subject->pair_count; i++) {
        evaluate_pair(evaluator, subject, &subject->pairs[i]);
        if (subject->pairs[i].waiting)
            exec_groups_sweep_later(evaluator);
    }
    evaluator->cause = outer;
}

const char *exec_found(struct evaluator *evaluator, const char *id, struct exec_facts *exec, const char *cause)
{
    scoped(cleanup_free) char *key = exec_key(exec);
    struct exec_group *group;
    struct subject *subject;

    if (exec_is_known(evaluator, id)) {
        facts_free(&exec->facts);
        return NULL;
    }
    group = group_for(evaluator, id, key, cause);
    exec_group_count(evaluator, group, id, clock_now(evaluator->clock));
    exec->id = arena_strdup(exec->facts.arena, group->id);
    exec->count = group->count;
    exec->first = group->first;
    exec->seen = group->last;
    exec->last_id = arena_strdup(exec->facts.arena, group->last_id);
    store_put(evaluator->store, INPUT_EXEC, group->id, &exec->facts);
    subject = subject_ensure(evaluator, SUBJECT_EXEC, group->id, exec->container_name);
    evaluate(evaluator, subject, cause);
    if (exec_was_reported(subject))
        exec_group_changed(evaluator, group);
    return group->id;
}

const char *exec_lost(struct evaluator *evaluator, const struct exec_loss *loss, const char *cause)
{
    scoped_str command = STR_INIT;
    struct arena *arena = arena_new(512);
    struct exec_facts *exec = arena_alloc(arena, sizeof *exec);

    secret_redact(&command, loss->command, strlen(loss->command), true);
    exec->facts.arena = arena;
    exec->container_id = arena_strdup(arena, loss->container);
    exec->container_name = arena_strdup(arena, loss->name ? loss->name : loss->container);
    exec->user = "";
    exec->command_digest = arena_strdup(arena, str_text(&command));
    exec->lost = arena_strdup(arena, loss->why);
    exec->command = "";
    {
        scoped(cleanup_free) char *digest = digest_of(&exec->command_digest, 1);

        exec->command_digest = arena_strdup(arena, digest);
    }
    return exec_found(evaluator, loss->id, exec, cause);
}

void exec_unread(struct evaluator *evaluator, const char *id, const char *name, const char *cause)
{
    scoped(cleanup_free) char *key = mem_printf(EXEC_OWN_KEY "%s", id);

    if (!exec_group_find(evaluator, id))
        exec_group_new(evaluator, id, key);
    evaluate(evaluator, subject_ensure(evaluator, SUBJECT_EXEC, id, name), cause);
}
