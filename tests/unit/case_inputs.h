/* What every check owes its inputs: without one that it needs it says error and why; without any it never judges more
 * mildly than with it. Tried on every case, with each input that the check reads taken away in turn. */
#ifndef TESTS_UNIT_CASE_INPUTS_H
#define TESTS_UNIT_CASE_INPUTS_H

#include "case.h"

enum { CHECKS_MAX = 128 };

struct input_trials {
    struct case_rules *rules;
    unsigned read[CHECKS_MAX]; /* of each check, by its place in the table: INPUT_BITs without which a case came out
                                  otherwise */
    size_t trials, failed;     /* what goes wrong is printed and counted */
};

/* USER: struct input_trials. */
case_function try_without_inputs;
/* After all cases: inputs that a check is said to read although no case shows it. */
void report_inputs(struct input_trials *trials);

#endif
