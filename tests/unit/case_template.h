/* Cases that differ in a word are written once: "{{name}}" in a string or a key stands for a variable's value. A string
 * that is nothing but "{{name}}" becomes the value itself, whatever its type. In a list, {"repeat": N, "item": value}
 * is N copies of the value, in which {{n}} counts from 0 and {{id}} is {{n}} as an id of 64 digits. */
#ifndef TESTS_UNIT_CASE_TEMPLATE_H
#define TESTS_UNIT_CASE_TEMPLATE_H

#include "common/json_in.h"

enum { TEMPLATE_SCOPES = 2 };

/* SCOPES: objects of variables, looked up in order; NULL ones are passed over. -EINVAL for an unknown variable. */
int template_expand(const struct json *value, const struct json *const scopes[TEMPLATE_SCOPES],
                    struct json_doc **ret_doc, struct error *error);

#endif
