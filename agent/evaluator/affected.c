/* From an input whose facts came or changed to the (rule, subject) pairs that read it. */
#include "agent/evaluator/evaluator_internal.h"

static void visit_pair(struct evaluator *evaluator, struct subject *subject, const struct rule *rule, bool changed)
{
    struct pair *pair = subject_pair(subject, rule);

    if (!pair)
        return;
    if (changed || pair->waiting || pair->verdict == VERDICT_NONE)
        evaluate_in_turn(evaluator, subject, pair);
    else if (!pair->postponed)
        pair->checked = clock_now(evaluator->clock);
}

/* Visits those that share the namespaces of container ID, and (DEPTH counts from 0) those that share theirs. */
static void visit_joiners(struct evaluator *evaluator, const char *id, const struct rule *rule, bool changed,
                          unsigned depth)
{
    enum { DEPTH_MAX = 8 };
    const char *keys[] = {id, depth ? NULL : ""};

    for (size_t k = 0; k < countof(keys) && depth < DEPTH_MAX; k++) {
        const struct joiners *joiners = keys[k] ? map_get(evaluator->joiners, keys[k]) : NULL;

        for (size_t i = 0; joiners && i < joiners->ids.count; i++) {
            struct subject *subject = subject_find(evaluator, SUBJECT_CONTAINER, joiners->ids.items[i]);

            if (str_equal(joiners->ids.items[i], id))
                continue;
            if (subject)
                visit_pair(evaluator, subject, rule, changed);
            visit_joiners(evaluator, joiners->ids.items[i], rule, changed, depth + 1);
        }
    }
}

static void visit_all(struct evaluator *evaluator, enum subject_kind kind, const struct rule *rule, bool changed,
                      enum input_kind input, const char *input_key)
{
    size_t at = 0;
    const char *key;
    void *value;

    while (map_next(evaluator->subjects[kind], &at, &key, &value)) {
        if (input_types[input].key == INPUT_KEY_IMAGE && kind == SUBJECT_CONTAINER) {
            const struct container_facts *container = store_container(evaluator->store, key, NULL);

            if (!container || !str_equal(container->image_id, input_key))
                continue;
        }
        visit_pair(evaluator, value, rule, changed);
    }
}

static void visit_file(struct evaluator *evaluator, const char *path, const struct rule *rule, bool changed)
{
    struct subject *subject = subject_ensure(evaluator, SUBJECT_FILE, path, NULL);

    if (!subject_pair(subject, rule))
        subject_add_pair(evaluator, subject, rule);
    visit_pair(evaluator, subject, rule, changed);
}

/* Ends RULE's pairs with files that are not in SET (NULL: with all but that of SOURCE itself). */
static void drop_missing_files(struct evaluator *evaluator, const struct rule *rule, const char *source,
                               const struct fileset_facts *set)
{
    VEC(struct subject *) missing = {0};
    size_t at = 0;
    const char *path;
    void *value;

    while (map_next(evaluator->subjects[SUBJECT_FILE], &at, &path, &value)) {
        bool is_there = set ? fileset_find(set, path) != NULL : str_equal(path, source);

        if (!is_there && subject_pair(value, rule))
            vec_push(&missing, value);
    }
    for (size_t i = 0; i < missing.count; i++) {
        subject_drop_pair(evaluator, missing.items[i], subject_pair(missing.items[i], rule), evaluator->cause);
        if (!missing.items[i]->pair_count)
            subject_close(evaluator, missing.items[i], evaluator->cause);
    }
    vec_free(&missing);
}

/* A set of files was read: pairs come and go with the files. A set that cannot be read has one subject, named by its
 * source, whose findings are the error. */
static void update_files(struct evaluator *evaluator, const char *source, bool changed)
{
    const struct fileset_facts *set = store_files(evaluator->store, source, NULL);

    for (size_t r = 0; r < evaluator->rules_of[SUBJECT_FILE].count; r++) {
        const struct rule *rule = evaluator->rules_of[SUBJECT_FILE].items[r];

        if (!str_equal(rule_file_source(rule), source))
            continue;
        for (size_t i = 0; set && i < set->count; i++)
            visit_file(evaluator, set->items[i].path, rule, changed);
        if (!set)
            visit_file(evaluator, source, rule, changed);
        if (changed)
            drop_missing_files(evaluator, rule, source, set);
    }
}

void visit_affected(struct evaluator *evaluator, const struct input *input, bool changed)
{
    enum input_kind kind = input->kind;

    if (kind == INPUT_FILES)
        update_files(evaluator, input->key, changed);
    for (size_t i = 0; i < evaluator->rules->count; i++) {
        const struct rule *rule = &evaluator->rules->rules[i];
        enum subject_kind subject_kind = rule->check->subject;
        struct subject *subject;

        if (!rule->enabled || !(rule->check->reads & INPUT_BIT(kind)))
            continue;
        if (kind == INPUT_FILES && (subject_kind == SUBJECT_FILE || !str_equal(rule_file_source(rule), input->key)))
            continue; /* update_files() does those of files */
        if ((subject_kind == SUBJECT_CONTAINER && (kind == INPUT_CONTAINER || kind == INPUT_PROCESSES)) ||
            (subject_kind == SUBJECT_EXEC && kind == INPUT_EXEC) ||
            (subject_kind == SUBJECT_IMAGE && (input_types[kind].key == INPUT_KEY_IMAGE))) {
            subject = subject_find(evaluator, subject_kind, input->key);
            if (subject)
                visit_pair(evaluator, subject, rule, changed);
            if (kind == INPUT_CONTAINER && map_count(evaluator->joiners))
                visit_joiners(evaluator, input->key, rule, changed, 0);
        } else if (subject_kind == SUBJECT_EXEC && kind == INPUT_CONTAINER) {
            continue; /* an exec keeps what was true when it was made */
        } else if (subject_kind == SUBJECT_CONTAINER && input_types[kind].key == INPUT_KEY_IMAGE &&
                   !store_image_users(evaluator->store, input->key)) {
            continue;
        } else {
            visit_all(evaluator, subject_kind, rule, changed, kind, input->key);
        }
    }
}
