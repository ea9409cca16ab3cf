/* Lists that cannot be read: which containers, images or networks there are is unknown. So that their rules say why
 * they judge nothing, each such kind has one subject meanwhile, named by the list. What was known before keeps its
 * findings.
 */
#include "agent/evaluator/evaluator_internal.h"

void unlisted_open(struct evaluator *evaluator, enum input_kind kind)
{
    enum subject_kind of = subject_kind_listed(kind);
    const char *outer = evaluator->cause;
    const struct input *list = input_find(evaluator, kind, NULL);
    struct subject *subject;

    if (of == SUBJECT_KIND_COUNT || !evaluator->rules_of[of].count)
        return;
    subject = subject_ensure(evaluator, of, input_types[kind].name, NULL);
    evaluator->cause = list && list->cause ? list->cause : "engine:unreachable";
    for (size_t i = 0; i < subject->pair_count; i++)
        evaluate_in_turn(evaluator, subject, &subject->pairs[i]);
    evaluator->cause = outer;
}

void unlisted_close(struct evaluator *evaluator, enum input_kind kind, const char *cause)
{
    enum subject_kind of = subject_kind_listed(kind);
    struct subject *subject = of == SUBJECT_KIND_COUNT ? NULL : subject_find(evaluator, of, input_types[kind].name);

    if (subject)
        subject_close(evaluator, subject, cause);
}
