/* What the configuration excludes: containers and images, with the execs in them, that are known but not judged. They
 * have no findings; those that were open end when the exclusion comes to cover them. */
#include "agent/evaluator/evaluator_internal.h"

/* The first of the configuration's exclusions that covers SUBJECT; NULL: none. */
static const struct exclusion *exclusion_of(const struct evaluator *evaluator, const struct subject *subject)
{
    const struct config *config = evaluator->config;
    enum input_kind list;

    if ((subject->kind != SUBJECT_CONTAINER && subject->kind != SUBJECT_IMAGE && subject->kind != SUBJECT_EXEC) ||
        subject_is_unlisted(subject, &list))
        return NULL;
    for (size_t i = 0; i < config->exclusion_count; i++)
        if (exceptions_cover(evaluator, config->exclusions[i].scope, subject))
            return &config->exclusions[i];
    return NULL;
}

void excluded_note(const struct evaluator *evaluator, struct subject *subject)
{
    subject->excluded = exclusion_of(evaluator, subject);
}

void excluded_follow(struct evaluator *evaluator, struct subject *subject, const char *cause)
{
    const struct exclusion *before = subject->excluded;

    if (!evaluator->config->exclusion_count)
        return;
    excluded_note(evaluator, subject);
    if (subject->excluded)
        while (subject->pair_count)
            subject_drop_pair(evaluator, subject, &subject->pairs[subject->pair_count - 1], cause);
    else if (before && !subject_is_left_out(evaluator, subject->kind, subject->id))
        for (size_t i = 0; i < evaluator->rules_of[subject->kind].count; i++)
            subject_add_pair(evaluator, subject, evaluator->rules_of[subject->kind].items[i]);
}

const struct subject *evaluator_next_excluded(const struct evaluator *evaluator, size_t *at)
{
    const struct subject *subject = NULL;

    while (evaluator->config->exclusion_count && (subject = subject_next(evaluator, at)))
        if (subject->excluded)
            return subject;
    return NULL;
}
