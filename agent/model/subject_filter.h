/* Subjects as people name them when they ask for findings or for their history. */
#ifndef AGENT_MODEL_SUBJECT_FILTER_H
#define AGENT_MODEL_SUBJECT_FILTER_H

#include <stdbool.h>

/* WANTED: an id, the beginning of one (12 characters or more), a name, in which * and ? stand for others, or any of
 * these after the kind: "container:web". */
bool subject_filter_matches(const char *wanted, const char *kind, const char *id, const char *name);

#endif
