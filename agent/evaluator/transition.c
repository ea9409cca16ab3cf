/* The life of a transition: built once (transition_build.c), formatted once as JSON, shared by reference. */
#include "agent/evaluator/transition.h"

#include "common/memory.h"

static void free_texts(struct transition *t)
{
    char **const texts[] = {&t->rule,         &t->slug,     &t->title, &t->section, &t->subject_kind, &t->subject_id,
                            &t->subject_name, &t->evidence, &t->cause, &t->remedy,  &t->status,       &t->previous};

    for (size_t i = 0; i < countof(texts); i++)
        free(take(*texts[i]));
}

void transition_slim(struct transition *transition)
{
    if (transition->references == 1)
        free_texts(transition);
}

struct transition *transition_ref(struct transition *transition)
{
    transition->references++;
    return transition;
}

void transition_unref(struct transition *transition)
{
    if (!transition || --transition->references)
        return;
    free_texts(transition);
    free(transition->json);
    free(transition);
}
