/* Containers, images and execs that do not exist any more: their inputs are forgotten and their findings closed. The
 * findings of an exec are also closed when they are acknowledged, have expired, or were never out of order; a replay of
 * its event does not bring it back. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>

void evaluator_gone(struct evaluator *evaluator, enum input_kind kind, const char *key, const char *cause)
{
    static const struct {
        enum input_kind input;
        enum subject_kind subject;
    } kinds[] = {{INPUT_CONTAINER, SUBJECT_CONTAINER}, {INPUT_IMAGE, SUBJECT_IMAGE}, {INPUT_EXEC, SUBJECT_EXEC}};
    const char *outer = evaluator->cause;
    scoped(cleanup_free) char *key_copy = mem_strdup(key ? key : "");
    struct input removed = {.kind = kind, .key = key_copy};

    evaluator->cause = cause;
    if (kind == INPUT_CONTAINER) {
        joins_forget(evaluator, store_container(evaluator->store, key_copy, NULL));
        execs_container_lost(evaluator, key_copy, true, "the container is already gone");
        input_forget(evaluator, INPUT_PROCESSES, key_copy);
    } else if (kind == INPUT_IMAGE) {
        input_forget(evaluator, INPUT_HISTORY, key_copy);
        input_forget(evaluator, INPUT_LAYERS, key_copy);
        input_forget(evaluator, INPUT_SCAN, key_copy);
    }
    if (kind == INPUT_EXEC)
        execs_forget(evaluator, key_copy);
    input_forget(evaluator, kind, key_copy);
    for (size_t i = 0; i < countof(kinds); i++) {
        struct subject *subject = kinds[i].input == kind ? subject_find(evaluator, kinds[i].subject, key_copy) : NULL;

        bool reported = subject && exec_was_reported(subject);

        if (subject)
            subject_close(evaluator, subject, cause);
        if (subject && kind == INPUT_EXEC)
            exec_group_close(evaluator, key_copy, reported);
    }
    visit_affected(evaluator, &removed, true);
    evaluator->cause = outer;
    room_offer(evaluator);
    settle_schedule(evaluator);
}

void exec_drop_quiet(struct evaluator *evaluator, const char *id)
{
    struct subject *subject = subject_find(evaluator, SUBJECT_EXEC, id);

    if (!subject)
        return;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!verdict_is_quiet(subject->pairs[i].verdict) || subject->pairs[i].waiting)
            return;
    evaluator_gone(evaluator, INPUT_EXEC, id, "timer");
}

int evaluator_acknowledge(struct evaluator *evaluator, const char *exec_id, uint32_t uid, uint32_t login_uid,
                          const char *why)
{
    const struct subject *subject = subject_find(evaluator, SUBJECT_EXEC, exec_id);
    scoped_str by = STR_INIT, cause = STR_INIT, evidence = STR_INIT, english = STR_INIT;
    VEC(const char *) rules = {0};

    if (!subject)
        return -ENOENT;
    for (size_t i = 0; i < subject->pair_count; i++)
        if (!verdict_is_quiet(subject->pairs[i].verdict))
            vec_push(&rules, subject->pairs[i].rule->slug);
    entry_append_peer(&by, uid, login_uid);
    str_printf(&cause, "ack: %s: %s", message_english(by.data, &english), why);
    message_add(&evidence, "%s acknowledged exec %.12s in %s: %s", by.data, exec_id, subject->name, why);
    evaluator_entry(evaluator, &(struct entry){.slug = "agent-ack",
                                               .title = N_("An exec was acknowledged"),
                                               .evidence = evidence.data,
                                               .cause = "ack",
                                               .subject_id = exec_id,
                                               .subject_name = subject->name,
                                               .has_peer = true,
                                               .uid = uid,
                                               .login_uid = login_uid,
                                               .why = why,
                                               .rules = rules.items,
                                               .rule_count = rules.count});
    vec_free(&rules);
    exec_group_acknowledge(evaluator, exec_id);
    evaluator_gone(evaluator, INPUT_EXEC, exec_id, cause.data);
    return 0;
}
