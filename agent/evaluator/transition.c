/* The life of a transition: built once (transition_build.c), formatted once as JSON, shared by reference. */
#include "agent/evaluator/transition.h"

#include "common/memory.h"

struct transition *transition_ref(struct transition *transition)
{
    transition->references++;
    return transition;
}

void transition_unref(struct transition *transition)
{
    char **const texts[] = {&transition->rule,         &transition->slug,         &transition->title,
                            &transition->section,      &transition->subject_kind, &transition->subject_id,
                            &transition->subject_name, &transition->evidence,     &transition->cause,
                            &transition->remedy,       &transition->status,       &transition->previous,
                            &transition->extra,        &transition->json};

    if (!transition || --transition->references)
        return;
    for (size_t i = 0; i < countof(texts); i++)
        free(*texts[i]);
    free(transition);
}
