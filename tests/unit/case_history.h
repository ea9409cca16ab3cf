/* A Dockerfile's instructions as the history of an image has them. What a step is written as depends on the builder,
 * on the build arguments in force and on the SHELL, none of which changes what it does: a case gives the instructions
 * once and is judged in every shape. */
#ifndef TESTS_UNIT_CASE_HISTORY_H
#define TESTS_UNIT_CASE_HISTORY_H

#include "common/json_in.h"

extern const size_t history_shape_count;
const char *history_shape_name(size_t shape);

/* The document of GET /images/ID/history, newest step first, over a base layer. STEPS: a list of instructions in the
 * order of the Dockerfile ("RUN apk update"), or one string, which is a RUN's command. The caller frees. */
int history_write(const struct json *steps, size_t shape, struct json_doc **ret_doc, struct error *error);

#endif
