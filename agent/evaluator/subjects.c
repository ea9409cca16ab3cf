/* Subjects, and their pairs with the rules that judge them.
 *
 * A subject is created with the first facts about it and closed (emit.c) when it does not exist any more. Host, daemon
 * and swarm always exist when a rule judges them. */
#include "agent/evaluator/evaluator_internal.h"

#include <string.h>

static void subject_free(void *p)
{
    struct subject *subject = p;

    if (!subject)
        return;
    free(subject->id);
    free(subject->name);
    free(subject->postponed_for);
    free(subject->pairs);
    free(subject);
}

void subjects_init(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        evaluator->subjects[kind] = map_new(subject_free);
}

void subjects_deinit(struct evaluator *evaluator)
{
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++) {
        map_free(evaluator->subjects[kind]);
        vec_free(&evaluator->rules_of[kind]);
    }
}

struct subject *subject_find(struct evaluator *evaluator, enum subject_kind kind, const char *id)
{
    return map_get(evaluator->subjects[kind], id);
}

struct subject *subject_next(const struct evaluator *evaluator, size_t *at)
{
    /* The kind in the high bits, the place in its map in the low ones. */
    enum { KIND_SHIFT = 48 };
    const char *key;
    void *value;

    for (size_t kind = *at >> KIND_SHIFT; kind < SUBJECT_KIND_COUNT; kind++) {
        size_t place = *at & ((UINT64_C(1) << KIND_SHIFT) - 1);

        if (map_next(evaluator->subjects[kind], &place, &key, &value)) {
            *at = ((size_t)kind << KIND_SHIFT) | place;
            return value;
        }
        *at = (size_t)(kind + 1) << KIND_SHIFT;
    }
    return NULL;
}

struct pair *subject_pair(const struct subject *subject, const struct rule *rule)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (subject->pairs[i].rule == rule)
            return &subject->pairs[i];
    return NULL;
}

enum subject_kind subject_kind_listed(enum input_kind list)
{
    return list == INPUT_CONTAINERS ? SUBJECT_CONTAINER
           : list == INPUT_IMAGES   ? SUBJECT_IMAGE
           : list == INPUT_NETWORKS ? SUBJECT_NETWORK
                                    : SUBJECT_KIND_COUNT;
}

bool subject_is_unlisted(const struct subject *subject, enum input_kind *ret_list)
{
    static const enum input_kind lists[] = {INPUT_CONTAINERS, INPUT_IMAGES, INPUT_NETWORKS};

    for (size_t i = 0; i < countof(lists); i++)
        if (subject_kind_listed(lists[i]) == subject->kind && str_equal(subject->id, input_types[lists[i]].name)) {
            *ret_list = lists[i];
            return true;
        }
    return false;
}

struct pair *subject_add_pair(struct evaluator *evaluator, struct subject *subject, const struct rule *rule)
{
    struct pair *pair;

    subject->pairs = mem_realloc_array(subject->pairs, subject->pair_count + 1, sizeof *subject->pairs);
    pair = &subject->pairs[subject->pair_count++];
    *pair = (struct pair){.rule = rule};
    restored_adopt(evaluator, subject, pair);
    tally_pair(evaluator, pair, 1);
    return pair;
}

static void subject_rename(struct subject *subject, const char *name)
{
    if (!name || str_equal(subject->name, name))
        return;
    free(subject->name);
    subject->name = mem_strdup(name);
}

bool subject_is_left_out(const struct evaluator *evaluator, enum subject_kind kind, const char *id)
{
    const struct subject *subject = kind == SUBJECT_CONTAINER ? map_get(evaluator->subjects[kind], id) : NULL;

    return kind == SUBJECT_CONTAINER && (str_equal(evaluator->left_out, id) || (subject && subject->excluded));
}

struct subject *subject_ensure(struct evaluator *evaluator, enum subject_kind kind, const char *id, const char *name)
{
    enum { SHORT_ID = 12 }; /* as docker shows it */
    struct subject *subject = subject_find(evaluator, kind, id);

    if (subject) {
        subject_rename(subject, name);
        return subject;
    }
    subject = mem_alloc(sizeof *subject);
    subject->kind = kind;
    subject->id = mem_strdup(id);
    subject->name =
        !name && kind == SUBJECT_CONTAINER ? mem_strndup(id, strnlen(id, SHORT_ID)) : mem_strdup(name ? name : id);
    map_set(evaluator->subjects[kind], id, subject);
    /* a file's pairs depend on the set that it was found in */
    if (kind != SUBJECT_FILE && !subject_is_left_out(evaluator, kind, id)) {
        size_t count = evaluator->rules_of[kind].count;

        subject->pairs = count ? mem_realloc_array(NULL, count, sizeof *subject->pairs) : NULL;
        for (size_t i = 0; i < count; i++) {
            struct pair *pair = &subject->pairs[subject->pair_count++];

            *pair = (struct pair){.rule = evaluator->rules_of[kind].items[i]};
            restored_adopt(evaluator, subject, pair);
        }
    }
    return subject;
}
