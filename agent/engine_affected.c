/* From an input to the (rule, subject) pairs that read it. */
#include "agent/engine_internal.h"

void engine_visit(struct engine *engine, struct subject *subject, const struct rule *rule, bool changed)
{
    struct pair *pair = subject_pair(subject, rule);

    if (!pair)
        return;
    if (changed || pair->waiting || pair->verdict == VERDICT_NONE)
        engine_evaluate(engine, subject, pair);
    else
        pair->checked = clock_now(engine->clock);
}

static void visit_all(struct engine *engine, enum subject_kind kind, const struct rule *rule, bool changed,
                      enum input_kind input, const char *input_key)
{
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(engine->subjects[kind], &at, &key, &value)) {
        if (input == INPUT_IMAGE && kind == SUBJECT_CONTAINER) {
            const struct container_facts *container = store_container(engine->store, key, NULL);

            if (!container || !str_equal(container->image_id, input_key))
                continue;
        }
        engine_visit(engine, value, rule, changed);
    }
}

/* A set of files was read: pairs come and go with the files. */
static void update_files(struct engine *engine, const char *source, bool changed)
{
    const struct fileset_facts *set = store_files(engine->store, source, NULL);

    /* A set that cannot be read has one subject, named by its source, to say so. */
    for (size_t r = 0; r < engine->rules_of[SUBJECT_FILE].count; r++) {
        const struct rule *rule = engine->rules_of[SUBJECT_FILE].items[r];
        VEC(struct subject *) gone = {0};
        size_t at = 0;
        const char *path;
        void *value;

        if (!str_equal(rule_file_source(rule), source))
            continue;
        for (size_t i = 0; set && i < set->count; i++) {
            struct subject *subject = subject_ensure(engine, SUBJECT_FILE, set->items[i].path, NULL);

            if (!subject_pair(subject, rule))
                subject_add_pair(engine, subject, rule);
            engine_visit(engine, subject, rule, changed);
        }
        if (!set) {
            struct subject *subject = subject_ensure(engine, SUBJECT_FILE, source, NULL);

            if (!subject_pair(subject, rule))
                subject_add_pair(engine, subject, rule);
            engine_visit(engine, subject, rule, changed);
        }
        while (changed && map_next(engine->subjects[SUBJECT_FILE], &at, &path, &value)) {
            bool found = !set && str_equal(path, source);

            for (size_t i = 0; set && i < set->count && !found; i++)
                found = str_equal(set->items[i].path, path);
            if (!found && subject_pair(value, rule))
                vec_push(&gone, value);
        }
        for (size_t i = 0; i < gone.count; i++) {
            subject_drop_pair(engine, gone.items[i], subject_pair(gone.items[i], rule), engine->cause);
            if (!gone.items[i]->pair_count)
                subject_close(engine, gone.items[i], engine->cause);
        }
        vec_free(&gone);
    }
}

void engine_visit_affected(struct engine *engine, const struct input *input, bool changed)
{
    enum input_kind kind = input->kind;

    if (kind == INPUT_FILES)
        update_files(engine, input->key, changed);
    for (size_t i = 0; i < engine->rules->count; i++) {
        const struct rule *rule = &engine->rules->rules[i];
        enum subject_kind subject_kind = rule->check->subject;
        struct subject *subject;

        if (!rule->enabled || !(rule->check->reads & INPUT_BIT(kind)))
            continue;
        if (kind == INPUT_FILES && (subject_kind == SUBJECT_FILE || !str_equal(rule_file_source(rule), input->key)))
            continue; /* update_files() does those of files */
        if ((subject_kind == SUBJECT_CONTAINER && (kind == INPUT_CONTAINER || kind == INPUT_PROCESSES)) ||
            (subject_kind == SUBJECT_EXEC && kind == INPUT_EXEC) ||
            (subject_kind == SUBJECT_IMAGE && input_is_of_image(kind))) {
            subject = subject_find(engine, subject_kind, input->key);
            if (subject)
                engine_visit(engine, subject, rule, changed);
            if (kind == INPUT_CONTAINER && map_count(engine->joiners))
                joins_visit(engine, input->key, rule, changed, 0);
        } else if (subject_kind == SUBJECT_EXEC && kind == INPUT_CONTAINER) {
            continue; /* an exec keeps what was true when it was made */
        } else if (subject_kind == SUBJECT_CONTAINER && kind == INPUT_IMAGE &&
                   !store_image_users(engine->store, input->key)) {
            continue;
        } else {
            visit_all(engine, subject_kind, rule, changed, kind, input->key);
        }
    }
}
